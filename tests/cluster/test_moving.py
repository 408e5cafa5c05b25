"""Slots that are moved, and primaries that fail, while documents are written and asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from cluster_nodes import Moving, owner_of, slot_of
from rapyer import AtomicRedisModel, Key, OutcomeUnknownError, init_rapyer
from rapyer_embedded import Cluster
from redis.asyncio.cluster import RedisCluster
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


async def until(condition, seconds=20.0):
    deadline = asyncio.get_running_loop().time() + seconds
    while not await condition():
        assert asyncio.get_running_loop().time() < deadline, "not so in time"
        await asyncio.sleep(0.01)


async def again(tasks, turns, times=1):
    """Wait until each of those who repeat something has done so again, however slow they are."""
    before = dict(turns)

    async def all_have():
        for task in tasks:
            if task.done():
                await task  # its error
        return all(turns[one] >= before[one] + times for one in turns)

    await until(all_have)


async def test_no_increment_is_lost_or_repeated_while_the_slot_of_its_document_is_moved(own):
    ids = [f"{{a}}{n}" for n in range(20)]
    slot = slot_of("{a}")
    async with init_rapyer(own.cluster_url):
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
                await again(writers, sent)
            await asyncio.to_thread(move.end)
            await again(writers, sent)
        is_over = True
        await asyncio.gather(*writers)
        found = await Counter.bulk_get(ids)
    assert [one.number for one in found] == [sent[one] for one in ids]
    assert [one.done for one in found] == [sent[one] for one in ids]


async def test_bulk_writes_follow_a_slot_that_is_being_moved(own):
    ids = [f"{{a}}{n}" for n in range(30)]
    async with init_rapyer(own.cluster_url):
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
    async with init_rapyer(own.cluster_url):
        await Counter.bulk_insert([Counter(id=one, number=n) for n, one in enumerate(ids)])
        others = [Counter(id=f"other{n}", number=-1) for n in range(100)]
        await Counter.bulk_insert(others)
        assert await Counter.find(Counter.number >= 0).count() == 60
        is_over, turns = False, dict.fromkeys(range(3), 0)

        async def ask(place):
            while not is_over:
                found = await Counter.find(Counter.number >= 0).to_list()
                assert sorted(one.number for one in found) == list(range(60))
                assert await Counter.find(Counter.number >= 0).count() == 60
                assert len(await Counter.find(Counter.number >= 0).keys()) == 60
                turns[place] += 1

        asking = [asyncio.create_task(ask(place)) for place in turns]
        for _ in range(2):
            move = moving(own, slot_of("{b}"))
            keys = [Counter.key_of(one) for one in ids]
            await asyncio.to_thread(move.begin)
            for first in range(0, len(keys), 3):
                await asyncio.to_thread(move.move, keys[first : first + 3])
                if first == 30:
                    await again(asking, turns)
            await asyncio.to_thread(move.end)
            await again(asking, turns)
        is_over = True
        await asyncio.gather(*asking)
        assert await Counter.find(Counter.number >= 30).delete() == 30
        assert await Counter.find(Counter.number >= 0).count() == 30


async def test_a_node_whose_index_lost_its_slot_is_given_another_index(own):
    async with init_rapyer(own.cluster_url):
        await Counter.bulk_insert([Counter(id=str(n), number=n) for n in range(100)])
        query = Counter.find(Counter.number >= 50)
        assert await query.count() == 50
        name = (await query.explain()).index
        move = moving(own, slot_of(name))
        await asyncio.to_thread(move.whole, move.keys())  # what an index keeps
        assert await query.count() == 50
        assert len(await query.to_list()) == 50
        assert (await Counter.index.status()).documents == 100


async def test_a_lock_is_given_back_with_the_write_though_its_slot_is_being_moved(own):
    async with init_rapyer(own.cluster_url):
        one = Counter(id="{c}1")
        await one.save()
        is_held, is_moving = asyncio.Event(), asyncio.Event()

        async def count():
            async with one.lock() as held:
                is_held.set()
                await is_moving.wait()
                held.number += 1

        counting = asyncio.create_task(count())
        await is_held.wait()
        move = moving(own, slot_of("{c}"))
        await asyncio.to_thread(move.begin)
        # nobody waits for the lock: the key of that is on no node, and might be on either
        is_moving.set()
        await asyncio.sleep(0.2)
        await asyncio.to_thread(move.move, await asyncio.to_thread(move.keys))
        await asyncio.to_thread(move.end)
        await counting
        assert (await Counter.get("{c}1")).number == 1
        async with one.lock(wait=5) as held:
            held.number += 1
        assert held.number == 2


async def test_a_lock_wakes_who_waits_though_its_slot_is_being_moved(own):
    one, client = Counter(id="{c}1"), RedisCluster.from_url(own.url)
    async with init_rapyer(own.cluster_url):
        await one.save()
        move = moving(own, slot_of("{c}"))
        async with one.lock() as held:
            held.number += 1
            # somebody waits, and has not taken the wake-up of before
            await client.set(f"rapyer:lock-waiting:{one.key}:default", "1")
            await client.lpush(f"rapyer:lock-wake:{one.key}:default", "1")
            await asyncio.to_thread(move.begin)
        assert await client.llen(f"rapyer:lock-wake:{one.key}:default") == 1
        assert not await client.exists(f"rapyer:lock:{one.key}:default")
        assert (await Counter.get("{c}1")).number == 1
    await client.aclose()


async def test_every_change_under_a_lock_is_made_once_while_the_slot_is_moved(own):
    ids = [f"{{e}}{n}" for n in range(6)]
    sent = dict.fromkeys(ids, 0)
    async with init_rapyer(own.cluster_url):
        await Counter.bulk_insert([Counter(id=one) for one in ids])
        is_over = False

        async def count(pk):
            while not is_over:
                async with Counter.lock_by_key(pk) as held:
                    held.number += 1
                sent[pk] += 1

        counting = [asyncio.create_task(count(one)) for one in ids for _ in range(2)]
        for _ in range(3):
            move = moving(own, slot_of("{e}"))
            await asyncio.to_thread(move.begin)
            while keys := await asyncio.to_thread(move.keys):
                await asyncio.to_thread(move.move, keys[:3])
                await asyncio.sleep(0.02)
            await asyncio.to_thread(move.end)
            await again(counting, sent, times=2)
        is_over = True
        await asyncio.gather(*counting)
        assert {one.id: one.number for one in await Counter.bulk_get(ids)} == sent


async def test_nodes_that_do_not_name_their_host_are_followed_and_counted_once():
    ids = [f"{{d}}{n}" for n in range(20)]
    args = ["--cluster-preferred-endpoint-type", "unknown-endpoint"]
    with Cluster(primaries=3, args=args) as cluster:
        async with init_rapyer(cluster.cluster_url):
            await Counter.bulk_insert([Counter(id=one, number=3) for one in ids])
            move = moving(cluster, slot_of("{d}"))
            await asyncio.to_thread(move.begin)
            await asyncio.to_thread(move.move, [Counter.key_of(one) for one in ids[:10]])
            assert (await Counter.get(ids[0])).number == 3
            await asyncio.to_thread(move.move, [Counter.key_of(one) for one in ids[10:]])
            await asyncio.to_thread(move.end)
            assert (await Counter.get(ids[0])).number == 3
            assert await Counter.find(Counter.number == 3).count() == 20


async def test_every_kind_of_query_goes_on_while_the_slot_of_an_index_is_being_moved(own):
    async with init_rapyer(own.cluster_url):
        await Counter.bulk_insert([Counter(id=str(n), number=n) for n in range(60)])
        query, is_over = Counter.find(), False

        async def looped():
            return len({one.pk async for one in query})

        async def explained():
            return (await query.explain()).nodes * 20

        async def told():
            return await Counter.index.status() and 60

        async def repeat(ask):
            turns = 0
            while not is_over or not turns:
                assert await ask() == 60
                turns += 1

        await query.count()
        asking = [asyncio.create_task(repeat(one)) for one in (looped, explained, told)]
        move = moving(own, slot_of((await query.explain()).index))
        await asyncio.to_thread(move.begin)
        await asyncio.sleep(1)  # longer than a query would look for the index where it was
        assert await query.count() == 60
        await asyncio.to_thread(move.move, await asyncio.to_thread(move.keys))
        await asyncio.to_thread(move.end)
        assert await query.count() == 60
        is_over = True
        await asyncio.gather(*asking)
    async with init_rapyer(own.cluster_url):  # connections that know of nothing
        assert await looped() == 60


async def test_after_a_primary_was_killed_its_replica_is_asked():
    with Cluster(primaries=3, replicas=1, node_timeout=0.5) as cluster:
        async with init_rapyer(cluster.cluster_url):
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
                tried = 0
                while tried < 40 or not sent[pk]:  # until the replica is asked
                    tried += 1
                    try:
                        await Counter.number.increase(pk, 1)
                    except OutcomeUnknownError:
                        unknown[pk] += 1
                    except RedisError:
                        await asyncio.sleep(0.1)
                    else:
                        sent[pk] += 1

            async with asyncio.timeout(60):
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


async def has_all(cluster, victim):
    place = cluster.primaries.index(victim)
    (replica,) = cluster.replicas_of(place)
    return cluster.ask(victim, "DBSIZE") == cluster.ask(replica, "DBSIZE")
