"""Servers and networks that say nothing for longer than a command may take."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from proxy import delay_until, lose_command, lose_reply, proxy_before
from rapyer import OutcomeUnknownError, init_rapyer
from rapyer.base import channel_of
from rapyer.traffic.naming import MAX_CONNECTIONS
from rapyer_embedded import Server
from redis.exceptions import TimeoutError as RedisTimeoutError

from tests.faults.attempts import (
    Attempt,
    attempt,
    check,
    check_nothing_is_held,
    is_of_connection,
    make_indexes,
    settle,
    times_done,
)
from tests.faults.models import Doc
from tests.faults.roads import ROADS

#: Seconds that a command may take.
PATIENCE = 0.2


@pytest.fixture(scope="module")
def stopping() -> Iterator[Server]:
    """A server of this module, which is stopped at times."""
    with Server() as server:
        yield server


@pytest.fixture(scope="module")
def redis_url(stopping) -> str:
    return stopping.url


async def warm_up(redis) -> None:
    """Let each road have all that it needs, and a connection: what is sent first is not on one."""
    for road in ROADS:
        await road.prepare(redis, range(3))
    await make_indexes()
    pool = channel_of(Doc)._pool
    held = [await pool.get_connection() for _ in range(MAX_CONNECTIONS)]
    for connection in held:
        await pool.release(connection)
    first = await asyncio.gather(*(attempt(road, 0) for road in ROADS))
    assert {one.error for one in first} == {None}


@asynccontextmanager
async def impatient() -> AsyncIterator[None]:
    """Let commands take as long as with `socket_timeout`; before, machines may be slow."""
    channel = channel_of(Doc)
    before, channel._timeout = channel._timeout, PATIENCE
    try:
        yield
    finally:
        channel._timeout = before


def check_time_outs(attempts: list[Attempt], *, is_sent: bool) -> None:
    for road, one in zip(ROADS, attempts, strict=True):
        assert is_of_connection(one.error, RedisTimeoutError), (road, one)
        assert ("did not answer" if is_sent else "did not accept a connection") in str(one.error)
        unknown = isinstance(one.error, OutcomeUnknownError)
        # of those of several commands, the first one is no write
        may_be = road.writes and is_sent and not road.begins_without_writing
        assert unknown == may_be, (road, one)


async def check_all(redis, attempts: list[Attempt]) -> None:
    """The laws hold, and everything works again."""
    again = await asyncio.gather(*(attempt(road, 2) for road in ROADS))
    assert {one.error for one in again} == {None}
    for road, one, other in zip(ROADS, attempts, again, strict=True):
        await check(road, redis, [one, other])
        check_nothing_is_held(road)


@pytest.mark.parametrize("connections", ["as they were", "to be made anew"])
async def test_a_server_that_hangs_is_given_up_in_time_and_goes_on_later(
    connections, redis, redis_url, stopping
):
    async with init_rapyer(redis_url):
        await warm_up(redis)
        if connections == "to be made anew":
            await redis.client_kill_filter(_type="normal", skipme=True)
        async with impatient():
            stopping.process.send_signal(signal.SIGSTOP)
            try:
                attempts = await asyncio.gather(*(attempt(road, 1) for road in ROADS))
            finally:
                stopping.process.send_signal(signal.SIGCONT)
            await settle()
        check_time_outs(attempts, is_sent=connections == "as they were")
        await redis.ping()
        await check_all(redis, attempts)


@pytest.mark.parametrize("lost", [lose_command, lose_reply])
async def test_what_a_network_loses_is_given_up_in_time(lost, redis, redis_url, tmp_path):
    async with proxy_before(redis_url, tmp_path) as proxy, init_rapyer(proxy.url):
        await warm_up(redis)
        async with impatient():
            proxy.arm(lost, containing=b"faults:", always=True)
            attempts = await asyncio.gather(*(attempt(road, 1) for road in ROADS))
            proxy.disarm()
            await settle(known=proxy.tasks)
        check_time_outs(attempts, is_sent=True)
        for road, one in zip(ROADS, attempts, strict=True):
            done = await times_done(road, redis, 1)
            expected = lost is lose_reply and road.writes and not road.begins_without_writing
            expected = expected and not road.is_sent_at_once  # the last of them was lost
            assert (done > 0) == expected, (road, one)
        await check_all(redis, attempts)


async def test_without_a_time_out_a_reply_may_take_as_long_as_it_likes(redis, redis_url, tmp_path):
    async with proxy_before(redis_url, tmp_path) as proxy, init_rapyer(proxy.url):
        await warm_up(redis)
        later = asyncio.Event()
        proxy.arm(delay_until(later), containing=b"faults:", always=True)
        calls = [asyncio.create_task(attempt(road, 1)) for road in ROADS]
        await asyncio.sleep(PATIENCE)
        assert not any(call.done() for call in calls)
        later.set()
        attempts = await asyncio.gather(*calls)
        assert {one.error for one in attempts} == {None}
        proxy.disarm()
        await settle(known=proxy.tasks)
        await check_all(redis, attempts)
