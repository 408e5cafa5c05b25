"""Slots that are moved, and primaries that fail, while documents are written and asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from cluster_nodes import Moving, owner_of, slot_of, url_of
from rapyer import AtomicRedisModel, Key, OutcomeUnknownError, init_rapyer
from rapyer_embedded import Cluster
from redis.exceptions import RedisError


class Counter(AtomicRedisModel):
    id: Key[str]
    number: int = 0
    done: int = 0

    class Config:
        prefix = "moving:counter"


class Kept(AtomicRedisModel):
    id: Key[str]
    number: int = 0

    class Config:
        prefix = "moving:kept"
        ttl = 1000


@pytest.fixture
def own() -> Iterator[Cluster]:
    """A cluster for a test that changes it."""
    with Cluster(primaries=3) as cluster:
        yield cluster


def moving(cluster: Cluster, slot: int) -> Moving:
    source = owner_of(cluster, slot)
    target = next(one for one in cluster.primaries if one is not source)
    return Moving(cluster, slot, target)


async def test_no_increment_is_lost_or_repeated_while_the_slot_of_its_document_is_moved(own):
    ids = [f"{{a}}{n}" for n in range(20)]
    slot = slot_of("{a}")
    async with init_rapyer(url_of(own)):
        await Counter.bulk_insert([Counter(id=one) for one in ids])
        is_over = False
        sent = dict.fromkeys(ids, 0)

        async def write(pk):
            while not is_over:
                await Counter.number.increase(pk, 1)
                async with Counter.pipeline_for(pk) as p:
                    p.done += 1
                await Counter.get(pk)
                await Counter.bulk_get(ids)
                sent[pk] += 1

        writers = [asyncio.create_task(write(one)) for one in ids]
        for _ in range(3):
            move = moving(own, slot)
            keys = [Counter.key_of(one) for one in ids]
            await asyncio.to_thread(move.begin)
            for first in range(0, len(keys), 5):
                await asyncio.to_thread(move.move, keys[first : first + 5])
                await asyncio.sleep(0.05)
            await asyncio.to_thread(move.end)
            await asyncio.sleep(0.05)
        is_over = True
        await asyncio.gather(*writers)
        found = await Counter.bulk_get(ids)
    assert [one.number for one in found] == [sent[one] for one in ids]
    assert [one.done for one in found] == [sent[one] for one in ids]
    assert min(sent.values()) > 5


async def test_bulk_writes_follow_a_slot_that_is_being_moved(own):
    ids = [f"{{a}}{n}" for n in range(30)]
    async with init_rapyer(url_of(own)):
        await Kept.bulk_insert([Kept(id=one) for one in ids])
        move = moving(own, slot_of("{a}"))
        await asyncio.to_thread(move.begin)
        await asyncio.to_thread(move.move, [Kept.key_of(one) for one in ids[:10]])
        # keys of the slot are on two nodes: one command cannot be about both
        for one in ids:
            await Kept.aupdate_by_key(one, number=1)
        assert [one.number for one in await asyncio.gather(*map(Kept.get, ids))] == [1] * 30
        await asyncio.to_thread(move.move, [Kept.key_of(one) for one in ids[10:]])
        await asyncio.to_thread(move.end)
        result = await Kept.bulk_update(ids, number=2)
        assert result.counts == {"updated": 30}
        assert await (await Kept.get(ids[0])).get_ttl() > 900


async def test_a_query_finds_documents_that_are_on_their_way(own):
    ids = [f"{{b}}{n}" for n in range(60)]
    async with init_rapyer(url_of(own)):
        await Counter.bulk_insert([Counter(id=one, number=n) for n, one in enumerate(ids)])
        others = [Counter(id=f"other{n}", number=-1) for n in range(100)]
        await Counter.bulk_insert(others)
        assert await Counter.find(Counter.number >= 0).count() == 60
        is_over, turns = False, 0

        async def ask():
            nonlocal turns
            while not is_over:
                found = await Counter.find(Counter.number >= 0).to_list()
                assert sorted(one.number for one in found) == list(range(60))
                assert await Counter.find(Counter.number >= 0).count() == 60
                assert len(await Counter.find(Counter.number >= 0).keys()) == 60
                turns += 1

        asking = [asyncio.create_task(ask()) for _ in range(3)]
        for _ in range(2):
            move = moving(own, slot_of("{b}"))
            keys = [Counter.key_of(one) for one in ids]
            await asyncio.to_thread(move.begin)
            for first in range(0, len(keys), 3):
                await asyncio.to_thread(move.move, keys[first : first + 3])
            await asyncio.to_thread(move.end)
            await asyncio.sleep(0.05)
        is_over = True
        await asyncio.gather(*asking)
        assert turns > 5
        assert await Counter.find(Counter.number >= 30).delete() == 30
        assert await Counter.find(Counter.number >= 0).count() == 30


async def test_a_node_whose_index_lost_its_slot_is_given_another_index(own):
    async with init_rapyer(url_of(own)):
        await Counter.bulk_insert([Counter(id=str(n), number=n) for n in range(100)])
        query = Counter.find(Counter.number >= 50)
        assert await query.count() == 50
        name = (await query.explain()).index
        move = moving(own, slot_of(name))
        await asyncio.to_thread(move.whole, [])
        assert await query.count() == 50
        assert len(await query.to_list()) == 50
        assert (await Counter.index.status()).documents == 100


async def until(condition, seconds=20.0):
    deadline = asyncio.get_running_loop().time() + seconds
    while not await condition():
        assert asyncio.get_running_loop().time() < deadline, "not so in time"
        await asyncio.sleep(0.05)


async def test_after_a_primary_was_killed_its_replica_is_asked():
    with Cluster(primaries=3, replicas=1, node_timeout=0.5) as cluster:
        async with init_rapyer(url_of(cluster)):
            ids = [str(n) for n in range(90)]
            await Counter.bulk_insert([Counter(id=one, number=1) for one in ids])
            assert await Counter.find(Counter.number == 1).count() == 90
            victim = cluster.primaries[1]
            lost = [one for one in ids if owner_of(cluster, slot_of(Counter.key_of(one))) is victim]
            assert lost
            sent, unknown = dict.fromkeys(ids, 0), dict.fromkeys(ids, 0)
            # the replica has all of it before its primary is gone
            await until(lambda: has_all(cluster, victim))
            victim.process.kill()

            async def write(pk):
                for _ in range(40):
                    try:
                        await Counter.number.increase(pk, 1)
                    except OutcomeUnknownError:
                        unknown[pk] += 1
                    except RedisError:
                        await asyncio.sleep(0.1)
                    else:
                        sent[pk] += 1

            await asyncio.gather(*map(write, ids))

            async def is_whole():
                try:
                    found = await Counter.bulk_get(ids)
                    return len(await Counter.find(Counter.number > 0).to_list()) == len(found)
                except RedisError:
                    return False

            await until(is_whole)
            found = {one.id: one.number - 1 for one in await Counter.bulk_get(ids)}
            for one in ids:
                assert sent[one] <= found[one] <= sent[one] + unknown[one]
            assert all(sent[one] > 0 for one in lost)


async def has_all(cluster, victim):
    place = cluster.primaries.index(victim)
    (replica,) = cluster.replicas_of(place)
    return cluster.ask(victim, "DBSIZE") == cluster.ask(replica, "DBSIZE")
