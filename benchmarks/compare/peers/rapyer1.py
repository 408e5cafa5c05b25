"""rapyer 1.3.6, whose import name is ours.

Annotations are not postponed here: it would take their texts for types, and index nothing.
"""

import json
from typing import Any, ClassVar

import redis.asyncio as redis
from pydantic import BaseModel
from rapyer import AtomicRedisModel, init_rapyer, teardown_rapyer
from rapyer.config import RedisConfig
from rapyer.fields import Index, Key

from benchmarks.compare.candidate import Candidate
from benchmarks.compare.documents import PAGE, TTL, text, values
from benchmarks.compare.worker import main


class Address(BaseModel):
    street: str
    city: str
    zip: int


class User(AtomicRedisModel):
    id: Key[str]
    name: str
    age: int
    score: float
    active: bool = True  # it keeps a bool as JSON only where there is a default
    tags: list[str]
    counts: dict[str, int]
    address: Address
    visits: int
    points: int
    credit: float
    status: str
    level: str

    Meta = RedisConfig(prefer_normal_json_dump=True)  # else it pickles what has no type of its own

    @classmethod
    def class_key_initials(cls):
        return "compare-rapyer1:user"


class Session(AtomicRedisModel):
    id: Key[str]
    name: str
    age: int
    score: float
    active: bool = True
    tags: list[str]
    counts: dict[str, int]
    address: Address
    visits: int
    points: int
    credit: float
    status: str
    level: str

    Meta = RedisConfig(ttl=TTL, refresh_ttl=True, prefer_normal_json_dump=True)

    @classmethod
    def class_key_initials(cls):
        return "compare-rapyer1:session"


class Person(AtomicRedisModel):
    id: Key[str]
    name: str
    age: Index[int]
    score: float
    active: bool = True
    tags: list[str]
    counts: dict[str, int]
    address: Address
    visits: int
    points: Index[int]
    credit: float
    status: str
    level: str

    Meta = RedisConfig(prefer_normal_json_dump=True)  # else it pickles what has no type of its own

    @classmethod
    def class_key_initials(cls):
        return "compare-rapyer1:person"


class Member(Person):
    age: Index[int]
    points: Index[int]

    @classmethod
    def class_key_initials(cls):
        return "compare:member"


_KINDS = {"user": User, "session": Session, "person": Person, "member": Member}


class Rapyer1(Candidate):
    prefix = "compare-rapyer1"
    packages = ("redis", "hiredis", "pydantic")
    cannot: ClassVar = {
        "update_query": "it has no update by query",
        "decide_script": "see the row above",
        "grown_page": "it cannot sort",
        "grown_count": "it cannot count what a condition finds",
    }
    notes: ClassVar = {
        "gets": "with `init_rapyer(url)` it raises MaxConnectionsError, having 20 connections; "
        "it was given 1000",
        "pipeline": "it reads the document first, in a round trip of its own",
        "decide": "by its lock, which waiting tasks look at every 0.1 s",
    }

    async def open(self, url: str) -> None:
        await init_rapyer(redis.Redis.from_url(url, decode_responses=True, max_connections=1000))
        numbers = range(len(self.ids))
        self.users = [User(**values(number)) for number in numbers]
        self.people = [Person(**values(number)) for number in numbers]
        self.keys = [self.key("user", pk) for pk in self.ids]
        self.document = text(self.values)
        self.account = self.key("user", "account")

    async def close(self) -> None:
        await teardown_rapyer()

    async def store(self, kind: str, document: dict[str, Any]) -> None:
        await _KINDS[kind](**document).asave()

    async def index_of(self, kind: str) -> str:
        return _KINDS[kind].index_name()  # `init_rapyer` has made it

    def construct(self, _: int):
        return User(**self.values)

    def load(self, _: int):
        return User.create_redis_model(json.loads(self.document), self.keys[0])

    async def save(self, _: int):
        await self.users[0].asave()

    async def get(self, number: int):
        return await User.aget(self.keys[number])

    async def insert(self, _: int):
        await User.ainsert(*self.users)

    async def insert_people(self, _: int):
        await Person.ainsert(*self.people)

    async def get_many(self, _: int):
        return await User.afind(*self.keys)

    async def query(self, _: int):
        return await Person.afind(Person.age >= self.half)

    async def query_limited(self, _: int):
        return await Person.afind(Person.age >= self.half, max_results=len(self.ids))

    async def delete(self, number: int):
        await User.adelete_by_key(self.keys[number])

    async def delete_query(self, _: int):
        await Person.adelete_many(Person.age >= self.half)

    async def pipeline(self, _: int):
        user = User.model_construct(id="account")
        async with user.apipeline() as p:
            p.age += 1
            p.visits += 2
            p.points += 3
            p.score += 0.5
            p.credit += 1.5
            p.name = "Augusta"
            p.status = "busy"
            p.level = "premium"
            p.active = False
            p.tags.append("analysis")

    async def decide(self, _: int):
        async with User.alock_from_key(self.account, save_at_end=True) as user:
            if user.points >= 1:
                user.points -= 1
                user.credit += 1.5
            else:
                user.status = "empty"

    async def get_session(self, _: int):
        return await Session.aget(self.key("session", "0"))

    async def grown_get(self, number: int):
        return await Member.aget(self.key("member", str(number)))

    async def grown_find(self, number: int):
        condition = (Member.age >= number) & (Member.age < number + PAGE)
        return await Member.afind(condition, max_results=PAGE)


if __name__ == "__main__":
    main(Rapyer1)
