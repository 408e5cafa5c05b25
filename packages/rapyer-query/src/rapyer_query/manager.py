"""`User.index`: the index of a model, for inspection and control."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, Final, Literal, TypeAlias

from rapyer.base import BaseRedisModel, channel_of, identity_of
from rapyer.progress import Progress, Reporter
from rapyer.traffic.channel import Argument, Channel
from redis.exceptions import ResponseError

from rapyer_query.differences import IndexDiff, difference
from rapyer_query.dropped import find_dropped
from rapyer_query.errors import IndexUnavailableError
from rapyer_query.facts import FieldDefinition, IndexFacts, facts_of, index_names, is_gone
from rapyer_query.index import ModelIndex
from rapyer_query.lifecycle import PAUSES, definitions
from rapyer_query.lifecycle_scripts import DROP, KNOWN, REBUILD, STATUS
from rapyer_query.names import new_name
from rapyer_query.reports import Report
from rapyer_query.shards import shards_of_model, wherever

State: TypeAlias = Literal["ready", "building", "missing"]

#: Milliseconds for which a half-built index is kept when nobody waits for it any more.
_PATIENCE: Final = 60_000
#: Seconds between two checks of the progress of a build.
_GLANCE: Final = 0.02


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """The state of the index of a model; on a cluster, of the indexes on all nodes together.

    Attributes:
        model: The name of the model.
        alias: The name that queries use.
        index: The name of the index behind the alias; None if there is no index.
        state: `"ready"`, `"building"` while it holds only a part of the documents, or `"missing"`.
        progress: How much of the keyspace has been scanned, from 0 to 1.
        documents: How many documents it holds.
        memory: How many bytes it takes; None if the server has lost count, as it does after many
            documents were deleted.
        fields: Its attributes; if it is missing, those that it would have.
        failures: How many writes of documents it has rejected since it was created. This never goes
            down: a document still counts after it has been fixed.
        known_failures: How many of these writes `status(scan=True)` has found to be fixed.
        last_failed_key: The key of the last rejected write; None if there was none.
        last_failure: Why that write was rejected.
        failed_keys: The keys of all documents that are not in the index; None if not asked for.
    """

    model: str
    alias: str
    index: str | None
    state: State
    progress: float
    documents: int
    memory: int | None
    fields: tuple[FieldDefinition, ...]
    failures: int
    known_failures: int
    last_failed_key: str | None
    last_failure: str | None
    failed_keys: tuple[str, ...] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return a form that JSON can represent."""
        return {**asdict(self), "fields": [field.to_dict() for field in self.fields]}


