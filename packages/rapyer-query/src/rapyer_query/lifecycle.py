"""The lifecycle of the index of one version of a model: created, waited for, kept, forgotten.

The common case costs one dictionary lookup. A server is asked again if it may have restarted, since
a server that has loaded its documents from a log indexes them in the background and returns partial
answers meanwhile; and from time to time, to say that the version is alive.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary, ref

from rapyer.base import database_of, identity_of
from rapyer.errors import RapyerError, UnsupportedServerError
from rapyer.traffic.channel import Argument, Channel
from rapyer.traffic.outcome import ELSEWHERE
from rapyer.traffic.scripts import Operation
from rapyer.traffic.server import ServerInfo
from redis.exceptions import RedisError, ResponseError

from rapyer_query.dropped import Refusals
from rapyer_query.errors import IndexUnavailableError
from rapyer_query.facts import FieldDefinition, IndexFacts
from rapyer_query.lifecycle_scripts import ENSURE
from rapyer_query.migration import find_alteration
from rapyer_query.names import new_name
from rapyer_query.options import INDEX_RETENTION
from rapyer_query.reports import Report

if TYPE_CHECKING:
    from rapyer_query.index import ModelIndex

#: Pauses between checks whether an index is built, as each check slows the build down.
PAUSES: Final = (0.002, 0.005, 0.01, 0.02, 0.05)
#: Attribute definitions per command.
_PART: Final = 500
#: How many times leases are renewed before they would end.
_RENEWALS: Final = 4
#: Seconds after which a query asks what the index rejected.
_LOOK_AFTER: Final = 1.0

_CREATE: Final = ("create", "", 0)
#: The first version of Search that queries the other nodes of a cluster by itself.
_OF_CLUSTERS: Final = 80_000


@dataclass(slots=True, eq=False)
class _State:
    """What is known about the index on one server.

    Attributes:
        task: Creates it; None if it is to be created.
        connects: How many connections there had been before the server was last asked.
        run: Identifies the run of the server in which the index was last known to be complete.
        looked: When the server was last asked what the index rejected.
        timer: Renews the lease.
        renewal: The renewal in progress.
        documents: How many documents an index had when it was last seen being built.
        refusals: What the index rejected.
    """

    task: asyncio.Task[None] | None = None
    connects: int = -1
    run: str = ""
    looked: float = 0.0
    timer: asyncio.TimerHandle | None = None
    renewal: asyncio.Task[None] | None = None
    documents: int = 0
    refusals: Refusals = field(default_factory=Refusals)


class Lifecycle:
    """The index of one version of a model, on all servers.

    Args:
        index: What it contains, and its alias.
    """

    __slots__ = ("__weakref__", "_index", "_states")

    def __init__(self, index: ModelIndex) -> None:
        self._index = index
        self._states: WeakKeyDictionary[Channel, _State] = WeakKeyDictionary()

    async def ensure(self, channel: Channel, *, anew: bool = False) -> None:
        """Make sure that there is an index with all documents; see `ModelIndex.ensure`.

        Args:
            channel: The connections.
            anew: Whether to ask the server even if the index was known to exist.
        """
        state = self._state(channel)
        task = state.task
        if task is None or (task.done() and (anew or state.connects != channel.connects)):
            task = state.task = asyncio.create_task(self._make(channel, state))
            task.add_done_callback(partial(self._made, state))
        elif task.done():
            return
        await asyncio.shield(task)
        state.refusals.warn()

    def forget(self, channel: Channel) -> None:
        """Take note that the index is gone: it is created again on demand."""
        self._state(channel).task = None

    def leave(self, channel: Channel) -> None:
        """Take note that the index was dropped: the version is no longer reported as alive."""
        state = self._state(channel)
        state.task = None
        if state.timer is not None:
            state.timer.cancel()
            state.timer = None

    def distrust(self, channel: Channel) -> None:
        """Take note that the index may be incomplete: callers wait until it is complete."""
        state = self._state(channel)
        state.task, state.run = None, ""

    def run_of(self, channel: Channel) -> str:
        """Return the run of the server in which the index was known to be complete."""
        return self._state(channel).run

    def documents_of(self, channel: Channel) -> int:
        """Return how many documents an index had when it was last seen being built."""
        return self._state(channel).documents

    def connects_of(self, channel: Channel) -> int:
        """Return how many connections there had been when the server was asked."""
        return self._state(channel).connects

    def _state(self, channel: Channel) -> _State:
        state = self._states.get(channel)
        if state is None:
            state = self._states[channel] = _State()
        return state

    def _made(self, state: _State, task: asyncio.Task[None]) -> None:
        # after a failure the next caller tries again
        if (task.cancelled() or task.exception() is not None) and state.task is task:
            state.task = None

    # -- creating it ------------------------------------------------------------------------------

    async def _make(self, channel: Channel, state: _State) -> None:
        index = self._index
        self.require_search(await channel.introduce())
        self.require_database()
        index.require_attributes()
        pauses = iter(PAUSES)
        decision: tuple[Argument, ...] = ("look", "", 0)
        added = index.fields
        while True:
            connects = channel.connects
            reply = await self._ask(channel, decision, added)
            kind = reply[0].decode()
            if kind == "others":
                decision, added = await self._decide(channel, reply[1])
                continue
            if kind == "refused" and decision[0] == "alter":
                decision, added = _CREATE, index.fields
                continue
            if kind == "refused":
                raise self._unavailable(reply[1].decode())
            report = Report.of_reply(reply)
            if kind == "ready" or (kind == "growing" and report.run and report.run == state.run):
                break
            state.documents = report.documents
            await asyncio.sleep(next(pauses, PAUSES[-1]))
        state.connects, state.run, state.looked = connects, report.run, time.monotonic()
        await state.refusals.note(index, channel, report)
        if state.timer is None:
            self._schedule(channel, state)

    def require_search(self, server: ServerInfo) -> None:
        """Make sure that a server has Search.

        Raises:
            UnsupportedServerError: It does not, or its Search spans the nodes of a cluster.
        """
        if server.is_cluster and server.modules.get("search", 0) >= _OF_CLUSTERS:
            raise UnsupportedServerError(
                f"the Search of Redis {server.version} has indexes that span the nodes of a "
                "cluster, which rapyer does not support yet. Use .scan(), which reads all "
                f"documents of {self._index.model.__name__}, or use a single server."
            )
        if not server.has_search:
            raise UnsupportedServerError(
                f"Redis {server.version} has no Search, which is needed to find documents of "
                f"{self._index.model.__name__}. Use Redis 8 or Redis Stack, or call .scan(), which "
                "reads all documents."
            )

    def require_database(self) -> None:
        """Make sure that the documents are in the database that supports indexes.

        An index of database 0 would answer elsewhere too, and wrongly: the server queries it in
        every database, and adds the documents of all of them to it.

        Raises:
            IndexUnavailableError: They are in another database.
        """
        number, name = database_of(self._index.model), self._index.model.__name__
        if number != 0:
            raise IndexUnavailableError(
                f"Indexes exist only in database 0, but the documents of {name} are in database "
                f"{number}. Keep them in database 0 of a server, under their own prefix, or use "
                ".scan(), which reads all documents."
            )

    async def _decide(
        self, channel: Channel, others: list[bytes]
    ) -> tuple[tuple[Argument, ...], tuple[FieldDefinition, ...]]:
        """Choose between taking over an index that no process is alive for, and creating one."""
        index = self._index
        names = [name.decode() for name in others]
        found = await find_alteration(channel, index.fields, index.attributes.language, names)
        if found is None:
            return _CREATE, index.fields
        return ("alter", found.index, found.size), found.added

    async def _ask(
        self, channel: Channel, decision: tuple[Argument, ...], added: tuple[FieldDefinition, ...]
    ) -> Any:
        index = self._index
        prefix = identity_of(index.model).prefix
        return await self.run(
            channel, ENSURE, new_name(index.name), *decision, len(index.fields),
            f"{prefix}:", index.attributes.language, *definitions(index, added),
        )  # fmt: skip

    async def run(self, channel: Channel, operation: Operation, *arguments: Argument) -> Any:
        """Run a script on the index: with its keys, its version and its retention.

        Raises:
            IndexUnavailableError: The server refuses a command of the script.
        """
        index = self._index
        keys = (index.registry, index.name)
        sent = (index.version, int(INDEX_RETENTION.of(index.model) * 1000), *arguments)
        try:
            return await channel.run(operation, (), keys, sent)
        except ELSEWHERE:  # on a cluster, if another node is to be asked
            raise
        except ResponseError as exc:
            raise self._unavailable(str(exc)) from exc

    def _unavailable(self, reason: str) -> IndexUnavailableError:
        index = self._index
        return IndexUnavailableError(
            f"the index {index.name!r} of {index.model.__name__} cannot be created: "
            f"{reason.rstrip('.')}. Indexes exist only in database 0, and the user needs the keys "
            "rapyer:*, FT.CREATE, FT.INFO, FT._LIST, FT.ALIASADD, FT.SEARCH, FT.AGGREGATE, "
            "EVALSHA, EVAL and TIME; .scan() reads all documents instead."
        )

    # -- keeping it -------------------------------------------------------------------------------

    def _schedule(self, channel: Channel, state: _State) -> None:
        seconds = INDEX_RETENTION.of(self._index.model) / _RENEWALS
        weak: ref[Lifecycle] = ref(self)
        state.timer = asyncio.get_running_loop().call_later(seconds, _renew, weak, ref(channel))

    def renew(self, channel: Channel) -> None:
        """Report in the background that the version is alive; called by the timer."""
        state = self._state(channel)
        state.renewal = asyncio.create_task(self._renew(channel, state))

    async def _renew(self, channel: Channel, state: _State) -> None:
        connects = channel.connects
        try:
            reply = await self._ask(channel, ("none", "", 0), ())
            if reply[0] == b"ready":
                report = Report.of_reply(reply)
                state.run, state.connects = report.run, connects
                await state.refusals.note(self._index, channel, report)
            elif reply[0] != b"growing":
                self.forget(channel)
            elif Report.of_reply(reply).run != state.run:
                self.distrust(channel)  # it has restarted without a visible reconnect
        except (RedisError, RapyerError):
            pass  # nobody waits for this: the next query meets the same error, and reports it
        finally:
            if not channel.closed and state.timer is not None:
                self._schedule(channel, state)

    # -- rejected documents -----------------------------------------------------------------------

    def is_look_due(self, channel: Channel) -> bool:
        """Return whether the server is to be asked, along with a query, what the index rejected.

        At most once a second.
        """
        state = self._state(channel)
        now = time.monotonic()
        if now - state.looked < _LOOK_AFTER:
            return False
        state.looked = now
        return True

    async def look_at(self, channel: Channel, reply: Any) -> None:
        """Warn of what the index rejected, according to a reply to `FT.INFO`."""
        if isinstance(reply, ResponseError):
            return  # the user may not ask, or the index is gone: the query itself reports it
        state, facts = self._state(channel), IndexFacts.of_reply(reply)
        if facts.name == state.refusals.index:
            await state.refusals.note_facts(self._index, channel, facts)
        else:  # it was rebuilt: what is known about the new one comes with the report
            await self.ensure(channel, anew=True)
        state.refusals.warn()


def _renew(life: ref[Lifecycle], channel: ref[Channel]) -> None:
    found, open_channel = life(), channel()
    if found is not None and open_channel is not None and not open_channel.closed:
        found.renew(open_channel)


def definitions(index: ModelIndex, fields: tuple[FieldDefinition, ...]) -> list[Argument]:
    """Return attribute definitions as the scripts read them: parts, their sizes, their words."""
    words = index.words
    parts = [
        [word for one in fields[first : first + _PART] for word in words[one.name]]
        for first in range(0, len(fields), _PART)
    ]
    sizes = [len(part) for part in parts]
    return [len(parts), *sizes, *(word for part in parts for word in part)]
