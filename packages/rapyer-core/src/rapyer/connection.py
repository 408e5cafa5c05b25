"""Telling rapyer where Redis is, and letting go of it: `init_rapyer` and `teardown_rapyer`."""

from __future__ import annotations

import warnings
from collections.abc import Generator
from types import TracebackType
from typing import Any

from redis.asyncio import Redis

from rapyer.traffic.server import ServerInfo
from rapyer.traffic.source import RedisSource, use_as_default, without_secrets


def init_rapyer(redis: str | Redis) -> Initialization:
    """Tell rapyer which Redis the models use, and check that it can be used.

    Await it, or enter it with `async with`, which tears down at the end:

        await init_rapyer("redis://localhost:6379/0")

        async with init_rapyer("redis://localhost:6379/0") as server:
            print(server.version)

    Called again, it replaces the server of before and closes the connections to that one. Models
    with a `redis` option of their own are not concerned. Where it is not called, the environment
    variable `RAPYER_REDIS_URL` names the server and the first operation connects.

    Args:
        redis: A URL that redis-py takes (`redis://`, `rediss://`, `unix://`), or a
            `redis.asyncio.Redis`. A client's settings are used for connections of rapyer's own;
            the client itself is neither used nor closed.

    Returns:
        What can be awaited or entered once; it gives the `ServerInfo`. Two round trips.

    Raises:
        ValueError: `redis` is neither a URL nor an asynchronous client.
        UnsupportedServerError: The server has no RedisJSON.
        redis.exceptions.ConnectionError: The server cannot be reached.
    """
    try:
        source = RedisSource.of(redis)
    except ValueError as exc:
        shown = without_secrets(redis)
        raise ValueError(f"init_rapyer was given {shown!r}, which {exc}.") from None
    return Initialization(source)


async def teardown_rapyer() -> None:
    """Close all connections of this process to Redis, and forget what `init_rapyer` was told.

    Models stay as they are, and can be used again after another `init_rapyer`. Without connections
    it does nothing.
    """
    forgotten = use_as_default(None)  # kept alive here until it is closed below
    await RedisSource.close_all()
    del forgotten


class Initialization:
    """What `init_rapyer` returns: awaitable, and an asynchronous context manager."""

    __slots__ = ("_source", "_used")

    def __init__(self, source: RedisSource) -> None:
        self._source = source
        self._used = False

    def __del__(self) -> None:
        if not self._used:
            warnings.warn(
                f"init_rapyer was called for {self._source.place} and its result was dropped, so "
                "that rapyer does not know that server. Write `await init_rapyer(...)` or "
                "`async with init_rapyer(...)`.",
                RuntimeWarning,
                stacklevel=2,
            )

    def __await__(self) -> Generator[Any, None, ServerInfo]:
        self._used = True
        return self._connect().__await__()

    async def __aenter__(self) -> ServerInfo:
        return await self._connect()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await teardown_rapyer()

    async def _connect(self) -> ServerInfo:
        self._used = True
        try:
            server = await self._source.channel().introduce()
        except BaseException:
            await self._source.close()
            raise
        before = use_as_default(self._source)
        if before is not None and before is not self._source:
            await before.close()
        return server
