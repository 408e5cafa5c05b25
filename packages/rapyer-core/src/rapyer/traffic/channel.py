"""The connections of one event loop to one server, and how commands travel over them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from itertools import chain, islice
from typing import Any, ClassVar, TypeAlias, cast

import hiredis
from redis.exceptions import NoScriptError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from rapyer.errors import NotConnectedError, UnsupportedServerError
from rapyer.traffic.beside import other_slot
from rapyer.traffic.coalescing import Coalescer, Fetch
from rapyer.traffic.functions import NO_FUNCTIONS, NOT_RUN, call_function
from rapyer.traffic.outcome import LOST_REPLY, LostReply, outcome_of_write
from rapyer.traffic.policies import Policies
from rapyer.traffic.pool import Connection, Pool
from rapyer.traffic.replies import no_document, raise_first_error, reply_or_error
from rapyer.traffic.scripts import Operation, arguments_of, compose
from rapyer.traffic.server import ServerInfo, read_server
from rapyer.traffic.versions import version_error

#: A part of a command. Text is sent in UTF-8.
Argument: TypeAlias = str | bytes | int
#: redis-py packs commands in Python, which takes seven times as long.
_pack: Callable[[tuple[Argument, ...]], bytes] = cast("Any", hiredis).pack_command
#: The longest wait, in seconds, for something to happen on the server; what happens at the moment a
#: caller gives up may still be delivered to that caller.
_LONGEST_WAIT = 1.0
#: Seconds between two checks when too many callers are waiting already.
_PAUSE = 0.05
#: How many kinds of reads are gathered; beyond that, idle ones are forgotten.
_COALESCERS = 64


class Channel:
    """The connections of one event loop to one server.

    Commands go directly over the pool's connections rather than through a redis-py client: replies
    stay bytes, nothing is ever sent twice, and a command costs a tenth less.

    Args:
        pool: A pool of connections that do not retry.
        limit: Admits as many callers as there may be connections; the others wait.
        timeout: Seconds that a command and its reply may take; None for no limit.
        place: Where the server is, for messages.
        waiters: How many of the callers may wait for something to happen on the server.
        is_node: Whether it is known to be a node of a cluster.

    Attributes:
        is_cluster: Whether there are several servers, each with some of the keys.
        server: What the server is; None until it has been asked.
        closed: Whether it has been closed, and accepts no more calls.
        place: Where the server is, without secrets, for messages.
    """

    __slots__ = (
        "__weakref__",
        "_coalescers",
        "_introduction",
        "_is_node",
        "_limit",
        "_pool",
        "_timeout",
        "_waiters",
        "_without_functions",
        "closed",
        "place",
        "server",
    )

    is_cluster: ClassVar[bool] = False

    def __init__(
        self, pool: Pool, limit: asyncio.Semaphore, *, timeout: float | None, place: str,
        waiters: int = 0, is_node: bool = False,
    ) -> None:  # fmt: skip
        self._pool = pool
        self._is_node = is_node
        self._limit = limit
        self._begin(timeout, place, waiters)

    def _begin(self, timeout: float | None, place: str, waiters: int) -> None:
        self._timeout = timeout
        self._waiters = asyncio.Semaphore(waiters)
        self._without_functions = False
        self.closed = False
        self.place = place
        self.server: ServerInfo | None = None
        self._introduction: asyncio.Task[ServerInfo] | None = None
        self._coalescers: dict[object, Coalescer] = {}

    @property
    def connects(self) -> int:
        """How often a connection to the server has been made so far.

        A restarted server answers only on new connections. As long as the number is the same, what
        was true of the server is still true.
        """
        return self._pool.connects

    def groups_of(self, keys: Sequence[str]) -> Sequence[Sequence[int]]:
        """Return the positions of keys that one command can name, for each such command."""
        return (range(len(keys)),)

    async def primaries(self) -> Sequence[Channel]:
        """Return the connections to each server that has documents. Here nothing is sent."""
        return (self,)

    async def refresh(self) -> None:
        """Ask again which server has which documents. There is one here, so nothing is sent."""

    async def execute(self, *command: Argument, writes: bool = False) -> Any:
        """Send one command and read its reply. One round trip.

        If a call is cancelled after the command was sent, the connection is closed, so that nobody
        reads a reply meant for somebody else.

        Args:
            command: The name of the command and its arguments.
            writes: Whether the command writes.

        Returns:
            The reply, with texts as bytes.

        Raises:
            redis.exceptions.ResponseError: The server refused the command.
            redis.exceptions.ConnectionError: The server cannot be reached, or the reply to a
                command that does not write was lost.
            OutcomeUnknownError: The reply to a write was lost.
            NotConnectedError: The connections were closed.
        """
        if self.server is None:
            await self.introduce()
        return await self._send(*command, writes=writes)

    async def wait_for(self, key: str, seconds: float) -> None:
        """Wait until something is put into a list, and remove it; up to a number of seconds.

        Sends `BLPOP` over one of a quarter of the connections. If all of these are waiting already,
        or there are few, it pauses briefly instead. One round trip.

        Args:
            key: The key of the list.
            seconds: The longest wait in seconds; it may be shorter.
        """
        seconds = min(seconds, _LONGEST_WAIT, (self._timeout or 60) / 2)
        if self._waiters.locked() or seconds < _PAUSE:  # waits on the server are less exact
            await asyncio.sleep(min(seconds, _PAUSE))
            return
        async with self._waiters:
            await self.execute("BLPOP", key, str(round(max(seconds, 0.01), 3)), writes=True)

    async def execute_many(
        self, commands: Sequence[Sequence[Argument]], *, writes: bool = False
    ) -> list[Any]:
        """Send several commands at once, which are not atomic. One round trip.

        Args:
            commands: The commands, each with its arguments.
            writes: Whether one of them writes.

        Returns:
            A reply, or a `redis.exceptions.ResponseError`, for each.

        Raises:
            redis.exceptions.ConnectionError: As `execute`.
            OutcomeUnknownError: A reply to a write was lost.
            NotConnectedError: The connections were closed.
        """
        if self.server is None:
            await self.introduce()
        connection: Connection | None = None
        async with self._limit:
            try:
                async with asyncio.timeout(self._timeout):
                    connection = await self._connection()
                    packed = [_pack(tuple(command)) for command in commands]
                    await connection.send_packed_command(packed)
                    return [await reply_or_error(connection) for _ in commands]
            except LOST_REPLY as exc:
                sent = connection is not None
                raise self._lost(exc, commands[0][0], sent=sent, writes=writes) from exc
            finally:
                if connection is not None:
                    await self._pool.release(connection)

    async def execute_transaction(
        self, commands: Sequence[Sequence[Argument]], *, writes: bool
    ) -> list[Any]:
        """Send several `commands` as one `MULTI`, and give their replies. One round trip.

        `writes` says whether one of them writes.

        Raises:
            redis.exceptions.ResponseError: The server refused one of the commands.
            RapyerError, redis.exceptions.ConnectionError: As `execute_many`.
        """
        (results,) = await self.execute_transactions((commands,), writes=writes)
        return results

    async def execute_transactions(
        self, transactions: Sequence[Sequence[Sequence[Argument]]], *, writes: bool
    ) -> list[list[Any]]:
        """Send several `transactions` at once, each a `MULTI`, and give their replies.

        One round trip. `writes` says whether one of them writes.

        Raises:
            redis.exceptions.ResponseError: The server refused one of the commands. The other
                transactions were executed.
            RapyerError, redis.exceptions.ConnectionError: As `execute_many`.
        """
        queue = [(("MULTI",), *commands, ("EXEC",)) for commands in transactions]
        replies = iter(await self.execute_many([*chain.from_iterable(queue)], writes=writes))
        results: list[list[Any]] = []
        for queued in queue:
            own = list(islice(replies, len(queued)))
            # a command that was not even queued says more than the EXECABORT that follows
            raise_first_error(own)
            raise_first_error(own[-1])
            results.append(own[-1])
        return results

    async def run(
        self,
        operation: Operation,
        policies: Policies,
        keys: Sequence[str],
        arguments: Sequence[Argument] = (),
        *,
        of_policies: Sequence[Argument] | None = None,
    ) -> Any:
        """Run an operation with policies, as a script.

        The script is called by its name or, if the server does not know that, by its text. One
        round trip; two or three after the server has lost its scripts. An operation with a library
        is kept as a function, if the server supports functions and the user may load them.

        Args:
            operation: The operation.
            policies: The policies.
            keys: The keys that it is about.
            arguments: The arguments of the operation.
            of_policies: The arguments of the policies; by default, the policies are asked now.

        Returns:
            What the operation returns.

        Raises:
            ConflictError: The document has a different version than a policy expects.
            CrossSlotError: On a cluster, a policy asks for a key that is not in the slot of the
                document.
            KeyNotFoundError: A policy treats the document as missing, and a part of it was to be
                written.
            ValueError: A policy gave a different number of arguments than it declared.
            redis.exceptions.ResponseError: The script failed, or a policy has aborted it.
            RapyerError, redis.exceptions.ConnectionError: As `execute`.
        """
        script = compose(operation, policies)
        before = arguments_of(policies) if of_policies is None else of_policies
        rest = (len(keys), *keys, *before, *arguments)
        writes = operation.leaves_outcome
        try:
            if script.function is not None and not self._without_functions:
                reply = await call_function(self.execute, script, rest)
                if reply is NO_FUNCTIONS:
                    self._without_functions = True
                elif reply is not NOT_RUN:
                    return reply
            try:
                return await self.execute("EVALSHA", script.sha, *rest, writes=writes)
            except NoScriptError:
                # none of it has run, so even a write may be sent again
                return await self.execute("EVAL", script.text, *rest, writes=writes)
        except ResponseError as exc:
            if str(exc).startswith("RAPYERMISSING"):
                raise no_document(keys[0]) from exc
            of_version = version_error(exc, keys)
            if of_version is not None:
                raise of_version from exc
            if policies and "non local key" in str(exc):
                raise other_slot(policies, keys[0]) from exc
            raise

    def coalescer(self, kind: object, make: Callable[[], Fetch]) -> Coalescer:
        """Return the coalescer for one `kind` of reads, made on first use with `make()`."""
        coalescer = self._coalescers.get(kind)
        if coalescer is None:
            # a model's policies change with its options: reads with the previous ones do not recur
            for other, idle in list(self._coalescers.items()):
                if len(self._coalescers) >= _COALESCERS and idle.is_idle:
                    del self._coalescers[other]
            coalescer = self._coalescers[kind] = Coalescer(make())
        return coalescer

    async def introduce(self) -> ServerInfo:
        """Ask the server what it is, once, however many callers wait for the answer.

        Two round trips, `HELLO` and `FT.CONFIG GET *`; none if it is already known.

        Raises:
            NotConnectedError: The connections were closed in the meantime.
            UnsupportedServerError: It has no RedisJSON, or is a node of a cluster that was given as
                a single server.
            redis.exceptions.ResponseError: It cannot answer at the moment, for example because a
                script blocks it.
            redis.exceptions.ConnectionError: It cannot be reached.
        """
        if self.server is not None:
            return self.server
        introduction = self._introduction
        if introduction is None:
            introduction = asyncio.create_task(self._ask_server())
            introduction.add_done_callback(self._introduced)
            self._introduction = introduction
        try:
            # shielded: a caller that gives up does not deprive the others of the answer
            return await asyncio.shield(introduction)
        except asyncio.CancelledError:
            if self.closed and introduction.cancelled():  # by close(), not by the caller
                raise self._torn_down() from None
            raise

    async def _ask_server(self) -> ServerInfo:
        server = await read_server(self._send, self.place)
        if server.is_cluster and not self._is_node:
            raise UnsupportedServerError(
                f"the Redis {server.version} at {self.place} is a node of a cluster, which has "
                "only part of the keys. Give the cluster instead: a URL redis+cluster://host:port, "
                "or a redis.asyncio.RedisCluster."
            )
        return server

    def _introduced(self, introduction: asyncio.Task[ServerInfo]) -> None:
        self._introduction = None  # after a failure the next caller asks again
        if not introduction.cancelled() and introduction.exception() is None:
            self.server = introduction.result()

    async def _connection(self) -> Connection:
        if self.closed:
            raise self._torn_down()
        return await self._pool.get_connection()

    def _torn_down(self) -> NotConnectedError:
        return NotConnectedError(
            f"the connections to {self.place} were closed while this call waited for one. Let "
            "running calls finish before teardown_rapyer() or another init_rapyer()."
        )

    async def _send(self, *command: Argument, writes: bool = False) -> Any:
        connection: Connection | None = None
        async with self._limit:
            try:
                # if it takes too long, the connection is closed as by any cancellation
                async with asyncio.timeout(self._timeout):
                    connection = await self._connection()
                    await connection.send_packed_command([_pack(command)])
                    return await connection.read_response(disable_decoding=True)
            except LOST_REPLY as exc:
                sent = connection is not None
                raise self._lost(exc, command[0], sent=sent, writes=writes) from exc
            finally:
                if connection is not None:
                    await self._pool.release(connection)

    def _lost(self, error: LostReply, command: Argument, *, sent: bool, writes: bool) -> Exception:
        """Return the error to raise when no reply came."""
        if isinstance(error, TimeoutError):
            what = (
                f"did not answer {command!r}"
                if sent
                else f"did not accept a connection for {command!r}"
            )
            error = RedisTimeoutError(f"{self.place} {what} within {self._timeout} seconds")
        return outcome_of_write(error, command) if writes and sent else error

    async def close(self) -> None:
        """Close the connections; callers waiting for one get a `NotConnectedError`.

        Nothing is sent.
        """
        self.closed = True
        if self._introduction is not None:
            self._introduction.cancel()
            await asyncio.wait([self._introduction])
        await self._pool.aclose()
        for coalescer in self._coalescers.values():
            await coalescer.drain()
