"""A real Redis, emptied before each test: `redis_url` comes from rapyer-embedded."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio
from rapyer import init_rapyer
from redis.asyncio import Redis


@pytest_asyncio.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """A plain client; rapyer is connected to the same server."""
    async with Redis.from_url(redis_url, decode_responses=True) as client:
        await client.flushdb()
        async with init_rapyer(redis_url):
            yield client
