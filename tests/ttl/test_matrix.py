"""Every public operation, with every policy: the time that is left then is what docs/ttl.md says.

The operations are found by reflection, so that a new one cannot be forgotten.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import rapyer
from pydantic import BaseModel
from rapyer import (
    AtomicRedisModel,
    Field,
    Key,
    KeyNotFoundError,
    Mapped,
    RedisBytes,
    RedisDateTime,
    RedisDict,
    RedisFloat,
    RedisInt,
    RedisList,
    RedisStr,
)
from rapyer.paths import DictPath, FieldPath, ListPath
from rapyer.redis_types import __all__ as REDIS_TYPES
from rapyer_query import count, max_, to_list
from rapyer_query.groups import Aggregation
from rapyer_query.query import Query

TEXT = (Path(__file__).parents[2] / "docs/ttl.md").read_text()
HOUR = 3600_000
NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


class Base(AtomicRedisModel):
    id: Key[str]
    name: Mapped[str] = Field(default="x")
    score: RedisInt = Field(default=0)
    share: RedisFloat = Field(default=0.0)
    log: RedisStr = Field(default="")
    blob: RedisBytes = Field(default=b"")
    at: RedisDateTime = Field(default=NOON)
    tags: RedisList[str] = Field(default_factory=lambda: ["a", "b"])
    counts: RedisDict[int] = Field(default_factory=lambda: {"a": 1, "b": 2})

    class Config:
        abstract = True
        ttl = 3600
        track_changes = True


class Fixed(Base):
    class Config(Base.Config):
        abstract = False
        prefix = "ttl-matrix:fixed"


class OnWrite(Base):
    class Config(Base.Config):
        abstract = False
        prefix = "ttl-matrix:write"
        ttl_postpone_on_write = True


class OnAccess(Base):
    class Config(Base.Config):
        abstract = False
        prefix = "ttl-matrix:access"
        ttl_postpone_on_access = True


class Both(Base):
    class Config(Base.Config):
        abstract = False
        prefix = "ttl-matrix:both"
        ttl_postpone_on_access = True
        ttl_postpone_on_write = True


class Seldom(Base):
    class Config(Base.Config):
        abstract = False
        prefix = "ttl-matrix:seldom"
        ttl_postpone_on_access = True
        ttl_refresh_interval = "40m"


class Graceful(Base):
    class Config(Base.Config):
        abstract = False
        prefix = "ttl-matrix:graceful"
        ttl_postpone_on_access = True
        ttl_grace_period = "1h"


MODELS: list[Any] = [Fixed, OnWrite, OnAccess, Both, Seldom, Graceful]

#: What the table of the page calls the operations of the methods.
KINDS = {
    "a write of the whole document": "whole",
    "a write": "write",
    "a read": "read",
    "a read, or the creation of a document": "create",
    "a look": "look",
    "its end": "end",
    "about the expiry itself": "expiry",
}
#: Public names of models and of queries that send nothing by themselves.
WITHOUT_TRAFFIC = {
    "changes", "key", "key_of", "path", "pk", "rollback", "index", "find",
    "Query.limit", "Query.of", "Query.on_corrupt", "Query.project", "Query.scan", "Query.skip",
    "Query.sort", "Query.timeout", "Query.values", "Query.where", "Query.group_by", "Query.search",
    "Query.nearest", "Query.within_distance", "Query.with_scores",
    "Aggregation.having", "Aggregation.limit", "Aggregation.project", "Aggregation.skip",
    "Aggregation.sort",
}  # fmt: skip


def of_the_page() -> dict[str, str]:
    """The kind of each operation: `get` of a model, `path.get`, `type.aset`, `Query.first`."""
    table: dict[str, str] = {}
    section = TEXT[TEXT.index("## What postpones") : TEXT.index("## The expiry itself")]
    for row in re.findall(r"^\| (.*?) \| (.*?) \|", section, re.MULTILINE):
        if row[1] not in KINDS:
            continue
        prefix = ""
        for part in re.split(r"[,;] ", row[0]):
            if "paths by key" in part:
                prefix = "path."
            elif "Redis types" in part:
                prefix = "type."
            (name,) = re.findall(r"`([\w.]+)`", part)
            table[prefix + name] = KINDS[row[1]]
    return table


TABLE = of_the_page()


def by_reflection() -> set[str]:
    def coroutines(kind: Any) -> set[str]:
        public = (name for name in dir(kind) if not name.startswith("_"))
        return {name for name in public if inspect.iscoroutinefunction(getattr(kind, name))}

    found = {
        name for name in dir(AtomicRedisModel)
        if not name.startswith("_") and name not in dir(BaseModel)
    }  # fmt: skip
    for kind in (Query, Aggregation):
        found |= {f"{kind.__name__}.{name}" for name in dir(kind) if not name.startswith("_")}
    for kind in (FieldPath, ListPath, DictPath):
        found |= {f"path.{name}" for name in coroutines(kind)}
    for name in REDIS_TYPES:
        found |= {f"type.{name}" for name in coroutines(getattr(rapyer, name))}
    return found - WITHOUT_TRAFFIC


def test_the_table_of_the_page_names_every_operation():
    assert set(TABLE) == by_reflection()


async def with_changes(one: Any, call: Callable[[Any], Awaitable[Any]]) -> None:
    one.name = "changed"
    await call(one)


async def drained(stream: Any) -> list[Any]:
    return [one async for one in stream]


async def locked(lock: Any) -> None:
    async with lock as fresh:
        fresh.name = "changed"


async def recorded(pipeline: Any) -> None:
    async with pipeline as p:
        p.score += 1


#: How each is called; on a model, its stored instance and its key.
CALLS: dict[str, list[Callable[[Any, Any], Any]]] = {
    "save": [lambda m, one: one.save(), lambda m, one: one.save(only_if="present")],
    "get_or_create": [lambda m, one: m.get_or_create(m(id="1"))],
    "bulk_insert": [lambda m, one: m.bulk_insert([one])],
    "aupdate": [lambda m, one: one.aupdate(name="y")],
    "aupdate_by_key": [lambda m, one: m.aupdate_by_key("1", name="y")],
    "save_changes": [lambda m, one: with_changes(one, lambda it: it.save_changes())],
    "bulk_update": [
        lambda m, one: m.bulk_update(["1"], name="y"),
        lambda m, one: with_changes(one, lambda it: m.bulk_update([it])),
    ],
    "Query.update": [
        lambda m, one: m.find(m.id == "1").update(name="y"),
        lambda m, one: m.find(m.name.contains("")).update(name="y"),
    ],
    "lock": [lambda m, one: locked(one.lock())],
    "lock_by_key": [lambda m, one: locked(m.lock_by_key("1"))],
    "pipeline": [lambda m, one: recorded(one.pipeline())],
    "pipeline_for": [lambda m, one: recorded(m.pipeline_for("1"))],
    "path.set": [lambda m, one: m.name.set("1", "y"), lambda m, one: m.tags[0].set("1", "y")],
    "path.increase": [
        lambda m, one: m.score.increase("1", 1),
        lambda m, one: m.counts["a"].increase("1", 1),
    ],
    "path.append": [
        lambda m, one: m.name.append("1", "y"),
        lambda m, one: m.blob.append("1", b"y"),
        lambda m, one: m.tags.append("1", "y"),
    ],
    "path.shift": [lambda m, one: m.at.shift("1", timedelta(1))],
    "path.extend": [lambda m, one: m.tags.extend("1", ["y"])],
    "path.insert": [lambda m, one: m.tags.insert("1", 0, "y")],
    "path.pop": [lambda m, one: m.tags.pop("1"), lambda m, one: m.counts.pop("1", "a")],
    "path.popitem": [lambda m, one: m.counts.popitem("1")],
    "path.remove": [lambda m, one: m.tags.remove("1", "a")],
    "path.remove_range": [lambda m, one: m.tags.remove_range("1", 1)],
    "path.set_item": [
        lambda m, one: m.tags.set_item("1", 0, "y"),
        lambda m, one: m.counts.set_item("1", "z", 1),
    ],
    "path.del_item": [lambda m, one: m.counts.del_item("1", "a")],
    "path.update": [lambda m, one: m.counts.update("1", {"z": 1})],
    "path.clear": [lambda m, one: m.tags.clear("1"), lambda m, one: m.counts.clear("1")],
    "type.aset": [
        lambda m, one: one.score.aset(5),
        lambda m, one: one.tags.aset(["y"]),
        lambda m, one: one.counts.aset({}),
    ],
    "type.aincrease": [
        lambda m, one: one.score.aincrease(1), lambda m, one: one.share.aincrease(1),
    ],
    "type.aappend": [
        lambda m, one: one.log.aappend("y"),
        lambda m, one: one.blob.aappend(b"y"),
        lambda m, one: one.tags.aappend("y"),
    ],
    "type.ashift": [lambda m, one: one.at.ashift(timedelta(1))],
    "type.aextend": [lambda m, one: one.tags.aextend(["y"])],
    "type.ainsert": [lambda m, one: one.tags.ainsert(0, "y")],
    "type.apop": [lambda m, one: one.tags.apop(), lambda m, one: one.counts.apop("a")],
    "type.apopitem": [lambda m, one: one.counts.apopitem()],
    "type.aremove": [lambda m, one: one.tags.aremove("a")],
    "type.aremove_range": [lambda m, one: one.tags.aremove_range(1)],
    "type.aset_item": [
        lambda m, one: one.tags.aset_item(0, "y"), lambda m, one: one.counts.aset_item("z", 1),
    ],
    "type.adel_item": [lambda m, one: one.counts.adel_item("a")],
    "type.aupdate": [lambda m, one: one.counts.aupdate(z=1)],
    "type.aclear": [lambda m, one: one.tags.aclear(), lambda m, one: one.counts.aclear()],
    "get": [lambda m, one: m.get("1")],
    "load": [lambda m, one: one.load()],
    "extract": [lambda m, one: m.extract("1", m.name)],
    "extract_fields": [lambda m, one: m.extract_fields(["name", "tags[0]"], "1")],
    "extract_many": [lambda m, one: m.extract_many(["1"], m.name)],
    "bulk_get": [lambda m, one: m.bulk_get(["1"])],
    "bulk_stream": [lambda m, one: drained(m.bulk_stream(["1"]))],
    "find_one": [lambda m, one: m.find_one(m.id == "1")],
    "Query.to_list": [
        lambda m, one: m.find(m.id == "1").to_list(),
        lambda m, one: m.find(m.name.contains("")).to_list(),
        lambda m, one: m.find().sort(m.score).values(m.score, m.tags).to_list(),
        lambda m, one: m.find(m.id == "1").scan().to_list(),
        lambda m, one: drained(m.find(m.id == "1")),
    ],
    "Query.first": [lambda m, one: m.find(m.id == "1").first()],
    "Query.one": [lambda m, one: m.find(m.id == "1").one()],
    "path.get": [lambda m, one: m.name.get("1"), lambda m, one: m.tags[0].get("1")],
    "path.len": [lambda m, one: m.tags.len("1"), lambda m, one: m.counts.len("1")],
    "type.aload": [lambda m, one: one.score.aload(), lambda m, one: one.tags.aload()],
    "type.alen": [lambda m, one: one.tags.alen(), lambda m, one: one.counts.alen()],
    "exists": [lambda m, one: m.exists("1"), lambda m, one: one.exists()],
    "bulk_exists": [lambda m, one: m.bulk_exists(["1"])],
    "Query.count": [
        lambda m, one: m.find(m.id == "1").count(),
        lambda m, one: m.find(m.name.contains("")).count(),
    ],
    "Query.exists": [lambda m, one: m.find(m.id == "1").exists()],
    "Query.keys": [lambda m, one: m.find(m.id == "1").keys()],
    "Query.explain": [lambda m, one: m.find(m.id == "1").explain()],
    "Query.sum": [lambda m, one: m.find(m.id == "1").sum(m.score)],
    "Query.avg": [lambda m, one: m.find(m.name < "y").avg(m.score)],
    "Query.min": [lambda m, one: m.find(m.id == "1").min(m.score)],
    "Query.max": [lambda m, one: m.find(m.id == "1").max(m.score)],
    "Aggregation.to_list": [
        lambda m, one: m.find(m.id == "1").group_by(m.name).aggregate(count()).to_list(),
        lambda m, one: m.find(m.id == "1").group_by(m.name).aggregate(to_list(m.id)).to_list(),
    ],
    "Aggregation.first": [
        lambda m, one: m.find(m.id == "1").group_by(m.name).aggregate(max_(m.score)).first(),
    ],
    "Aggregation.explain": [
        lambda m, one: m.find(m.id == "1").group_by(m.name).aggregate(count()).explain(),
    ],
}  # fmt: skip


def test_every_operation_is_called():
    others = {name for name, kind in TABLE.items() if kind in ("end", "expiry")}
    assert set(CALLS) == set(TABLE) - others
    assert all(CALLS.values())


def after(model: Any, kind: str, left: int) -> int:
    """What is left after an operation, of what was left before; -1 for no end."""
    config = model.Config
    on_access = getattr(config, "ttl_postpone_on_access", False)
    on_write = getattr(config, "ttl_postpone_on_write", False)
    postpones = (
        on_access if kind in ("read", "create") else kind != "look" and (on_access or on_write)
    )
    full = HOUR + (HOUR if model is Graceful else 0)
    interval = 40 * 60_000 if model is Seldom else 0
    return full if left >= 0 and postpones and full - left >= interval else left


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
@pytest.mark.parametrize("name", CALLS)
async def test_the_time_that_is_left_is_what_the_page_says(server, redis, model, name):
    full = HOUR + (HOUR if model is Graceful else 0)
    for call in CALLS[name]:
        for left in (full - 30 * 60_000, full - 50 * 60_000, -1):
            one = await model(id="1").save()
            assert full - 1000 < await redis.pttl(one.key) <= full
            await (redis.persist(one.key) if left < 0 else redis.pexpire(one.key, left))
            await call(model, one)
            found = await redis.pttl(one.key)
            expected = after(model, TABLE[name], left)
            assert expected - 3000 < found <= expected, (left, inspect.getsource(call))
            await one.delete()


@pytest.mark.parametrize("name", CALLS)
async def test_in_its_grace_period_a_document_counts_as_missing(server, redis, name):
    kind = TABLE[name]
    for call in CALLS[name]:
        one = await Graceful(id="1").save()
        await redis.pexpire(one.key, HOUR - 1000)
        before = await redis.execute_command("JSON.GET", one.key)
        result: Any = None
        with suppress(KeyNotFoundError, LookupError):
            result = await call(Graceful, one)
        left = await redis.pttl(one.key)
        if kind in ("whole", "create") and result is not False:  # as save(only_if="present") gives
            assert 2 * HOUR - 1000 < left <= 2 * HOUR
            continue
        assert HOUR - 3000 < left <= HOUR - 1000
        assert await redis.execute_command("JSON.GET", one.key) == before
        assert not result or result == [None] or "missing=1" in repr(result) or kind == "look", (
            result
        )
        if kind == "look" and not name.endswith(".explain"):
            assert result in (False, 0, [], [False], None) or set(result.values()) == {False}
        await redis.delete(one.key)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
async def test_what_creates_a_document_gives_it_the_full_time(server, redis, model):
    full = HOUR + (HOUR if model is Graceful else 0)
    creations: list[Callable[[], Awaitable[Any]]] = [
        lambda: model(id="1").save(),
        lambda: model(id="1").save(only_if="absent"),
        lambda: model.get_or_create(model(id="1")),
        lambda: model.bulk_insert([model(id="1")]),
        lambda: model.bulk_insert([model(id="1")], mode="insert", transaction=True),
    ]
    for create in creations:
        await create()
        assert full - 1000 < await redis.pttl(model.key_of("1")) <= full
        _, created = await model.get_or_create(model(id="1"))
        assert not created
        await model.delete_by_key("1")
        assert not await redis.exists(model.key_of("1"))
        await create()
        await model.bulk_delete(["1"])
        await create()
        await model.find(model.id == "1").delete()
        assert not await redis.exists(model.key_of("1"))
