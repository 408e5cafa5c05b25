"""Seeing what a piece of code sends to Redis."""

from __future__ import annotations

import re
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

#: What connections send while they are being made, whoever makes them.
_CHORES = frozenset({"AUTH", "CLIENT", "HELLO", "SELECT"})
_LINE = re.compile(rb"[0-9.]+ \[\d+ (?P<client>[^\]]*)\] (?P<words>.*)", re.DOTALL)
_WORD = re.compile(rb'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPE = re.compile(rb"\\(?:x([0-9a-f]{2})|(.))", re.DOTALL)
_CONTROLS = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"a": b"\a", b"b": b"\b"}


@dataclass(frozen=True, slots=True)
class SentCommand:
    """A command that the server has executed.

    Attributes:
        name: Its name in upper case, such as `"JSON.SET"`.
        arguments: What followed the name; text if it is UTF-8.
        in_script: Whether a script called it, on the server.
    """

    name: str
    arguments: tuple[str | bytes, ...]
    in_script: bool = False


@asynccontextmanager
async def record_commands(redis_url: str) -> AsyncGenerator[list[SentCommand]]:
    """Record the commands that a server executes while the block runs, with `MONITOR`.

        async with record_commands(redis_url) as sent:
            await user.save()
        assert [command.name for command in sent] == ["JSON.SET"]

    It sees every client of the server, and what scripts do there. It does not see what
    connections send while they are being made (`HELLO`, `CLIENT`, ...), nor commands that the
    server hides (`AUTH`).

    One round trip at the beginning, one at the end.

    Args:
        redis_url: The URL of the server. Two further connections are made to it.

    Yields:
        A list, empty until the block ends, in the order in which the server completed the
        commands: what a script called comes after the script.

    Raises:
        ValueError: `MONITOR` printed something that is not a command.
        redis.exceptions.ConnectionError: The server cannot be reached.
    """
    sent: list[SentCommand] = []
    marker = uuid.uuid4().hex
    client: Any = Redis.from_url(redis_url, protocol=2)  # pyright: ignore[reportUnknownMemberType]
    async with client:
        monitor: Any = await client.connection_pool.get_connection()
        try:
            await monitor.send_command("MONITOR")
            await monitor.read_response(disable_decoding=True)
            yield sent
            await client.echo(marker)
            while True:
                command = _parse(await monitor.read_response(disable_decoding=True))
                if command == SentCommand("ECHO", (marker,)):
                    break
                if command.name not in _CHORES:
                    sent.append(command)
        finally:
            await monitor.disconnect()
            await client.connection_pool.release(monitor)


def _parse(line: bytes) -> SentCommand:
    """Read a line as printed by `MONITOR`: `1700000000.1 [0 127.0.0.1:6379] "GET" "key"`."""
    found = _LINE.fullmatch(line)
    if found is None:
        raise ValueError(f"MONITOR printed {line!r}, which is not a command.")
    name, *arguments = (_ESCAPE.sub(_unescaped, word) for word in _WORD.findall(found["words"]))
    return SentCommand(
        name.decode().upper(), tuple(map(_text, arguments)), found["client"] == b"lua"
    )


def _unescaped(found: re.Match[bytes]) -> bytes:
    if found[1] is not None:
        return bytes.fromhex(found[1].decode())
    return _CONTROLS.get(found[2], found[2])


def _text(word: bytes) -> str | bytes:
    try:
        return word.decode()
    except UnicodeDecodeError:
        return word
