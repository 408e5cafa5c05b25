"""A proxy between a client and a real server, which does to commands and replies what networks do.

It takes whole commands and passes them on one by one, so that it knows which reply is whose. What
happens to one of them is a `Fault`, for which the proxy is armed; all others pass.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import hiredis

#: What makes a connection ready, before any command of its user.
HANDSHAKE = frozenset({b"HELLO", b"AUTH", b"SELECT", b"CLIENT"})


class CutError(Exception):
    """The connection is to be closed."""


class Exchange:
    """One command on its way to the server, and its reply.

    Attributes:
        command: The name of the command and its arguments.
    """

    def __init__(self, command: list[bytes], line: Line) -> None:
        self.command = command
        self._line = line

    @property
    def name(self) -> bytes:
        """The name of the command, in upper case."""
        return self.command[0].upper()

    async def ask(self) -> bytes:
        """Pass the command on to the server, and give its whole reply."""
        return await self._line.ask(self.command)

    async def give(self, reply: bytes) -> None:
        """Pass bytes on to the client."""
        self._line.client.write(reply)
        await self._line.client.drain()

    async def until_closed(self) -> None:
        """Wait until the client gives up."""
        with suppress(ConnectionError):
            while await self._line.from_client.read(65536):
                pass
        raise CutError


#: What happens to one command.
Fault = Callable[[Exchange], Awaitable[None]]


async def passes(exchange: Exchange) -> None:
    """Nothing happens to it."""
    await exchange.give(await exchange.ask())


async def cut_before(exchange: Exchange) -> None:
    """The connection is cut before the command reaches the server."""
    raise CutError


async def cut_after(exchange: Exchange) -> None:
    """The command is carried out, and the connection cut before its reply."""
    await exchange.ask()
    raise CutError


def cut_within(number: int) -> Fault:
    """The connection is cut after so many bytes of the reply; from its end for a negative one."""

    async def cut(exchange: Exchange) -> None:
        await exchange.give((await exchange.ask())[:number])
        raise CutError

    return cut


async def lose_command(exchange: Exchange) -> None:
    """The command is dropped, and nothing is ever answered."""
    await exchange.until_closed()


async def lose_reply(exchange: Exchange) -> None:
    """The command is carried out, and nothing is ever answered."""
    await exchange.ask()
    await exchange.until_closed()


async def halve(exchange: Exchange) -> None:
    """The reply comes in single bytes at both of its ends, and in two halves between."""
    reply = await exchange.ask()
    middle = len(reply) // 2
    for part in (reply[:1], reply[1:middle], reply[middle:-1], reply[-1:]):
        await exchange.give(part)
        await asyncio.sleep(0.001)


def delay_until(event: asyncio.Event) -> Fault:
    """The reply comes when something has happened."""

    async def delay(exchange: Exchange) -> None:
        reply = await exchange.ask()
        await event.wait()
        await exchange.give(reply)

    return delay


class Line:
    """One connection of a client, and the one to the server that belongs to it."""

    def __init__(
        self,
        proxy: Proxy,
        from_client: asyncio.StreamReader,
        client: asyncio.StreamWriter,
        server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        self._proxy = proxy
        self.from_client, self.client = from_client, client
        self._from_server, self._server = server

    async def run(self) -> None:
        """Pass on what comes, until one side closes or a fault cuts it."""
        reader = hiredis.Reader()
        try:
            while data := await self.from_client.read(65536):
                reader.feed(data)
                while (command := reader.gets()) is not False:
                    exchange = Exchange(command, self)
                    await self._proxy.fault_for(exchange)(exchange)
        except (CutError, ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writers = (self.client, self._server)
            for writer in writers:
                writer.close()
            for writer in writers:
                with suppress(ConnectionError):
                    await writer.wait_closed()

    async def ask(self, command: list[bytes]) -> bytes:
        """Send a command to the server, and give its whole reply."""
        self._server.write(hiredis.pack_command(tuple(command)))
        reader, whole = hiredis.Reader(), b""
        while reader.gets() is False:
            data = await self._from_server.read(65536)
            if not data:
                raise ConnectionResetError
            whole += data
            reader.feed(data)
        return whole


class Proxy:
    """A proxy before one server; see `proxy_before`.

    Args:
        path: The unix socket that it listens on.
        server_url: The URL of the server, which listens on a unix socket.

    Attributes:
        url: What clients are given.
        tasks: One for each connection.
        hit: The command that the fault has happened to; None as long as there is none.
        seen: How many commands have come since it was armed.
        refuses: Whether connections are closed as soon as they are made.
    """

    def __init__(self, path: Path, server_url: str) -> None:
        self.url = f"unix://{path}"
        self._server = server_url.removeprefix("unix://").partition("?")[0]
        self.tasks: set[asyncio.Task[Any]] = set()
        self.refuses = False
        self.disarm()

    def disarm(self) -> None:
        """Let everything pass."""
        self._fault: Fault | None = None
        self._always = False
        self._number, self._containing = 0, b""
        self.hit: list[bytes] | None = None
        self.seen = 0

    def arm(
        self, fault: Fault, *, number: int = 0, containing: bytes = b"", always: bool = False
    ) -> None:
        """Let a fault happen to one of the commands that come from now on.

        Args:
            fault: What happens.
            number: How many commands pass before.
            containing: What the command contains, in any of its arguments.
            always: Whether it happens to all further such commands as well.
        """
        self.disarm()
        self._fault, self._number, self._containing = fault, number, containing
        self._always = always

    def fault_for(self, exchange: Exchange) -> Fault:
        """Say what happens to a command."""
        if self._fault is None or not any(self._containing in part for part in exchange.command):
            return passes
        self.seen += 1
        is_meant = self.hit is None and self.seen > self._number
        if not (is_meant or (self._always and self.hit is not None)):
            return passes
        self.hit = exchange.command
        return self._fault

    def cut_all(self) -> None:
        """Close all connections, as a network does that is gone."""
        for task in self.tasks:
            task.cancel()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        try:
            if self.refuses:
                writer.close()
                return
            server = await asyncio.open_unix_connection(self._server)
            await Line(self, reader, writer, server).run()
        except asyncio.CancelledError:  # by cut_all; an end by it would be logged
            writer.close()
        finally:
            self.tasks.discard(task)


@asynccontextmanager
async def proxy_before(server_url: str, directory: Path) -> AsyncIterator[Proxy]:
    """Stand before a server that listens on a unix socket, at a socket in a directory."""
    path = directory / "proxy.sock"
    proxy = Proxy(path, server_url)
    listening = await asyncio.start_unix_server(proxy.accept, path)
    try:
        yield proxy
    finally:
        listening.close()
        tasks = list(proxy.tasks)
        proxy.cut_all()
        await asyncio.gather(*tasks, return_exceptions=True)
        path.unlink(missing_ok=True)
