"""What a cluster refuses is told, once and in time; it is never left out of an answer."""

from __future__ import annotations

import asyncio
import signal

import pytest
from cluster_nodes import owner_of, port_of, slot_of
from rapyer import AtomicRedisModel, Key, init_rapyer
from rapyer.traffic import cluster as traffic
from rapyer_bulk import BulkError
from rapyer_embedded import Cluster
from redis.exceptions import ClusterDownError, RedisError, ResponseError

NUMBER = 60


class Letter(AtomicRedisModel):
    id: Key[str]
    number: int = 0

    class Config:
        prefix = "refused:letter"


class Note(AtomicRedisModel):
    id: Key[str]
    number: int = 0

    class Config:
        prefix = "refused:note"
        ttl = 1000
        ttl_postpone_on_access = True


@pytest.fixture
def few(cluster):
    """The URL of a user who may ask the indexes, and may not read documents."""
    for server in cluster.primaries:
        cluster.ask(server, "ACL", "SETUSER", "few", "on", ">pw", "~*", "&*", "+@all", "-json.get")
    yield cluster.cluster_url.replace("://", "://few:pw@")
    for server in cluster.primaries:
        cluster.ask(server, "ACL", "DELUSER", "few")


@pytest.mark.parametrize("model", [Letter, Note])
async def test_documents_that_may_not_be_read_are_not_left_out_of_a_query(cluster, few, model):
    await model.bulk_insert([model(id=str(n), number=n) for n in range(NUMBER)])
    assert await model.find().count() == NUMBER
    async with init_rapyer(few):
        for query in (model.find(), model.find().scan(), model.find().sort("number").limit(2)):
            with pytest.raises(ResponseError, match="no permissions"):
                await query.to_list()
            with pytest.raises(ResponseError, match="no permissions"):
                await query.delete()
        with pytest.raises(ResponseError, match="no permissions"):
            await model.get("1")


async def until_it_is_down(cluster):
    async with asyncio.timeout(20):
        while "cluster_state:fail" not in cluster.ask(cluster.primaries[0], "CLUSTER", "INFO"):
            await asyncio.sleep(0.05)


async def test_calls_about_many_keys_have_the_patience_of_one_with_a_cluster_that_is_down(
    monkeypatch,
):
    monkeypatch.setattr(traffic, "_PATIENCE", 0.5)
    ids = [str(n) for n in range(NUMBER)]
    with Cluster(primaries=3, node_timeout=0.5) as cluster:
        async with init_rapyer(cluster.cluster_url):
            await Letter.bulk_insert([Letter(id=one) for one in ids])
            victim = cluster.primaries[1]
            lost = [one for one in ids if owner_of(cluster, slot_of(Letter.key_of(one))) is victim]
            victim.process.kill()
            await until_it_is_down(cluster)
            async with asyncio.timeout(10):  # some half a second each; 30 for each key by itself
                with pytest.raises(RedisError):
                    await Letter.bulk_get(ids)
                found = await asyncio.gather(*map(Letter.get, ids), return_exceptions=True)
                with pytest.raises(BulkError) as failed:
                    await Letter.bulk_insert([Letter(id=one) for one in ids])
            assert all(isinstance(one, RedisError) for one in found)
            others = set(ids) - {*lost}
            assert all(isinstance(found[int(one)], ClusterDownError) for one in others)
            assert failed.value.result.counts == {"failed": NUMBER}


async def test_a_node_that_hangs_does_not_keep_others_from_being_found(monkeypatch):
    monkeypatch.setattr(traffic, "_GLANCE", 0.3)
    with Cluster(primaries=3, replicas=1, node_timeout=0.5) as cluster:
        victim, other, *_ = cluster.primaries
        seeds = ",".join(f"127.0.0.1:{port_of(one)}" for one in (victim, other))
        victim.process.send_signal(signal.SIGSTOP)
        try:
            async with asyncio.timeout(20):
                await until_replaced(cluster, other)
                async with init_rapyer(f"redis+cluster://{seeds}?socket_timeout=60"):
                    await asyncio.gather(*(Letter(id=str(n)).save() for n in range(NUMBER)))
                    assert len(await Letter.bulk_get([str(n) for n in range(NUMBER)])) == NUMBER
        finally:
            victim.process.send_signal(signal.SIGCONT)


async def until_replaced(cluster, witness):
    """Wait until all slots are with nodes that answer."""
    while ",fail" not in cluster.ask(witness, "CLUSTER", "NODES").replace(
        "fail?", ""
    ) or "cluster_state:ok" not in cluster.ask(witness, "CLUSTER", "INFO"):
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("model", [Letter, Note])
async def test_gathered_gets_of_other_nodes_are_not_disturbed_by_one_that_is_gone(model):
    ids = [str(n) for n in range(NUMBER)]
    args = ["--cluster-require-full-coverage", "no"]
    with Cluster(primaries=3, node_timeout=0.5, args=args) as cluster:
        async with init_rapyer(cluster.cluster_url):
            await model.bulk_insert([model(id=one) for one in ids])
            victim = cluster.primaries[1]
            lost = {one for one in ids if owner_of(cluster, slot_of(model.key_of(one))) is victim}
            victim.process.kill()
            found = await asyncio.gather(*map(model.get, ids), return_exceptions=True)
            assert {one for one, it in zip(ids, found, strict=True) if type(it) is model} == {
                *ids
            } - lost
            with pytest.raises(RedisError):
                await model.find().to_list()
