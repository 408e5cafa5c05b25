"""Where Redis is: a URL or a caller's client, and from it one bounded pool per event loop."""

from __future__ import annotations

import asyncio
import os
import warnings
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast
from weakref import WeakKeyDictionary, WeakSet

from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from rapyer.errors import NotConnectedError
from rapyer.traffic.channel import Channel
from rapyer.traffic.cluster import ClusterChannel
from rapyer.traffic.naming import Endpoint, endpoint_of
from rapyer.traffic.pool import Pool
from rapyer.traffic.slots import Address
from rapyer.traffic.urls import without_secrets

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Names the server for models without a server of their own, when `init_rapyer` was not called.
URL_VARIABLE = "RAPYER_REDIS_URL"


class FromEnvironment(Enum):
    """Stands for the server that the environment variable `RAPYER_REDIS_URL` names."""

    RAPYER_REDIS_URL = URL_VARIABLE

    def __repr__(self) -> str:
        return self.name


#: What rapyer needs of every connection, whatever the caller's client or URL says: replies as bytes
#: in one protocol, and no command sent twice (a repeated write is applied twice if only the reply
#: to the first was lost).
_OURS: Mapping[str, Any] = {
    "protocol": 2,
    "decode_responses": False,
    "encoding": "utf-8",
    "encoding_errors": "strict",
    "retry_on_timeout": False,
    "retry_on_error": [],
}
#: What a redis-py pool keeps for itself among the settings of its connections.
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


#: For how many seconds to wait for event loops of other threads to close their connections.
_PATIENCE: Final = 1.0


