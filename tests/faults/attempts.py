"""Attempts on a road, and the laws that hold after them, whatever has happened meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from rapyer import OutcomeUnknownError, RapyerError
from rapyer.base import channel_of
from rapyer_bulk import BulkError
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from tests.faults.models import Counted, Doc, Lived
from tests.faults.road import Known, Road

_TIMES = {"done": (1,), "not done": (0,), "unknown": (0, 1)}


@dataclass(frozen=True)
class Attempt:
    """What has become of one attempt.

    Attributes:
        number: Its number.
        known: What is known of each of its documents.
        error: What it has raised.
    """

    number: int
    known: list[Known]
    error: BaseException | None

    @property
    def is_done(self) -> bool:
        """Whether it has done all that it was to do."""
        return self.error is None


async def attempt(road: Road, number: int) -> Attempt:
    """Make an attempt; errors of the library and of Redis are kept, and all others raised."""
    error: BaseException | None = None
    result: object = None
    try:
        result = await road.do(road.batch(number))
    except (RapyerError, RedisError, asyncio.CancelledError) as exc:
        error = exc
    if not road.writes:
        assert not isinstance(error, OutcomeUnknownError), "a read has no outcome to be unknown"
        if error is None:
            assert road.expected is not None
            assert result == road.expected(road.batch(number))
    return Attempt(number, road.known(number, error, result), error)


async def check(road: Road, redis: Redis, attempts: Iterable[Attempt]) -> None:
    """What is said to be done is done, once; what is said not to be is not; nothing is by half."""
    for one in attempts:
        stored = await road.stored(redis, one.number)
        if not road.writes:
            assert None not in stored
            continue
        done = []
        for document, known in zip(stored, one.known, strict=True):
            effects = set(road.effects(document))
            assert len(effects) == 1, f"{one}: half done: {document}"
            (times,) = effects
            assert times in _TIMES[known], (
                f"{one}: done {times} times, and said to be {known}: {document}"
            )
            done.append(times)
        assert not road.is_one_step or len(set(done)) == 1, f"{one}: half done: {done}"


async def times_done(road: Road, redis: Redis, number: int) -> int:
    """How many documents of an attempt show its effect."""
    if not road.writes:
        return 0
    return sum(max(road.effects(one)) for one in await road.stored(redis, number))


def check_nothing_is_held(road: Road) -> None:
    """All connections are in the pool, and nobody waits for one."""
    channel = channel_of(road.model)
    assert not channel._pool._in_use_connections, "a connection was not given back"
    assert not channel._limit.locked()
    assert not channel._limit._waiters, "somebody still waits for a connection"


async def settle(*, known: Iterable[asyncio.Task[object]] = ()) -> None:
    """Wait for what ends by itself, such as a lock that is given back; nothing else is left.

    Raises:
        AssertionError: A task still runs after some seconds.
    """
    current = asyncio.current_task()
    for _ in range(500):
        left = asyncio.all_tasks() - {current, *known}
        if not left:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"tasks still run: {left}")


def is_of_connection(error: BaseException | None, kind: type[RedisError]) -> bool:
    """Say whether an error is one of redis-py about the connection; of a bulk write, its cause."""
    return isinstance(error.__cause__ if isinstance(error, BulkError) else error, kind)


async def make_indexes() -> None:
    """Make the indexes of all models, before documents are deleted that the server looks for."""
    for model in (Doc, Counted, Lived):
        await model.index.ensure()


async def flush_all(redis: Redis) -> None:
    """Take from a server all documents, indexes, scripts and functions."""
    await redis.flushdb()
    await flush_scripts(redis)


async def flush_scripts(redis: Redis) -> None:
    """Take from a server all scripts and functions.

    Not by `FUNCTION FLUSH`: Redis 7.4.1 loses a cache of jemalloc by each, and ends at the 4093rd.
    """
    await redis.script_flush()
    for library in await redis.function_list("rapyer_*"):
        with suppress(ResponseError):  # somebody else was faster
            await redis.function_delete(library[1])