class IndexManager:
    """The index of a model: `User.index`.

    Args:
        model: The model.
    """

    __slots__ = ("_model",)

    def __init__(self, model: type[BaseRedisModel]) -> None:
        self._model = model

    def __repr__(self) -> str:
        return f"<the index of {self._model.__name__}>"

    @property
    def model(self) -> type[BaseRedisModel]:
        """The model."""
        return self._model

    @property
    def name(self) -> str:
        """The alias that queries of this version of the model use, for `FT.SEARCH` by hand.

        On a cluster each node has its own alias with a hash tag; `explain()` of a query shows the
        first.
        """
        return self._index.name

    @property
    def fields(self) -> tuple[FieldDefinition, ...]:
        """The attributes of the index."""
        return self._index.fields

    async def status(self, *, scan: bool = False) -> IndexStatus:
        """Tell the state of the index. One round trip; nothing is created.

        Args:
            scan: Whether to name all documents that are not in the index, by reading all keys of
                the database with `SCAN`: two or three round trips for every 1000 keys. If none is
                missing, the writes rejected so far are taken to be fixed, and queries no longer
                warn of them.

        Raises:
            UnsupportedServerError: The server has no Search.
            IndexUnavailableError: The documents are in a database other than 0.
        """

        async def ask() -> IndexStatus:
            parts = await self._parts()
            return _together([await self._status_of(*part, scan=scan) for part in parts])

        return await wherever(self._model, ask)

    async def _status_of(self, index: ModelIndex, channel: Channel, *, scan: bool) -> IndexStatus:
        told = await index.life.run(channel, STATUS)
        if not told:
            return _missing(index, await _under_way(index, channel))
        facts, known = IndexFacts.of_reply(told[0]), int(told[1])
        found = _status(index, facts, "building" if facts.is_building else "ready", known)
        if not scan or facts.is_building:
            return found
        try:
            keys = await find_dropped(channel, index.model, index.name)
        except ResponseError as exc:
            if is_gone(exc):  # it has been dropped meanwhile
                return _missing(index, None)
            raise
        if not keys:
            known = facts.failures
            await index.life.run(channel, KNOWN, facts.name, known)
        shown = tuple(key.decode(errors="backslashreplace") for key in keys)
        return replace(found, failed_keys=shown, known_failures=known)

    async def ensure(self, *, progress: Progress = None) -> None:
        """Create the index if there is none, and wait until it holds all documents.

        Queries do the same. One round trip if the index exists.

        Args:
            progress: Called with the number of documents in the index and None while it is being
                built; True shows a progress display in the terminal.

        Raises:
            UnsupportedServerError: The server has no Search.
            IndexUnavailableError: The server does not create the index.
        """
        parts = await self._parts()
        with Reporter(progress, None, self._doing) as reporter:
            # an exception from a progress callable ends this call, but not the build
            making = asyncio.create_task(_ensured(parts))
            try:
                while not (await asyncio.wait([making], timeout=_GLANCE))[0]:
                    reporter.report(sum(index.life.documents_of(one) for index, one in parts))
            finally:
                making.cancel()
            await making

    async def rebuild(self, *, progress: Progress = None) -> None:
        """Build a new index beside the current one, and then put it in its place.

        Queries are answered completely all the while. Another process that rebuilds at the same
        time shares the work. The count of rejected writes is reset to 0. One round trip, and one
        for each check of the progress.

        Args:
            progress: Called with the number of documents in the new index and the total, as the
                previous index knows it; True shows a progress display in the terminal.

        Raises:
            UnsupportedServerError: The server has no Search.
            IndexUnavailableError: The server does not create the index, or it is dropped meanwhile.
        """
        self._index.require_attributes()
        parts = await self._parts()
        before = [await facts_of(channel, index.name) for index, channel in parts]
        known = [0 if one is None else one.documents for one in before]
        total = None if None in before else sum(known)
        with Reporter(progress, total, self._doing) as reporter:
            done = 0
            for (index, channel), number in zip(parts, known, strict=True):
                await self._rebuild(index, channel, partial(_report_more, reporter, done))
                done += number

    async def _rebuild(
        self, index: ModelIndex, channel: Channel, report_documents: Callable[[int], None]
    ) -> None:
        pauses, current = iter(PAUSES), ""
        while True:
            reply = await _step(index, channel, current)
            if reply[0] in (b"refused", b"gone"):
                raise self._failed(reply)
            report = Report.of_reply(reply)
            report_documents(report.documents)
            if report.state == "ready":
                return
            current = report.name
            await asyncio.sleep(next(pauses, PAUSES[-1]))

    async def drop(self) -> bool:
        """Drop the index; the next query creates it again. One round trip.

        Documents stay as they are. An index that other versions of the model also use stays for
        them.

        Returns:
            Whether there was one.

        Raises:
            UnsupportedServerError: The server has no Search.
            IndexUnavailableError: The documents are in a database other than 0.
        """
        dropped = 0
        for index, channel in await self._parts():
            dropped += await index.life.run(channel, DROP)
            index.life.leave(channel)
        return bool(dropped)

    async def diff(self) -> IndexDiff:
        """Return what `ensure` would do: how this model's index differs from the latest one.

        Nothing is created. One round trip, `FT.INFO`, if the index exists; otherwise two or more.

        Raises:
            UnsupportedServerError: The server has no Search.
            IndexUnavailableError: The documents are in a database other than 0.
        """
        found = [await difference(*part) for part in await self._parts()]
        return next((one for one in found if one.action != "none"), found[0])

    # -- internals --------------------------------------------------------------------------------

    @property
    def _index(self) -> ModelIndex:
        return ModelIndex.of(self._model)

    @property
    def _doing(self) -> str:
        return f"index of {self._model.__name__}"

    async def _parts(self) -> list[tuple[ModelIndex, Channel]]:
        """Return the index with the connections to its server; on a cluster, one pair per node."""
        index, channel = self._index, channel_of(self._model)
        index.life.require_search(await channel.introduce())
        index.life.require_database()
        if not channel.is_cluster:
            return [(index, channel)]
        shards = await shards_of_model(self._model)
        return [(index.on_node(shard.tag), shard.channel) for shard in shards]

    def _failed(self, reply: Any) -> IndexUnavailableError:
        name, what = self._model.__name__, reply[1].decode()
        if reply[0] == b"gone":
            return IndexUnavailableError(
                f"the new index of {name}, {what!r}, was dropped while it was being built. Find "
                "out who did that, and call rebuild() again."
            )
        return IndexUnavailableError(
            f"the new index of {name} cannot be created: {what.rstrip('.')}. The previous index "
            "still answers queries."
        )


