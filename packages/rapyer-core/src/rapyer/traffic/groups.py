"""Calls about many keys, taken apart where a command may not name all of them: on a cluster."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

from rapyer.traffic.channel import Channel

T = TypeVar("T")

#: Calls that are under way at the same time: others shall have connections as well.
_AT_ONCE: Final = 32


async def for_groups(
    channel: Channel,
    keys: Sequence[str],
    ask: Callable[[Sequence[str]], Awaitable[Sequence[T]]],
) -> Sequence[T]:
    """Ask something about many keys: at once, or for those of each slot of a cluster by itself.

    Args:
        channel: The connections.
        keys: The keys.
        ask: Asks about some of them, and gives something for each.

    Returns:
        What was given for each key, in their order.
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
    """Do something with each group, some of them at the same time.

    Raises:
        Exception: The first that one has raised; those that had begun have ended by then.
    """
    rest = iter(groups)

    async def go_on() -> None:
        for group in rest:
            await work(group)

    workers = [go_on() for _ in range(min(_AT_ONCE, len(groups)))]
    for outcome in await asyncio.gather(*workers, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome
