"""The indexes of rapyer on a server, of any models and versions."""

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
        name: Its name, parsed.
        facts: What the server reports about it.
        kept_until: The Unix time, in seconds, until which its version has claimed to be alive; None
            if it has not.
    """

    name: IndexName
    facts: IndexFacts
    kept_until: int | None

    def to_dict(self) -> dict[str, Any]:
        """Return a form that JSON can represent: a row of `python -m rapyer index list`."""
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
            except AskError:  # in a slot that has moved
                continue
            if facts is not None:  # else it was dropped meanwhile
                found.append(IndexEntry(name, facts, await _kept_until(node, name)))
    return found


async def _kept_until(channel: Channel, name: IndexName) -> int | None:
    key = registry_of(name.prefix, name.tag)
    reply = await channel.execute("HGET", key, f"lease:{name.version}")
    return None if reply is None else int(reply.partition(b":")[0]) // 1000
