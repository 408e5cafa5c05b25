"""Event loops that are closed, also in the middle of everything, and the one that follows."""

from __future__ import annotations

import asyncio
import gc
import warnings

import pytest
from rapyer import teardown_rapyer
from redis.asyncio import Redis

from tests.faults.attempts import Attempt, attempt, check, check_nothing_is_held, make_indexes
from tests.faults.roads import ROADS


@pytest.fixture(autouse=True)
def _named_by_the_environment(redis_url, monkeypatch, _without_a_server_in_the_environment) -> None:
    monkeypatch.setenv("RAPYER_REDIS_URL", redis_url)


async def prepare(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as redis:
        await redis.flushdb()
        for road in ROADS:
            await road.prepare(redis, range(3))
    await make_indexes()
    await teardown_rapyer()


async def attempts_of_all(number: int) -> list[Attempt]:
    return list(await asyncio.gather(*(attempt(road, number) for road in ROADS)))


async def check_all(redis_url: str, *rounds: list[Attempt]) -> None:
    """The laws hold, and everything works in this loop."""
    rounds = (*rounds, await attempts_of_all(2))
    assert {one.error for one in rounds[-1]} == {None}
    async with Redis.from_url(redis_url) as redis:
        for attempts in rounds:
            for road, one in zip(ROADS, attempts, strict=True):
                await check(road, redis, [one])
                check_nothing_is_held(road)
    await teardown_rapyer()


async def begin(number: int, turns: int) -> list[asyncio.Task[Attempt]]:
    """Begin attempts on all roads, and come back after some turns of the loop."""
    calls = [asyncio.create_task(attempt(road, number)) for road in ROADS]
    for _ in range(turns):
        await asyncio.sleep(0)
    return calls


def test_each_road_works_in_one_event_loop_after_the_other(redis_url):
    async def both() -> list[Attempt]:
        attempts = await attempts_of_all(0)
        await teardown_rapyer()
        return attempts

    asyncio.run(prepare(redis_url))
    first = asyncio.run(both())
    assert {one.error for one in first} == {None}
    asyncio.run(check_all(redis_url, first))


@pytest.mark.parametrize("turns", range(0, 12, 2))
def test_a_teardown_in_the_middle_of_everything_says_what_is_known(redis_url, turns):
    async def torn_down() -> list[Attempt]:
        calls = await begin(0, turns)
        await teardown_rapyer()
        attempts = await asyncio.gather(*calls)
        await teardown_rapyer()  # what was begun after the first one has connected anew
        return attempts

    asyncio.run(prepare(redis_url))
    asyncio.run(check_all(redis_url, asyncio.run(torn_down())))


@pytest.mark.parametrize("turns", range(0, 12, 2))
def test_a_loop_that_is_closed_in_the_middle_of_everything_does_not_disturb_the_next(
    redis_url, turns
):
    """It is warned about by name; what was under way was cancelled."""
    asyncio.run(prepare(redis_url))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        calls = asyncio.run(begin(0, turns))
        gc.collect()
        asyncio.run(check_all(redis_url, [call.result() for call in calls if call.done()]))
        gc.collect()
    told = [str(one.message) for one in caught if "an event loop was closed" in str(one.message)]
    assert len(told) == 1
