"""Traps of RedisJSON and Lua with numbers: digits that change, integers that wrap."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from rapyer import (
    AtomicRedisModel,
    BigInt,
    Key,
    NumberOverflowError,
    RedisFloat,
    RedisInt,
    UnstorableValueError,
)
from rapyer_pipeline import ResultOverflowError

pytestmark = pytest.mark.usefixtures("server")

TOP, BOTTOM = 2**63 - 1, -(2**63)
#: There is no text that the server reads as this double.
WITHOUT_TEXT = 2.3458992316731146e-175


class Doc(AtomicRedisModel):
    id: Key[str]
    share: RedisFloat = 0.0
    shares: list[float] = []
    by_name: dict[str, float] = {}
    number: RedisInt = 0
    huge: BigInt = 0
    anything: Any = None

    class Config:
        prefix = "defects:doubles"


def some_doubles(number):
    source = random.Random(7)
    return [source.random() for _ in range(number)]


# -- doubles --------------------------------------------------------------------------------------


async def test_a_double_is_read_as_it_was_written(raw, stored, trap):
    """The server's parser takes one of eight with all digits for its neighbor."""
    doubles = some_doubles(300)
    await raw("JSON.SET", "raw", "$", json.dumps(doubles))
    trap(await stored("raw") != doubles)
    doc = await Doc(id="1", shares=doubles, anything=doubles).save()
    found = await Doc.get("1")
    assert found.shares == found.anything == doubles
    for n in range(0, 300, 10):
        await doc.aupdate(share=doubles[n])
        assert await Doc.share.get("1") == doubles[n]
    async with doc.pipeline() as p:
        p.shares.clear()
        p.shares.extend(doubles)
    await Doc.bulk_insert([Doc(id="2", shares=doubles)])
    assert (await Doc.get("1")).shares == (await Doc.get("2")).shares == doubles


async def test_a_double_for_which_there_is_no_text_is_stored_too(raw, stored, trap):
    await raw("JSON.SET", "raw", "$", repr(WITHOUT_TEXT))
    trap(await stored("raw") != WITHOUT_TEXT)
    doc = await Doc(id="1", share=WITHOUT_TEXT, shares=[WITHOUT_TEXT] * 3).save()
    await Doc(id="2").save()
    await Doc.by_name["x"].set("2", WITHOUT_TEXT)
    async with doc.pipeline() as p:
        p.by_name["x"] = p.share
        p.shares.append(WITHOUT_TEXT)
    found = await Doc.get("1")
    assert {found.share, *found.shares, found.by_name["x"]} == {WITHOUT_TEXT}
    assert await Doc.by_name["x"].get("2") == WITHOUT_TEXT


async def test_a_double_that_the_server_has_calculated_stays_what_it_is(stored):
    """It changed once more when the document was read, and stored again."""
    doc = await Doc(id="1", shares=some_doubles(50)).save()
    expected = 0.0
    for double in some_doubles(50):
        expected += double
        assert await doc.share.aincrease(double) == expected
    async with doc.pipeline() as p:
        for n in range(50):
            p.shares[n] *= 3.0
    before = await stored(doc.key)
    assert before["share"] == expected
    assert before["shares"] == [double * 3.0 for double in some_doubles(50)]
    for _ in range(3):
        await (await Doc.get("1")).save()
    async with Doc.lock_by_key("1") as fresh:
        fresh.number = 1
    assert await stored(doc.key) == {**before, "number": 1}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
async def test_what_json_has_no_number_for_is_refused_before_it_is_sent(redis, value):
    doc = await Doc(id="1").save()
    for write in (
        lambda: Doc(id="2", share=value).save(),
        lambda: Doc(id="2", anything=[value]).save(),
        lambda: doc.aupdate(share=value),
        lambda: Doc.shares.append("1", value),
    ):
        with pytest.raises(UnstorableValueError, match=r"nan|inf"):
            await write()
    assert (await Doc.get("1")) == doc
    assert not await redis.exists("defects:doubles:2")


# -- integers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [TOP + 1, BOTTOM - 1, 10**30])
async def test_an_integer_beyond_64_bits_does_not_become_a_double(redis, raw, stored, trap, value):
    await raw("JSON.SET", "raw", "$", str(10**30))
    trap(b"e" in await raw("JSON.GET", "raw"))
    doc = await Doc(id="1", huge=value).save()
    assert (await Doc.get("1")).huge == value
    for write in (
        lambda: Doc(id="2", number=value).save(),
        lambda: doc.aupdate(number=value),
        lambda: Doc(id="2", anything=value).save(),
    ):
        with pytest.raises(UnstorableValueError, match="BigInt"):
            await write()
    assert (await stored(doc.key))["number"] == 0
    assert not await redis.exists("defects:doubles:2")


@pytest.mark.parametrize(("start", "amount"), [(TOP, 1), (BOTTOM, -1), (TOP - 5, 10), (-2, BOTTOM)])
async def test_an_addition_beyond_64_bits_does_not_wrap(raw, stored, trap, start, amount):
    """JSON.NUMINCRBY makes -2^63 of 2^63 - 1, without an error."""
    await raw("JSON.SET", "raw", "$", str(TOP))
    await raw("JSON.NUMINCRBY", "raw", "$", "1")
    trap(await stored("raw") == BOTTOM)
    doc = await Doc(id="1", number=start).save()
    with pytest.raises(NumberOverflowError):
        await doc.number.aincrease(amount)
    with pytest.raises(NumberOverflowError):
        await Doc.number.increase("1", amount)

    async def add():
        async with doc.pipeline() as p:
            p.number += amount

    with pytest.raises(ResultOverflowError):
        await add()
    assert (await stored(doc.key))["number"] == doc.number == start


async def test_the_largest_integers_are_reached(stored):
    doc = await Doc(id="1", number=TOP - 1).save()
    assert await doc.number.aincrease(1) == TOP
    assert await doc.number.aincrease(BOTTOM) == -1
    async with doc.pipeline() as p:
        p.number += BOTTOM + 1
    assert (await stored(doc.key))["number"] == BOTTOM
