"""Operations on lists by path, beside the raw command."""

from __future__ import annotations

from typing import Any

import redis.asyncio as redis
from rapyer import AtomicRedisModel, Field, Key, Mapped, init_rapyer

from benchmarks.rounds import Comparison, compare, print_table


class Cart(AtomicRedisModel):
    """A document with a list."""

    id: Key[str]
    name: str = ""
    number: Mapped[int] = Field(default=0)
    tags: Mapped[list[str]] = Field(default_factory=list)


async def _comparisons(client: Any) -> list[Comparison]:
    await Cart(id="1", tags=[str(n) for n in range(20)]).save()

    async def raw_append() -> None:
        await client.execute_command("JSON.ARRAPPEND", "cart:1", "$.tags", '"x"')
        await client.execute_command("JSON.ARRPOP", "cart:1", "$.tags", -1)

    async def append() -> None:
        await Cart.tags.append("1", "x")
        await client.execute_command("JSON.ARRPOP", "cart:1", "$.tags", -1)

    async def pop() -> None:
        await client.execute_command("JSON.ARRAPPEND", "cart:1", "$.tags", '"x"')
        await Cart.tags.pop("1")

    async def raw_insert() -> None:
        await client.execute_command("JSON.ARRINSERT", "cart:1", "$.tags", 3, '"x"')
        await client.execute_command("JSON.ARRPOP", "cart:1", "$.tags", 3)

    async def insert() -> None:
        await Cart.tags.insert("1", 3, "x")
        await client.execute_command("JSON.ARRPOP", "cart:1", "$.tags", 3)

    async def raw_increase() -> None:
        await client.execute_command("JSON.NUMINCRBY", "cart:1", "$.number", 1)

    async def increase() -> None:
        await Cart.number.increase("1", 1)

    def comparing(name: str, raw: Any, ours: Any) -> Any:
        return compare(name, raw, ours, bar=1.2, number=200, rounds=21)

    return [
        await compare("increase", raw_increase, increase, bar=1.4, number=200, rounds=21),
        await comparing("append, and a raw pop", raw_append, append),
        await comparing("pop, and a raw append", raw_append, pop),
        await comparing("insert, and a raw pop", raw_insert, insert),
    ]


async def run(url: str) -> None:
    """Run the suite."""
    client: Any = redis.Redis.from_url(url)  # pyright: ignore[reportUnknownMemberType]
    await client.flushdb()
    async with init_rapyer(url):
        print_table("operations by path, beside the raw command", await _comparisons(client))
    await client.aclose()
