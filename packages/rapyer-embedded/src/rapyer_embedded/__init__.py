"""A real Redis with RedisJSON and RediSearch for development and tests.

`Server` starts a server that ends with the process that started it; `Cluster` starts several that
form one cluster. The package provides the pytest fixtures `redis_server` and `redis_url`; ``python
-m rapyer_embedded`` runs a server in the foreground.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rapyer_embedded.errors import (
    BinaryNotFoundError,
    DownloadError,
    EmbeddedServerError,
    ServerStartError,
    ServerStateError,
    UnsupportedPlatformError,
)

if TYPE_CHECKING:
    from rapyer_embedded.cluster import Cluster
    from rapyer_embedded.server import Server

__all__ = [
    "BinaryNotFoundError",
    "Cluster",
    "DownloadError",
    "EmbeddedServerError",
    "Server",
    "ServerStartError",
    "ServerStateError",
    "UnsupportedPlatformError",
]


def __getattr__(name: str) -> object:
    # pytest imports this package in every test run of a user, for its plugin: redis, asyncio and
    # subprocess are imported only when a server is wanted.
    if name == "Server":
        from rapyer_embedded.server import Server  # noqa: PLC0415

        return Server
    if name == "Cluster":
        from rapyer_embedded.cluster import Cluster  # noqa: PLC0415

        return Cluster
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
