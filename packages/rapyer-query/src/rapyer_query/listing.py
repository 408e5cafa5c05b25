"""The indexes of rapyer that a server has, of whatever models and versions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rapyer.traffic.channel import Channel
from redis.exceptions import AskError

from rapyer_query.facts import IndexFacts, facts_of, index_names
from rapyer_query.names import IndexName, registry_of


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """An index of a server.

    Attributes:
        name: Its name, taken apart.
        facts: What the server tells of it.
        kept_until: The second of Unix time until which its version has said to be alive; None
            where it has not.
    """

    name: IndexName
    facts: IndexFacts
    kept_until: int | None

    def to_dict(self) -> dict[str, Any]:
        """Give what JSON can hold: a row of `python -m rapyer index list`."""
        facts = self.facts
        return {
            "prefix": self.name.prefix,
            "version": self.name.version,
            "index": self.name.name,
            "state": "building" if facts.is_building else "ready",
            "fields": len(facts.fields),
            "documents": facts.documents,
            "memory": facts.memory,
            "failures": facts.failures,
            "kept_until": self.kept_until,
        }


async def entries_of(channel: Channel) -> list[IndexEntry]:
    """List the indexes of a server; on a cluster, of all its nodes.

    One round trip for each server, and two for each index.
    """
    found: list[IndexEntry] = []
    for node in await channel.primaries():
        for name in await index_names(node):
            try:
                facts = await facts_of(node, name.name)
            except AskError:  # in a slot that is elsewhere now
                continue
            if facts is not None:  # else it was dropped meanwhile
                found.append(IndexEntry(name, facts, await _kept_until(node, name)))
    return found


async def _kept_until(channel: Channel, name: IndexName) -> int | None:
    key = registry_of(name.prefix, name.tag)
    reply = await channel.execute("HGET", key, f"lease:{name.version}")
    return None if reply is None else int(reply.partition(b":")[0]) // 1000