class RedisSource:
    """One Redis server, or one cluster, seen from this process.

    Args:
        endpoint: Where it is, and how to connect to it.

    Attributes:
        place: Where it is, without secrets, for messages.
    """

    _all: ClassVar[WeakSet[RedisSource]] = WeakSet()
    _of_client: ClassVar[WeakKeyDictionary[Any, RedisSource]] = WeakKeyDictionary()
    #: Sources with connections of a loop that neither runs nor is closed, which has to close them.
    _left: ClassVar[set[RedisSource]] = set()
    _inherited: ClassVar[list[Channel]] = []

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._settings = {**endpoint.settings, **_OURS}
        for internal in _INTERNAL & endpoint.settings.keys():
            del self._settings[internal]
        self._connections: int = self._settings["max_connections"]
        if self._connections < 1:
            raise ValueError("allows no connections. Set max_connections to at least 1")
        try:
            # makes no connection, but knows which options there are
            sample: Any = cast("Any", self._new_pool()).make_connection()
        except TypeError as exc:
            raise ValueError(f"has an option that redis-py does not know ({exc})") from exc
        # The Channel enforces the timeout of a reply: redis-py's own way, on Python 3.11, makes a
        # task for each command, and may lose the cancellation of its caller.
        self._timeout: float | None = sample.socket_timeout
        self._settings["socket_timeout"] = None
        self.place = endpoint.place
        self._channels: WeakKeyDictionary[asyncio.AbstractEventLoop, Channel] = WeakKeyDictionary()
        self._all.add(self)

    @classmethod
    def of(cls, where: object) -> RedisSource:
        """Make a source from whatever a caller names Redis by.

        Args:
            where: A URL (`redis://`, `rediss://`, `unix://`, `redis+cluster://`,
                `redis+sentinel://`), or a `Redis` or `RedisCluster` of redis.asyncio, whose
                settings are used for rapyer's own connections.

        Raises:
            ValueError: It is neither; the message is a clause with the remedy.
        """
        if isinstance(where, RedisSource):
            return where
        if isinstance(where, str):
            return cls(endpoint_of(where))
        client: Any = where
        is_client = isinstance(where, Redis | RedisCluster)
        source = cls._of_client.get(client) if is_client else None
        if source is None:
            source = cls(endpoint_of(where))
            cls._of_client[client] = source
        return source

    def channel(self) -> Channel:
        """Return the connections of the running event loop, made on first use."""
        loop = asyncio.get_running_loop()
        channel = self._channels.get(loop)
        if channel is None:
            self._warn_of_closed_loops()
            channel = self._channels[loop] = self._new_channel()
        return channel

    @property
    def database(self) -> int:
        """The number of the database that the connections use."""
        return int(self._settings.get("db") or 0)

    def _new_channel(self) -> Channel:
        endpoint = self._endpoint
        if not endpoint.seeds:
            return self._connect(self.place, is_node=False)
        return ClusterChannel(
            self._connect_to_node,
            endpoint.seeds,
            timeout=self._timeout,
            place=self.place,
            waiters=self._connections // 4,
        )

    def _connect_to_node(self, address: Address) -> Channel:
        remap = self._endpoint.remap
        host, port = remap(address) if remap is not None else address
        return self._connect(str(address), is_node=True, host=host, port=port)

    def _connect(self, place: str, *, is_node: bool, **address: Any) -> Channel:
        return Channel(
            self._new_pool(**address),
            asyncio.Semaphore(self._connections),
            timeout=self._timeout,
            place=place,
            waiters=self._connections // 4,
            is_node=is_node,
        )

    def _new_pool(self, **address: Any) -> Pool:
        # A Retry has state, so each pool gets one of its own. Not redis-py's blocking pool: on
        # Python 3.11 and 3.12 its asyncio.Condition loses the wake-up of a waiter that is cancelled
        # at the same moment, and the next waiter hangs. The Channel has a semaphore instead.
        retry = Retry(NoBackoff(), retries=0)
        return cast("Pool", self._endpoint.make_pool(**self._settings, **address, retry=retry))

    def _warn_of_closed_loops(self) -> None:
        for loop in [loop for loop in self._channels if loop.is_closed()]:
            if self._channels.pop(loop).closed:
                continue
            warnings.warn(
                f"an event loop was closed while rapyer had open connections to {self.place}. "
                "Await teardown_rapyer() before it ends, or use `async with init_rapyer(...)`.",
                ResourceWarning,
                stacklevel=4,
            )

    async def close(self) -> None:
        """Close the connections of this process to the server, in all its event loops.

        Those of a loop that is not running at the moment stay until this is called while it runs. A
        loop of another thread may not answer within a second, and may never do so if that thread is
        waiting for this one; it closes its connections when it can, and a warning is issued.
        """
        self._warn_of_closed_loops()
        here, are_late = asyncio.get_running_loop(), False
        for loop, channel in list(self._channels.items()):
            if loop is here:
                del self._channels[loop]
                await channel.close()
            elif loop.is_running():  # in another thread
                del self._channels[loop]
                there = asyncio.run_coroutine_threadsafe(channel.close(), loop)
                closing = asyncio.wrap_future(there)
                await asyncio.wait([closing], timeout=_PATIENCE)
                if closing.done():
                    closing.result()
                else:
                    are_late = True
        (self._left.add if self._channels else self._left.discard)(self)
        if are_late:
            warnings.warn(
                f"the event loop of another thread has connections of rapyer to {self.place}, and "
                f"did not close them within {_PATIENCE:g} s: something blocks it. It will close "
                "them when it can. If that is Starlette's TestClient in an `async def` test, use "
                "httpx.AsyncClient with its ASGITransport, or write a `def`.",
                ResourceWarning,
                stacklevel=3,
            )

    @classmethod
    def forget_inherited(cls) -> None:
        """In the child of a fork, leave the connections to the parent, which goes on using them.

        They are neither closed nor given back to the system: the loop that they belong to appears
        to run, but never does so here.
        """
        for source in cls._all:
            cls._inherited.extend(source._channels.values())
            source._channels.clear()

    @classmethod
    async def close_all(cls) -> None:
        """Close the connections of this process to every server."""
        for source in list(cls._all):
            await source.close()


if hasattr(os, "register_at_fork"):  # not on Windows, which has no forks
    os.register_at_fork(after_in_child=RedisSource.forget_inherited)


class _Default:
    """The source of models without a server of their own."""

    source: RedisSource | None = None


def use_as_default(source: RedisSource | None) -> RedisSource | None:
    """Set the source of models without a `redis` option of their own; return the previous one."""
    before, _Default.source = _Default.source, source
    return before


def is_default(source: RedisSource) -> bool:
    """Return whether a source is the one of models without a `redis` option of their own."""
    return source is _Default.source


def default_source() -> RedisSource:
    """Return the source of models without a `redis` option of their own.

    Raises:
        NotConnectedError: `init_rapyer` was not called, and the environment names no server.
    """
    if _Default.source is None:
        _Default.source = source_of_environment()
    return _Default.source


def source_of_environment() -> RedisSource:
    """Make a source of what the environment variable `RAPYER_REDIS_URL` says.

    Raises:
        NotConnectedError: It is not set, or is not a URL that can be used.
    """
    url = os.environ.get(URL_VARIABLE)
    if not url:
        raise NotConnectedError(
            "rapyer does not know where Redis is. Await init_rapyer('redis://localhost:6379'), or "
            f"set {URL_VARIABLE}."
        )
    try:
        return RedisSource.of(url)
    except ValueError as exc:
        raise NotConnectedError(
            f"{URL_VARIABLE} is {without_secrets(url)!r}, which {exc}."
        ) from None
