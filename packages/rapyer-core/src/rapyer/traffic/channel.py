"""The connections of one event loop to one server, and how a command travels over one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

from redis.exceptions import ResponseError

from rapyer.traffic.server import ServerInfo, read_server

#: What a command is made of. Text goes out in UTF-8.
Argument: TypeAlias = str | bytes | int


class Connection(Protocol):
    """What is used of a connection of redis-py."""

    async def send_command(self, *args: Argument) -> None:
        """Send one command."""

    def pack_commands(self, commands: Sequence[Sequence[Argument]]) -> list[bytes]:
        """Encode several commands."""
        ...

    async def send_packed_command(self, command: list[bytes]) -> None:
        """Send encoded commands."""

    async def read_response(self, *, disable_decoding: bool) -> Any:
        """Read the next reply, and close the connection when that fails."""


class Pool(Protocol):
    """What is used of a connection pool of redis-py."""

    async def get_connection(self) -> Connection:
        """Give a connection that is ready, after waiting for a free one."""
        ...

    async def release(self, connection: Connection) -> None:
        """Take a connection back."""

    async def aclose(self) -> None:
        """Close all connections."""


class Channel:
    """The connections of one event loop to one server.

    Commands go over the pool's connections directly rather than through a client of redis-py:
    replies stay bytes, nothing is ever sent twice, and a command costs a tenth less.

    Args:
        pool: A pool that waits for a free connection; its connections must not retry.
        place: Where the server is, for messages.

    Attributes:
        server: What the server is; None until it was asked.
    """

    __slots__ = ("_introduction", "_place", "_pool", "server")

    def __init__(self, pool: Pool, place: str) -> None:
        self._pool = pool
        self._place = place
        self.server: ServerInfo | None = None
        self._introduction: asyncio.Task[ServerInfo] | None = None

    async def execute(self, *command: Argument) -> Any:
        """Send one command and read its reply. One round trip.

        A call that is cancelled after the command was sent closes the connection, so that nobody
        reads a reply that was meant for another.

        Raises:
            redis.exceptions.ResponseError: The server refused the command.
            redis.exceptions.ConnectionError: The connection broke; whether the server has carried
                the command out is then not known.
        """
        if self.server is None:
            await self.introduce()
        return await self._send(*command)

    async def execute_transaction(self, commands: Sequence[Sequence[Argument]]) -> list[Any]:
        """Send several commands as one `MULTI`, and read their replies. One round trip.

        Raises:
            redis.exceptions.ResponseError: The server refused one of the commands.
            redis.exceptions.ConnectionError: As for `execute`.
        """
        if self.server is None:
            await self.introduce()
        connection = await self._pool.get_connection()
        try:
            packed = connection.pack_commands([("MULTI",), *commands, ("EXEC",)])
            await connection.send_packed_command(packed)
            replies: list[Any] = []
            for _ in range(len(commands) + 2):
                try:
                    replies.append(await connection.read_response(disable_decoding=True))
                except ResponseError as exc:
                    replies.append(exc)
        finally:
            await self._pool.release(connection)
        # a command that was not even queued says more than the EXECABORT that follows from it
        results = replies[-1]
        outcomes: list[Any] = [
            *replies[:-1],
            *(results if isinstance(results, list) else [results]),
        ]
        for outcome in outcomes:
            if isinstance(outcome, ResponseError):
                raise outcome
        return outcomes[len(commands) + 1 :]

    async def introduce(self) -> ServerInfo:
        """Ask the server what it is, once, however many callers wait for the answer.

        Raises:
            UnsupportedServerError: It has no RedisJSON.
            redis.exceptions.ConnectionError: It cannot be reached.
        """
        if self.server is not None:
            return self.server
        if self._introduction is None:
            self._introduction = asyncio.create_task(read_server(self._send, self._place))
        introduction = self._introduction
        try:
            # shielded: one caller that gives up does not take the answer from the others
            server = await asyncio.shield(introduction)
            self.server = server
        finally:
            if introduction.done() and self._introduction is introduction:
                self._introduction = None  # after a failure the next caller asks again
        return server

    async def _send(self, *command: Argument) -> Any:
        connection = await self._pool.get_connection()
        try:
            await connection.send_command(*command)
            return await connection.read_response(disable_decoding=True)
        finally:
            await self._pool.release(connection)

    async def close(self) -> None:
        """Close the connections."""
        if self._introduction is not None:
            self._introduction.cancel()
            await asyncio.wait([self._introduction])
        await self._pool.aclose()
