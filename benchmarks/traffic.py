"""The traffic layer: stored forms on their way, coalesced reads, access policies."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import redis.asyncio as redis
from pydantic import BaseModel
from rapyer import AtomicRedisModel, Key, init_rapyer
from rapyer.plugin import AccessPolicy, hookimpl
from rapyer.testing import use_plugins

from benchmarks.core import Address, PlainAddress, User
from benchmarks.rounds import AsyncWork, Comparison, compare, print_table
from benchmarks.values import VALUES

EXPIRE = AccessPolicy(
    name="expire",
    apply="redis.call('PEXPIRE', key, arg[1])",
    arity=1,
    arguments=lambda: (60_000,),
)


class Expiring:
    """A plugin that lets all documents expire."""

    RAPYER_API_VERSION = 1

    @hookimpl
    def rapyer_access_policy(self) -> AccessPolicy:
        return EXPIRE


with use_plugins(Expiring()):
    from rapyer import AtomicRedisModel as PolicedModel

    class PolicedUser(PolicedModel):
        name: str
        age: int
        score: float
        active: bool
        tags: list[str]
        counts: dict[str, int]
        address: Address

    class PolicedNumbered(PolicedModel):
        id: Key[int]
        name: str
        age: int


class PlainWhen(BaseModel):
    name: str
    tags: list[str]
    address: PlainAddress
    value: datetime


class When(AtomicRedisModel):
    name: str
    tags: list[str]
    address: Address
    value: datetime


class PlainRaw(BaseModel):
    name: str
    tags: list[str]
    address: PlainAddress
    value: bytes


class Raw(AtomicRedisModel):
    name: str
    tags: list[str]
    address: Address
    value: bytes


class PlainAmount(BaseModel):
    name: str
    tags: list[str]
    address: PlainAddress
    value: Decimal


class Amount(AtomicRedisModel):
    name: str
    tags: list[str]
    address: Address
    value: Decimal


class Numbered(AtomicRedisModel):
    id: Key[int]
    name: str
    age: int


class PlainNumbered(BaseModel):
    id: int
    name: str
    age: int


async def run(url: str) -> None:
    """Print the tables of the traffic layer."""
    pool = redis.BlockingConnectionPool.from_url(url, timeout=None)  # pyright: ignore[reportUnknownMemberType]
    client: Any = redis.Redis.from_pool(pool)
    async with client, init_rapyer(url):
        print_table(
            "documents with one value of another type, beside redis-py + pydantic",
            [row for kind in _KINDS for row in await _stored_forms(client, *kind)],
        )
        print_table("200 reads in one turn", await _gathered(client))
        print_table("with one access policy, beside the same without", await _policies())
        numbered = (f"{kind}:{n}" for kind in ("numbered", "policed_numbered") for n in range(200))
        written = ("plain", "when", "raw", "amount", "user", "policed_user")
        await client.delete(*numbered, *(f"{prefix}:1" for prefix in written))


_KINDS: tuple[tuple[str, type[BaseModel], type[AtomicRedisModel], object], ...] = (
    ("datetime", PlainWhen, When, datetime(2026, 11, 23, 12, 30, tzinfo=UTC)),
    ("bytes", PlainRaw, Raw, b"sixteen bytes ok"),
    ("Decimal", PlainAmount, Amount, Decimal("19.90")),
)


async def _stored_forms(
    client: Any, name: str, plain_model: type[BaseModel], model: type[AtomicRedisModel], value: Any
) -> list[Comparison]:
    values = {key: VALUES[key] for key in ("name", "tags", "address")} | {"value": value}
    plain, own = plain_model(**values), model(**values)
    own.pk = "1"

    async def raw_save() -> None:
        await client.execute_command("JSON.SET", "plain:1", "$", plain.model_dump_json())

    async def raw_get() -> None:
        plain_model.model_validate_json(await client.execute_command("JSON.GET", "plain:1"))

    async def get() -> None:
        await model.get("1")

    return [
        await compare(f"save, one {name}", raw_save, own.save, bar=1.8, number=100, rounds=21),
        await compare(f"get, one {name}", raw_get, get, bar=1.8, number=100, rounds=21),
    ]


def _two_hundred(get: Callable[[int], Awaitable[object]]) -> AsyncWork:
    async def gathered() -> None:
        await asyncio.gather(*(get(number) for number in range(200)))

    return gathered


async def _gathered(client: Any) -> list[Comparison]:
    for number in range(200):
        await Numbered(id=number, name="x", age=number).save()

    async def raw(number: int) -> object:
        reply = await client.execute_command("JSON.GET", f"numbered:{number}")
        return PlainNumbered.model_validate_json(reply)

    return [
        await compare(
            "beside JSON.GETs over a pool that waits",
            _two_hundred(raw),
            _two_hundred(Numbered.get),
            bar=0.3,
            number=3,
            rounds=21,
        )
    ]


async def _policies() -> list[Comparison]:
    user, policed = User(**VALUES), PolicedUser(**VALUES)
    user.pk = policed.pk = "1"
    for number in range(200):
        await PolicedNumbered(id=number, name="x", age=number).save()
    await user.save()
    await policed.save()
    return [
        await compare("save", user.save, policed.save, bar=1.25, number=200, rounds=31),
        await compare(
            "get", lambda: User.get("1"), lambda: PolicedUser.get("1"), bar=1.25, number=200,
            rounds=31,
        ),
        await compare(
            "200 gathered gets", _two_hundred(Numbered.get), _two_hundred(PolicedNumbered.get),
            bar=1.5, number=5, rounds=31,
        ),
    ]  # fmt: skip
