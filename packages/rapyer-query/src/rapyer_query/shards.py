"""The nodes of a cluster, each of which answers for its own documents.

The server has no index across nodes (RediSearch 2.10 as a module of Redis): each node has an index
of its own documents, whose name is in a slot of the node, so that the node answers for it. A
document whose slot is being moved may be on neither node when these are queried one after the
other: this is detected from what the nodes report about their slots afterwards, and all nodes are
queried once more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Final, TypeVar
from weakref import WeakKeyDictionary

from rapyer.base import BaseRedisModel, channel_of, identity_of
from rapyer.traffic.channel import Channel
from rapyer.traffic.slots import slot_of
from redis.exceptions import AskError, TryAgainError
from redis.exceptions import ConnectionError as RedisConnectionError

from rapyer_query.facts import index_names
from rapyer_query.spec import Spec

R = TypeVar("R")

#: How often the nodes are queried while slots are being moved.
TURNS: Final = 10
PAUSE: Final = 0.05
#: A node no longer has the slot of its index, or is gone, and others have what it had.
GONE: Final = (AskError, TryAgainError, RedisConnectionError)


@dataclass(frozen=True, slots=True)
class Slots:
    """What a node reports about its slots.

    Attributes:
        ranges: The first and the last slots of contiguous ranges.
        is_moving: Whether a slot is being moved to or from it.
        leaving: The slots that are being moved to other nodes.
    """

    ranges: tuple[tuple[int, int], ...]
    is_moving: bool
    leaving: tuple[int, ...] = ()

    def has(self, slot: int) -> bool:
        """Return whether the node has a slot, and is to keep it."""
        return slot not in self.leaving and any(
            first <= slot <= last for first, last in self.ranges
        )


@dataclass(frozen=True, slots=True, eq=False)
class Shard:
    """A node of a cluster that has documents.

    Attributes:
        channel: The connections to it.
        tag: The hash tag of the names of its indexes.
        slots: What it reported about its slots when it was last asked.
    """

    channel: Channel
    tag: str
    slots: Slots

    async def is_settled(self) -> bool:
        """Return whether no document has left since, and none is about to. One round trip."""
        now = _slots[self.channel] = await slots_of(self.channel)
        return now == self.slots and not now.is_moving


async def slots_of(channel: Channel) -> Slots:
    """Ask a node which slots it has: `CLUSTER NODES`. One round trip."""
    text: str = (await channel.execute("CLUSTER", "NODES")).decode()
    own = next(line for line in text.splitlines() if "myself" in line.split(" ")[2])
    ranges: list[tuple[int, int]] = []
    leaving: list[int] = []
    is_moving = False
    for word in own.split(" ")[8:]:
        if word.startswith("["):  # [93-<-node] or [93->-node]
            is_moving = True
            slot, is_leaving, _ = word[1:].partition("->-")
            leaving += [int(slot)] if is_leaving else []
        elif word:
            first, _, last = word.partition("-")
            ranges.append((int(first), int(last or first)))
    return Slots(tuple(ranges), is_moving, tuple(leaving))


def is_on_nodes(spec: Spec) -> bool:
    """Return whether a query is about the documents of all nodes of a cluster."""
    return spec.shard is None and channel_of(spec.model).is_cluster


async def shards_of(spec: Spec) -> Sequence[Shard]:
    """Return the nodes that have documents of a model; empty for a single server.

    No round trip if they are known.
    """
    return await shards_of_model(spec.model) if is_on_nodes(spec) else ()


async def shards_of_model(model: type[BaseRedisModel]) -> Sequence[Shard]:
    """Return the nodes of a cluster that have documents of a model."""
    prefix = identity_of(model).prefix
    nodes = await channel_of(model).primaries()
    return await _all([_shard(node, prefix) for node in nodes])


#: What nodes last reported about their slots.
_slots: WeakKeyDictionary[Channel, Slots] = WeakKeyDictionary()
#: The tags of the indexes of a model on a node, as long as the node has their slots.
_tags: WeakKeyDictionary[Channel, dict[str, str]] = WeakKeyDictionary()


async def _shard(node: Channel, prefix: str) -> Shard:
    slots = _slots.get(node)
    if slots is None:
        slots = _slots[node] = await slots_of(node)
    known = _tags.setdefault(node, {})
    tag = known.get(prefix)
    if tag is None or not slots.has(slot_of(tag)):
        tag = known[prefix] = await _tag_of(node, prefix, slots)
    return Shard(node, tag, slots)


async def _tag_of(node: Channel, prefix: str, slots: Slots) -> str:
    """Choose the tag for the indexes of a model: that of existing ones, or the first usable one."""
    there = [one.tag for one in await index_names(node) if one.prefix == prefix and one.tag]
    usable = [tag for tag in there if slots.has(slot_of(tag))]
    if usable:
        return min(usable, key=lambda tag: (len(tag), tag))
    if not slots.ranges:
        raise RedisConnectionError("a node of the cluster no longer has any slots. Try again.")
    tags = (f"{{{number}}}" for number in count())
    return next(tag for tag in tags if slots.has(slot_of(tag)))


async def of_shards(spec: Spec, ask: Callable[[Spec], Awaitable[R]]) -> tuple[list[R], bool]:
    """Query all nodes at the same time, and once more while slots are being moved.

    Args:
        spec: What is asked for.
        ask: Queries one of them.

    Returns:
        The result of each, and whether each document was on one node all the while. If not, they
        were queried twice, so that a document that has moved meanwhile is in the result of one of
        them.
    """

    async def work() -> tuple[list[R], bool]:
        shards = await shards_of(spec)
        found = await _all([ask(replace(spec, shard=one)) for one in shards])
        if await are_settled(shards):
            return found, True
        await channel_of(spec.model).refresh()
        shards = await shards_of(spec)
        return [*found, *await _all([ask(replace(spec, shard=one)) for one in shards])], False

    return await wherever(spec.model, work)


async def wherever(model: type[BaseRedisModel], work: Callable[[], Awaitable[R]]) -> R:
    """Do something with the nodes of a model, and repeat it if they have changed by then."""
    for _ in range(TURNS - 1):
        try:
            return await work()
        except GONE:
            await asyncio.sleep(PAUSE)
            await choose_anew(model)
    return await work()


async def choose_anew(model: type[BaseRedisModel]) -> None:
    """Forget which nodes have documents of a model, and in which of their slots indexes are."""
    channel = channel_of(model)
    await channel.refresh()
    for node in await channel.primaries():
        _slots.pop(node, None)


async def are_settled(shards: Sequence[Shard]) -> bool:
    """Return whether no document has moved since the nodes were chosen. One round trip."""
    return all(await _all([shard.is_settled() for shard in shards]))


async def _all(works: Sequence[Awaitable[R]]) -> list[R]:
    """Wait for all, and raise the first error only afterwards."""
    outcomes = await asyncio.gather(*works, return_exceptions=True)
    found: list[R] = []
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
        found.append(outcome)
    return found
