"""Connections that are cut at any command of any road: before it, after it, within its reply."""

from __future__ import annotations

import asyncio

import pytest
from proxy import HANDSHAKE, Proxy, cut_after, cut_before, cut_within, halve, proxy_before
from rapyer import OutcomeUnknownError, init_rapyer
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from tests.faults.attempts import (
    attempt,
    check,
    check_nothing_is_held,
    flush_all,
    is_of_connection,
    settle,
    times_done,
)
from tests.faults.models import Doc
from tests.faults.road import Road
from tests.faults.roads import IN_CHUNKS, ROADS

#: The first one is carried out, and so shows what a command does.
CUTS = (cut_after, cut_before, cut_within(1), cut_within(-1))


async def connect_several() -> None:
    """Have the pool open as many connections as a road takes, so that none is made meanwhile."""
    await asyncio.gather(*(Doc.batch.get("nobody", default="") for _ in range(4)))


async def cut_at_each_command(road: Road, server_has: str, redis: Redis, proxy: Proxy) -> None:
    """Make attempts, each of which is cut at another command or in another way, and check them."""
    await road.prepare(redis, [0])
    await attempt(road, 0)
    number, command = 1, 0
    # Of a script that the server has lost, nobody knows it before the reply; how often is asked
    # whether an index is built is another number each time; and what is too much for one step is
    # found out by the step itself.
    is_vague = server_has == "nothing" or road in IN_CHUNKS
    calls_scripts = {b"EVALSHA", b"FCALL", b"EVAL"} if is_vague else set()
    while True:
        writes = False
        for cut in CUTS:
            if server_has == "nothing":
                await flush_all(redis)
            await road.prepare(redis, [number])
            await connect_several()
            if road.needs_index and server_has == "everything":
                await road.model.index.ensure()  # as the connections are new ones
            proxy.arm(cut, number=command)
            one = await attempt(road, number)
            hit = proxy.hit
            proxy.disarm()
            await settle(known=proxy.tasks)
            check_nothing_is_held(road)
            await check(road, redis, [one])
            if hit is None:
                assert one.is_done, "nothing was cut"
                assert command >= 1
                return
            if cut is cut_after:
                writes = await times_done(road, redis, number) > 0
            unknown = isinstance(one.error, OutcomeUnknownError)
            assert one.is_done or is_of_connection(one.error, RedisConnectionError)
            may_write = writes or (road.writes and road.is_sent_at_once)
            assert (
                one.is_done
                or unknown == (may_write and hit[0] not in HANDSHAKE)
                or (hit[0] in calls_scripts and road.writes)
            ), f"{cut} {hit[:2]}: {one.error!r}"
            number += 1
        command += 1


@pytest.mark.parametrize("server_has", ["everything", "nothing"])
@pytest.mark.parametrize("road", ROADS, ids=repr)
async def test_a_connection_that_is_cut_at_any_command_says_what_is_known(
    road, server_has, redis, redis_url, tmp_path
):
    """`OutcomeUnknownError` where the command that was hit may have written, else redis-py's own.

    The server has all scripts, functions and indexes, or has lost them.
    """
    async with proxy_before(redis_url, tmp_path) as proxy, init_rapyer(proxy.url):
        await cut_at_each_command(road, server_has, redis, proxy)


@pytest.mark.parametrize("road", IN_CHUNKS, ids=repr)
async def test_a_call_of_several_steps_that_breaks_off_says_that_some_may_be_done(
    road, redis, redis_url, tmp_path, monkeypatch
):
    """Also where the step in which it broke off was certainly not done."""
    monkeypatch.setattr("rapyer_query.writes.CHUNK", 1)
    async with proxy_before(redis_url, tmp_path) as proxy, init_rapyer(proxy.url):
        await cut_at_each_command(road, "everything", redis, proxy)


@pytest.mark.parametrize("road", ROADS, ids=repr)
async def test_replies_that_come_in_pieces_are_put_together(road, redis, redis_url, tmp_path):
    async with proxy_before(redis_url, tmp_path) as proxy, init_rapyer(proxy.url):
        await road.prepare(redis, range(2))
        proxy.arm(halve, always=True)
        attempts = [await attempt(road, number) for number in range(2)]
        assert proxy.hit is not None
        assert all(one.is_done for one in attempts)
        await check(road, redis, attempts)


@pytest.mark.parametrize("road", ROADS, ids=repr)
async def test_where_no_connection_can_be_made_nothing_was_done_for_certain(
    road, redis, redis_url, tmp_path
):
    async with proxy_before(redis_url, tmp_path) as proxy, init_rapyer(proxy.url):
        await road.prepare(redis, range(3))
        assert (await attempt(road, 0)).is_done
        tasks = list(proxy.tasks)
        proxy.refuses = True
        proxy.cut_all()
        await asyncio.gather(*tasks)
        one = await attempt(road, 1)
        assert is_of_connection(one.error, RedisConnectionError)
        assert not isinstance(one.error, OutcomeUnknownError)
        proxy.refuses = False
        again = await attempt(road, 2)
        assert again.is_done, "the network is back"
        await settle(known=proxy.tasks)
        await check(road, redis, [one, again])
