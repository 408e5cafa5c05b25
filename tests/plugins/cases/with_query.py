"""What a user sees with rapyer-query alone. A line marked `# error` must be one in both checkers."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel
from rapyer import (
    AtomicRedisModel,
    EmbeddedModel,
    Field,
    GeoPath,
    GeoPoint,
    Key,
    Mapped,
    MappedOptional,
    RedisKey,
    Text,
    Vector,
)
from rapyer_query import (
    Aggregate,
    Aggregation,
    Explanation,
    IndexDiff,
    IndexManager,
    IndexStatus,
    Query,
    Row,
    avg,
    count,
    count_distinct,
    first_value,
    max_,
    min_,
    quantile,
    stddev,
    sum_,
    to_list,
)
from typing_extensions import assert_type


class Address(EmbeddedModel):
    city: Mapped[str]


class Item(EmbeddedModel):
    price: Mapped[float]


class User(AtomicRedisModel):
    id: Key[str]
    name: Mapped[str]
    nick: Mapped[str | None] = Field(default=None)
    age: Mapped[int] = Field(default=0, index=True)
    active: Mapped[bool] = Field(default=True)
    tags: Mapped[list[str]] = Field(default_factory=list)
    counts: Mapped[dict[str, int]] = Field(default_factory=dict, index_keys=["a"])
    address: MappedOptional[Address] = Field(default=None)
    items: Mapped[list[Item]] = Field(default_factory=list)
    hidden: Mapped[int] = Field(default=0, index=False)
    rank: Mapped[int] = Field(default=0, sortable=True)
    at: Mapped[GeoPoint] = Field(default=GeoPoint(0, 0))
    bio: Mapped[str] = Field(default="", text=True)
    embedding: Mapped[Annotated[list[float], Vector(dim=2)]] = Field(default_factory=list)
    other: Mapped[list[float] | None] = Field(default=None, vector=Vector(dim=2, metric="l2"))
    note: Mapped[Annotated[str | None, Text(stem=False)]] = Field(default=None)
    was: Mapped[GeoPoint | None] = Field(default=None)

    class Config:
        index = True
        create_index = True
        index_retention = 60


class Member(User):
    level: int = 0


class Plain(AtomicRedisModel):
    name: str
    age: int = 0


class Fixed(AtomicRedisModel, frozen=True):
    name: Mapped[str]


class View(BaseModel):
    name: str


async def good() -> None:
    query = User.find((User.age > 18) & (User.active == True), User.name.startswith("A"))
    assert_type(query, Query[User])
    assert_type(await query.to_list(), list[User])
    assert_type(await query.first(), User | None)
    assert_type(await query.one(), User)
    assert_type(await User.find_one(User.age == 3), User | None)
    assert_type(await query.count(), int)
    assert_type(await query.exists(), bool)
    assert_type(await query.keys(), list[RedisKey])
    assert_type(await query.delete(), int)
    assert_type(await query.update({User.age: 3, "name": "x"}, active=False), int)
    assert_type(await query.explain(), Explanation)
    async for user in query:
        assert_type(user, User)
    assert_type(query.where(User.tags.contains("x")).sort(User.age.desc(), User.name), Query[User])
    assert_type(query.sort("-age").skip(1).limit(3).timeout(0.5).on_corrupt("skip").scan(), Query[User])
    assert_type(User.find(), Query[User])
    assert_type(await Member.find(Member.age > 3).to_list(), list[Member])
    assert_type(await Fixed.find(Fixed.name == "x").to_list(), list[Fixed])


async def parts() -> None:
    query = User.find(User.items.any(Item.price > 5), ~(User.nick == None))
    assert_type(query.project(View), Query[View])
    assert_type(await query.project(View).to_list(), list[View])
    assert_type(await query.values(User.name).to_list(), list[tuple[str]])
    assert_type(await query.values(User.name, User.age).to_list(), list[tuple[str, int]])
    assert_type(
        await query.values(User.nick, User.tags, User.address.city, User.counts["a"]).first(),
        tuple[str | None, list[str], str, int] | None,
    )
    assert_type(len(await query.values("name", "tags[0]").one()), int)
    async for name, age in query.values(User.name, User.age):
        assert_type((name, age), tuple[str, int])


async def plainly_annotated() -> None:
    assert_type(await Plain.find(Plain.age > 3, Plain.name == "x").to_list(), list[Plain])
    await Plain.find((Plain.age > 3) & (Plain.name == "x")).sort(Plain.age).count()
    await Plain.find_one(Plain.name != "x")


class Ages(BaseModel):
    name: str
    n: int


async def groups() -> None:
    query = User.find(User.age > 18)
    assert_type(sum_(User.age), Aggregate[int])
    assert_type(avg(User.age), Aggregate[float])
    assert_type(max_(User.nick), Aggregate[str | None])
    assert_type(first_value(User.name, by=User.age.desc()), Aggregate[str])
    assert_type(to_list(User.name, distinct=True), Aggregate[list[str]])
    assert_type(quantile(User.age, 0.5, approximate=True), Aggregate[int])
    typed = query.group_by(User.name, User.nick).aggregate(count(), sum_(User.age), min_(User.rank))
    assert_type(typed, Aggregation[tuple[str, str | None, int, int, int]])
    assert_type(await typed.to_list(), list[tuple[str, str | None, int, int, int]])
    assert_type(await query.group_by().aggregate(count()).to_list(), list[tuple[int]])
    named = query.group_by(User.name).aggregate(n=count(), oldest=max_(User.age))
    assert_type(await named.having(count() > 3).sort("-n", User.name).limit(3).to_list(), list[Row])
    async for row in named:
        print(row.n, row.oldest)
    assert_type(await named.project(Ages).first(), Ages | None)
    assert_type(await named.explain(), Explanation)
    query.group_by(decade=User.age // 10).aggregate(n=count_distinct(User.name), s=stddev(User.age))
    assert_type(await query.sum(User.age), int)
    assert_type(await query.avg(User.age), float | None)
    assert_type(await query.min(User.name), str | None)
    assert_type(await query.max(User.items[0].price), float | None)
    await Plain.find().group_by(Plain.name).aggregate(count(), sum_(Plain.age)).to_list()
    await Plain.find().sum(Plain.age)
    query.sort((User.age + User.rank).desc())


async def places(user: User) -> None:
    assert_type(User.at, GeoPath[GeoPoint])
    assert_type(User.was, GeoPath[GeoPoint | None])
    assert_type(user.at, GeoPoint)
    near = User.find(User.at.within(2.35, 48.85, km=50) | User.was.within(user.at, mi=3))
    assert_type(near, Query[User])
    distance = User.at.distance_to(2.35, 48.85, unit="km")
    assert_type(await near.sort(distance).values(User.name, distance).to_list(), list[tuple[str, float]])
    assert_type(await User.was.get("1"), GeoPoint | None)
    assert_type(user.at.distance_to(GeoPoint(1, 2)), float)


async def full_text() -> None:
    found = User.find(User.bio.matches("redis -cache") & User.note.matches("x", fuzzy=1))
    assert_type(found, Query[User])
    assert_type(await User.find().search("redis").limit(3).to_list(), list[User])
    assert_type(Field(text=Text(weight=2, language="german")), Any)


async def vectors() -> None:
    query = User.find(User.age > 3).nearest(User.embedding, [1.0, 2.0], k=5)
    assert_type(query, Query[User])
    assert_type(await query.with_scores().to_list(), list[tuple[User, float]])
    assert_type(
        await query.values(User.name).with_scores().first(), tuple[tuple[str], float] | None
    )
    assert_type(User.find().within_distance(User.other, [1, 2], 0.5), Query[User])


async def indexes(user: User) -> None:
    assert_type(User.index, IndexManager)
    assert_type(user.index, IndexManager)
    assert_type(await Member.index.status(scan=True), IndexStatus)
    assert_type(await User.index.diff(), IndexDiff)
    assert_type(await User.index.drop(), bool)
    await User.index.ensure()
    await User.index.rebuild(progress=True)
    await User.index.rebuild(progress=lambda done, total: print(done, total))
    state = (await User.index.status()).state
    if state == "ready":
        print((await Plain.index.status()).documents)


async def bad(user: User) -> None:
    User.find("x")  # error
    User.find(User.age)  # error
    User.find(User.age > "x")  # error
    User.find(User.name.startswith(3))  # error
    User.find(User.agee > 3)  # error
    User.find().project(dict)  # error
    User.find().on_corrupt("ignore")  # error
    User.find().limit("3")  # error
    User.find().order_by(User.age)  # error
    await User.find().to_lists()  # error
    (await User.find().first()).name  # error
    for _ in User.find():  # error
        pass
    (await User.find().project(View).one()).age  # error
    User.bulk_get(["1"])  # error
    sum_()  # error
    User.at.within("Paris", km=3)  # error
    User.age.matches("x")  # error
    User.bio.matches(3)  # error
    User.find().search(3)  # error
    Text("german")  # error
    Vector(dim=3, metric="hamming")  # error
    User.find().nearest(User.embedding)  # error
    User.name.within(1, 2, km=3)  # error
    GeoPoint("1", 2)  # error
    count(User.age)  # error
    first_value(User.name)  # error
    query = User.find()
    query.group_by(User.name).having(count() > 3)  # error
    query.group_by(User.name).aggregate(n=3)  # error
    query.group_by(User.name).aggregate(count()).project(dict)  # error
    (await query.group_by(User.name).aggregate(count()).to_list())[0].n  # error
    (await query.sum(User.age)).lower()  # error
    quantile(User.age, "0.5")  # error
    User.find({"age": 18})  # error
    User.find(age=18)  # error
    query.where(18)  # error
    query.skip(None)  # error
    query.timeout("1 s")  # error
    query.project(user)  # error
    query.scan(True)  # error
    query.age  # error
    await query  # error
    await User.index.rebuild(progress=3)  # error
    await User.index.status(True)  # error
    await User.index.rename("x")  # error
    (await User.index.diff()).action == "rebuild"  # error
    Field(sortable="yes")  # error
    [*query]  # error
    await query.update(3)  # error
    (await query.to_list()).name  # error
    (await query.values(User.name, User.age).one())[2]  # error
