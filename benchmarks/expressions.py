"""Paths and conditions: fields read by key, and conditions built, beside redis-py and pydantic."""

from __future__ import annotations

from typing import Any

import redis.asyncio as redis
from pydantic import BaseModel, TypeAdapter
from rapyer import AtomicRedisModel, Field, Key, Mapped, init_rapyer

from benchmarks.core import Address
from benchmarks.rounds import Comparison, compare, compare_calls, print_table
from benchmarks.values import VALUES


class Reader(AtomicRedisModel):
    id: Key[str]
    name: Mapped[str]
    age: Mapped[int]
    score: Mapped[float]
    active: Mapped[bool]
    tags: Mapped[list[str]] = Field(default_factory=list)
    counts: Mapped[dict[str, int]] = Field(default_factory=dict)
    address: Mapped[Address]


class PlainReader(BaseModel):
    id: str
    name: str


async def run(url: str) -> None:
    """Print the tables of the expression language."""
    client: Any = redis.Redis.from_url(url)  # pyright: ignore[reportUnknownMemberType]
    async with client, init_rapyer(url):
        reader = await Reader(id="1", **VALUES).save()
        print_table("paths, beside redis-py + pydantic", await _paths(client))
        print_table("in memory, beside pydantic", await _in_memory(reader))
        await reader.delete()


async def _paths(client: Any) -> list[Comparison]:
    three = TypeAdapter(dict[str, list[Any]])
    one = TypeAdapter(list[int])
    texts = ["name", "address.city", "tags[0]"]
    paths = ("$.name", "$.address.city", "$.tags[0]")

    async def raw_three() -> None:
        three.validate_json(await client.execute_command("JSON.GET", "reader:1", *paths))

    async def raw_one() -> None:
        one.validate_json(await client.execute_command("JSON.GET", "reader:1", "$.age"))

    async def raw_set() -> None:
        await client.execute_command("JSON.SET", "reader:1", "$.age", b"5")

    return [
        await compare(
            "extract_fields of 3", raw_three, lambda: Reader.extract_fields(texts, "1"), bar=1.3,
            number=200, rounds=31,
        ),
        await compare(
            "get of a path", raw_one, lambda: Reader.age.get("1"), bar=1.3, number=200, rounds=31
        ),
        await compare(
            "set of a path", raw_set, lambda: Reader.age.set("1", 5), bar=None, number=200,
            rounds=31,
        ),
    ]  # fmt: skip


async def _in_memory(reader: Reader) -> list[Comparison]:
    plain = PlainReader(id="1", name="Ada")
    condition = _five_nodes()
    comparisons = [
        await compare_calls(
            "read a Mapped attribute",
            lambda: plain.name,
            lambda: reader.name,
            bar=1.1,
            number=50000,
        ),
        await compare_calls("build five nodes", _nothing, _five_nodes, bar=None),
        await compare_calls(
            "ask five nodes", _nothing, lambda: condition.matches(reader), bar=None
        ),
    ]
    print(f"building a condition of five nodes takes {comparisons[1].ours:.1f} us (bar: 15)")
    return comparisons


def _five_nodes() -> Any:
    return (Reader.age > 25) & (Reader.score >= 100) & (Reader.active == True)  # noqa: E712


def _nothing() -> None:
    """Take the time of a call."""
