"""The life of indexes: beside `FT.CREATE` by hand, and what others notice of it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator
from typing import Any

import redis.asyncio as redis
from rapyer import AtomicRedisModel, Field, Key, Mapped, init_rapyer

from benchmarks.rounds import compare, print_table

NUMBER = 100_000
PREFIX = "benchmarks:indexes"


def _first() -> Any:
    class User(AtomicRedisModel):
        id: Key[int]
        age: Mapped[int]
        name: Mapped[str]
        score: Mapped[float]
        city: Mapped[str]

        class Config:
            prefix = PREFIX

    return User


def _added() -> Any:
    class User(AtomicRedisModel):
        id: Key[int]
        age: Mapped[int]
        name: Mapped[str]
        score: Mapped[float]
        city: Mapped[str]
        level: Mapped[int] = Field(default=0)

        class Config:
            prefix = PREFIX

    return User


def _renamed() -> Any:
    class User(AtomicRedisModel):
        id: Key[int]
        age: Mapped[int]
        title: Mapped[str] = Field(default="")
        score: Mapped[float]
        city: Mapped[str]

        class Config:
            prefix = PREFIX

    return User


async def _fill(client: Any) -> None:
    for first in range(0, NUMBER, 2000):
        async with client.pipeline(transaction=False) as pipe:
            for n in range(first, first + 2000):
                document = {
                    "id": n,
                    "age": n,
                    "name": f"n{n}",
                    "score": n / 7,
                    "city": f"c{n % 99}",
                }
                pipe.execute_command("JSON.SET", f"{PREFIX}:{n}", "$", json.dumps(document))
            await pipe.execute()


async def _by_hand(client: Any, model: Any) -> None:
    words = [word for one in model.index._index.words.values() for word in one]
    await client.execute_command(
        "FT.CREATE", "hand", "ON", "JSON", "PREFIX", 1, f"{PREFIX}:", "SCHEMA", *words
    )
    while True:
        flat = await client.execute_command("FT.INFO", "hand")
        if not int(dict(zip(flat[::2], flat[1::2], strict=True))[b"indexing"]):
            break
        await asyncio.sleep(0.05)
    await client.execute_command("FT.DROPINDEX", "hand")


async def _noticed(model: Any, work: Any) -> tuple[float, float, int]:
    """Give how long some work takes, and the longest of the queries and saves meanwhile, in ms."""
    started, longest, asked = time.perf_counter(), 0.0, 0
    task = asyncio.create_task(work)
    while not task.done():
        before = time.perf_counter()
        assert await model.find(model.age >= 0).count() == NUMBER
        await model(id=1, age=1, name="n1", score=1 / 7, city="c1").save()
        longest = max(longest, time.perf_counter() - before)
        asked += 1
        await asyncio.sleep(0.005)
    await task
    return time.perf_counter() - started, longest * 1000, asked


async def _rows(client: Any) -> AsyncGenerator[str]:
    model, added, renamed = _first(), _added(), _renamed()
    started = time.perf_counter()
    await model.index.ensure()
    yield f"the first index of {NUMBER} documents: {time.perf_counter() - started:.2f} s"
    calls: list[int] = []

    def progress(done: int, _: int | None) -> None:
        calls.append(done)

    for what, work in (
        ("built anew", lambda: model.index.rebuild(progress=progress)),
        ("a version with a field more", added.index.ensure),
        ("a version with a field renamed", renamed.index.ensure),
    ):
        seconds, longest, asked = await _noticed(model, work())
        yield (
            f"{what}: {seconds:.2f} s; {asked} counts and saves meanwhile, all whole, the longest "
            f"{longest:.1f} ms"
        )
    left = await client.execute_command("FT._LIST")
    yield f"progress was told {len(calls)} times; {len(left)} indexes are there"


async def run(url: str) -> None:
    """Run the suite."""
    client: Any = redis.Redis.from_url(url, protocol=2)  # pyright: ignore[reportUnknownMemberType]
    await client.flushdb()
    await _fill(client)
    async with init_rapyer(url):
        model = _first()
        await model.index.ensure()
        table = [
            await compare(
                f"build an index of {NUMBER} documents",
                lambda: _by_hand(client, model),
                model.index.rebuild,
                bar=1.2,
                rounds=7,
            )
        ]
        print_table("indexes", table)
        await model.index.drop()
        async for row in _rows(client):
            print(row)
    await client.flushdb()
    await client.aclose()
