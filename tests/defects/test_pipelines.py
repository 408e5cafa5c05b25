"""Defects of pipelines: stale values, operations that change the local copy alone, halves."""

from __future__ import annotations

import asyncio

import pytest
from rapyer import AtomicRedisModel, Key
from rapyer_pipeline import DivisionByZeroError, RecordingError

pytestmark = pytest.mark.usefixtures("server")


class Doc(AtomicRedisModel):
    id: Key[str]
    number: int = 0
    numbers: list[int] = []
    counts: dict[str, int] = {}

    class Config:
        prefix = "defects:pipelines"


async def test_adding_to_an_entry_loses_no_increment_of_others(stored):
    """`d["k"] += 1` read the local copy, and wrote it over what others had made of it."""
    doc = await Doc(id="1", counts={"k": 1}).save()
    async with doc.pipeline() as p:
        p.counts["k"] += 1
        await Doc.counts.set_item("1", "k", 100)
    assert (await stored(doc.key))["counts"] == {"k": 101}
    assert doc.counts == {"k": 101}


async def test_an_index_means_the_list_as_earlier_statements_left_it(stored):
    """After an `insert`, `[1] +=` changed what had been at 1 before it."""
    doc = await Doc(id="1", numbers=[10, 20]).save()
    async with doc.pipeline() as p:
        p.numbers.insert(0, 5)
        p.numbers[1] += 1
    assert (await stored(doc.key))["numbers"] == doc.numbers == [5, 11, 20]


def _remove(p):
    p.numbers.remove(1)


def _pop(p):
    p.numbers.pop(1)


def _delete(p):
    del p.numbers[1]


def _sort(p):
    p.numbers.sort()


def _clear(p):
    p.numbers.clear()


def _reverse(p):
    p.numbers.reverse()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (_remove, [3, 2]),
        (_pop, [3, 2]),
        (_delete, [3, 2]),
        (_sort, [1, 2, 3]),
        (_clear, []),
        (_reverse, [2, 1, 3]),
    ],
)
async def test_a_change_of_a_list_is_one_in_redis(stored, change, expected):
    """`remove`, `pop`, `del` and `sort` changed the local copy, and Redis kept the elements."""
    doc = await Doc(id="1", numbers=[3, 1, 2]).save()
    async with doc.pipeline() as p:
        change(p)
    assert (await stored(doc.key))["numbers"] == doc.numbers == expected


async def test_a_task_that_was_started_inside_records_nothing_after_the_end(stored):
    """What it queued then was lost, or sent with something else."""
    doc = await Doc(id="1").save()
    ended = asyncio.Event()

    async def late(p, add):
        await ended.wait()
        add(p)

    def add(p):
        p.number += 10

    async with doc.pipeline() as p:
        p.number += 1
        task = asyncio.create_task(late(p, add))
    ended.set()
    with pytest.raises(RecordingError):
        await task
    assert (await stored(doc.key))["number"] == doc.number == 1


@pytest.mark.parametrize("right", ["+fcall", "-fcall"], ids=["functions", "scripts"])
async def test_statements_keep_their_order_when_the_server_has_lost_its_scripts(
    redis, stored, right
):
    """Those that the server did not know were repeated at the end, after those that it knew."""
    doc = await Doc(id="1").save()
    await redis.execute_command("ACL", "SETUSER", "default", right)
    try:
        for _ in range(2):
            await redis.script_flush()
            await redis.function_flush()
            async with doc.pipeline() as p:
                p.numbers.clear()
                p.numbers.append(1)
                p.numbers.insert(0, 2)
                p.numbers.append(3)
                p.number += 1
    finally:
        await redis.execute_command("ACL", "SETUSER", "default", "+@all")
    document = await stored(doc.key)
    assert (document["numbers"], document["number"]) == ([2, 1, 3], 2)


async def test_a_program_that_fails_has_written_nothing(stored):
    """EXEC goes on after an error, and takes nothing back."""
    doc = await Doc(id="1", numbers=[1], counts={"zero": 0}).save()
    before = await stored(doc.key)

    async def divide():
        async with doc.pipeline() as p:
            p.numbers.append(2)
            p.number += 1
            p.number //= p.counts["zero"]
            p.counts["more"] = 1

    with pytest.raises(DivisionByZeroError):
        await divide()
    assert await stored(doc.key) == before == doc.model_dump()


async def test_a_block_that_raises_has_written_nothing(stored):
    doc = await Doc(id="1").save()

    async def fail():
        async with doc.pipeline() as p:
            p.number += 1
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert (await stored(doc.key))["number"] == doc.number == 0
