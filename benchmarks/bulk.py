"""Many documents at once, beside the same commands by hand and beside pipelines of single ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import redis.asyncio as redis
from rapyer import init_rapyer

from benchmarks.core import PlainUser, User
from benchmarks.rounds import Comparison, compare, print_table
from benchmarks.values import VALUES

CHUNK = 1000


class Raw:
    """The same work with redis-py and pydantic, in chunks of 1000.

    Args:
        client: The client.
        number: How many documents.
    """

    def __init__(self, client: Any, number: int) -> None:
        self.client = client
        self.keys = [f"raw:{place:032d}" for place in range(number)]
        self.users = [PlainUser.model_validate({**VALUES, "age": place}) for place in range(number)]

    def chunks(self) -> Sequence[range]:
        """Give the places of the documents in each chunk."""
        number = len(self.keys)
        return [range(first, min(first + CHUNK, number)) for first in range(0, number, CHUNK)]

    async def insert(self) -> None:
        for chunk in self.chunks():
            triples: list[str] = []
            for place in chunk:
                triples += (self.keys[place], "$", self.users[place].model_dump_json())
            await self.client.execute_command("JSON.MSET", *triples)

    async def insert_in_pipelines(self) -> None:
        for chunk in self.chunks():
            async with self.client.pipeline(transaction=False) as pipe:
                for place in chunk:
                    document = self.users[place].model_dump_json()
                    pipe.execute_command("JSON.SET", self.keys[place], "$", document)
                await pipe.execute()

    async def get(self) -> list[PlainUser]:
        found: list[PlainUser] = []
        for chunk in self.chunks():
            keys = self.keys[chunk.start : chunk.stop]
            replies = await self.client.execute_command("JSON.MGET", *keys, ".")
            found += [PlainUser.model_validate_json(reply) for reply in replies]
        return found

    async def get_in_pipelines(self) -> list[PlainUser]:
        found: list[PlainUser] = []
        for chunk in self.chunks():
            async with self.client.pipeline(transaction=False) as pipe:
                for place in chunk:
                    pipe.execute_command("JSON.GET", self.keys[place])
                replies = await pipe.execute()
            found += [PlainUser.model_validate_json(reply) for reply in replies]
        return found

    async def update(self) -> None:
        for chunk in self.chunks():
            triples: list[str] = []
            for place in chunk:
                triples += (self.keys[place], "$.age", "37")
            await self.client.execute_command("JSON.MSET", *triples)

    async def delete(self) -> None:
        for chunk in self.chunks():
            await self.client.unlink(*self.keys[chunk.start : chunk.stop])


async def run(url: str) -> None:
    """Print the tables of bulk operations."""
    client: Any = redis.Redis.from_url(url)  # pyright: ignore[reportUnknownMemberType]
    async with client, init_rapyer(url):
        for number, rounds in ((1000, 31), (100_000, 5)):
            rows = await _compare(client, number, rounds)
            print_table(f"{number} documents, beside the same commands by hand", rows)


async def _compare(client: Any, number: int, rounds: int) -> list[Comparison]:
    raw = Raw(client, number)
    users = [User.model_validate({**VALUES, "age": place}) for place in range(number)]
    keys = [user.key for user in users]

    async def insert() -> None:
        await User.bulk_insert(users)

    async def both() -> None:
        await raw.insert()
        await insert()

    async def get() -> None:
        await User.bulk_get(keys)

    async def update() -> None:
        await User.bulk_update(keys, age=37)

    async def delete() -> None:
        await User.bulk_delete(keys)

    async def no_more() -> None:
        await raw.delete()
        await delete()

    timing: Any = {"rounds": rounds}
    rows = [
        await compare("insert", raw.insert, insert, bar=1.2, before=no_more, **timing),
        await compare("replace", raw.insert, insert, bar=1.2, **timing),
        await compare("get", raw.get, get, bar=1.2, **timing),
        await compare("update of one field", raw.update, update, bar=1.3, **timing),
        await compare("delete", raw.delete, delete, bar=1.2, before=both, **timing),
        await compare(
            "insert, by JSON.SET in pipelines", raw.insert_in_pipelines, insert, bar=None, **timing
        ),
        await compare(
            "get, by JSON.GET in pipelines", raw.get_in_pipelines, get, bar=None, **timing
        ),
    ]
    await no_more()
    return rows
