"""What a user sees with rapyer-bulk alone. A line marked `# error` must be one in both checkers."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator

import rapyer_bulk
from rapyer import AtomicRedisModel, Field, Key, Mapped
from rapyer.base import BaseRedisModel
from rapyer_bulk import BulkError, BulkResult, InsertMode, KeyOutcome, Outcome
from typing_extensions import assert_type


class User(AtomicRedisModel):
    id: Key[str]
    age: Mapped[int] = Field(default=0)


class Member(User):
    level: int = 0


class Order(AtomicRedisModel):
    number: Key[int]


class Fixed(AtomicRedisModel, frozen=True):
    name: Mapped[str]


async def arriving() -> AsyncIterator[User]:
    yield User(id="1")


async def keys() -> AsyncIterator[str]:
    yield "1"


def report(done: int, total: int | None) -> None: ...


async def good(users: list[User], members: list[Member], order: Order, mode: InsertMode) -> None:
    assert_type(await User.bulk_insert(users), BulkResult)
    assert_type(await User.bulk_insert(arriving(), mode="skip", progress=report), BulkResult)
    await User.bulk_insert(users, mode=mode, chunk_size=10, transaction=True, progress=True)
    await User.bulk_insert(members)
    await User.bulk_insert(user for user in users)
    await Fixed.bulk_insert([Fixed(name="x")])
    assert_type(await User.bulk_update(["1", "2"], age=3), BulkResult)
    await User.bulk_update(keys(), {User.age: 3}, profile__city="x")
    await User.bulk_update({"1": {"age": 3}, "2": {User.age: 4}})
    await User.bulk_update(users, raise_on_error=False)
    await User.bulk_delete(["1", User.key_of("2"), *users])
    await Order.bulk_delete([1, 2])
    assert_type(await User.bulk_get(["1", "2"]), list[User])
    assert_type(await User.bulk_get(keys(), missing="skip"), list[User])
    assert_type(await User.bulk_get(["1"], missing="none"), list[User | None])
    assert_type(User.bulk_stream(keys()), AsyncGenerator[User])
    async for user in User.bulk_stream(["1"]):
        assert_type(user, User)
    async for maybe in Order.bulk_stream([1], missing="none"):
        assert_type(maybe, Order | None)
    assert_type(await User.bulk_exists(["1"]), list[bool])
    assert_type(await rapyer_bulk.bulk_get(["user:1", "order:7"]), list[BaseRedisModel])
    assert_type(await rapyer_bulk.bulk_get(["x:1"], missing="none"), list[BaseRedisModel | None])
    await rapyer_bulk.bulk_insert([*users, order])
    await rapyer_bulk.bulk_delete(["user:1", order])


def results(result: BulkResult, error: BulkError) -> None:
    assert_type(error.result, BulkResult)
    assert_type(result.inserted, int)
    assert_type(result[0], KeyOutcome)
    assert_type(result[0].outcome, Outcome)
    assert_type(result.keys_of("failed"), list[str])
    assert_type(result.errors, dict[str, Exception])
    assert_type(rapyer_bulk.result_of(error), BulkResult | None)
    for key, outcome, reason in result:
        assert_type((key, outcome, reason), tuple[str, Outcome, Exception | None])


async def bad(users: list[User], order: Order, result: BulkResult) -> None:
    await User.bulk_insert([order])  # error
    await User.bulk_insert(users[0])  # error
    await User.bulk_insert(users, mode="nx")  # error
    await User.bulk_insert(users, chunksize=10)  # error
    await User.bulk_insert(users, progress=lambda done: None)  # error
    await Member.bulk_insert(users)  # error
    await User.bulk_update(users, age=3)  # error
    await User.bulk_get(["1"], missing="ignore")  # error
    await User.bulk_get([1.5])  # error
    (await User.bulk_get(["1"], missing="none"))[0].age  # error
    await User.bulk_delete([order])  # error
    await User.bulk_stream(["1"])  # error
    result.keys_of("done")  # error
    result.insertd  # error
    await rapyer_bulk.bulk_insert(["user:1"])  # error
    await rapyer_bulk.bulk_get([7])  # error
    User.find()  # error
    users[0].bulk_inserts(users)  # error
