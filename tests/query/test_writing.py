"""Deleting and updating by query: what fulfils the condition when it is written, no more."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic import ValidationError
from rapyer import AtomicRedisModel, EmbeddedModel, Field, Key, Mapped, MappedOptional, Version
from rapyer.errors import ExpressionError, InvalidKeyError, InvalidPathError, PathNotFoundError

pytestmark = pytest.mark.usefixtures("server")


class Address(EmbeddedModel):
    city: Mapped[str]


class Account(AtomicRedisModel):
    id: Key[int]
    number: Mapped[int]
    status: Mapped[str] = Field(default="new")
    score: Mapped[float] = Field(default=0.0)
    home: MappedOptional[Address] = Field(default=None)
    flags: Mapped[list[bool]] = Field(default_factory=list)
    revision: Version = Field(default=0)

    class Config:
        prefix = "query:writing"


async def save(redis: Any, number: int) -> None:
    await Account.find().count()
    async with redis.pipeline(transaction=False) as pipe:
        for n in range(number):
            text = f'{{"id":{n},"number":{n},"status":"new","flags":[true],"revision":1}}'
            pipe.execute_command("JSON.SET", f"query:writing:{n}", "$", text)
        await pipe.execute()


async def numbers() -> set[int]:
    return {number for (number,) in await Account.find().values(Account.number).to_list()}


#: Conditions for the documents from 10 on: exact, looked at in Python, and by a scan alone.
SINCE_10: list[Any] = [
    Account.number >= 10,
    (Account.number >= 10) & (Account.status < "z"),
    (Account.number >= 10) & Account.flags.contains(True),
]


@pytest.mark.parametrize("condition", SINCE_10, ids=repr)
@pytest.mark.parametrize("number", [11, 2000, 2011, 4500])
async def test_all_that_fulfils_the_condition_is_deleted_and_nothing_else(redis, number, condition):
    await save(redis, number)
    assert await Account.find(condition).delete() == number - 10
    assert await numbers() == set(range(10))
    assert await Account.find(condition).delete() == 0


@pytest.mark.parametrize("condition", SINCE_10, ids=repr)
@pytest.mark.parametrize("number", [11, 2011, 4500])
async def test_all_that_fulfils_the_condition_is_updated_and_nothing_else(redis, number, condition):
    await save(redis, number)
    query = Account.find(condition)
    assert await query.update({Account.status: "old"}, score=0.1 + 0.2) == number - 10
    found = await Account.find().sort(Account.number).to_list()
    assert [account.status for account in found] == ["new"] * 10 + ["old"] * (number - 10)
    assert {account.score for account in found[10:]} == {0.1 + 0.2}
    assert [account.revision for account in found] == [1] * 10 + [2] * (number - 10)


@pytest.mark.parametrize("operands", [2900, 2949, 2950, 2999, 4000])
async def test_conditions_of_thousands_of_operands_are_written_by(redis, operands):
    await save(redis, 3000)
    query = Account.find(Account.number.in_(range(operands)))
    expected = min(operands, 3000)
    assert await query.update(status="x") == expected
    assert await Account.find(Account.status == "x").count() == expected
    assert await query.sort("number").limit(2100).delete() == 2100
    assert await Account.find().count() == 900


async def test_those_in_a_window_are_changed_and_no_others(redis):
    await save(redis, 20)
    oldest = Account.find().sort(Account.number)
    assert await oldest.skip(5).limit(3).update(status="x") == 3
    found = await Account.find(Account.status == "x").sort("number").values(Account.id).to_list()
    assert found == [(5,), (6,), (7,)]
    assert await oldest.limit(5).delete() == 5
    assert await oldest.limit(0).delete() == 0
    assert await Account.find(Account.status < "y").sort("-number").limit(2).delete() == 2
    assert await numbers() == set(range(5, 18))


async def test_what_cannot_be_written_changes_nothing(redis):
    await save(redis, 5)
    query: Any = Account.find(Account.number >= 0)
    with pytest.raises(ValidationError, match=r"score\s+Input should be a valid number"):
        await query.update(status="x", score="much")
    with pytest.raises(InvalidPathError):
        await query.update(statuss="x")
    with pytest.raises(InvalidKeyError):
        await query.update(id=3)
    with pytest.raises(ExpressionError, match="Version"):
        await query.update(revision=3)
    with pytest.raises(TypeError, match="nothing to update"):
        await query.update()
    await Account.find(Account.id == 3).update(home=Address(city="Oslo"))
    with pytest.raises(PathNotFoundError, match=r"has no place for .*city.*Nothing was written"):
        await query.update({Account.home.city: "Rome", Account.status: "x"})
    assert await Account.find(Account.status == "new").count() == 5
    assert await Account.find(Account.home.city == "Oslo").update({Account.home.city: "Rome"}) == 1
    assert (await Account.get(3)).home == Address(city="Rome")


@pytest.mark.parametrize("condition", SINCE_10[:2], ids=repr)
async def test_documents_that_stop_fulfilling_the_condition_are_left_alone(redis, condition):
    """Each document is either taken out of the condition by a writer, or updated: never both."""
    await save(redis, 1200)
    taken: set[int] = set()

    async def take_out() -> None:
        for n in range(1199, 9, -1):
            reply = await redis.execute_command(
                "EVAL",
                """if redis.call('JSON.GET', KEYS[1], '$.status') == '["new"]' then
                redis.call('JSON.SET', KEYS[1], '$.number', -1) return 1 end return 0""",
                1,
                f"query:writing:{n}",
            )
            if reply:
                taken.add(n)

    async def update() -> int:
        total = 0
        for _ in range(20):
            total += (
                await Account.find(condition, Account.status == "new")
                .limit(60)
                .update(status="old")
            )
        return total

    _, updated = await asyncio.gather(take_out(), update())
    for account in await Account.find().to_list():
        assert (account.status == "old") is (account.id >= 10 and account.id not in taken)
    assert updated + len(taken) <= 1190
    assert updated == await Account.find(Account.status == "old").count()


async def test_two_callers_that_delete_the_same_share_the_documents(redis):
    await save(redis, 3000)
    counts = await asyncio.gather(*(Account.find(c).delete() for c in SINCE_10))
    assert sum(counts) == 2990
    assert await numbers() == set(range(10))


async def test_another_type_under_the_prefix_is_left_alone(redis):
    await save(redis, 3)
    await redis.set("query:writing:x", "text")
    assert await Account.find().delete() == 3
    assert await redis.get("query:writing:x") == b"text"
