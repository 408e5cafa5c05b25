"""The core: models made, dumped, loaded, saved and read, beside pydantic and redis-py by hand."""

from __future__ import annotations

import statistics
import subprocess
import sys
from functools import partial
from typing import Any

import redis.asyncio as redis
from pydantic import BaseModel
from rapyer import AtomicRedisModel, EmbeddedModel, init_rapyer

from benchmarks.rounds import Comparison, compare, compare_calls, print_table
from benchmarks.values import VALUES


class PlainAddress(BaseModel):
    street: str
    city: str
    zip: int


class PlainUser(BaseModel):
    name: str
    age: int
    score: float
    active: bool
    tags: list[str]
    counts: dict[str, int]
    address: PlainAddress


class Address(EmbeddedModel):
    street: str
    city: str
    zip: int


class User(AtomicRedisModel):
    name: str
    age: int
    score: float
    active: bool
    tags: list[str]
    counts: dict[str, int]
    address: Address


async def run(url: str) -> None:
    """Print the table of the core."""
    rows = [*await _models(), *await _commands(url)]
    print_table("rapyer-core beside redis-py + pydantic", rows)
    for name, others, everything in _IMPORTS:
        added, base = _added_milliseconds(others, everything)
        print(f"{name} adds {added:.0f} ms to the {base:.0f} ms without it")


_IMPORTS = (
    ("import rapyer", "import redis.asyncio, pydantic", "import redis.asyncio, pydantic, rapyer"),
    (
        "a first model of rapyer rather than of pydantic",
        "import redis.asyncio, pydantic; type('A', (pydantic.BaseModel,), {'__module__': 'a'})",
        "import redis.asyncio, rapyer; type('A', (rapyer.AtomicRedisModel,), {'__module__': 'a'})",
    ),
)


async def _models() -> list[Comparison]:
    plain, user = PlainUser(**VALUES), User(**VALUES)
    document = plain.model_dump_json().encode()
    codec = User.__rapyer_codec__
    codec.load(codec.dump(user)[0])
    return [
        await compare_calls(
            "construct", lambda: PlainUser(**VALUES), lambda: User(**VALUES), bar=1.2
        ),
        await compare_calls("dump", plain.model_dump_json, user.model_dump_json, bar=1.1),
        await compare_calls(
            "dump as document", plain.model_dump_json, partial(codec.dump, user), bar=None
        ),
        await compare_calls(
            "load", lambda: PlainUser.model_validate_json(document), lambda: codec.load(document),
            bar=1.2,
        ),
    ]  # fmt: skip


async def _commands(url: str) -> list[Comparison]:
    plain, user = PlainUser(**VALUES), User(**VALUES)
    user.pk = "1"
    client: Any = redis.Redis.from_url(url)  # pyright: ignore[reportUnknownMemberType]
    async with client, init_rapyer(url):

        async def raw_save() -> None:
            await client.execute_command("JSON.SET", "raw:1", "$", plain.model_dump_json())

        async def raw_get() -> None:
            PlainUser.model_validate_json(await client.execute_command("JSON.GET", "raw:1"))

        async def get() -> None:
            await User.get("1")

        rows = [
            await compare("save", raw_save, user.save, bar=1.3, number=200, rounds=31),
            await compare("get", raw_get, get, bar=1.3, number=200, rounds=31),
        ]
        await client.delete("raw:1", user.key)
    return rows


def _added_milliseconds(others: str, everything: str, rounds: int = 15) -> tuple[float, float]:
    """Run two pieces of code in fresh processes, in turn; give the difference and the first."""
    times = [(_time_import(others), _time_import(everything)) for _ in range(rounds)]
    return (
        statistics.median(both - base for base, both in times),
        statistics.median(base for base, _ in times),
    )


def _time_import(code: str) -> float:
    timed = f"import time; s = time.perf_counter(); {code}; print(time.perf_counter() - s)"
    run = subprocess.run([sys.executable, "-c", timed], check=True, capture_output=True, text=True)
    return float(run.stdout) * 1000
