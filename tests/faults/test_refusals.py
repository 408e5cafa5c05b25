"""Servers that take no writes, full ones and replicas: they refuse clearly, and answer reads."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from rapyer import OutcomeUnknownError, init_rapyer
from rapyer_bulk import BulkError
from rapyer_embedded import Server
from redis.asyncio import Redis
from redis.exceptions import OutOfMemoryError, ReadOnlyError

from tests.faults.attempts import attempt, check, check_nothing_is_held, flush_scripts, settle
from tests.faults.roads import READS, WRITES


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    """A server of this module, which is full or a replica at times."""
    with Server() as server:
        yield server.url


@asynccontextmanager
async def full(redis: Redis) -> AsyncIterator[None]:
    await redis.config_set("maxmemory", "1")
    try:
        yield
    finally:
        await redis.config_set("maxmemory", "0")


@asynccontextmanager
async def read_only(redis: Redis) -> AsyncIterator[None]:
    await redis.replicaof("127.0.0.1", "1")
    try:
        yield
    finally:
        await redis.replicaof("NO", "ONE")


REFUSALS = {
    "full": (full, OutOfMemoryError, "used memory > 'maxmemory'"),
    "read-only": (read_only, ReadOnlyError, "read only replica"),
}


@pytest.mark.parametrize("begins", ["with all that it needs", "with no script"])
@pytest.mark.parametrize("kind", REFUSALS)
@pytest.mark.parametrize("road", WRITES, ids=repr)
async def test_a_server_that_takes_no_writes_refuses_them_clearly_and_whole(
    road, kind, begins, redis, redis_url
):
    refuses, error_kind, message = REFUSALS[kind]
    await road.prepare(redis, range(3))
    async with init_rapyer(redis_url):
        assert (await attempt(road, 0)).is_done
        before = await road.stored(redis, 1)
        if begins == "with no script":
            await flush_scripts(redis)
        async with refuses(redis):
            one = await attempt(road, 1)
        await settle()
        check_nothing_is_held(road)
        if one.is_done:
            assert kind == "full", "a replica takes nothing"
            assert road.takes_no_memory
        else:
            cause = one.error.__cause__ if isinstance(one.error, BulkError) else one.error
            assert isinstance(cause, error_kind)
            assert message in str(cause)
            assert not isinstance(one.error, OutcomeUnknownError)
            after = await road.stored(redis, 1)
            for old, new in zip(before, after, strict=True):
                assert (old and {**old, "ttl": 0}) == (new and {**new, "ttl": 0})
        again = await attempt(road, 2)
        assert again.is_done, "the server takes writes again"
        await check(road, redis, [one, again])


@pytest.mark.parametrize("begins", ["in the middle", "a new process"])
@pytest.mark.parametrize("kind", REFUSALS)
@pytest.mark.parametrize("road", READS, ids=repr)
async def test_a_server_that_takes_no_writes_still_answers_reads(
    road, kind, begins, redis, redis_url
):
    await road.prepare(redis, range(3))
    async with init_rapyer(redis_url):
        assert (await attempt(road, 0)).is_done
        async with REFUSALS[kind][0](redis):
            if begins == "a new process":
                await redis.script_flush()
                await init_rapyer(redis_url)
            one = await attempt(road, 1)
            if road.postpones and kind == "read-only":  # a read that is to write
                assert isinstance(one.error, ReadOnlyError)
            else:
                assert one.is_done, one.error
