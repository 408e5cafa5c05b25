"""A server that loses its scripts and functions between any two commands."""

from __future__ import annotations

import asyncio

import pytest
from proxy import Exchange, passes, proxy_before
from rapyer import init_rapyer

from tests.faults.attempts import attempt, check, check_nothing_is_held, flush_scripts, make_indexes
from tests.faults.roads import ROADS


@pytest.mark.parametrize("road", ROADS, ids=repr)
async def test_scripts_that_are_gone_before_each_command_are_not_noticed(
    road, redis, redis_url, tmp_path
):
    """What is loaded is never there when it is called."""

    async def flush_before(exchange: Exchange) -> None:
        await flush_scripts(redis)
        await passes(exchange)

    await road.prepare(redis, range(3))
    async with proxy_before(redis_url, tmp_path) as proxy, init_rapyer(proxy.url):
        proxy.arm(flush_before, always=True)
        attempts = [await attempt(road, number) for number in range(3)]
        assert [one.error for one in attempts] == [None] * 3
        await check(road, redis, attempts)
        check_nothing_is_held(road)


async def test_callers_of_all_roads_do_not_notice_somebody_who_flushes_all_the_time(
    redis, redis_url
):
    are_called = asyncio.Event()

    async def go_on_flushing() -> None:
        while not are_called.is_set():
            await flush_scripts(redis)

    async with init_rapyer(redis_url):
        for road in ROADS:
            await road.prepare(redis, range(10))
        await make_indexes()
        flushing = asyncio.create_task(go_on_flushing())
        calls = [(road, number) for road in ROADS for number in range(10)]
        try:
            attempts = await asyncio.gather(*(attempt(*call) for call in calls))
        finally:
            are_called.set()
            await flushing
        assert {one.error for one in attempts} == {None}
        for (road, _), one in zip(calls, attempts, strict=True):
            await check(road, redis, [one])
