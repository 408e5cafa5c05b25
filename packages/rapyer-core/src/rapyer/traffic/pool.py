"""The pool of connections to one server, and the interfaces used of pools and connections."""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

from redis.asyncio import ConnectionPool
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.sentinel import Sentinel
from redis.event import AsyncAfterConnectionReleasedEvent


class Connection(Protocol):
    """The part of a redis-py connection that is used."""

    async def send_packed_command(self, command: list[bytes]) -> None:
        """Send encoded commands."""

    async def read_response(self, *, disable_decoding: bool) -> Any:
        """Read the next reply, and close the connection if that fails."""


class Pool(Protocol):
    """The part of a redis-py connection pool that is used.

    Attributes:
        connects: How often a connection has been made so far.
    """

    connects: int

    async def get_connection(self) -> Connection:
        """Return a connection that is ready."""
        ...

    async def release(self, connection: Connection) -> None:
        """Take a connection back."""

    async def aclose(self) -> None:
        """Close all connections."""


class PlainPool(ConnectionPool):
    """redis-py's pool without its lock and its counters for OpenTelemetry.

    They take 4 of the 6 us that a connection from it costs. Nothing in a pool awaits between
    looking and taking, so there is nothing for a lock to protect.

    Attributes:
        connects: How often a connection has been made so far.
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
        """Return a connection that is ready."""
        del command_name, keys, options  # arguments of older versions of redis-py
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
        should_reconnect: Any = getattr(connection, "should_reconnect", bool)  # since redis-py 7
        if should_reconnect():
            await connection.disconnect()
        self._available_connections.append(connection)
        dispatcher: Any = self._event_dispatcher
        event: Any = AsyncAfterConnectionReleasedEvent
        await dispatcher.dispatch_async(event(connection))  # to providers of new credentials


class SentinelPool(PlainPool):
    """A pool of connections to the server that sentinels name as the master of a service.

    The sentinels are asked each time a connection is made. A connection that turns out to lead to a
    former master is made again.

    Args:
        sentinels: Where they listen.
        of_sentinels: The settings of the connections to them.
        service: The name of the service.
        settings: As for any pool.
    """

    is_master = True
    check_connection = False

    def __init__(
        self,
        sentinels: Sequence[tuple[str, int]],
        of_sentinels: Mapping[str, Any],
        service: str,
        **settings: Any,
    ) -> None:
        untyped: Any = super()  # not all of redis-py is typed
        untyped.__init__(**settings)
        self.connection_kwargs["connection_pool"] = weakref.proxy(self)
        make: Any = Sentinel
        self._sentinels = make(sentinels, sentinel_kwargs=dict(of_sentinels))
        self._service = service

    async def get_master_address(self) -> tuple[str, int]:
        """Ask the sentinels where the master is."""
        address: tuple[str, int] = await self._sentinels.discover_master(self._service)
        return address

    async def aclose(self) -> None:
        """Close all connections, including those to the sentinels."""
        await super().aclose()
        for sentinel in self._sentinels.sentinels:
            await sentinel.connection_pool.disconnect()
