"""Fixtures for the defects and traps that users of this library do not meet.

The names of the tests are the list: of the defects of other mappers (`test_queries.py`, ...), and
of the traps of the server and its client (`test_server_queries.py`, `test_scripts.py`, ...).
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

Put = Callable[[str, str, Any], Awaitable[None]]
Raw = Callable[..., Awaitable[Any]]
Stored = Callable[[str], Awaitable[Any]]
Trap = Callable[[bool], None]

GONE = pytest.StashKey[list[str]]()


@pytest.fixture
def raw(redis: Redis) -> Raw:
    """Send one command as it is; an error of the server is a reply like others."""

    async def send(*words: str | bytes | int) -> Any:
        try:
            return await redis.execute_command(*words)
        except ResponseError as error:
            return error

    return send


@pytest.fixture
def stored(raw: Raw) -> Stored:
    """Read what is stored at a key, without the library."""

    async def read(key: str) -> Any:
        text = await raw("JSON.GET", key)
        return None if text is None else json.loads(text)

    return read


@pytest.fixture
def put(redis: Redis) -> Put:
    """Store a value as another program would: `await put("user:1", "$.age", "old")`."""

    async def write(key: str, path: str, value: Any) -> None:
        # not by `redis.json()`, after which the client decodes what others ask by it
        await redis.execute_command("JSON.SET", key, path, json.dumps(value))

    return write


@pytest.fixture
def trap(request: pytest.FixtureRequest) -> Trap:
    """Say whether the server does what a test is about: `trap(reply == b"OK")`.

    One that does it no longer is told of at the end of the run, and is no failure: what counts is
    what users see of it.
    """

    def note(is_there: bool) -> None:
        if not is_there:
            gone = request.config.stash.setdefault(GONE, [])
            gone.append(request.node.nodeid)

    return note


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Tell of the traps that this server does not have."""
    for name in config.stash.get(GONE, []):
        terminalreporter.write_line(f"This server does otherwise: {name}")
