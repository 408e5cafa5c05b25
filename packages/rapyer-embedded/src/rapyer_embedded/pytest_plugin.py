"""pytest fixtures: a server started for the whole run, and the URL to connect to.

pytest loads this module in every run in an environment where the package is installed, so it
imports nothing until a fixture is requested.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rapyer_embedded.server import Server

__all__ = ["redis_server", "redis_url"]


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Server]:
    """A started `rapyer_embedded.Server`, the same for the whole run, stopped at its end.

    It listens on a unix socket, has no password and keeps nothing on disk. With pytest-xdist every
    worker has its own.
    """
    from rapyer_embedded.server import Server  # noqa: PLC0415

    with Server() as server:
        yield server


@pytest.fixture(scope="session")
def redis_url(request: pytest.FixtureRequest) -> str:
    """The URL of a Redis with RedisJSON and RediSearch.

    If the environment variable `RAPYER_REDIS_URL` is set, it is the URL, and no server is started;
    otherwise it is the URL of `redis_server`. Databases are not emptied between tests.
    """
    given = os.environ.get("RAPYER_REDIS_URL")
    if given:
        return given
    server: Server = request.getfixturevalue("redis_server")
    return server.url
