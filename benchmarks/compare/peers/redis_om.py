"""redis-om 1.2.0, of which the asynchronous half."""

import asyncio
import json
from typing import Any, ClassVar

import redis.asyncio as redis
from aredis_om import EmbeddedJsonModel, Field, JsonModel, Migrator

from benchmarks.compare.candidate import Candidate
from benchmarks.compare.documents import PAGE, TTL, text, values
from benchmarks.compare.worker import main


class Address(EmbeddedJsonModel):
    street: str
    city: str
    zip: int


class User(JsonModel, index=True):
    id: str = Field(primary_key=True)
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

    class Meta:
        global_key_prefix = "compare-om"
        model_key_prefix = "user"


class Session(JsonModel, index=True):
    id: str = Field(primary_key=True)
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

    class Meta:
        global_key_prefix = "compare-om"
        model_key_prefix = "session"


class Person(JsonModel, index=True):
    id: str = Field(primary_key=True)
    name: str
    age: int = Field(index=True)
    score: float
    active: bool
    tags: list[str]
    counts: dict[str, int]
    address: Address
    visits: int
    points: int = Field(index=True, sortable=True)
    credit: float
    status: str
    level: str

    class Meta:
        global_key_prefix = "compare-om"
        model_key_prefix = "person"


class Member(JsonModel, index=True):
    id: str = Field(primary_key=True)
    name: str
    age: int = Field(index=True)
    score: float
    active: bool
    tags: list[str]
    counts: dict[str, int]
    address: Address
    visits: int
    points: int = Field(index=True, sortable=True)
    credit: float
    status: str
    level: str

    class Meta:
        global_key_prefix = "compare"
        model_key_prefix = "member"


_KINDS = {"user": User, "session": Session, "person": Person, "member": Member}
_NO_PARTS = "it has no operations on parts of a document: it reads and writes the whole"


class RedisOm(Candidate):
    prefix = "compare-om"
    packages = ("redis", "hiredis", "pydantic")
    cannot: ClassVar = {
        "pipeline": _NO_PARTS,
        "decide": f"it has neither locks nor conditions, and {_NO_PARTS}",
        "decide_script": "see the row above",
    }
    notes: ClassVar = {
        "gets": "by itself it raises MaxConnectionsError, having 100 connections; "
        "it was given 1000",
        "get_many": "it has no read of many: each is read by itself, all at once",
        "get_session": "by hand: `get`, then `expire`, in two round trips",
    }

    async def open(self, url: str) -> None:
        self.client = redis.Redis.from_url(url, decode_responses=True, max_connections=1000)
        for model in _KINDS.values():
            model._meta.database = self.client
        await Migrator().run()
        for model in (
            User,
            Session,
        ):  # it has an index of every model; the others have none of these
            await self.client.ft(model._meta.index_name).dropindex()
        numbers = range(len(self.ids))
        self.users = [User(**values(number)) for number in numbers]
        self.people = [Person(**values(number)) for number in numbers]
        self.document = text(self.values)

    async def close(self) -> None:
        await self.client.aclose()

    async def store(self, kind: str, document: dict[str, Any]) -> None:
        await _KINDS[kind](**document).save()

    async def index_of(self, kind: str) -> str:
        return _KINDS[kind]._meta.index_name  # the migrator has made it

    def construct(self, _: int):
        return User(**self.values)

    def load(self, _: int):
        return User.model_validate(json.loads(self.document))

    async def save(self, _: int):
        await self.users[0].save()

    async def get(self, number: int):
        return await User.get(self.ids[number])

    async def insert(self, _: int):
        await User.add(self.users)

    async def insert_people(self, _: int):
        await Person.add(self.people)

    async def get_many(self, _: int):
        return await asyncio.gather(*map(User.get, self.ids))

    async def query(self, _: int):
        return await Person.find(Person.age >= self.half).all()

    async def query_limited(self, _: int):
        return await Person.find(Person.age >= self.half).page(limit=len(self.ids))

    async def update_query(self, _: int):
        await Person.find(Person.age >= self.half).update(status="busy")

    async def delete(self, number: int):
        await User.delete(self.ids[number])

    async def delete_query(self, _: int):
        await Person.find(Person.age >= self.half).delete()

    async def get_session(self, _: int):
        session = await Session.get("0")
        await session.expire(TTL)
        return session

    async def grown_get(self, number: int):
        return await Member.get(str(number))

    async def grown_find(self, number: int):
        return await Member.find((Member.age >= number) & (Member.age < number + PAGE)).all()

    async def grown_page(self, number: int):
        return await Member.find(Member.age >= number).sort_by("-points").page(limit=PAGE)

    async def grown_count(self, number: int):
        return await Member.find(Member.age >= number).count()


if __name__ == "__main__":
    main(RedisOm)
