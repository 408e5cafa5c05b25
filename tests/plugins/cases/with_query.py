"""What a user sees with rapyer-query alone. A line marked `# error` must be one in both checkers."""

from __future__ import annotations

from pydantic import BaseModel
from rapyer import AtomicRedisModel, EmbeddedModel, Field, Key, Mapped, MappedOptional, RedisKey
from rapyer_query import Explanation, IndexDiff, IndexManager, IndexStatus, Query
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
    query = User.find()
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
