"""Queries and bulk operations of models with Redis types: as with plain annotations."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rapyer import (
    AtomicRedisModel,
    EmbeddedModel,
    Field,
    Key,
    RedisBytes,
    RedisDateTime,
    RedisDict,
    RedisFloat,
    RedisInt,
    RedisList,
    RedisStr,
)

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


class Line(EmbeddedModel):
    price: RedisInt = Field(default=0)
    name: RedisStr = Field(default="")


class PlainLine(EmbeddedModel):
    price: int = 0
    name: str = ""


class Typed(AtomicRedisModel):
    id: Key[int]
    score: RedisInt = Field(default=0)
    share: RedisFloat = Field(default=0.0)
    log: RedisStr = Field(default="")
    blob: RedisBytes = Field(default=b"")
    at: RedisDateTime = Field(default=NOON)
    tags: RedisList[str] = Field(default_factory=list)
    counts: RedisDict[int] = Field(default_factory=dict, index_keys=["a"])
    lines: RedisList[Line] = Field(default_factory=list)
    maybe: RedisInt | None = None

    class Config:
        prefix = "query:redis-types"
        track_changes = True


class Plain(AtomicRedisModel):
    id: Key[int]
    score: int = 0
    share: float = 0.0
    log: str = ""
    blob: bytes = b""
    at: datetime = NOON
    tags: list[str] = Field(default_factory=list)
    counts: dict[str, int] = Field(default_factory=dict, index_keys=["a"])
    lines: list[PlainLine] = Field(default_factory=list)
    maybe: int | None = None

    class Config:
        prefix = "query:plain-types"


def values(number: int) -> dict[str, Any]:
    return {
        "id": number,
        "score": number,
        "share": number / 2,
        "log": f"log {number}",
        "blob": bytes([number]),
        "at": NOON + timedelta(number),
        "tags": [f"t{number % 3}", "all"],
        "counts": {"a": number, "b": 1},
        "lines": [{"price": number, "name": "x"}],
        "maybe": number if number % 2 else None,
    }


CONDITIONS: list[Any] = [
    lambda m: m.score > 5,
    lambda m: (m.share <= 2) & (m.log != "log 3"),
    lambda m: m.log.startswith("log 1"),
    lambda m: m.blob == b"\x03",
    lambda m: m.at >= NOON + timedelta(7),
    lambda m: m.tags.contains("t1"),
    lambda m: m.tags == ["t1", "all"],
    lambda m: m.counts["a"] == 4,
    lambda m: m.lines.any((Line if m is Typed else PlainLine).price > 8),
    lambda m: m.lines[0].price == 2,
    lambda m: m.maybe.is_none() | (m.maybe > 6),
    lambda m: (m.score + 1 == 4) & (m.score < 9),
]


@pytest.fixture
async def stored(server) -> None:
    await Typed.bulk_insert([Typed(**values(number)) for number in range(10)])
    await Plain.bulk_insert([Plain(**values(number)) for number in range(10)])


def test_the_index_is_that_of_plain_annotations():
    assert [str(field) for field in Typed.index.fields] == [
        str(field) for field in Plain.index.fields
    ]


@pytest.mark.parametrize("condition", CONDITIONS)
async def test_conditions_find_what_they_find_with_plain_annotations(stored, condition):
    found = await Typed.find(condition(Typed)).to_list()
    plain = await Plain.find(condition(Plain)).to_list()
    assert sorted(one.id for one in found) == sorted(one.id for one in plain)
    assert 0 < len(found) < 10
    for one in found:
        assert condition(Typed).matches(one)
        assert one == Typed(**values(one.id))


async def test_what_was_found_has_operations_and_can_be_written(stored):
    found = await Typed.find(Typed.tags.contains("t0")).sort(Typed.score.desc()).to_list()
    assert [one.id for one in found] == [9, 6, 3, 0]
    for one in found:
        await one.score.aincrease(100)
        await one.lines[0].price.aincrease(100)
        await one.tags.aappend("seen")
        one.log = "read"
    await Typed.bulk_update(found)
    again = await Typed.find(Typed.score >= 100).sort(Typed.score).to_list()
    assert again == found[::-1]
    assert [one.lines[0].price for one in again] == [100, 103, 106, 109]
    await Typed.find(Typed.tags.contains("seen")).update({Typed.score: 1})
    assert await Typed.find(Typed.score == 1).count() == 5
    ((score, tags),) = await Typed.find(Typed.id == 0).values(Typed.score, Typed.tags).to_list()
    assert (score, tags) == (1, ["t0", "all", "seen"])
