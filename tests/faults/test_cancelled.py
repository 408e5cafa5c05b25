"""Callers that are cancelled at any point where they wait, all of them one after the other."""

from __future__ import annotations

import asyncio

import pytest
from rapyer import teardown_rapyer

from tests.faults.attempts import (
    Attempt,
    attempt,
    check,
    check_nothing_is_held,
    flush_all,
    settle,
    times_done,
)
from tests.faults.roads import ROADS
from tests.faults.stepping import MOMENTS, cancelled_at


async def cancelled_attempt(road, number, suspension, moment) -> tuple[Attempt, bool]:
    task, is_cancelled = await cancelled_at(road.do(road.batch(number)), suspension, moment)
    error: BaseException | None = None
    result = None
    try:
        result = task.result()
    except asyncio.CancelledError as exc:
        error = exc
    return Attempt(number, road.known(number, error, result), error), is_cancelled


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize(
    "begins", ["with all that it needs", "with broken connections", "with nothing"]
)
@pytest.mark.parametrize("road", ROADS, ids=repr)
async def test_a_call_that_is_cancelled_at_any_await_leaves_nothing_behind(
    road, begins, moment, redis, redis_url, monkeypatch
):
    """The next caller gets its own reply, over connections that were all given back."""
    monkeypatch.setenv("RAPYER_REDIS_URL", f"{redis_url}?max_connections=4")
    await road.prepare(redis, [0])
    assert (await attempt(road, 0)).is_done
    done = suspension = 0
    while True:
        number = 2 * suspension + 1
        if begins == "with nothing":  # not even knowing the server; it has no scripts, no indexes
            await teardown_rapyer()
            await flush_all(redis)
        elif begins == "with broken connections":
            await redis.client_kill_filter(_type="normal", skipme=True)
        await road.prepare(redis, [number, number + 1])
        one, is_cancelled = await cancelled_attempt(road, number, suspension, moment)
        after = await attempt(road, number + 1)
        await settle()
        check_nothing_is_held(road)
        assert after.is_done
        await check(road, redis, [one, after])
        done += await times_done(road, redis, number) > 0
        if not is_cancelled:
            assert one.is_done
            assert suspension >= 1, "it never waits"
            return
        assert isinstance(one.error, asyncio.CancelledError), "it went on"
        suspension += 1
