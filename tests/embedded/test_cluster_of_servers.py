"""`Cluster`: several servers that are one cluster."""

from __future__ import annotations

import pytest
from rapyer_embedded import Cluster, ServerStateError
from redis.cluster import RedisCluster


def test_the_nodes_have_all_slots_and_the_modules():
    with Cluster() as cluster:
        assert [len(cluster.servers), len(cluster.primaries)] == [3, 3]
        client = RedisCluster.from_url(cluster.url)
        for number in range(30):
            client.execute_command("JSON.SET", f"key:{number}", "$", str(number))
        found = [client.execute_command("JSON.GET", f"key:{number}") for number in range(30)]
        assert found == [str(number).encode() for number in range(30)]
        client.close()
        sizes = [int(cluster.ask(one, "DBSIZE").removeprefix(":")) for one in cluster.primaries]
        assert sum(sizes) == 30
        assert min(sizes) > 0
        assert "cluster_state:ok" in cluster.ask(cluster.servers[2], "CLUSTER", "INFO")
        with pytest.raises(ServerStateError, match="already"):
            cluster.start()
        with pytest.raises(ServerStateError, match="answered"):
            cluster.ask(cluster.servers[0], "NO", "SUCH")
    assert all(one.process.poll() is not None for one in cluster.servers)
    cluster.stop()


def test_each_primary_has_its_replicas_and_all_ask_for_the_password():
    with Cluster(replicas=1, password="se cret") as cluster:
        assert len(cluster.servers) == 6
        for place, primary in enumerate(cluster.primaries):
            (replica,) = cluster.replicas_of(place)
            text = cluster.ask(replica, "INFO", "replication")
            assert "role:slave" in text
            assert f"master_port:{primary.url.rpartition(':')[2].partition('/')[0]}" in text
        client = RedisCluster.from_url(cluster.url)
        assert client.set("a", "b")
        client.close()


async def test_it_is_an_asynchronous_context_manager():
    async with Cluster() as cluster:
        assert cluster.url in repr(cluster)
        assert cluster.cluster_url == cluster.url.replace("redis://", "redis+cluster://", 1)
    assert "not running" in repr(cluster)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"primaries": 2}, "primaries is 2"),
        ({"replicas": -1}, "replicas is -1"),
        ({"node_timeout": 0}, "node_timeout is 0"),
    ],
)
def test_arguments_without_a_meaning_are_refused(settings, said):
    with pytest.raises(ValueError, match=said):
        Cluster(**settings)
