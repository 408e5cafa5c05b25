"""Where Redis is: a URL or a caller's client, and from it one bounded pool for each event loop."""

from __future__ import annotations

import asyncio
import os
import warnings
from typing import TYPE_CHECKING, Any, ClassVar, cast
from weakref import WeakKeyDictionary, WeakSet

from redis.asyncio import BlockingConnectionPool, Connection, ConnectionPool, Redis
from redis.asyncio.connection import AbstractConnection, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.event import AsyncAfterConnectionReleasedEvent

from rapyer.errors import NotConnectedError
from rapyer.traffic.channel import Channel, Pool

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Names the server for models that were not told of another one, and where `init_rapyer` was not
#: called.
URL_VARIABLE = "RAPYER_REDIS_URL"
#: Connections of one event loop to one server. Further callers wait: more connections than these
#: do not make one server faster.
MAX_CONNECTIONS = 64

#: What rapyer needs of every connection, whatever the caller's client or URL says: replies as bytes
#: in one protocol, and no command sent twice (a repeated write is applied twice when only the
#: reply of the first was lost).
_OURS: Mapping[str, Any] = {
    "protocol": 2,
    "decode_responses": False,
    "encoding": "utf-8",
    "encoding_errors": "strict",
    "retry_on_timeout": False,
    "retry_on_error": [],
}
#: What a pool of redis-py keeps for itself among the settings of its connections.
_INTERNAL = {
    "retry",
    "timeout",
    "himport_registry",
    "event_dispatcher",
    # notices of a server that moves: they need RESP3, and refer to the pool they were made for
    "maint_notifications_config",
    "maint_notifications_pool_handler",
    "oss_cluster_maint_notifications_handler",
    "orig_host_address",
    "orig_socket_timeout",
    "orig_socket_connect_timeout",
}


class _PlainPool(ConnectionPool):
    """redis-py's pool without its lock and its counters for OpenTelemetry.

    They take 4 of its 6 us for a connection. Nothing in a pool waits between looking and taking, so
    that a lock has nothing to keep apart.

    Attributes:
        connects: How often a connection was made so far.
    """

    connects = 0

    def make_connection(self) -> AbstractConnection:
        """Make a connection, which is counted each time that it connects."""
        untyped: Any = super()  # not all of redis-py is typed
        connection = untyped.make_connection()
        connection.register_connect_callback(self._connected)
        return cast("AbstractConnection", connection)

    def _connected(self, _: AbstractConnection) -> None:
        self.connects += 1

    async def get_connection(
        self, command_name: Any = None, *keys: Any, **options: Any
    ) -> AbstractConnection:
        """Give a connection that is ready."""
        del command_name, keys, options  # of older versions of redis-py
        pool: Any = self  # not all of redis-py is typed
        connection: AbstractConnection = pool.get_available_connection()
        try:
            await self.ensure_connection(connection)
        except BaseException:
            await self.release(connection)
            raise
        return connection

    async def release(self, connection: AbstractConnection) -> None:
        """Take a connection back."""
        self._in_use_connections.remove(connection)
        should_reconnect: Any = getattr(connection, "should_reconnect", bool)  # of redis-py 7 on
        if should_reconnect():
            await connection.disconnect()
        self._available_connections.append(connection)
        dispatcher: Any = self._event_dispatcher
        event: Any = AsyncAfterConnectionReleasedEvent
        await dispatcher.dispatch_async(event(connection))  # to those who give it new credentials


