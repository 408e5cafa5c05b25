"""One query in progress: the commands that it sends, and how their replies are checked."""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar

from rapyer.base import channel_of, read_policies_of
from rapyer.errors import RapyerError, UnsupportedServerError
from rapyer.traffic.channel import Argument, Channel
from rapyer.traffic.policies import Policies
from rapyer.traffic.scripts import Operation
from redis.exceptions import RedisError, ResponseError

from rapyer_query.clauses import ALL, NOTHING, Clause
from rapyer_query.commands import Ask
from rapyer_query.errors import IndexUnavailableError, NotIndexedError, QueryTimeoutError
from rapyer_query.facts import is_gone
from rapyer_query.index import Compiled, ModelIndex
from rapyer_query.settings import ASK_EXPANSIONS, distrust_expansions, expands_all, limits_of
from rapyer_query.spec import Spec

R = TypeVar("R")

#: How often a query is attempted, each time because the previous one may have been incomplete.
MOST_TURNS: Final = 10
#: Parameters of a query that a script can pass on in addition to the 2000 keys of a chunk: Lua
#: unpacks fewer than 8000 arguments.
MOST_PARAMETERS: Final = 5900
#: The server's clock may be a little faster than ours.
_OF_OUR_CLOCK: Final = 0.999


class IndexGoneError(Exception):
    """The index no longer exists: it is created again, and the query is repeated."""


class DoubtError(Exception):
    """The server may order some documents differently, or sends fewer rows than requested."""


class LimitsChangedError(Exception):
    """The server again looks only at a part of the texts: the query is compiled again."""


