"""Models with a time to live, beside the same model without one."""

from __future__ import annotations

from functools import partial
from typing import Any

import redis.asyncio as redis
from rapyer import AtomicRedisModel, Key, RedisInt, init_rapyer

from benchmarks.core import Address
from benchmarks.rounds import Comparison, compare, print_table
from benchmarks.values import VALUES

MANY = 1000


class _User(AtomicRedisModel):
    id: Key[str]
    name: str
    age: int
    score: float
    active: bool
    tags: list[str]
    counts: dict[str, int]
    address: Address
    visits: RedisInt = RedisInt(0)

    class Config:
        abstract = True


class Endless(_User):
    """Without a time to live."""

    class Config(_User.Config):
        abstract = False


class Postponed(_User):
    """With one that each access postpones."""

    class Config(_User.Config):
        abstract = False
        ttl = 3600
        ttl_postpone_on_access = True


class Seldom(_User):
    """With one that is postponed once in an hour."""

    class Config(_User.Config):
        abstract = False
        ttl = 7200
        ttl_postpone_on_access = True
        ttl_refresh_interval = 3600


class Graceful(_User):
    """With one, and a time after it."""

    class Config(_User.Config):
        abstract = False
        ttl = 3600
        ttl_postpone_on_access = True
        ttl_grace_period = 600


async def _comparisons(client: Any) -> list[Comparison]:
    models: tuple[Any, ...] = (Endless, Postponed, Seldom, Graceful)
    instances = {model: model(id="one", **VALUES) for model in models}
    keys = [str(number) for number in range(MANY)]
    for model, one in instances.items():
        await one.save()
        await model.bulk_insert([model(id=key, **VALUES) for key in keys])

    def beside(
        name: str, work: Any, model: Any, bar: float | None, *, number: int, rounds: int
    ) -> Any:
        return compare(
            name,
            partial(work, Endless),
            partial(work, model),
            bar=bar,
            number=number,
            rounds=rounds,
        )

    async def get(model: Any) -> None:
        await model.get("one")

    async def save(model: Any) -> None:
        await instances[model].save()

    async def aupdate(model: Any) -> None:
        await instances[model].aupdate(age=5)

    async def increase(model: Any) -> None:
        await instances[model].visits.aincrease(1)

    async def bulk_get(model: Any) -> None:
        await model.bulk_get(keys)

    rows = [
        await beside("get that postpones", get, Postponed, 1.25, number=200, rounds=31),
        await beside("get within the interval", get, Seldom, 1.15, number=200, rounds=31),
        await beside("get, with a grace period", get, Graceful, 1.25, number=200, rounds=31),
        await beside("save", save, Postponed, 1.25, number=200, rounds=31),
        await beside("aupdate", aupdate, Postponed, None, number=200, rounds=31),
        await beside("aincrease", increase, Postponed, None, number=200, rounds=31),
        await beside(
            "bulk_get of 1000 that postpones", bulk_get, Postponed, 1.6, number=3, rounds=21
        ),
        await beside(
            "bulk_get of 1000 in the interval", bulk_get, Seldom, 1.3, number=3, rounds=21
        ),
    ]

    async def raw_get() -> None:
        await client.execute_command("JSON.GET", "endless:one")

    rows.append(
        await compare(
            "get without a ttl, beside the raw command",
            raw_get,
            partial(get, Endless),
            bar=None,
            number=200,
            rounds=31,
        )
    )
    return rows


async def run(url: str) -> None:
    """Run the suite."""
    client: Any = redis.Redis.from_url(url)  # pyright: ignore[reportUnknownMemberType]
    await client.flushdb()
    async with init_rapyer(url):
        print_table("times to live, beside the same without", await _comparisons(client))
    await client.aclose()
