"""How a caller names Redis, by a URL or a client, and what connections are made with then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, urlencode

from redis.asyncio import BlockingConnectionPool, Connection, ConnectionPool, Redis
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.connection import SSLConnection
from redis.asyncio.sentinel import (
    SentinelConnectionPool,
    SentinelManagedConnection,
    SentinelManagedSSLConnection,
)

from rapyer.traffic.pool import PlainPool, SentinelPool
from rapyer.traffic.slots import Address
from rapyer.traffic.urls import parts_of, settings_of, without_secrets

#: Connections of one event loop to one server. Further callers wait: more connections than this do
#: not make a single server faster.
MAX_CONNECTIONS: Final = 64
_CLUSTER: Final = "+cluster"
_SENTINEL: Final = "+sentinel"
_PORT: Final = 6379
_SENTINEL_PORT: Final = 26379


class Endpoint(NamedTuple):
    """Where Redis is, and how to connect to it.

    Attributes:
        settings: The arguments of a redis-py connection pool.
        place: Where it is, without secrets, for messages.
        seeds: Nodes of a cluster; empty for a single server.
        make_pool: Makes a pool from such arguments.
        remap: Turns the address that a cluster node reports into the one to reach it at.
    """

    settings: Mapping[str, Any]
    place: str
    seeds: tuple[Address, ...] = ()
    make_pool: Callable[..., ConnectionPool] = PlainPool
    remap: Callable[[Address], Address] | None = None


def endpoint_of(where: object) -> Endpoint:
    """Return what a caller means.

    Raises:
        ValueError: It is neither a URL nor a client of redis.asyncio; the message is a clause with
            the remedy.
    """
    if isinstance(where, str):
        scheme = where.partition("://")[0]
        if scheme.endswith(_CLUSTER):
            return _of_cluster_url(where)
        if scheme.endswith(_SENTINEL):
            return _of_sentinel_url(where)
        return Endpoint(_with_defaults(settings_of(where)), str(without_secrets(where)))
    if isinstance(where, Redis):
        return _of_pool(where.connection_pool)
    if isinstance(where, RedisCluster):
        return _of_cluster(where)
    raise ValueError(
        "is neither the URL of a Redis server nor a client of redis.asyncio. Give "
        "'redis://localhost:6379/0', a redis.asyncio.Redis or a redis.asyncio.RedisCluster"
    )


def _with_defaults(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {"connection_class": Connection, "max_connections": MAX_CONNECTIONS, **settings}


def _of_pool(pool: ConnectionPool) -> Endpoint:
    settings = {
        **pool.connection_kwargs,
        "connection_class": pool.connection_class,
        "max_connections": min(pool.max_connections, MAX_CONNECTIONS),
    }
    if type(pool) is SentinelConnectionPool:
        of_sentinel: Any = pool
        del settings["connection_pool"]
        if not of_sentinel.is_master:
            raise ValueError(
                "is for replicas, which do not accept writes. Give one made by master_for()"
            )
        name: str = of_sentinel.service_name
        manager: Any = of_sentinel.sentinel_manager
        known = [one.connection_pool.connection_kwargs for one in manager.sentinels]
        sentinels = [Address(one["host"], int(one["port"])) for one in known]
        make = partial(SentinelPool, sentinels, manager.sentinel_kwargs, name)
        return Endpoint(settings, f"sentinel service {name!r}", make_pool=make)
    if type(pool) not in (ConnectionPool, BlockingConnectionPool):
        raise ValueError(
            f"has a pool of type {type(pool).__name__}, whose connections rapyer cannot create. "
            "Give a client made by redis.asyncio.Redis(...) or Redis.from_url(...)"
        )
    place = str(settings.get("path") or Address(*_host_and_port(settings)))
    return Endpoint(settings, place)


def _host_and_port(settings: Mapping[str, Any]) -> tuple[str, int]:
    return settings.get("host", "localhost"), int(settings.get("port", _PORT))


# -- clusters -------------------------------------------------------------------------------------


def _of_cluster_url(url: str) -> Endpoint:
    plain, seeds = _split_hosts(url, _CLUSTER, _PORT)
    settings = _with_defaults(settings_of(plain))
    if settings.pop("db", 0):
        raise ValueError("names a database, but a cluster has only database 0. Leave it out")
    del settings["host"]
    settings.pop("port", None)
    return Endpoint(settings, str(without_secrets(url)), seeds)


def _of_cluster(client: RedisCluster) -> Endpoint:
    known: Any = client
    settings: dict[str, Any] = dict(known.connection_kwargs)
    for of_client in ("response_callbacks", "redis_connect_func", "host", "port"):
        settings.pop(of_client, None)
    settings["max_connections"] = min(settings.get("max_connections", 0), MAX_CONNECTIONS)
    manager: Any = known.nodes_manager
    seeds = tuple(Address(node.host, int(node.port)) for node in manager.startup_nodes.values())
    remap: Any = manager.address_remap

    def reached(address: Address) -> Address:
        return Address(*remap((address.host, address.port)))

    place = f"cluster of {', '.join(map(str, seeds))}"
    return Endpoint(settings, place, seeds, remap=reached if remap else None)


# -- sentinels ------------------------------------------------------------------------------------


def _of_sentinel_url(url: str) -> Endpoint:
    plain, sentinels = _split_hosts(url, _SENTINEL, _SENTINEL_PORT)
    parts = parts_of(plain)
    service, _, database = parts.path.strip("/").partition("/")
    if not service:
        raise ValueError(
            "names no service. Write it after the hosts: "
            "'redis+sentinel://host1:26379,host2:26379/mymaster'"
        )
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    of_sentinels = {
        name: options.pop(f"sentinel_{name}")
        for name in ("username", "password")
        if f"sentinel_{name}" in options
    }
    plain = parts._replace(path=f"/{database}", query=urlencode(options)).geturl()
    settings = _with_defaults(settings_of(plain))
    del settings["host"]
    settings.pop("port", None)
    is_secure = settings["connection_class"] is SSLConnection
    kind = SentinelManagedSSLConnection if is_secure else SentinelManagedConnection
    settings["connection_class"] = kind
    timeouts = {"socket_timeout": 5.0, "socket_connect_timeout": 5.0}
    shared = {name: value for name, value in settings.items() if name.startswith("ssl")}
    if is_secure:
        shared["ssl"] = True
    make = partial(SentinelPool, sentinels, {**timeouts, **shared, **of_sentinels}, service)
    return Endpoint(settings, str(without_secrets(url)), make_pool=make)


def _split_hosts(url: str, kind: str, port: int) -> tuple[str, tuple[Address, ...]]:
    """Return a URL with only its first host, and the addresses of all its hosts."""
    scheme, _, rest = url.partition("://")
    hosts, separator, tail = rest.partition("/")
    if not separator:
        hosts, separator, tail = rest.partition("?")
    secrets, at, named = hosts.rpartition("@")
    if not named:
        raise ValueError("names no host. Give at least one, separated by commas")
    first, *_ = named.split(",")
    addresses: list[Address] = []
    for one in named.split(","):
        parts = parts_of(f"redis://{one}")
        addresses.append(Address(parts.hostname or "localhost", parts.port or port))
    return f"{scheme.removesuffix(kind)}://{secrets}{at}{first}{separator}{tail}", tuple(addresses)
