"""Without any fault: each road does once what it is to do, and the laws can tell."""

from __future__ import annotations

import pytest
from rapyer import init_rapyer

from tests.faults.attempts import Attempt, attempt, check, check_nothing_is_held
from tests.faults.roads import ROADS, WRITES


@pytest.mark.parametrize("road", ROADS, ids=repr)
async def test_without_a_fault_each_road_does_once_what_it_is_to_do(road, redis, redis_url):
    await road.prepare(redis, range(3))
    async with init_rapyer(redis_url):
        attempts = [await attempt(road, number) for number in range(3)]
        assert all(one.is_done for one in attempts)
        await check(road, redis, attempts)
        check_nothing_is_held(road)


@pytest.mark.parametrize("road", WRITES, ids=repr)
async def test_a_write_that_is_lost_or_made_behind_one_s_back_is_noticed(road, redis, redis_url):
    await road.prepare(redis, range(2))
    lost = Attempt(0, ["done"] * road.documents, None)
    with pytest.raises(AssertionError, match="done 0 times, and said to be done"):
        await check(road, redis, [lost])
    async with init_rapyer(redis_url):
        await attempt(road, 1)
    denied = Attempt(1, ["not done"] * road.documents, None)
    with pytest.raises(AssertionError, match="done 1 times, and said to be not done"):
        await check(road, redis, [denied])