@dataclass(slots=True, eq=False)
class Session:
    """One query in progress.

    Attributes:
        spec: The query.
        channel: The connections to the server that is queried.
        documents: The connections for reading and writing documents by key: on a cluster they may
            have moved meanwhile.
        policies: What else happens to each document that is read.
        index: The index; None if all documents are read instead.
        compiled: The condition as a query.
        spent: How many seconds the server took so far.
        run_id: Identifies the run of the server in which the index was known to be complete.
        connects: How many connections there had been when that was asked.
        scores: The scores, or the distances, of the documents that were found, by key.
    """

    spec: Spec
    channel: Channel
    documents: Channel
    policies: Policies
    index: ModelIndex | None
    compiled: Compiled
    spent: float = 0.0
    run_id: str = ""
    connects: int = 0
    scores: dict[bytes, float] = field(default_factory=dict[bytes, float])

    @classmethod
    async def open(cls, spec: Spec) -> Session:
        """Create the index if there is none, and compile the condition.

        Raises:
            NotIndexedError: The index says nothing about the condition.
            IndexUnavailableError, UnsupportedServerError: There is no index.
        """
        model = spec.model
        documents, policies, shard = channel_of(model), read_policies_of(model), spec.shard
        channel = documents if shard is None else shard.channel
        index = ModelIndex.of(model).on_node("" if shard is None else shard.tag)
        try:
            await index.ensure(channel)
        except (IndexUnavailableError, UnsupportedServerError):
            if not spec.scans:
                raise
            return cls(spec, channel, documents, policies, None, _NOTHING_KNOWN)
        compiled = index.compiled(spec.condition, await limits_of(channel))
        if not (compiled.is_helped or spec.scans):
            raise _not_indexed(spec, compiled)
        session = cls(spec, channel, documents, policies, index, compiled)
        session.run_id, session.connects = (
            index.life.run_of(channel),
            index.life.connects_of(channel),
        )
        return session

    @property
    def is_exact(self) -> bool:
        """Whether the documents that the index finds are exactly those that match the condition."""
        is_exact = self.compiled.is_exact and self.index is not None
        # hidden or skipped documents would be among the nearest as well
        passes_over = self.hides or self.spec.on_corrupt == "skip"
        return is_exact and not (passes_over and self.spec.near is not None)

    @property
    def names_keys(self) -> bool:
        """Whether the index names the keys of the query, even inside a script of the policies."""
        return self.is_exact and (self.is_short or not self.policies)

    @property
    def is_short(self) -> bool:
        """Whether a script can pass the query on."""
        return len(self.compiled.parameters) < MOST_PARAMETERS

    @property
    def hides(self) -> bool:
        """Whether a policy of the model may declare a document missing."""
        return any(policy.may_hide for policy in self.policies)

    @property
    def is_empty(self) -> bool:
        """Whether no document can match, so that there is nothing to ask."""
        near = self.spec.near
        return (
            self.spec.limit == 0
            or (near is not None and near.number == 0)
            or self.compiled.clause.text == NOTHING
        )

    @property
    def ask(self) -> Ask:
        """What the index is asked."""
        asked, near = self.ask_for(self.compiled.clause.query), self.spec.near
        if near is None or not self.is_exact:  # then Python finds the nearest
            return asked
        return replace(
            asked, query=near.query(asked.query), parameters=[*asked.parameters, *near.parameters]
        )

    def ask_for(self, query: str) -> Ask:
        """Return what to ask for a query text other than that of the condition."""
        name = "" if self.index is None else self.index.name
        return Ask(name, query, self.compiled.parameters, self._timeout)

    @property
    def _timeout(self) -> int:
        return 0 if self.spec.timeout is None else max(1, math.ceil(self.spec.timeout * 1000))

    # -- sending ----------------------------------------------------------------------------------

    async def send(self, *commands: Sequence[Argument]) -> list[Any]:
        """Send commands of the query together, and return their replies. One round trip.

        Raises:
            IndexGoneError, LimitsChangedError: The query has to be repeated.
            DoubtError: The server sends fewer rows than requested.
            QueryTimeoutError: The query has taken longer than it may.
            redis.exceptions.ResponseError: The server refuses a command.
        """
        looks = self.index is not None and self.index.life.is_look_due(self.channel)
        if len(commands) == 1 and not (looks or self.compiled.expands):
            replies = [await self._timed(self.channel.execute(*commands[0]))]
        else:
            replies = await self._timed(
                self.channel.execute_many(self._with_questions(commands, looks=looks))
            )
            for reply in replies[: len(commands)]:
                if isinstance(reply, ResponseError):
                    raise self._meaning(reply) from reply
        if self.index is not None and looks:
            await self.index.life.look_at(self.channel, replies.pop())
        if self.compiled.expands and not expands_all(replies[-1]):
            distrust_expansions(self.channel)
            raise LimitsChangedError
        await self._require_whole()
        return replies[: len(commands)]

    def _with_questions(
        self, commands: Sequence[Sequence[Argument]], *, looks: bool
    ) -> list[Sequence[Argument]]:
        """Add the questions about the server and the index to the same round trip."""
        sent = [*commands]
        if self.compiled.expands:
            sent.append(ASK_EXPANSIONS)
        if looks:
            sent.append(("FT.INFO", self.ask.index))
        return sent

    async def _require_whole(self) -> None:
        """Make sure that the index held all documents when it was queried.

        After a new connection the server may have restarted, and is asked.

        Raises:
            IndexGoneError: It has restarted. The index holds all documents by now.
        """
        if self.index is None or self.channel.connects == self.connects:
            return
        await self.index.ensure(self.channel)
        life = self.index.life
        self.connects = life.connects_of(self.channel)
        # a user who may not ask for the run of the server has to repeat the query
        if not self.run_id or life.run_of(self.channel) != self.run_id:
            raise IndexGoneError

    async def go_on(self, command: Sequence[Argument]) -> Any:
        """Send a command that continues an earlier one; see `send` for the errors."""
        return await self._timed(self.channel.execute(*command))

    async def run(
        self,
        operation: Operation,
        policies: Policies,
        arguments: Sequence[Argument],
        keys: Sequence[str] = (),
    ) -> Any:
        """Run a script that queries the index; see `send` for the errors.

        One round trip; at most once per second another one, to ask what the index rejected.
        """
        channel = self.documents if keys else self.channel
        keys = keys or (self.ask.index,)
        sent = ["1" if self.compiled.expands else "0", self.run_id, *arguments]
        reply = await self._timed(channel.run(operation, policies, keys, sent))
        if not operation.writes:
            await self._require_whole()
        if self.index is not None and self.index.life.is_look_due(self.channel):
            # what was written must be reported, whatever happens then: the next query asks again
            with suppress(*((RedisError, RapyerError) if operation.writes else ())):
                (facts,) = await self.channel.execute_many([("FT.INFO", self.index.name)])
                await self.index.life.look_at(self.channel, facts)
        return reply

    async def _timed(self, sent: Awaitable[R]) -> R:
        started = time.perf_counter()
        try:
            reply = await sent
        except ResponseError as exc:
            raise self._meaning(exc) from exc
        self.spent += time.perf_counter() - started
        seconds = self.spec.timeout
        # a server that runs out of time says so only in some replies (RESP2 has no place for it);
        # it has not run out if we have waited less than the timeout
        if seconds is not None and self.spent >= seconds * _OF_OUR_CLOCK:
            raise self._out_of_time()
        return reply

    def _meaning(self, error: ResponseError) -> Exception:
        if is_gone(error) and self.index is not None:
            self.index.life.forget(self.channel)
            return IndexGoneError()
        if str(error).startswith("RAPYERBUILDING") and self.index is not None:
            self.index.life.distrust(self.channel)
            return IndexGoneError()
        if str(error).startswith("RAPYERLIMITS"):
            distrust_expansions(self.channel)
            return LimitsChangedError()
        return self._limit_reached(error)

    def _limit_reached(self, error: ResponseError) -> Exception:
        text = str(error).lower()
        # MAXAGGREGATERESULTS, MAXSEARCHRESULTS; a calculation with a field that is absent
        if "exceeds maximum of" in text or "has no value, consider" in text:
            return DoubtError()
        if "timeout limit was reached" in text:
            return self._out_of_time()
        if "too many cursors" in text:
            return IndexUnavailableError(
                f"other clients have as many cursors open on {self.ask.index!r} as the server "
                f"allows ({error}): nothing was returned. A cursor closes when it has been read to "
                "its end, by FT.CURSOR DEL, or after five minutes without use. Find out who leaves "
                "them open; queries with a .limit(...) need none."
            )
        return error

    def _out_of_time(self) -> QueryTimeoutError:
        seconds = self.spec.timeout or 0.0
        return QueryTimeoutError(
            f"the query on {self.spec.model.__name__} exceeded its timeout of {seconds} seconds, "
            "and what the server then returns may be incomplete. Give it more time, or narrow it; "
            ".explain() shows what it does.",
            seconds=seconds,
        )


