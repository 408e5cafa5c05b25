"""Fixtures for the tests of all packages: a real Redis, emptied before each test."""

from __future__ import annotations

import gc
import importlib.util
import os
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, settings
from pages import localhost as localhost
from pages import page as page
from pages import pages_are_proven as pages_are_proven
from pages import pytest_pycollect_makeitem as pytest_pycollect_makeitem
from pages import pytest_runtest_makereport as pytest_runtest_makereport
from rapyer import ServerInfo, init_rapyer
from redis.asyncio import Redis

# The examples of one test share its database: each writes under its own key, or over the last one.
settings.register_profile(
    "default", deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
settings.load_profile("default")


if importlib.util.find_spec("rapyer_embedded") is None:

    @pytest.fixture(scope="session")
    def redis_url() -> str:
        """The server that the environment names, where rapyer-embedded starts none."""
        assert "RAPYER_REDIS_URL" in os.environ, "set it to the URL of a Redis for the tests"
        return os.environ["RAPYER_REDIS_URL"]


@pytest.fixture(scope="module", autouse=True)
def _what_is_there_is_not_collected() -> None:
    """Let the collector look at what a module has made alone: models and tests are many objects.

    Of 6000 tests that ask for a collection, or cause one, this takes the half of the time.
    """
    gc.collect()
    gc.freeze()


@pytest_asyncio.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """A plain client of the test server, whose database is empty."""
    client = Redis.from_url(redis_url, protocol=2)
    await client.flushdb()
    yield client
    await client.aclose()


@pytest_asyncio.fixture
async def server(redis_url: str, redis: Redis) -> AsyncIterator[ServerInfo]:
    """rapyer connected to the test server, whose database is empty."""
    async with init_rapyer(redis_url) as info:
        yield info


@pytest.fixture(autouse=True)
def _without_a_server_in_the_environment(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the tests' own server out of the tests of what happens without one."""
    monkeypatch.delenv("RAPYER_REDIS_URL", raising=False)
