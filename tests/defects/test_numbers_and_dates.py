"""Defects of numbers and dates: types and digits that get lost on the way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from rapyer import AtomicRedisModel, Key, RedisDateTime, RedisFloat, RedisInt

pytestmark = pytest.mark.usefixtures("server")

BIG = 2**53 + 1
BERLIN = timezone(timedelta(hours=2))


class Doc(AtomicRedisModel):
    id: Key[str]
    share: RedisFloat = 0.0
    shares: list[float] = []
    anything: Any = None
    big: RedisInt = 0
    bigs: list[int] = []
    at: RedisDateTime = datetime(2026, 1, 1)

    class Config:
        prefix = "defects:numbers"


async def test_a_float_does_not_become_an_int():
    """`1.0` was stored as `1`, and read as an int."""
    doc = await Doc(id="1", share=1.0, shares=[2.0, -0.0], anything=[3.0, 4]).save()
    await doc.share.aincrease(1)
    async with doc.pipeline() as p:
        p.shares.append(p.share * 2)
    found = await Doc.get("1")
    assert repr(found.shares) == "[2.0, -0.0, 4.0]"
    assert repr(found.anything) == "[3.0, 4]"
    assert isinstance(found.share, float)
    assert isinstance(found.share + 0, float)
    assert repr(await Doc.shares[0].get("1")) == "2.0"


async def test_no_digit_is_lost_above_2_to_the_53():
    """Integers went through a double, in Lua or in a query."""
    doc = await Doc(id="1", big=BIG, bigs=[BIG, -BIG]).save()
    await doc.big.aincrease(2)
    assert await Doc.big.get("1") == doc.big == BIG + 2
    async with doc.pipeline() as p:
        p.big += 2
        p.bigs.append(p.big)
        p.bigs.sort()
    assert (await Doc.get("1")).bigs == [-BIG, BIG, BIG + 4]
    assert await Doc.find(Doc.big == BIG + 4).values(Doc.big).to_list() == [(BIG + 4,)]
    assert await Doc.find(Doc.big == BIG + 3).count() == 0


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 3, 1, 12, 30, 15, 123456, BERLIN),
        datetime(2026, 3, 1, 12, 30, 15, 123456, UTC),
        datetime(2026, 3, 1, 12, 30, 15, 123456),
        datetime(1, 1, 2, 0, 0, 0, 1, BERLIN),
    ],
)
async def test_a_shift_on_the_server_keeps_time_zone_and_microseconds(moment):
    doc = await Doc(id="1", at=moment).save()
    step = timedelta(days=1, microseconds=1)
    await doc.at.ashift(step)
    async with doc.pipeline() as p:
        p.at += step
    found = await Doc.get("1")
    for at in (found.at, doc.at):
        assert at.isoformat() == (moment + 2 * step).isoformat()
        assert at.utcoffset() == moment.utcoffset()