async def repeated(spec: Spec, body: Callable[[Session], Awaitable[R]]) -> R:
    """Do something with a session; repeat it if the index was gone, or a setting changed.

    In these cases nothing was read or written.
    """
    for _ in range(MOST_TURNS):
        session = await Session.open(spec)
        with suppress(IndexGoneError, LimitsChangedError):
            return await body(session)
    raise gone_for_good(spec)


def gone_for_good(spec: Spec) -> IndexUnavailableError:
    """Make the error for an index that is dropped whenever it is created."""
    return IndexUnavailableError(
        f"the index of {spec.model.__name__} was dropped, or a setting of the server changed, "
        "while the query was running, several times in a row. Find out who does that."
    )


#: What is known about a condition without an index.
_NOTHING_KNOWN: Final = Compiled(Clause(ALL, (), False, ALL), [], False, False, False, {})


def _not_indexed(spec: Spec, compiled: Compiled) -> NotIndexedError:
    fields = tuple(compiled.unindexed)
    reasons = "; ".join(f"{path} {reason}" for path, reason in compiled.unindexed.items())
    return NotIndexedError(
        f"the index of {spec.model.__name__} cannot answer {spec.condition!r}: {reasons}. Declare "
        "a field that it uses with Field(index=True), add a condition on an indexed field, or use "
        ".scan(), which reads all documents.",
        fields=fields,
    )
