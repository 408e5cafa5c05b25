"""How a version of a model gets an index if it has none: it creates its own, or takes one over.

`FT.ALTER` adds attributes to an index and takes a tenth of the memory of a second index. But a
document that has a value of another type at one of the new places leaves the index, for everybody
who queries it, and nobody can know which documents others will write. So a version takes over an
index that no version is alive for, and shares none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rapyer.traffic.channel import Channel
from redis.exceptions import ResponseError

from rapyer_query.facts import FieldDefinition, IndexFacts, facts_of


@dataclass(frozen=True, slots=True)
class Alteration:
    """Attributes to add to an index.

    Attributes:
        index: Its name.
        size: How many attributes it has.
        added: What to add.
    """

    index: str
    size: int
    added: tuple[FieldDefinition, ...]


async def find_alteration(
    channel: Channel, wanted: Sequence[FieldDefinition], language: str, abandoned: Iterable[str]
) -> Alteration | None:
    """Find the index that contains only what a version needs, and lacks the least of it.

    Args:
        channel: The connections.
        wanted: The attributes that the version needs.
        language: The language of their words.
        abandoned: The names of the indexes that no process is alive for.

    Returns:
        What to do; None if a new index is to be created. One round trip for each index.
    """
    possible: list[Alteration] = []
    for name in abandoned:
        try:
            facts = await facts_of(channel, name)
        except ResponseError:  # the user may not ask: then nothing is taken over
            continue
        found = None if facts is None else _addition(facts, wanted, language)
        if found is not None:
            possible.append(found)
    return min(possible, key=lambda one: len(one.added), default=None)


def _addition(
    facts: IndexFacts, wanted: Sequence[FieldDefinition], language: str
) -> Alteration | None:
    has, needs = frozenset(facts.fields), frozenset(wanted)
    if facts.is_building or facts.language != language or not has <= needs:
        return None
    added = tuple(field for field in wanted if field not in has)
    return Alteration(facts.name, len(facts.fields), added)
