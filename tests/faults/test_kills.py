"""Connections and servers that are killed in the middle of everything."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager

import pytest
from rapyer import OutcomeUnknownError, init_rapyer
from rapyer_bulk import BulkError
from rapyer_embedded import Server
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from tests.faults.attempts import (
    Attempt,
    attempt,
    check,
    check_nothing_is_held,
    is_of_connection,
    make_indexes,
    settle,
)
from tests.faults.models import Doc
from tests.faults.road import Road
from tests.faults.roads import ROADS, WRITES

#: So that what is acknowledged is on the disk: with `everysec`, a write waits while the server
#: still writes that of the second before.
SAFE = ("--appendfsync", "always")


def is_of_lost_server(error: BaseException | None) -> bool:
    """Say whether an error tells of a connection that broke, or of a server that was replaced."""
    if isinstance(error, BulkError) and error.result.server_lost:
        return True
    return is_of_connection(error, RedisConnectionError)


class Crowd:
    """Callers of several roads, each of which makes one attempt after the other.

    Attributes:
        done: How many attempts are over.
        attempts: What has become of each, with its road.
    """

    def __init__(self, roads: Sequence[Road], each: int) -> None:
        self._roads, self._each = roads, each
        self._waiting: list[tuple[int, asyncio.Event]] = []
        self.attempts: list[tuple[Road, Attempt]] = []

    async def prepare(self, redis: Redis) -> None:
        for road in self._roads:
            await road.prepare(redis, range(self._each + 1))
        await make_indexes()

    async def work(self, road: Road) -> None:
        for number in range(self._each):
            self.attempts.append((road, await attempt(road, number)))
            for wanted, event in self._waiting:
                if len(self.attempts) >= wanted:
                    event.set()

    async def until(self, number: int) -> None:
        """Wait until so many attempts are over, while others are under way."""
        event = asyncio.Event()
        self._waiting.append((number, event))
        await event.wait()

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as working:  # one that fails ends the waiting, too
            for road in self._roads:
                working.create_task(self.work(road))
            yield

    async def check(self, redis: Redis) -> None:
        """The laws hold, and each road works again."""
        await settle()
        for road in self._roads:
            self.attempts.append((road, await attempt(road, self._each)))
            assert self.attempts[-1][1].is_done, self.attempts[-1]
            check_nothing_is_held(road)
        for road, one in self.attempts:
            await check(road, redis, [one])
            assert one.is_done or is_of_lost_server(one.error), one


@pytest.mark.parametrize(
    "seed", [1, 2, *(pytest.param(n, marks=pytest.mark.slow) for n in range(3, 30))]
)
async def test_connections_that_are_killed_at_random_lose_and_repeat_nothing(
    seed, redis, redis_url
):
    rng = random.Random(seed)
    crowd = Crowd(ROADS, 15)
    async with init_rapyer(f"{redis_url}?max_connections=10"):
        await crowd.prepare(redis)
        async with crowd.at_work():
            for number in range(10, 500, 10):
                await crowd.until(number)
                for _ in range(rng.randrange(5)):
                    await asyncio.sleep(0)
                await redis.client_kill_filter(_type="normal", skipme=True)
        failed = [one for _, one in crowd.attempts if not one.is_done]
        assert len(failed) > 10, "nobody was hit"
        assert any(isinstance(one.error, OutcomeUnknownError) for one in failed)
        await crowd.check(redis)


@pytest.fixture(scope="module")
def keeping(tmp_path_factory) -> Iterator[Server]:
    """A server of this module that keeps what it has acknowledged, and is killed at times."""
    with Server(directory=tmp_path_factory.mktemp("kept"), args=SAFE) as server:
        yield server


async def kill_and_restart(server: Server) -> None:
    server.process.kill()
    await asyncio.to_thread(server.process.wait)
    await asyncio.to_thread(server.restart)


@asynccontextmanager
async def emptied(server: Server) -> AsyncIterator[Redis]:
    async with Redis.from_url(server.url, protocol=2) as client:
        await client.flushdb()
        yield client


@pytest.mark.parametrize("moment", [5, 250])
async def test_a_server_that_is_killed_in_the_middle_of_all_roads_keeps_what_it_acknowledged(
    moment, keeping
):
    crowd = Crowd(ROADS, 15)
    async with emptied(keeping) as client, init_rapyer(f"{keeping.url}?max_connections=10"):
        await crowd.prepare(client)
        async with crowd.at_work():
            await crowd.until(moment)
            await kill_and_restart(keeping)
        assert any(not one.is_done for _, one in crowd.attempts), "nobody was hit"
        await crowd.check(client)


@pytest.mark.slow
@pytest.mark.parametrize("moment", [0, 1, 5, 20, 60])
@pytest.mark.parametrize("road", WRITES, ids=repr)
async def test_a_server_that_is_killed_in_the_middle_of_one_road_keeps_what_it_acknowledged(
    road, moment, keeping
):
    crowd = Crowd([road], 100)
    async with emptied(keeping) as client, init_rapyer(keeping.url):
        await crowd.prepare(client)
        async with crowd.at_work():
            await crowd.until(moment)
            await kill_and_restart(keeping)
        await crowd.check(client)


@pytest.mark.parametrize("moment", [0, 1, 3])
async def test_an_index_of_a_server_that_is_killed_while_it_is_built_is_whole_afterwards(
    moment, keeping
):
    number = 3000
    async with emptied(keeping) as client, init_rapyer(keeping.url):
        await Doc.bulk_insert([Doc(id=str(n), batch="index") for n in range(number)])
        query = Doc.find(Doc.batch == "index")
        counts = [asyncio.create_task(query.count()) for _ in range(5)]
        for _ in range(moment):
            await asyncio.sleep(0)
        await kill_and_restart(keeping)
        for count in await asyncio.gather(*counts, return_exceptions=True):
            is_lost = isinstance(count, RedisConnectionError)
            assert count == number or (is_lost and not isinstance(count, OutcomeUnknownError))
        assert await query.count() == number
        names = [name.decode() for name in await client.execute_command("FT._LIST")]
        assert len([name for name in names if name.startswith("rapyer:faults:doc:")]) == 1
        await settle()
        check_nothing_is_held(ROADS[0])
