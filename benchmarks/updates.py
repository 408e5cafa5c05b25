"""Writing parts of documents, beside the raw command; what changed, beside the whole document."""

from __future__ import annotations

from itertools import cycle
from typing import Any

import redis.asyncio as redis
from rapyer import AtomicRedisModel, EmbeddedModel, Field, Version, init_rapyer

from benchmarks.core import User
from benchmarks.rounds import Comparison, compare, print_table
from benchmarks.values import VALUES


class VersionedUser(User):
    revision: Version = Field(default=0)


class Line(EmbeddedModel):
    name: str
    price: float
    quantity: int
    labels: list[str]


class Order(AtomicRedisModel):
    """A document of 50 KB, of many small parts."""

    title: str
    lines: list[Line]
    counts: dict[str, int]
    note: str = ""

    class Config:
        track_changes = True


class Page(AtomicRedisModel):
    """A document of 50 KB, most of it one text."""

    title: str
    text: str
    note: str = ""

    class Config:
        track_changes = True


def _order() -> Order:
    labels = ["new", "blue", "heavy"]
    lines = [
        Line(name=f"part {number}", price=number / 4, quantity=number, labels=labels)
        for number in range(650)
    ]
    return Order(title="many", lines=lines, counts={f"c{n}": n for n in range(500)})


def _page() -> Page:
    return Page(title="long", text="The quick brown fox jumps over the lazy dog.\n" * 1100)


async def run(url: str) -> None:
    """Print the table of partial updates."""
    client: Any = redis.Redis.from_url(url)  # pyright: ignore[reportUnknownMemberType]
    async with client, init_rapyer(url):
        rows = [*await _updates(client), *await _changes()]
    print_table("partial updates", rows)


async def _updates(client: Any) -> list[Comparison]:
    user, versioned = User(**VALUES), VersionedUser(**VALUES)
    await user.save()
    await versioned.save()
    await client.execute_command("JSON.SET", "raw:1", "$", user.model_dump_json())

    async def raw() -> None:
        await client.execute_command(
            "JSON.MSET", "raw:1", "$.name", '"Augusta"', "raw:1", "$.age", "37",
            "raw:1", "$.address.city", '"Ockham"',
        )  # fmt: skip

    async def update() -> None:
        await user.aupdate(name="Augusta", age=37, address__city="Ockham")

    async def update_versioned() -> None:
        await versioned.aupdate(name="Augusta", age=37, address__city="Ockham")

    async def update_by_key() -> None:
        await User.aupdate_by_key(user.key, name="Augusta", age=37, address__city="Ockham")

    async def raw_one() -> None:
        await client.execute_command("JSON.SET", "raw:1", "$.age", "37")

    async def update_one() -> None:
        await user.aupdate(age=37)

    timing: Any = {"number": 200, "rounds": 31}
    rows = [
        await compare("aupdate of 3 fields", raw, update, bar=1.3, **timing),
        await compare("with version", raw, update_versioned, bar=1.4, **timing),
        await compare("aupdate_by_key of 3 fields", raw, update_by_key, bar=1.3, **timing),
        await compare("aupdate of 1 field", raw_one, update_one, bar=1.3, **timing),
    ]
    await client.delete("raw:1", user.key, versioned.key)
    return rows


async def _changes() -> list[Comparison]:
    order, page = await _order().save(), await _page().save()
    names = cycle(["a", "b"])

    async def save_order() -> None:
        order.note = next(names)
        await order.save()

    async def change_order() -> None:
        order.note = next(names)
        await order.save_changes()

    async def change_line() -> None:
        order.lines[300].price += 1
        await order.save_changes()

    async def load_and_change() -> None:
        await order.load()
        order.title = next(names)
        await order.save_changes()

    async def load_and_save() -> None:
        await order.load()
        order.title = next(names)
        await order.save()

    async def save_page() -> None:
        page.note = next(names)
        await page.save()

    async def change_page() -> None:
        page.note = next(names)
        await page.save_changes()

    timing: Any = {"bar": 0.5, "number": 20, "rounds": 21}
    many, long = "save_changes, many parts", "save_changes, a long text"
    rows = [
        await compare(f"{many}: a field / save", save_order, change_order, **timing),
        await compare(f"{many}: one part / save", save_order, change_line, **timing),
        await compare(
            "load + save_changes / load + save", load_and_save, load_and_change,
            bar=None, number=20, rounds=21,
        ),
        await compare(f"{long}: a field / save", save_page, change_page, **timing),
    ]  # fmt: skip
    await order.delete()
    await page.delete()
    return rows
