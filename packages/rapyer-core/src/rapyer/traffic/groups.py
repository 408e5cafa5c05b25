"""Calls about many keys, split up if one command may not name all of them: on a cluster."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

from redis.exceptions import NoScriptError, ResponseError

from rapyer.traffic.channel import Argument, Channel
from rapyer.traffic.outcome import LOST_REPLY
from rapyer.traffic.policies import Policies
from rapyer.traffic.scripts import Operation, arguments_of, compose

if TYPE_CHECKING:
    from rapyer.traffic.cluster import ClusterChannel

T = TypeVar("T")

#: Calls that run at the same time; others need connections as well.
_AT_ONCE: Final = 32


async def for_groups(
    channel: Channel,
    keys: Sequence[str],
    ask: Callable[[Sequence[str]], Awaitable[Sequence[T]]],
) -> Sequence[T]:
    """Ask something about many keys: at once, or separately for those of each slot of a cluster.

    Args:
        channel: The connections.
        keys: The keys.
        ask: Asks about some of them, and gives something for each.

    Returns:
        What was given for each key, in the order of the keys.
    """
    groups = channel.groups_of(keys)
    if len(groups) == 1:
        return await ask(keys)
    found: list[Any] = [None] * len(keys)

    async def ask_for(places: Sequence[int]) -> None:
        given = await ask([keys[place] for place in places])
        for place, one in zip(places, given, strict=True):
            found[place] = one

    await each_of(groups, ask_for)
    return found


async def each_of(groups: Sequence[T], work: Callable[[T], Awaitable[None]]) -> None:
    """Do something with each group, several of them at the same time.

    Raises:
        Exception: The first one raised; the calls that had begun have ended by then.
    """
    rest = iter(groups)

    async def go_on() -> None:
        for group in rest:
            await work(group)

    workers = [go_on() for _ in range(min(_AT_ONCE, len(groups)))]
    for outcome in await asyncio.gather(*workers, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome


async def run_many(
    channel: ClusterChannel,
    operation: Operation,
    policies: Policies,
    calls: Sequence[tuple[Sequence[str], Sequence[Argument]]],
) -> list[Any]:
    """Run an operation for several groups of keys at once, those of each node together.

    One round trip; a few more for nodes that do not know the script.

    Args:
        channel: The connections.
        operation: The operation, which has no library.
        policies: What else happens to each key.
        calls: For each group its keys, which are in one slot, and the arguments.

    Returns:
        For each group the reply, or the error that came instead.
    """
    script, before = compose(operation, policies), arguments_of(policies)
    replies: list[Any] = [NoScriptError()] * len(calls)
    rest = [*range(len(calls))]
    while rest:
        asked = [calls[place] for place in rest]
        found = await channel.outcomes_of(
            [("EVALSHA", script.sha, len(keys), *keys, *before, *words) for keys, words in asked],
            writes=operation.leaves_outcome,
        )
        for place, reply in zip(rest, found, strict=True):
            replies[place] = reply
        rest = [place for place in rest if isinstance(replies[place], NoScriptError)]
        if rest:  # none of it has run; by then the node of the first one knows the script
            place = rest.pop(0)
            try:
                replies[place] = await channel.run(
                    operation, policies, *calls[place], of_policies=before
                )
            except (ResponseError, *LOST_REPLY) as exc:
                replies[place] = exc
    return replies