async def _ensured(parts: Sequence[tuple[ModelIndex, Channel]]) -> None:
    await asyncio.gather(*(index.life.ensure(channel, anew=True) for index, channel in parts))


async def _under_way(index: ModelIndex, channel: Channel) -> IndexFacts | None:
    """Return the index of this version that is being built for the first time."""
    for found in await index_names(channel):
        if found.alias == index.name:
            return await facts_of(channel, found.name)
    return None


def _missing(index: ModelIndex, facts: IndexFacts | None) -> IndexStatus:
    """Return the status of an index that is missing, or being built for the first time."""
    if facts is not None:
        return _status(index, facts, "building", 0)
    return IndexStatus(
        index.model.__name__, index.name, None, "missing", 0.0, 0, 0, index.fields, 0, 0, None,
        None,
    )  # fmt: skip


def _status(index: ModelIndex, facts: IndexFacts, state: State, known: int) -> IndexStatus:
    return IndexStatus(
        index.model.__name__, index.name, facts.name, state, facts.progress, facts.documents,
        facts.memory, facts.fields, facts.failures, known, facts.last_key, facts.last_reason,
    )  # fmt: skip


def _report_more(reporter: Reporter, before: int, documents: int) -> None:
    reporter.report(before + documents)


def _together(found: Sequence[IndexStatus]) -> IndexStatus:
    """Combine the statuses of the indexes on all nodes of a cluster into one."""
    if len(found) == 1:
        return found[0]
    failed = next((one for one in found if one.last_failed_key is not None), found[0])
    keys = [one.failed_keys for one in found]
    states = {one.state for one in found}
    sizes = [one.memory for one in found]
    return replace(
        found[0],
        state="ready" if states == {"ready"} else "missing" if "missing" in states else "building",
        progress=min(one.progress for one in found),
        documents=sum(one.documents for one in found),
        memory=None if None in sizes else sum(size or 0 for size in sizes),
        failures=sum(one.failures for one in found),
        known_failures=sum(one.known_failures for one in found),
        last_failed_key=failed.last_failed_key,
        last_failure=failed.last_failure,
        failed_keys=None if None in keys else tuple(key for own in keys for key in own or ()),
    )


async def _step(index: ModelIndex, channel: Channel, current: str) -> Any:
    arguments: Sequence[Argument] = (
        new_name(index.name), current, _PATIENCE, f"{identity_of(index.model).prefix}:",
        index.attributes.language, *definitions(index, index.fields),
    )  # fmt: skip
    return await index.life.run(channel, REBUILD, *arguments)


class IndexAccess:
    """The descriptor behind `User.index`."""

    __slots__ = ()

    def __get__(self, instance: object, owner: type[BaseRedisModel]) -> IndexManager:
        return IndexManager(owner)
