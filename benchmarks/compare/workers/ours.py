"""The packages of this repository."""

from __future__ import annotations

from typing import Any

from rapyer import AtomicRedisModel, EmbeddedModel, Field, Key, Mapped, init_rapyer
from rapyer_query.index import ModelIndex

from benchmarks.compare.candidate import Candidate
from benchmarks.compare.documents import PAGE, TTL, text, values
from benchmarks.compare.worker import main


class Address(EmbeddedModel):
    street: str
    city: str
    zip: int


class _Fields(AtomicRedisModel):
    id: Key[str]
    name: str
    age: Mapped[int] = Field(index=True)
    score: float
    active: bool
    tags: list[str]
    counts: dict[str, int]
    address: Address
    visits: int
    points: Mapped[int] = Field(index=True, sortable=True)
    credit: float
    status: str
    level: str

    class Config:
        abstract = True
        index = False  # what is not asked for is not indexed, as with the others


class User(_Fields):
    class Config(_Fields.Config):
        abstract = False
        prefix = "compare-ours:user"


class Session(_Fields):
    class Config(_Fields.Config):
        abstract = False
        prefix = "compare-ours:session"
        ttl = TTL
        ttl_postpone_on_access = True


class Person(_Fields):
    class Config(_Fields.Config):
        abstract = False
        prefix = "compare-ours:person"


class Member(_Fields):
    class Config(_Fields.Config):
        abstract = False
        prefix = "compare:member"


_KINDS: dict[str, type[_Fields]] = {
    "user": User, "session": Session, "person": Person, "member": Member,
}  # fmt: skip


class Ours(Candidate):
    prefix = "compare-ours"
    packages = (
        "rapyer-core",
        "rapyer-bulk",
        "rapyer-query",
        "rapyer-pipeline",
        "rapyer-ttl",
        "redis",
        "hiredis",
        "pydantic",
    )

    async def open(self, url: str) -> None:
        self.connection = init_rapyer(url)
        await self.connection.__aenter__()
        numbers = range(len(self.ids))
        self.users = [User(**values(number)) for number in numbers]
        self.people = [Person(**values(number)) for number in numbers]
        self.document = text(self.values)
        self.codec = User.__rapyer_codec__

    async def close(self) -> None:
        await self.connection.__aexit__(None, None, None)

    async def store(self, kind: str, document: dict[str, Any]) -> None:
        await _KINDS[kind](**document).save()

    async def insert_people(self, _: int) -> None:
        await Person.bulk_insert(self.people)

    async def index_of(self, kind: str) -> str:
        model = _KINDS[kind]
        await model.find().count()
        return ModelIndex.of(model).name

    def construct(self, _: int) -> User:
        return User(**self.values)

    def load(self, _: int) -> Any:
        return self.codec.load(self.document)

    async def save(self, _: int) -> None:
        await self.users[0].save()

    async def get(self, number: int) -> User:
        return await User.get(self.ids[number])

    async def insert(self, _: int) -> None:
        await User.bulk_insert(self.users)

    async def get_many(self, _: int) -> list[User]:
        return await User.bulk_get(self.ids)

    async def query(self, _: int) -> list[Person]:
        return await Person.find(Person.age >= self.half).to_list()

    async def query_limited(self, _: int) -> list[Person]:
        return await Person.find(Person.age >= self.half).limit(len(self.ids)).to_list()

    async def update_query(self, _: int) -> None:
        await Person.find(Person.age >= self.half).update(status="busy")

    async def delete(self, number: int) -> None:
        await User.delete_by_key(self.ids[number])

    async def delete_query(self, _: int) -> None:
        await Person.find(Person.age >= self.half).delete()

    async def pipeline(self, _: int) -> None:
        async with User.pipeline_for("account") as p:
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

    async def decide(self, _: int) -> None:
        async with User.pipeline_for("account") as p:
            with p.when(p.points >= 1):
                p.points -= 1
                p.credit += 1.5
            with p.otherwise():
                p.status = "empty"

    async def decide_script(self, _: int) -> None:
        await self.decide(_)

    async def get_session(self, _: int) -> Session:
        return await Session.get("0")

    async def grown_get(self, number: int) -> Member:
        return await Member.get(str(number))

    async def grown_find(self, number: int) -> list[Member]:
        return await Member.find(Member.age.between(number, number + PAGE - 1)).to_list()

    async def grown_page(self, number: int) -> list[Member]:
        query = Member.find(Member.age >= number).sort(Member.points.desc())
        return await query.limit(PAGE).to_list()

    async def grown_count(self, number: int) -> int:
        return await Member.find(Member.age >= number).count()


if __name__ == "__main__":
    main(Ours)
