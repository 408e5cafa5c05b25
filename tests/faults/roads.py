"""The roads of the library to Redis, each of them one row of the table of faults."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any

from rapyer import AtomicRedisModel
from rapyer.base import channel_of
from rapyer_pipeline import transaction
from rapyer_query.index import ModelIndex

from tests.faults.models import Counted, Doc, Lived
from tests.faults.road import (
    Road,
    count,
    count_and_ends,
    count_and_name,
    count_and_tags,
    is_gone,
    is_there,
    is_there_and_ends,
    lives_longer,
    mark,
    tags,
)


async def _save_over(batch: str) -> None:
    one = await Counted.get(f"{batch}-0")
    one.count, one.name = 1, "x"
    await one.save()


async def _update_instance(batch: str) -> None:
    (one,) = UPDATE.instances(batch)
    before = one.model_dump()
    try:
        await one.aupdate(count=1, name="x")
    except Exception:
        assert one.model_dump() == before, "a failed update has changed the instance"
        raise


async def _save_changes(batch: str) -> None:
    one = await Counted.get(f"{batch}-0")
    one.count, one.name = 1, "x"
    await one.save_changes()


async def _increase_value(batch: str) -> None:
    (one,) = INCREASE_VALUE.instances(batch)
    try:
        await one.count.aincrease(1)
    except Exception:
        assert one.count == 0, "a failed increase has changed the instance"
        raise
    assert one.count == 1


async def _append_value(batch: str) -> None:
    (one,) = APPEND_VALUE.instances(batch)
    try:
        await one.tags.aappend("x")
    except Exception:
        assert one.tags == [], "a failed append has changed the instance"
        raise
    assert one.tags == ["x"]


async def _set_entry(batch: str) -> None:
    (one,) = SET_ENTRY.instances(batch)
    try:
        await one.marks.aset_item("a", 1)
    except Exception:
        assert one.marks == {}, "a failed write has changed the instance"
        raise
    assert one.marks == {"a": 1}


async def _pipeline(batch: str) -> None:
    (one,) = PIPELINE.instances(batch)
    before = one.model_dump()
    try:
        async with one.pipeline() as p:
            p.count += 1
            p.name += "x"
    except Exception:
        assert one.model_dump() == before, "a failed program has changed the instance"
        raise
    assert (one.count, one.name) == (1, "x")


async def _pipeline_by_key(batch: str) -> None:
    async with Lived.pipeline_for(f"{batch}-0") as p:
        p.count += 1


async def _transaction(batch: str) -> None:
    async with transaction(*TRANSACTION.instances(batch)) as documents:
        for p in documents:
            p.count += 1
            p.tags.append("x")


async def _lock(batch: str) -> None:
    async with Doc.lock_by_key(f"{batch}-0") as fresh:
        fresh.count += 1
        fresh.tags.append("x")


def _bulk_insert(batch: str) -> Awaitable[object]:
    instances = BULK_INSERT.instances(batch, count=1)
    return Doc.bulk_insert(instances, chunk_size=2)


def _bulk_insert_at_once(batch: str) -> Awaitable[object]:
    return Lived.bulk_insert(BULK_INSERT_AT_ONCE.instances(batch, count=1), transaction=True)


def _bulk_update(batch: str) -> Awaitable[object]:
    return Counted.bulk_update(BULK_UPDATE.keys(batch), count=1, name="x", chunk_size=2)


def _bulk_delete(batch: str) -> Awaitable[object]:
    return Doc.bulk_delete(BULK_DELETE.keys(batch), chunk_size=2)


def _query_update(batch: str) -> Awaitable[object]:
    return Counted.find(Counted.batch == batch).update(count=1, name="x")


def _query_delete(batch: str) -> Awaitable[object]:
    return Doc.find(Doc.batch == batch).delete()


def _query_delete_by_looking(batch: str) -> Awaitable[object]:
    return Doc.find(Doc.batch == batch, Doc.note == "").delete()


def _delete_and_look(batch: str) -> Awaitable[object]:
    _make_look_due(Doc)
    return _query_delete(batch)


async def _find_and_look(batch: str) -> list[str]:
    _make_look_due(Doc)
    return await _ids(Doc.find(Doc.batch == batch).to_list())


def _make_look_due(model: type[AtomicRedisModel]) -> None:
    """Let the next query ask what its index did not take, as one does once a second."""
    ModelIndex.of(model).life._state(channel_of(model)).looked = 0.0


UPDATE = Road("aupdate", Counted, _update_instance, count_and_name)
INCREASE_VALUE = Road("a RedisInt's aincrease", Doc, _increase_value, count, takes_no_memory=True)
APPEND_VALUE = Road("a RedisList's aappend", Doc, _append_value, tags)
SET_ENTRY = Road("a RedisDict's aset_item", Doc, _set_entry, mark)
PIPELINE = Road("pipeline", Counted, _pipeline, count_and_name)
TRANSACTION = Road("transaction", Doc, _transaction, count_and_tags, documents=3)
BULK_INSERT = Road(
    "bulk_insert", Doc, _bulk_insert, is_there, documents=7, creates=True, is_one_step=False
)
BULK_INSERT_AT_ONCE = Road(
    "bulk_insert in one transaction", Lived, _bulk_insert_at_once, is_there_and_ends,
    documents=3, creates=True,
)  # fmt: skip
BULK_UPDATE = Road(
    "bulk_update", Counted, _bulk_update, count_and_name, documents=7, is_one_step=False
)
BULK_DELETE = Road(
    "bulk_delete", Doc, _bulk_delete, is_gone, documents=7, is_one_step=False, takes_no_memory=True
)

WRITES = [
    Road("save of a new one", Doc, lambda n: Doc(id=f"{n}-0", batch=n, count=1).save(),
         is_there, creates=True),
    Road("save over what was read", Counted, _save_over, count_and_name,
         begins_without_writing=True),
    Road("save with an expiry", Lived, lambda n: Lived(id=f"{n}-0", batch=n, count=1).save(),
         is_there_and_ends, creates=True),
    Road("get_or_create", Doc,
         lambda n: Doc.get_or_create(Doc(id=f"{n}-0", batch=n, count=1)),
         is_there, creates=True, is_sent_at_once=True),
    Road("delete_by_key", Doc, lambda n: Doc.delete_by_key(f"{n}-0"), is_gone,
         takes_no_memory=True),
    UPDATE,
    Road("aupdate_by_key", Lived, lambda n: Lived.aupdate_by_key(f"{n}-0", count=1),
         count_and_ends),
    Road("save_changes", Counted, _save_changes, count_and_name,
         begins_without_writing=True),
    Road("set by path", Doc, lambda n: Doc.count.set(f"{n}-0", 1), count),
    Road("increase by path", Doc, lambda n: Doc.count.increase(f"{n}-0", 1), count,
         takes_no_memory=True),
    Road("increase by path with an expiry", Lived, lambda n: Lived.count.increase(f"{n}-0", 1),
         count_and_ends, takes_no_memory=True),
    Road("append by path", Doc, lambda n: Doc.tags.append(f"{n}-0", "x"), tags),
    Road("set_item by path", Doc, lambda n: Doc.marks.set_item(f"{n}-0", "a", 1), mark),
    INCREASE_VALUE,
    APPEND_VALUE,
    SET_ENTRY,
    PIPELINE,
    Road("pipeline_for with an expiry", Lived, _pipeline_by_key, count_and_ends),
    TRANSACTION,
    Road("lock", Doc, _lock, count_and_tags,
         begins_without_writing=True),
    BULK_INSERT,
    BULK_INSERT_AT_ONCE,
    BULK_UPDATE,
    BULK_DELETE,
    Road("update by query", Counted, _query_update, count_and_name, documents=3,
         needs_index=True),
    Road("delete by query", Doc, _query_delete, is_gone, documents=3, needs_index=True,
         takes_no_memory=True),
    Road("delete by query that looks at its index", Doc, _delete_and_look, is_gone, documents=3,
         needs_index=True, takes_no_memory=True),
    Road("set_ttl", Lived, lambda n: Lived.set_ttl_by_key(f"{n}-0", 3600), lives_longer,
         takes_no_memory=True),
    Road("postpone_ttl", Lived, lambda n: Lived.postpone_ttl_by_key(f"{n}-0"), lives_longer,
         takes_no_memory=True),
]  # fmt: skip


async def _ids(found: Awaitable[Sequence[Any]]) -> list[str]:
    return sorted(one.id for one in await found)


def _one_id(batch: str) -> list[str]:
    return [f"{batch}-0"]


def _three_ids(batch: str) -> list[str]:
    return [f"{batch}-{number}" for number in range(3)]


async def _get(batch: str) -> list[str]:
    return [(await Doc.get(f"{batch}-0")).id]


async def _load(batch: str) -> list[str]:
    return [(await LOAD.instances(batch)[0].load()).id]


async def _get_and_postpone(batch: str) -> list[str]:
    return [(await Lived.get(f"{batch}-0")).id]


async def _scroll(batch: str) -> list[str]:
    return sorted([one.id async for one in Lived.find(Lived.batch == batch)])


def _three_keys(batch: str) -> list[str]:
    return [f"faults:doc:{one}" for one in _three_ids(batch)]


LOAD = Road("load", Counted, _load, expected=_one_id)
READS = [
    Road("get", Doc, _get, expected=_one_id),
    LOAD,
    Road("get that postpones", Lived, _get_and_postpone, expected=_one_id, postpones=True),
    Road("exists", Doc, lambda n: Doc.exists(f"{n}-0"), expected=lambda _: True),
    Road("get by path", Doc, lambda n: Doc.batch.get(f"{n}-0"), expected=lambda n: n),
    Road("extract", Doc, lambda n: Doc.extract(f"{n}-0", Doc.batch, Doc.name),
         expected=lambda n: (n, "")),
    Road("bulk_get", Doc, lambda n: _ids(Doc.bulk_get(_three_keys(n))), expected=_three_ids,
         documents=3),
    Road("find", Doc, lambda n: _ids(Doc.find(Doc.batch == n).to_list()), expected=_three_ids,
         documents=3, needs_index=True),
    Road("find that looks at its index", Doc, _find_and_look, expected=_three_ids, documents=3,
         needs_index=True),
    Road("find that postpones", Lived, _scroll, expected=_three_ids, documents=3,
         needs_index=True, postpones=True),
    Road("count", Counted, lambda n: Counted.find(Counted.batch == n).count(),
         expected=lambda _: 3, documents=3, needs_index=True),
]  # fmt: skip
ROADS = [*WRITES, *READS]
#: Those of queries for many documents, of which not all are changed in one step.
IN_CHUNKS = [
    Road("update by query in chunks", Counted, _query_update, count_and_name, documents=3,
         is_one_step=False, needs_index=True),
    Road("delete of what was looked at", Doc, _query_delete_by_looking, is_gone, documents=3,
         is_one_step=False, needs_index=True),
]  # fmt: skip
