"""Locks, beside redis-py's own."""

from __future__ import annotations

from typing import Any

import redis.asyncio as redis
from rapyer import AtomicRedisModel, Key, init_rapyer

from benchmarks.core import Address
from benchmarks.rounds import Comparison, compare, print_table
from benchmarks.values import VALUES


class Account(AtomicRedisModel):
    """The user of the other suites, with a key of its own."""

    id: Key[str]
    name: str
    age: int
    score: float
    active: bool
    tags: list[str]
    counts: dict[str, int]
    address: Address


async def _comparisons(client: Any) -> list[Comparison]:
    account = await Account(id="1", **VALUES).save()

    async def raw() -> None:
        async with client.lock("benchmark", timeout=10):
            pass

    async def raw_with_the_document() -> None:
        async with client.lock("benchmark", timeout=10):
            document = await client.json().get("account:1")
            await client.json().set("account:1", "$.age", document["age"] + 1)

    async def ours() -> None:
        async with account.lock("benchmark"):
            pass

    async def ours_with_a_change() -> None:
        async with account.lock("benchmark") as fresh:
            fresh.age += 1

    return [
        await compare(
            "lock and release, the document read", raw, ours, bar=1.5, number=100, rounds=21
        ),
        await compare(
            "the same, and a field written", raw, ours_with_a_change, bar=1.5, number=100, rounds=21
        ),
        await compare(
            "beside read and write under redis-py's", raw_with_the_document, ours_with_a_change,
            bar=None, number=100, rounds=21,
        ),
    ]  # fmt: skip


async def run(url: str) -> None:
    """Run the suite."""
    client: Any = redis.Redis.from_url(url)  # pyright: ignore[reportUnknownMemberType]
    await client.flushdb()
    async with init_rapyer(url):
        print_table("locks, beside redis-py's", await _comparisons(client))
    await client.aclose()
