"""Careful code by hand: redis-py, pydantic, and the commands that fit best."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

import redis.asyncio as redis
from pydantic import BaseModel
from redis.exceptions import WatchError

from benchmarks.compare.candidate import Candidate
from benchmarks.compare.documents import PAGE, TTL, text, values
from benchmarks.compare.worker import main

#: What `decide` does, as a script.
_DECIDE = """
local points = cjson.decode(redis.call('JSON.GET', KEYS[1], '$.points'))[1]
if points >= 1 then
    redis.call('JSON.NUMINCRBY', KEYS[1], '$.points', -1)
    redis.call('JSON.NUMINCRBY', KEYS[1], '$.credit', 1.5)
else
    redis.call('JSON.SET', KEYS[1], '$.status', '"empty"')
end
"""


class Address(BaseModel):
    street: str
    city: str
    zip: int


class User(BaseModel):
    id: str
    name: str
    age: int
    score: float
    active: bool
    tags: list[str]
    counts: dict[str, int]
    address: Address
    visits: int
    points: int
    credit: float
    status: str
    level: str


class Raw(Candidate):
    prefix = "compare-raw"
    packages = ("redis", "hiredis", "pydantic")
    notes: ClassVar[Mapping[str, str]] = {
        "gets": "each with a command of its own, on as many connections; "
        "fewer, in a pool that waits, take longer",
        "insert": "one JSON.MSET",
        "insert_people": "one JSON.MSET",
        "get_many": "one JSON.MGET",
        "update_query": "FT.SEARCH for the keys, then one JSON.MSET",
        "delete_query": "FT.SEARCH for the keys, then one UNLINK",
        "pipeline": "MULTI of ten commands",
        "decide": "WATCH and MULTI, again until nobody was faster",
        "decide_script": "EVALSHA of a script that was written for it",
        "get_session": "JSON.GET and EXPIRE in a pipeline",
    }

    async def open(self, url: str) -> None:
        self.client: Any = redis.Redis.from_url(  # pyright: ignore[reportUnknownMemberType]
            url, max_connections=1000, protocol=2
        )
        self.script: Any = self.client.register_script(_DECIDE)
        self.users = [User(**values(number)) for number in range(len(self.ids))]
        self.keys = [self.key("user", pk) for pk in self.ids]
        self.document = text(self.values)
        self.account = self.key("user", "account")

    async def close(self) -> None:
        await self.client.aclose()

    async def store(self, kind: str, document: dict[str, Any]) -> None:
        key = self.key(kind, document["id"])
        await self.client.execute_command("JSON.SET", key, "$", text(document))
        if kind == "session":
            await self.client.expire(key, TTL)

    async def insert_people(self, _: int) -> None:
        await self._insert([self.key("person", pk) for pk in self.ids])

    async def index_of(self, kind: str) -> str:
        name = f"{self.prefix}:{kind}"
        await self.client.execute_command(
            "FT.CREATE", name, "ON", "JSON", "PREFIX", 1, self.key(kind, ""), "SCHEMA",
            "$.age", "AS", "age", "NUMERIC", "$.points", "AS", "points", "NUMERIC", "SORTABLE",
        )  # fmt: skip
        return name

    def construct(self, _: int) -> User:
        return User(**self.values)

    def load(self, _: int) -> User:
        return User.model_validate_json(self.document)

    async def save(self, _: int) -> None:
        document = self.users[0].model_dump_json()
        await self.client.execute_command("JSON.SET", self.keys[0], "$", document)

    async def get(self, number: int) -> User:
        return User.model_validate_json(
            await self.client.execute_command("JSON.GET", self.keys[number])
        )

    async def insert(self, _: int) -> None:
        await self._insert(self.keys)

    async def _insert(self, keys: list[str]) -> None:
        triples: list[str] = []
        for key, user in zip(keys, self.users, strict=True):
            triples += (key, "$", user.model_dump_json())
        await self.client.execute_command("JSON.MSET", *triples)

    async def get_many(self, _: int) -> list[User]:
        replies = await self.client.execute_command("JSON.MGET", *self.keys, ".")
        return [User.model_validate_json(reply) for reply in replies]

    async def _search(self, kind: str, least: int, most: int, *options: Any) -> list[Any]:
        found: list[Any] = await self.client.execute_command(
            "FT.SEARCH", f"{self.prefix}:{kind}", "@age:[$least $most]", *options,
            "TIMEOUT", 0, "PARAMS", 4, "least", least, "most", most, "DIALECT", 2,
        )  # fmt: skip
        return found

    async def _upper_half(self) -> list[Any]:
        number = len(self.ids)
        return (await self._search("person", self.half, number, "NOCONTENT", "LIMIT", 0, number))[
            1:
        ]

    async def query(self, _: int) -> list[User]:
        number = len(self.ids)
        found = await self._search(
            "person", self.half, number, "RETURN", 1, "$", "LIMIT", 0, number
        )
        return [User.model_validate_json(row[1]) for row in found[2::2]]

    async def query_limited(self, _: int) -> list[User]:
        return await self.query(_)

    async def update_query(self, _: int) -> None:
        triples: list[Any] = []
        for key in await self._upper_half():
            triples += (key, "$.status", '"busy"')
        await self.client.execute_command("JSON.MSET", *triples)

    async def delete(self, number: int) -> None:
        await self.client.unlink(self.keys[number])

    async def delete_query(self, _: int) -> None:
        await self.client.unlink(*await self._upper_half())

    async def pipeline(self, _: int) -> None:
        pipe = self.client.pipeline(transaction=True)
        for field, by in (("age", 1), ("visits", 2), ("points", 3), ("score", 0.5)):
            pipe.execute_command("JSON.NUMINCRBY", self.account, f"$.{field}", by)
        pipe.execute_command("JSON.NUMINCRBY", self.account, "$.credit", 1.5)
        for field, value in (("name", "Augusta"), ("status", "busy"), ("level", "premium")):
            pipe.execute_command("JSON.SET", self.account, f"$.{field}", json.dumps(value))
        pipe.execute_command("JSON.SET", self.account, "$.active", "false")
        pipe.execute_command("JSON.ARRAPPEND", self.account, "$.tags", '"analysis"')
        await pipe.execute()

    async def decide(self, _: int) -> None:
        async with self.client.pipeline(transaction=True) as pipe:
            while True:
                await pipe.watch(self.account)
                reply = await pipe.execute_command("JSON.GET", self.account, "$.points")
                pipe.multi()
                if json.loads(reply)[0] >= 1:
                    pipe.execute_command("JSON.NUMINCRBY", self.account, "$.points", -1)
                    pipe.execute_command("JSON.NUMINCRBY", self.account, "$.credit", 1.5)
                else:
                    pipe.execute_command("JSON.SET", self.account, "$.status", '"empty"')
                try:
                    await pipe.execute()
                except WatchError:
                    continue
                return

    async def decide_script(self, _: int) -> None:
        await self.script(keys=[self.account])

    async def get_session(self, _: int) -> User:
        key = self.key("session", "0")
        pipe = self.client.pipeline(transaction=False)
        pipe.execute_command("JSON.GET", key)
        pipe.expire(key, TTL)
        return User.model_validate_json((await pipe.execute())[0])

    async def grown_get(self, number: int) -> User:
        key = self.key("member", str(number))
        return User.model_validate_json(await self.client.execute_command("JSON.GET", key))

    async def grown_find(self, number: int) -> list[User]:
        found = await self._search(
            "member", number, number + PAGE - 1, "RETURN", 1, "$", "LIMIT", 0, PAGE
        )
        return [User.model_validate_json(row[1]) for row in found[2::2]]

    async def grown_page(self, number: int) -> list[User]:
        found = await self._search(
            "member", number, 2**53, "SORTBY", "points", "DESC", "RETURN", 1, "$", "LIMIT", 0, PAGE
        )
        return [User.model_validate_json(row[1]) for row in found[2::2]]

    async def grown_count(self, number: int) -> int:
        found = await self._search("member", number, 2**53, "NOCONTENT", "LIMIT", 0, 0)
        return int(found[0])


if __name__ == "__main__":
    main(Raw)
