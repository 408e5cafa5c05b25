"""Programs on the server, beside the commands of raw redis-py that do the same work."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

import redis.asyncio as redis
from rapyer import AtomicRedisModel, EmbeddedModel, Field, Key, init_rapyer

from benchmarks.rounds import Comparison, compare, compare_calls, print_table

ELEMENTS = 1000


class Item(EmbeddedModel):
    id: int
    name: str
    price: float
    qty: int
    expired: bool


class Player(AtomicRedisModel):
    id: Key[str]
    a: int = 0
    b: int = 0
    c: int = 0
    d: float = 0.0
    e: float = 0.0
    f: str = ""
    g: str = ""
    h: bool = False
    age: int = 20
    score: int = 0
    status: str = ""
    level: str = ""
    tags: list[str] = Field(default_factory=list)
    inventory: list[Item] = Field(default_factory=list)


def _item(number: int) -> Item:
    return Item(
        id=number, name=f"item {number}", price=number / 4, qty=number % 50,
        expired=number % 10 == 0,
    )  # fmt: skip


async def _ten_operations(client: Any) -> list[Comparison]:
    one = await Player(id="ten").save()
    key = str(one.key)
    numbers = count()

    async def raw() -> None:
        number = next(numbers)
        pipe = client.pipeline(transaction=True)
        for field, by in (("a", "1"), ("b", "2"), ("c", "3"), ("d", "0.5"), ("e", "1.5")):
            pipe.execute_command("JSON.NUMINCRBY", key, f"$.{field}", by)
        for field in ("f", "g"):
            pipe.execute_command("JSON.SET", key, f"$.{field}", f'"text {number}"')
        pipe.execute_command("JSON.SET", key, "$.h", "true" if number % 2 else "false")
        pipe.execute_command("JSON.SET", key, "$.age", str(number))
        pipe.execute_command("JSON.NUMINCRBY", key, "$.score", "10")
        await pipe.execute()

    def record(p: Any, number: int) -> None:
        p.a += 1
        p.b += 2
        p.c += 3
        p.d += 0.5
        p.e += 1.5
        p.f = f"text {number}"
        p.g = f"text {number}"
        p.h = bool(number % 2)
        p.age = number
        p.score += 10

    async def ours() -> None:
        async with Player.pipeline_for("ten") as p:
            record(p, next(numbers))

    async def of_instance() -> None:
        async with one.pipeline() as p:
            record(p, next(numbers))

    return [
        await compare("10 operations, by key / MULTI", raw, ours, bar=1.0, number=100, rounds=31),
        await compare(
            "10 operations, of an instance / MULTI", raw, of_instance, bar=1.0, number=100,
            rounds=31,
        ),
    ]  # fmt: skip


async def _decision(client: Any) -> Comparison:
    one = await Player(id="decision").save()
    key = str(one.key)
    numbers = count()
    writes = ("a", "b", "c")

    async def raw() -> None:
        token = str(next(numbers))
        lock = f"{key}:lock"
        while not await client.set(lock, token, nx=True, px=10_000):
            pass
        (age,) = json.loads(await client.execute_command("JSON.GET", key, "$.age"))
        pipe = client.pipeline(transaction=True)
        status = "adult" if age > 17 else "minor"
        pipe.execute_command("JSON.SET", key, "$.status", f'"{status}"')
        pipe.execute_command("JSON.SET", key, "$.level", '"premium"')
        for field in writes:
            pipe.execute_command("JSON.NUMINCRBY", key, f"$.{field}", "1")
        await pipe.execute()
        await client.eval(_UNLOCK, 1, lock, token)

    async def ours() -> None:
        async with Player.pipeline_for("decision") as p:
            with p.when(p.age > 17):
                p.status = "adult"
                p.level = "premium"
                p.a += 1
                p.b += 1
                p.c += 1
            with p.otherwise():
                p.status = "minor"

    return await compare(
        "a condition and 5 writes / lock, read, decide, write", raw, ours, bar=0.45, number=100,
        rounds=31,
    )  # fmt: skip


_UNLOCK = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""


def _in_python(client: Any, key: str, decide: Callable[[Any], Any]) -> Any:
    """Make the work of reading a list, deciding in Python, and writing it back."""

    async def work() -> None:
        async with client.pipeline(transaction=True) as pipe:
            await pipe.watch(key)
            (items,) = json.loads(await pipe.execute_command("JSON.GET", key, "$.inventory"))
            pipe.multi()
            pipe.execute_command("JSON.SET", key, "$.inventory", json.dumps(decide(items)))
            await pipe.execute()

    return work


def _doubled(items: list[Any], least: int) -> list[Any]:
    for item in items:
        if item["qty"] >= least:
            item["price"] *= 2
    return items


def _kept(items: list[Any]) -> list[Any]:
    return [item for item in items if not item["expired"]]


def _doubling(least: int) -> Any:
    async def work() -> None:
        async with Player.pipeline_for("loop") as p:
            for item in p.inventory:
                with p.when(item.qty >= least):
                    item.price *= 2

    return work


async def _removing() -> None:
    async with Player.pipeline_for("loop") as p:
        for item in p.inventory:
            item.expired.if_true(lambda item=item: p.inventory.remove(item))


async def _loops(client: Any) -> list[Comparison]:
    one = Player(id="loop", inventory=[_item(number) for number in range(ELEMENTS)])
    key = str(one.key)

    async def reset() -> None:
        await one.save()

    works: tuple[tuple[str, Any, Any, float | None], ...] = (
        ("10 % changed", partial(_doubled, least=45), _doubling(45), 1.5),
        ("all changed", partial(_doubled, least=0), _doubling(0), None),
        ("10 % removed", _kept, _removing, 1.5),
    )
    return [
        await compare(
            f"loop over 1000, {name} / WATCH", _in_python(client, key, decide), ours, bar=bar,
            number=1, rounds=31, before=reset,
        )
        for name, decide, ours, bar in works
    ]  # fmt: skip


async def _appending() -> Comparison:
    await Player(id="short").save()
    await Player(id="long", tags=[f"tag {number}" for number in range(50_000)]).save()

    def append(key: str) -> Any:
        async def work() -> None:
            async with Player.pipeline_for(key) as p:
                p.tags.append("x")

        return work

    return await compare(
        "append to 50 000 elements / to none", append("short"), append("long"), bar=1.1,
        number=100, rounds=31,
    )  # fmt: skip


async def _recording() -> list[Comparison]:
    def nothing() -> None:
        pass

    def opened() -> Any:
        p = Player.pipeline_for("x", max_steps=10)
        return p.open_()

    p: Any = None

    def again() -> None:
        nonlocal p
        p = opened()

    again()
    statements: dict[str, Any] = {
        "p.age = 5": lambda: setattr(p, "age", 5),
        "p.age += 1": lambda: setattr(p, "age", p.age + 1),
        "p.tags.append('x')": lambda: p.tags.append("x"),
        "p.score = p.score * p.age + 1": lambda: setattr(p, "score", p.score * p.age + 1),
        "if_true with its action": lambda: (p.age > 17).if_true(lambda: p.status.set("adult")),
    }
    rows: list[Comparison] = []
    for name, statement in statements.items():
        again()
        rows.append(
            await compare_calls(f"recording {name}", nothing, statement, bar=None, number=500,
                                rounds=11)
        )  # fmt: skip
    return rows


async def run(url: str) -> None:
    """Run the suite."""
    client: Any = redis.Redis.from_url(url)  # pyright: ignore[reportUnknownMemberType]
    await client.flushdb()
    async with init_rapyer(url):
        rows = [*await _ten_operations(client), await _decision(client)]
        rows += [*await _loops(client), await _appending()]
        print_table("programs, beside raw redis-py", rows)
        print_table("recording, in us a statement", await _recording())
    await client.aclose()