class RedisSource:
    """One Redis server, seen from this process.

    Args:
        settings: The arguments of a connection pool of redis-py.
        place: Where the server is, without secrets, for messages.
    """

    _all: ClassVar[WeakSet[RedisSource]] = WeakSet()
    _of_client: ClassVar[WeakKeyDictionary[Redis, RedisSource]] = WeakKeyDictionary()

    def __init__(self, settings: Mapping[str, Any], place: str) -> None:
        self._settings = {**settings, **_OURS}
        for internal in _INTERNAL & settings.keys():
            del self._settings[internal]
        self._connections: int = self._settings["max_connections"]
        if self._connections < 1:
            raise ValueError("allows no connection. Set max_connections to 1 or more")
        try:
            # connects to nothing, but knows which options there are
            sample = self._settings["connection_class"](**self._connection_settings())
        except TypeError as exc:
            raise ValueError(f"has an option that redis-py does not know ({exc})") from exc
        # The time that a reply may take is watched by the Channel: on Python 3.11 redis-py's way
        # makes a task for each command, and may lose the cancellation of its caller.
        self._timeout: float | None = sample.socket_timeout
        self._settings["socket_timeout"] = None
        self.place = place
        self._channels: WeakKeyDictionary[asyncio.AbstractEventLoop, Channel] = WeakKeyDictionary()
        self._all.add(self)

    @classmethod
    def of(cls, where: object) -> RedisSource:
        """Make a source of what a caller names Redis by.

        Args:
            where: A URL that redis-py takes (`redis://`, `rediss://`, `unix://`), or a
                `redis.asyncio.Redis`, whose settings are used for connections of rapyer's own.

        Raises:
            ValueError: It is neither; the message is a clause with the remedy.
        """
        if isinstance(where, RedisSource):
            return where
        if isinstance(where, str):
            return cls._of_url(where)
        if isinstance(where, Redis):
            source = cls._of_client.get(where)
            if source is None:
                source = cls._of_client[where] = cls._of_pool(where.connection_pool)
            return source
        raise ValueError(
            "is neither the URL of a Redis server nor a redis.asyncio.Redis. Give "
            "'redis://localhost:6379/0' or a client of redis.asyncio"
        )

    @classmethod
    def _of_url(cls, url: str) -> RedisSource:
        settings: dict[str, Any] = {**parse_url(url)}
        settings.setdefault("connection_class", Connection)
        settings.setdefault("max_connections", MAX_CONNECTIONS)
        return cls(settings, str(without_secrets(url)))

    @classmethod
    def _of_pool(cls, pool: ConnectionPool) -> RedisSource:
        if type(pool) not in (ConnectionPool, BlockingConnectionPool):
            raise ValueError(
                f"has a pool of the type {type(pool).__name__}, whose connections rapyer cannot "
                "make. Give a client made by redis.asyncio.Redis(...) or Redis.from_url(...)"
            )
        settings = {
            **pool.connection_kwargs,
            "connection_class": pool.connection_class,
            "max_connections": min(pool.max_connections, MAX_CONNECTIONS),
        }
        return cls(settings, _place_of(settings))

    def channel(self) -> Channel:
        """Give the connections of the running event loop, made on first use."""
        loop = asyncio.get_running_loop()
        channel = self._channels.get(loop)
        if channel is None:
            self._warn_of_closed_loops()
            channel = self._channels[loop] = Channel(
                self._new_pool(),
                asyncio.Semaphore(self._connections),
                timeout=self._timeout,
                place=self.place,
                waiters=self._connections // 4,
            )
        return channel

    def _connection_settings(self) -> dict[str, Any]:
        pool_settings = {"connection_class", "max_connections"}
        return {key: value for key, value in self._settings.items() if key not in pool_settings}

    def _new_pool(self) -> Pool:
        # A Retry has state, so that each pool is given one of its own. Not redis-py's pool that
        # waits: on Python 3.11 and 3.12 its asyncio.Condition loses the wake-up of a waiter that
        # is cancelled in the same moment, and the next one hangs; the Channel has a semaphore.
        pool = _PlainPool(**self._settings, retry=Retry(NoBackoff(), retries=0))
        return cast("Pool", pool)

    def _warn_of_closed_loops(self) -> None:
        for loop in [loop for loop in self._channels if loop.is_closed()]:
            if self._channels.pop(loop).closed:
                continue
            warnings.warn(
                f"an event loop was closed with connections of rapyer to {self.place} open. "
                "Await teardown_rapyer() before it ends, or use `async with init_rapyer(...)`.",
                ResourceWarning,
                stacklevel=4,
            )

    async def close(self) -> None:
        """Close the connections of this process to the server, of all its event loops."""
        self._warn_of_closed_loops()
        here = asyncio.get_running_loop()
        for loop, channel in list(self._channels.items()):
            del self._channels[loop]
            if loop is here:
                await channel.close()
            elif loop.is_running():  # in another thread
                await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(channel.close(), loop))

    @classmethod
    async def close_all(cls) -> None:
        """Close the connections of this process to every server."""
        for source in list(cls._all):
            await source.close()


class _Default:
    """The source of models that were not told of another one."""

    source: RedisSource | None = None


def use_as_default(source: RedisSource | None) -> RedisSource | None:
    """Set the source of models without a `redis` option of their own; give the one before."""
    before, _Default.source = _Default.source, source
    return before


def is_default(source: RedisSource) -> bool:
    """Say whether a source is the one of models without a `redis` option of their own."""
    return source is _Default.source


def default_source() -> RedisSource:
    """Give the source of models without a `redis` option of their own.

    Raises:
        NotConnectedError: `init_rapyer` was not called, and the environment names no server.
    """
    if _Default.source is None:
        url = os.environ.get(URL_VARIABLE)
        if not url:
            raise NotConnectedError(
                "rapyer does not know where Redis is. Await init_rapyer('redis://localhost:6379') "
                f"first, or set {URL_VARIABLE}."
            )
        _Default.source = _source_of_variable(url)
    return _Default.source


def _source_of_variable(url: str) -> RedisSource:
    try:
        return RedisSource.of(url)
    except ValueError as exc:
        raise NotConnectedError(
            f"{URL_VARIABLE} is {without_secrets(url)!r}, which is no URL of Redis: {exc}"
        ) from exc


def _place_of(settings: Mapping[str, Any]) -> str:
    if "path" in settings:
        return str(settings["path"])
    return f"{settings.get('host', 'localhost')}:{settings.get('port', 6379)}"


def without_secrets(where: object) -> object:
    """Give what Redis was named by in a form that can be shown: a URL without user and password."""
    if not isinstance(where, str):
        return where
    scheme, separator, rest = where.partition("://")
    if not separator:
        return where.rpartition("@")[2]
    return f"{scheme}://{rest.partition('?')[0].rpartition('@')[2]}"
