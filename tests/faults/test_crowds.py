"""More callers than connections."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from rapyer import init_rapyer
from redis.asyncio import Redis

from tests.faults.attempts import attempt, check, check_nothing_is_held, make_indexes, settle
from tests.faults.road import Road
from tests.faults.roads import ROADS

POOL = 10


async def crowd(roads: Sequence[Road], redis: Redis, redis_url: str, each: int) -> None:
    for road in roads:
        await road.prepare(redis, range(each))
    before = len(await redis.client_list())
    calls = [(road, number) for number in range(each) for road in roads]
    async with init_rapyer(f"{redis_url}?max_connections={POOL}"):
        await make_indexes()
        attempts = await asyncio.gather(*(attempt(*call) for call in calls))
        assert len(await redis.client_list()) <= before + POOL
        assert {one.error for one in attempts} == {None}
        await settle()
        for (road, _), one in zip(calls, attempts, strict=True):
            await check(road, redis, [one])
            check_nothing_is_held(road)


async def test_a_thousand_callers_of_all_roads_share_ten_connections(redis, redis_url):
    await crowd(ROADS, redis, redis_url, 1000 // len(ROADS) + 1)


@pytest.mark.slow
@pytest.mark.parametrize("road", ROADS, ids=repr)
async def test_a_thousand_callers_of_one_road_share_ten_connections(road, redis, redis_url):
    await crowd([road], redis, redis_url, 1000)
