"""Connecting rapyer to Redis and disconnecting it: `init_rapyer` and `teardown_rapyer`."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import Any
from weakref import WeakKeyDictionary

from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster

from rapyer.host import current_host
from rapyer.plugin.lifecycle import Lifecycle
from rapyer.traffic.server import ServerInfo
from rapyer.traffic.source import (
    FromEnvironment,
    RedisSource,
    is_default,
    source_of_environment,
    use_as_default,
)
from rapyer.traffic.urls import without_secrets


def init_rapyer(
    redis: str | Redis | RedisCluster | FromEnvironment = FromEnvironment.RAPYER_REDIS_URL,
    **options: object,
) -> Initialization:
    """Tell rapyer which Redis the models use, and check that it can be used.

    Await it, or enter it with `async with`, which tears down at the end:

        await init_rapyer("redis://localhost:6379/0")

        async with init_rapyer("redis://localhost:6379/0") as server:
            print(server.version)

    Another call replaces the server and the options of the previous one, shuts the plugins down
    for the previous server, and closes the connections to it. Models with a `redis` option of
    their own keep theirs. If it is never called, the first operation connects to the server that
    the environment variable `RAPYER_REDIS_URL` names.

    Args:
        redis: A URL that redis-py accepts (`redis://`, `rediss://`, `unix://`), a URL of a cluster
            (`redis+cluster://host,host`) or of sentinels (`redis+sentinel://host,host/service`),
            or a `Redis` or `RedisCluster` of `redis.asyncio`. rapyer opens its own connections
            with a client's settings; the client itself is neither used nor closed. If it is left
            out, the environment variable `RAPYER_REDIS_URL` names the server.
        options: Options of `class Config`, for all models that do not set or inherit them;
            includes options of plugins.

    Returns:
        An object to await or enter once, which gives the `ServerInfo`. Two round trips, plus
        those that plugins make at startup.

    Raises:
        ValueError: `redis` is neither a URL nor an asynchronous client.
        NotConnectedError: `redis` is left out, and `RAPYER_REDIS_URL` is not set, or is not a URL
            that can be used.
        OptionError: An option is unknown, is for single models, or has a value that is not
            allowed.
        UnsupportedServerError: The server has no RedisJSON.
        PluginError: A plugin cannot be loaded, or fails.
        redis.exceptions.ConnectionError: The server cannot be reached.
        RuntimeError: It was called by a plugin that `init_rapyer` or `teardown_rapyer` awaits.
    """
    try:
        source = (
            source_of_environment() if isinstance(redis, FromEnvironment) else RedisSource.of(redis)
        )
    except ValueError as exc:
        shown = without_secrets(redis)
        raise ValueError(f"init_rapyer was given {shown!r}, which {exc}.") from None
    host = current_host()
    return Initialization(Lifecycle(host, source, host.options.check_for_all(options)))


async def teardown_rapyer() -> None:
    """Close all connections of this process to Redis, and forget the settings of `init_rapyer`.

    First it shuts down the plugins that `init_rapyer` has started; only they may take round
    trips. Models stay as they are, and can be used again after another `init_rapyer`. If there
    are no connections, it does nothing.

    Raises:
        Exception: What a plugin raised while it was shut down, after everything was closed; an
            `ExceptionGroup` if several did.
        RuntimeError: It was called by a plugin that `init_rapyer` or `teardown_rapyer` awaits.
    """
    async with _turn():
        try:
            await _stop()
        finally:
            await RedisSource.close_all()


class _Active:
    """The plugins as `init_rapyer` has started them; None if it was not called."""

    lifecycle: Lifecycle | None = None


#: One call of `init_rapyer` or `teardown_rapyer` at a time, in each event loop.
_locks: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()
_has_turn: ContextVar[bool] = ContextVar("has_turn", default=False)


@asynccontextmanager
async def _turn() -> AsyncGenerator[None]:
    if _has_turn.get():
        raise RuntimeError(
            "init_rapyer or teardown_rapyer was called by a plugin that one of them awaits. Call "
            "it before or after that."
        )
    lock = _locks.setdefault(asyncio.get_running_loop(), asyncio.Lock())
    async with lock:
        token = _has_turn.set(True)
        try:
            yield
        finally:
            _has_turn.reset(token)


async def _stop(keep: RedisSource | None = None) -> None:
    """Shut the plugins down, forget the server, and close its connections unless it is `keep`."""
    lifecycle, _Active.lifecycle = _Active.lifecycle, None
    try:
        if lifecycle is not None:
            await lifecycle.stop()
    finally:
        source = use_as_default(None)
        if source is not None and source is not keep:
            await source.close()


class Initialization:
    """What `init_rapyer` returns: awaitable, and an asynchronous context manager.

    Both give the `ServerInfo`, in two round trips plus those that plugins make at startup.
    """

    __slots__ = ("_lifecycle", "_used")

    def __init__(self, lifecycle: Lifecycle) -> None:
        self._lifecycle = lifecycle
        self._used = False

    def __del__(self) -> None:
        if not self._used:
            warnings.warn(
                f"init_rapyer was called for {self._lifecycle.source.place}, but its result was "
                "dropped, so rapyer is not connected to that server. Write `await "
                "init_rapyer(...)` or `async with init_rapyer(...)`.",
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
        try:
            await teardown_rapyer()
        except Exception as also:
            if exc is None:
                raise
            # the exception that ended the block matters more, above all a cancellation
            exc.add_note(f"teardown_rapyer failed too: {also!r}")

    async def _connect(self) -> ServerInfo:
        self._used = True
        async with _turn():
            return await self._replace()

    async def _replace(self) -> ServerInfo:
        lifecycle = self._lifecycle
        source = lifecycle.source
        try:
            server = await source.channel().introduce()
        except BaseException:
            if not is_default(source):  # it may be the one in use, named by the same client
                await source.close()
            raise
        try:
            await _stop(keep=source)
        except Exception as exc:  # noqa: BLE001 - of the server that is left; the new one counts
            warnings.warn(
                f"closing the connection to the previous Redis failed: {exc!r}",
                RuntimeWarning,
                stacklevel=3,
            )
        try:
            use_as_default(source)
            await lifecycle.start()
        except BaseException:
            use_as_default(None)
            await source.close()
            raise
        _Active.lifecycle = lifecycle
        return server
