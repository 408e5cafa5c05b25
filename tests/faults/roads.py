"""The roads of the library to Redis, each of them one row of the table of faults."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from rapyer import AtomicRedisModel, OutcomeUnknownError
from rapyer_bulk import result_of
from rapyer_pipeline import transaction
from redis.asyncio import Redis

from tests.faults.models import Counted, Doc, Lived

#: What a caller knows of one document of an attempt after it.
Known: TypeAlias = Literal["done", "not done", "unknown"]
Document: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True)
class Road:
    """A way to write or to read documents.

    Attributes:
        name: What it is.
        model: Whose documents they are.
        do: Makes one attempt, by its number.
        effects: Says how often each of the things that it does was done to a document, which is
            None where there is none: all the same number, or it was half done.
        documents: How many each attempt has.
        creates: Whether they are not there before.
        is_one_step: Whether all documents of an attempt are written, or none.
        expected: For a road that reads, what it gives.
        needs_index: Whether it asks an index, which is made where there is none.
        takes_no_memory: Whether a full server carries it out.
        postpones: Whether it reads, and sets the expiry of what it reads.
        is_sent_at_once: Whether its commands travel together, so that what is known is known of
            all of them.
    """

    name: str
    model: type[AtomicRedisModel]
    do: Callable[[int], Awaitable[object]]
    effects: Callable[[Document | None], Sequence[int]] = lambda _: ()
    documents: int = 1
    creates: bool = False
    is_one_step: bool = True
    expected: Callable[[int], object] | None = None
    needs_index: bool = False
    takes_no_memory: bool = False
    postpones: bool = False
    is_sent_at_once: bool = False

    def __repr__(self) -> str:
        return self.name

    @property
    def writes(self) -> bool:
        """Whether it changes documents."""
        return self.expected is None

    def ids(self, attempt: int) -> list[str]:
        """The primary keys of the documents of an attempt."""
        return [f"{attempt}-{number}" for number in range(self.documents)]

    def keys(self, attempt: int) -> list[str]:
        """Their keys."""
        return [f"{self.model.Config.prefix}:{one}" for one in self.ids(attempt)]

    def instances(self, attempt: int, **values: Any) -> list[Any]:
        """Instances of them, as they are before the attempt."""
        if self.model is Counted:
            values["revision"] = 0 if self.creates else 1
        return [self.model(id=one, attempt=attempt, **values) for one in self.ids(attempt)]

    async def prepare(self, redis: Redis, attempts: Sequence[int]) -> None:
        """Store the documents of attempts as they are before."""
        if self.creates:
            return
        async with redis.pipeline(transaction=False) as pipe:
            for attempt in attempts:
                for instance in self.instances(attempt):
                    key = f"{self.model.Config.prefix}:{instance.id}"
                    pipe.execute_command("JSON.SET", key, "$", instance.model_dump_json())
                    if self.model is Lived:
                        pipe.pexpire(key, 1000_000)
            await pipe.execute()

    async def stored(self, redis: Redis, attempt: int) -> list[Document | None]:
        """Read the documents of an attempt, with the milliseconds that they live yet as `ttl`."""
        found: list[Document | None] = []
        for key in self.keys(attempt):
            text = await redis.execute_command("JSON.GET", key)
            found.append(
                None if text is None else {**json.loads(text), "ttl": await redis.pttl(key)}
            )
        return found

    def known(self, attempt: int, error: BaseException | None, result: object) -> list[Known]:
        """Say what the caller knows of each document of an attempt that gave this."""
        if self.writes and self.name.startswith("bulk"):
            told = result if error is None else result_of(error)
            return [_of_key(told, key) for key in self.keys(attempt)]
        if error is None:
            return ["done"] * self.documents
        is_unknown = isinstance(error, OutcomeUnknownError) or not isinstance(error, Exception)
        return ["unknown" if is_unknown else "not done"] * self.documents


def _of_key(result: Any, key: str) -> Known:
    entry = None if result is None else next((one for one in result if one.key == key), None)
    if entry is None or entry.outcome in ("failed", "unwritten"):
        return "not done"
    return "unknown" if entry.outcome == "unknown" else "done"


# -- what shows in a document ---------------------------------------------------------------------


def _is_there(document: Document | None) -> Sequence[int]:
    return (0,) if document is None else (1, document["count"])


def _is_gone(document: Document | None) -> Sequence[int]:
    return (int(document is None),)


def _tags(document: Document | None) -> Sequence[int]:
    assert document is not None
    return (len(document["tags"]),)


def _count(document: Document | None) -> Sequence[int]:
    assert document is not None
    return (document["count"],)


def _count_and_name(document: Document | None) -> Sequence[int]:
    assert document is not None
    both = [document["count"], len(document["name"])]
    if "revision" in document:
        both.append(document["revision"] - 1)
    return both


def _count_and_tags(document: Document | None) -> Sequence[int]:
    assert document is not None
    return (document["count"], len(document["tags"]))


def _mark(document: Document | None) -> Sequence[int]:
    assert document is not None
    return (document["marks"].get("a", 0),)


def _is_there_and_ends(document: Document | None) -> Sequence[int]:
    return (0,) if document is None else (document["count"], int(document["ttl"] > 3500_000))


def _count_and_ends(document: Document | None) -> Sequence[int]:
    assert document is not None
    assert document["ttl"] > 0, "it has no end any more"
    return (document["count"], int(document["ttl"] > 3500_000))


def _lives_longer(document: Document | None) -> Sequence[int]:
    assert document is not None
    assert document["ttl"] > 0, "it has no end any more"
    return (int(document["ttl"] > 3500_000),)


# -- what is done ---------------------------------------------------------------------------------


async def _save_over(attempt: int) -> None:
    one = await Counted.get(f"{attempt}-0")
    one.count, one.name = 1, "x"
    await one.save()


async def _update_instance(attempt: int) -> None:
    (one,) = UPDATE.instances(attempt)
    before = one.model_dump()
    try:
        await one.aupdate(count=1, name="x")
    except Exception:
        assert one.model_dump() == before, "a failed update has changed the instance"
        raise


async def _save_changes(attempt: int) -> None:
    one = await Counted.get(f"{attempt}-0")
    one.count, one.name = 1, "x"
    await one.save_changes()


async def _increase_value(attempt: int) -> None:
    (one,) = INCREASE_VALUE.instances(attempt)
    try:
        await one.count.aincrease(1)
    except Exception:
        assert one.count == 0, "a failed increase has changed the instance"
        raise
    assert one.count == 1


async def _append_value(attempt: int) -> None:
    (one,) = APPEND_VALUE.instances(attempt)
    try:
        await one.tags.aappend("x")
    except Exception:
        assert one.tags == [], "a failed append has changed the instance"
        raise
    assert one.tags == ["x"]


async def _set_entry(attempt: int) -> None:
    (one,) = SET_ENTRY.instances(attempt)
    try:
        await one.marks.aset_item("a", 1)
    except Exception:
        assert one.marks == {}, "a failed write has changed the instance"
        raise
    assert one.marks == {"a": 1}


async def _pipeline(attempt: int) -> None:
    (one,) = PIPELINE.instances(attempt)
    before = one.model_dump()
    try:
        async with one.pipeline() as p:
            p.count += 1
            p.name += "x"
    except Exception:
        assert one.model_dump() == before, "a failed program has changed the instance"
        raise
    assert (one.count, one.name) == (1, "x")


async def _pipeline_by_key(attempt: int) -> None:
    async with Lived.pipeline_for(f"{attempt}-0") as p:
        p.count += 1


async def _transaction(attempt: int) -> None:
    async with transaction(*TRANSACTION.instances(attempt)) as documents:
        for p in documents:
            p.count += 1
            p.tags.append("x")


async def _lock(attempt: int) -> None:
    async with Doc.lock_by_key(f"{attempt}-0") as fresh:
        fresh.count += 1
        fresh.tags.append("x")


def _bulk_insert(attempt: int) -> Awaitable[object]:
    instances = BULK_INSERT.instances(attempt, count=1)
    return Doc.bulk_insert(instances, chunk_size=2)


def _bulk_insert_at_once(attempt: int) -> Awaitable[object]:
    return Lived.bulk_insert(BULK_INSERT_AT_ONCE.instances(attempt, count=1), transaction=True)


def _bulk_update(attempt: int) -> Awaitable[object]:
    return Counted.bulk_update(BULK_UPDATE.keys(attempt), count=1, name="x", chunk_size=2)


def _bulk_delete(attempt: int) -> Awaitable[object]:
    return Doc.bulk_delete(BULK_DELETE.keys(attempt), chunk_size=2)


def _query_update(attempt: int) -> Awaitable[object]:
    return Counted.find(Counted.attempt == attempt).update(count=1, name="x")


def _query_delete(attempt: int) -> Awaitable[object]:
    return Doc.find(Doc.attempt == attempt).delete()


UPDATE = Road("aupdate", Counted, _update_instance, _count_and_name)
INCREASE_VALUE = Road("a RedisInt's aincrease", Doc, _increase_value, _count, takes_no_memory=True)
APPEND_VALUE = Road("a RedisList's aappend", Doc, _append_value, _tags)
SET_ENTRY = Road("a RedisDict's aset_item", Doc, _set_entry, _mark)
PIPELINE = Road("pipeline", Counted, _pipeline, _count_and_name)
TRANSACTION = Road("transaction", Doc, _transaction, _count_and_tags, documents=3)
BULK_INSERT = Road(
    "bulk_insert", Doc, _bulk_insert, _is_there, documents=7, creates=True, is_one_step=False
)
BULK_INSERT_AT_ONCE = Road(
    "bulk_insert in one transaction", Lived, _bulk_insert_at_once, _is_there_and_ends,
    documents=3, creates=True,
)  # fmt: skip
BULK_UPDATE = Road(
    "bulk_update", Counted, _bulk_update, _count_and_name, documents=7, is_one_step=False
)
BULK_DELETE = Road(
    "bulk_delete", Doc, _bulk_delete, _is_gone, documents=7, is_one_step=False, takes_no_memory=True
)

WRITES = [
    Road("save of a new one", Doc, lambda n: Doc(id=f"{n}-0", attempt=n, count=1).save(),
         _is_there, creates=True),
    Road("save over what was read", Counted, _save_over, _count_and_name),
    Road("save with an expiry", Lived, lambda n: Lived(id=f"{n}-0", attempt=n, count=1).save(),
         _is_there_and_ends, creates=True),
    Road("get_or_create", Doc,
         lambda n: Doc.get_or_create(Doc(id=f"{n}-0", attempt=n, count=1)),
         _is_there, creates=True, is_sent_at_once=True),
    Road("delete_by_key", Doc, lambda n: Doc.delete_by_key(f"{n}-0"), _is_gone,
         takes_no_memory=True),
    UPDATE,
    Road("aupdate_by_key", Lived, lambda n: Lived.aupdate_by_key(f"{n}-0", count=1),
         _count_and_ends),
    Road("save_changes", Counted, _save_changes, _count_and_name),
    Road("set by path", Doc, lambda n: Doc.count.set(f"{n}-0", 1), _count),
    Road("increase by path", Doc, lambda n: Doc.count.increase(f"{n}-0", 1), _count,
         takes_no_memory=True),
    Road("increase by path with an expiry", Lived, lambda n: Lived.count.increase(f"{n}-0", 1),
         _count_and_ends, takes_no_memory=True),
    Road("append by path", Doc, lambda n: Doc.tags.append(f"{n}-0", "x"), _tags),
    Road("set_item by path", Doc, lambda n: Doc.marks.set_item(f"{n}-0", "a", 1), _mark),
    INCREASE_VALUE,
    APPEND_VALUE,
    SET_ENTRY,
    PIPELINE,
    Road("pipeline_for with an expiry", Lived, _pipeline_by_key, _count_and_ends),
    TRANSACTION,
    Road("lock", Doc, _lock, _count_and_tags),
    BULK_INSERT,
    BULK_INSERT_AT_ONCE,
    BULK_UPDATE,
    BULK_DELETE,
    Road("update by query", Counted, _query_update, _count_and_name, documents=3,
         needs_index=True),
    Road("delete by query", Doc, _query_delete, _is_gone, documents=3, needs_index=True,
         takes_no_memory=True),
    Road("set_ttl", Lived, lambda n: Lived.set_ttl_by_key(f"{n}-0", 3600), _lives_longer,
         takes_no_memory=True),
    Road("postpone_ttl", Lived, lambda n: Lived.postpone_ttl_by_key(f"{n}-0"), _lives_longer,
         takes_no_memory=True),
]  # fmt: skip


async def _ids(found: Awaitable[Sequence[Any]]) -> list[str]:
    return sorted(one.id for one in await found)


def _one_id(attempt: int) -> list[str]:
    return [f"{attempt}-0"]


def _three_ids(attempt: int) -> list[str]:
    return [f"{attempt}-{number}" for number in range(3)]


async def _get(attempt: int) -> list[str]:
    return [(await Doc.get(f"{attempt}-0")).id]


async def _load(attempt: int) -> list[str]:
    return [(await LOAD.instances(attempt)[0].load()).id]


async def _get_and_postpone(attempt: int) -> list[str]:
    return [(await Lived.get(f"{attempt}-0")).id]


async def _scroll(attempt: int) -> list[str]:
    return sorted([one.id async for one in Lived.find(Lived.attempt == attempt)])


def _three_keys(attempt: int) -> list[str]:
    return [f"faults:doc:{one}" for one in _three_ids(attempt)]


LOAD = Road("load", Counted, _load, expected=_one_id)
READS = [
    Road("get", Doc, _get, expected=_one_id),
    LOAD,
    Road("get that postpones", Lived, _get_and_postpone, expected=_one_id, postpones=True),
    Road("exists", Doc, lambda n: Doc.exists(f"{n}-0"), expected=lambda _: True),
    Road("get by path", Doc, lambda n: Doc.attempt.get(f"{n}-0"), expected=lambda n: n),
    Road("extract", Doc, lambda n: Doc.extract(f"{n}-0", Doc.attempt, Doc.name),
         expected=lambda n: (n, "")),
    Road("bulk_get", Doc, lambda n: _ids(Doc.bulk_get(_three_keys(n))), expected=_three_ids,
         documents=3),
    Road("find", Doc, lambda n: _ids(Doc.find(Doc.attempt == n).to_list()), expected=_three_ids,
         documents=3, needs_index=True),
    Road("find that postpones", Lived, _scroll, expected=_three_ids, documents=3,
         needs_index=True, postpones=True),
    Road("count", Counted, lambda n: Counted.find(Counted.attempt == n).count(),
         expected=lambda _: 3, documents=3, needs_index=True),
]  # fmt: skip
ROADS = [*WRITES, *READS]
