"""Fixtures for the table of roads and faults."""

from __future__ import annotations

import asyncio
import gc
import inspect
from collections.abc import AsyncIterator
from typing import Any

import pytest
from rapyer import teardown_rapyer
from redis.asyncio import Redis

from tests.faults.attempts import settle


@pytest.fixture
async def _watched(redis: Redis) -> AsyncIterator[None]:
    lost: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: lost.append(context))
    yield
    await teardown_rapyer()
    await settle()
    gc.collect()
    assert lost == []
    pool = redis.connection_pool
    for _ in range(500):  # the server sees that a connection was closed when it comes to it
        open_ones = len(await redis.client_list())
        own = [one for one in pool._available_connections if one.is_connected]
        if open_ones <= len(own):
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{open_ones - len(own)} connections stayed open")


@pytest.fixture(autouse=True)
def _nothing_is_left(request: pytest.FixtureRequest) -> None:
    """No task hangs, no error is lost, and no connection stays open."""
    if inspect.iscoroutinefunction(request.function):
        request.getfixturevalue("_watched")
