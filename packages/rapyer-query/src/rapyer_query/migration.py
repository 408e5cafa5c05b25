"""How a version of a model that has no index comes by one: by that of another version, or its own.

`FT.ALTER` adds attributes to an index that is asked all the while, and takes a tenth of the memory
of a second one. But a document that has a value of another type at one of the new places leaves
the index, for all versions that ask it. So it is done only where

- the index has nothing that the version does not need;
- no version that is alive writes anything at those places, but one that has the same attribute;
- no document has a value of another type there: all are looked at, which is what it costs.

In all other cases an index of its own is made.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

from rapyer.traffic.channel import Argument, Channel
from redis.exceptions import ResponseError

from rapyer_query.facts import FieldDefinition, IndexFacts, facts_of
from rapyer_query.names import alias_of, registry_of
from rapyer_query.scanning import document_keys
from rapyer_query.stored import may_write

_LEASE: Final = "lease:"
_PLACES: Final = "places:"


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


@dataclass(frozen=True, slots=True)
class Version:
    """Another version of a model, as the registry knows it.

    Attributes:
        name: Its name.
        places: The places that its documents have; None where it did not say.
        facts: The index that it asks; None where it has none.
    """

    name: str
    places: Any
    facts: IndexFacts | None


async def find_alteration(
    channel: Channel,
    prefix: str,
    version: str,
    wanted: Sequence[FieldDefinition],
    indexes: Iterable[str],
) -> Alteration | None:
    """Find an index of another version to which a version can add what it lacks.

    Args:
        channel: The connections.
        prefix: The prefix of the model.
        version: The version that has no index.
        wanted: The attributes that it needs.
        indexes: The names of the indexes of the model.

    Returns:
        What is to be done; None where an index of its own is to be made. Some round trips, and two
        for each 1000 keys of the model where there is an index.
    """
    candidates = [await facts_of(channel, name) for name in indexes]
    possible = sorted(
        filter(None, (_addition(facts, wanted) for facts in candidates if facts is not None)),
        key=lambda found: len(found.added),
    )
    if not possible:
        return None
    if not possible[0].added:
        return possible[0]
    versions = await _versions_alive(channel, prefix, version)
    for found in possible:
        if not any(_disagrees(other, found.added) for other in versions) and not (
            await _has_other_values(channel, prefix, found.added)
        ):
            return found
    return None


def _addition(facts: IndexFacts, wanted: Sequence[FieldDefinition]) -> Alteration | None:
    """Say what an index lacks, where it has nothing that is not wanted."""
    has, needs = frozenset(facts.fields), frozenset(wanted)
    added = tuple(field for field in wanted if field not in has)
    # where nothing is added, nothing can be lost: the versions differ in what is not indexed
    if not has <= needs or (added and (facts.is_building or facts.failures)):
        return None
    return Alteration(facts.name, len(facts.fields), added)


async def _versions_alive(channel: Channel, prefix: str, version: str) -> list[Version]:
    reply, (seconds, microseconds) = await channel.execute_many(
        [("HGETALL", registry_of(prefix)), ("TIME",)]
    )
    if isinstance(reply, ResponseError):
        raise reply
    now = int(seconds) * 1000 + int(microseconds) // 1000
    noted = {
        name.decode(): value.decode() for name, value in zip(reply[::2], reply[1::2], strict=True)
    }
    found: list[Version] = []
    for field, till in noted.items():
        name = field.removeprefix(_LEASE)
        if field.startswith(_LEASE) and "." not in name and name != version and int(till) > now:
            places = noted.get(_PLACES + name)
            found.append(
                Version(
                    name,
                    None if places is None else json.loads(places),
                    await facts_of(channel, alias_of(prefix, name)),
                )
            )
    return found


def _disagrees(other: Version, added: Iterable[FieldDefinition]) -> bool:
    """Say whether documents of a version may have values that an attribute does not take."""
    if other.places is None:
        return True
    own = frozenset(other.facts.fields if other.facts is not None else ())
    return any(field not in own and may_write(other.places, field.path) for field in added)


async def _has_other_values(
    channel: Channel, prefix: str, added: Sequence[FieldDefinition]
) -> bool:
    """Say whether a document has a value that an attribute does not take."""

    async def send(command: Sequence[Argument]) -> Any:
        return await channel.execute(*command)

    async with aclosing(document_keys(send, prefix)) as naming:
        async for keys in naming:
            commands: list[Sequence[Argument]] = [
                ("JSON.MGET", *keys, field.path) for field in added
            ]
            for field, reply in zip(added, await channel.execute_many(commands), strict=True):
                if isinstance(reply, ResponseError):
                    raise reply
                if not all(_takes(field, text) for text in reply):
                    return True
    return False


def _takes(field: FieldDefinition, text: bytes | None) -> bool:
    """Say whether an attribute takes what `JSON.MGET` found at its path."""
    if text is None or text == b"[]":
        return True
    kinds: tuple[type, ...] = (int, float) if field.type == "NUMERIC" else (str, bool)
    return all(type(value) in (*kinds, type(None)) for value in json.loads(text))
