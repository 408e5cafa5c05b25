"""Moving slots of a real cluster from one node to another, as an operator does."""

from __future__ import annotations

from collections.abc import Sequence

from rapyer_embedded import Cluster, Server
from redis import Redis
from redis.crc import key_slot


def port_of(server: Server) -> int:
    return int(server.url.rpartition(":")[2].partition("/")[0])


def id_of(cluster: Cluster, server: Server) -> str:
    return cluster.ask(server, "CLUSTER", "MYID")


def owner_of(cluster: Cluster, slot: int) -> Server:
    """The node that has a slot, as it says itself."""
    for server in cluster.servers:
        own = next(
            line
            for line in cluster.ask(server, "CLUSTER", "NODES").splitlines()
            if "myself" in line
        )
        for word in own.split(" ")[8:]:
            first, _, last = word.partition("-")
            if first.isdigit() and int(first) <= slot <= int(last or first):
                return server
    raise AssertionError(f"no node has the slot {slot}")


def slot_of(key: str) -> int:
    return key_slot(key.encode())


class Moving:
    """A slot on its way from the node that has it to another one."""

    def __init__(self, cluster: Cluster, slot: int, target: Server) -> None:
        self.cluster, self.slot, self.target = cluster, slot, target
        self.source = owner_of(cluster, slot)

    def begin(self) -> None:
        ask, slot = self.cluster.ask, str(self.slot)
        source, target = id_of(self.cluster, self.source), id_of(self.cluster, self.target)
        ask(self.target, "CLUSTER", "SETSLOT", slot, "IMPORTING", source)
        ask(self.source, "CLUSTER", "SETSLOT", slot, "MIGRATING", target)

    def keys(self) -> list[str]:
        """The keys that are to be moved still, at most 1000."""
        with Redis.from_url(self.source.url) as client:
            found = client.execute_command("CLUSTER", "GETKEYSINSLOT", self.slot, 1000)
        return [key.decode() for key in found]

    def move(self, keys: Sequence[str]) -> None:
        """Move some keys."""
        if keys:
            self.cluster.ask(
                self.source, "MIGRATE", "127.0.0.1", str(port_of(self.target)), "", "0", "5000",
                "KEYS", *keys,
            )  # fmt: skip

    def end(self) -> None:
        """Give the slot to the target; all others hear of it."""
        target = id_of(self.cluster, self.target)
        for server in (self.target, self.source, *self.cluster.primaries):
            self.cluster.ask(server, "CLUSTER", "SETSLOT", str(self.slot), "NODE", target)

    def whole(self, keys: Sequence[str]) -> None:
        """Move the slot with all of its keys."""
        self.begin()
        self.move(keys)
        self.end()
