"""The Redis types, beside the same model with plain annotations, and beside raw commands."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import redis.asyncio as redis
from rapyer import (
    AtomicRedisModel,
    Field,
    Key,
    Mapped,
    RedisBytes,
    RedisDateTime,
    RedisDict,
    RedisFloat,
    RedisInt,
    RedisList,
    RedisStr,
    init_rapyer,
)

from benchmarks.rounds import Comparison, compare, compare_calls, print_table

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
VALUES: dict[str, Any] = {
    "id": "1",
    "score": 36,
    "share": 12.5,
    "log": "made",
    "blob": b"abc",
    "at": NOON,
    "tags": ["mathematics", "engines", "poetry"],
    "counts": {"letters": 180, "notes": 7},
}


class Plain(AtomicRedisModel):
    """A document, with plain annotations."""

    id: Key[str]
    score: Mapped[int] = Field(default=0)
    share: Mapped[float] = Field(default=0.0)
    log: Mapped[str] = Field(default="")
    blob: Mapped[bytes] = Field(default=b"")
    at: Mapped[datetime]
    tags: Mapped[list[str]] = Field(default_factory=list)
    counts: Mapped[dict[str, int]] = Field(default_factory=dict)


class Typed(AtomicRedisModel):
    """The same with Redis types."""

    id: Key[str]
    score: RedisInt = Field(default=0)
    share: RedisFloat = Field(default=0.0)
    log: RedisStr = Field(default="")
    blob: RedisBytes = Field(default=b"")
    at: RedisDateTime
    tags: RedisList[str] = Field(default_factory=list)
    counts: RedisDict[int] = Field(default_factory=dict)


async def _models() -> list[Comparison]:
    plain, typed = Plain(**VALUES), Typed(**VALUES)
    ours, theirs = Typed.__rapyer_codec__, Plain.__rapyer_codec__
    document, _ = theirs.dump(plain)
    ours.load(document)
    rows = [
        await compare_calls(
            "construct", lambda: Plain(**VALUES), lambda: Typed(**VALUES), bar=1.05
        ),
        await compare_calls(
            "load", partial(theirs.load, document), partial(ours.load, document), bar=1.05
        ),
    ]
    used = Typed(**VALUES)
    assert used.tags is used.tags
    for name, one in (("", typed), (", after an access to list and dict", used)):
        rows += [
            await compare_calls(
                f"dump to JSON{name}", plain.model_dump_json, one.model_dump_json, bar=1.05
            ),
            await compare_calls(
                f"dump to be saved{name}",
                partial(theirs.dump, plain, checked=True),
                partial(ours.dump, one, checked=True),
                bar=1.05,
            ),
        ]
    reads = {"a plain field": "id", "an int": "score", "a list": "tags"}
    for name, field in reads.items():
        rows.append(
            await compare_calls(
                f"read {name}",
                partial(getattr, plain, field),
                partial(getattr, used, field),
                bar=None,
            )
        )
    return rows


async def _operations(client: Any) -> list[Comparison]:
    mine = await Typed(**VALUES).save()
    command = partial(client.execute_command)
    key = "typed:1"
    second = timedelta(seconds=1)

    def comparing(name: str, raw: Any, ours: Any) -> Any:
        return compare(name, raw, ours, bar=1.4, number=200, rounds=21)

    async def in_turn(*works: Any) -> None:
        for work in works:
            await work()

    async def reset() -> None:
        mine.log, mine.blob = "", b""
        await mine.save()

    push = partial(command, "JSON.ARRAPPEND", key, "$.tags", '"x"')
    take = partial(command, "JSON.ARRPOP", key, "$.tags", -1)
    return [
        await comparing(
            "aincrease",
            partial(command, "JSON.NUMINCRBY", key, "$.score", 1),
            lambda: mine.score.aincrease(1),
        ),
        await comparing(
            "aincrease of a float",
            partial(command, "JSON.NUMINCRBY", key, "$.share", 0.5),
            lambda: mine.share.aincrease(0.5),
        ),
        await comparing(
            "ashift",
            partial(command, "JSON.NUMINCRBY", key, "$.at.us", 1_000_000),
            lambda: mine.at.ashift(second),
        ),
        await compare(
            "aappend of a text",
            partial(command, "JSON.STRAPPEND", key, "$.log", '"x"'),
            lambda: mine.log.aappend("x"),
            bar=1.4,
            number=100,
            rounds=21,
            before=reset,
        ),
        await compare(
            "aappend of bytes",
            partial(command, "JSON.STRAPPEND", key, "$.blob", '"YWJj"'),
            lambda: mine.blob.aappend(b"abc"),
            bar=1.4,
            number=100,
            rounds=21,
            before=reset,
        ),
        await comparing(
            "aappend and apop",
            partial(in_turn, push, take),
            partial(in_turn, lambda: mine.tags.aappend("x"), mine.tags.apop),
        ),
        await comparing(
            "ainsert and aremove",
            partial(
                in_turn,
                partial(command, "JSON.ARRINSERT", key, "$.tags", 1, '"y"'),
                partial(command, "JSON.ARRPOP", key, "$.tags", 1),
            ),
            partial(in_turn, lambda: mine.tags.ainsert(1, "y"), lambda: mine.tags.aremove("y")),
        ),
        await comparing(
            "aset_item of a list",
            partial(command, "JSON.SET", key, "$.tags[1]", '"z"'),
            lambda: mine.tags.aset_item(1, "z"),
        ),
        await comparing("alen", partial(command, "JSON.ARRLEN", key, "$.tags"), mine.tags.alen),
        await comparing(
            "aset_item and apop of a dict",
            partial(
                in_turn,
                partial(command, "JSON.SET", key, "$.counts.x", 1),
                partial(command, "JSON.DEL", key, "$.counts.x"),
            ),
            partial(in_turn, lambda: mine.counts.aset_item("x", 1), lambda: mine.counts.apop("x")),
        ),
        await comparing(
            "aset", partial(command, "JSON.SET", key, "$.score", 5), lambda: mine.score.aset(5)
        ),
        await comparing("aload", partial(command, "JSON.GET", key, "$.score"), mine.score.aload),
    ]


async def run(url: str) -> None:
    """Run the suite."""
    client: Any = redis.Redis.from_url(url)  # pyright: ignore[reportUnknownMemberType]
    await client.flushdb()
    async with init_rapyer(url):
        print_table("Redis types beside plain annotations", await _models())
        print_table("operations of instances beside raw commands", await _operations(client))
    await client.aclose()
