"""Reads that are awaited in the same turn of the event loop travel together."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeAlias

#: The result for one key: its document, None if it is missing, or an error about this key alone.
Outcome: TypeAlias = bytes | Exception | None
#: Reads several documents; gives an outcome for each key, in their order.
Fetch: TypeAlias = Callable[[Sequence[str]], Awaitable[Sequence[Outcome]]]
#: For each key requested in this turn, its callers except the first caller of the turn.
_Passengers: TypeAlias = "dict[str, list[asyncio.Future[bytes | None]]]"

#: Keys per command. More would keep other clients of the server waiting.
BATCH = 500


class Coalescer:
    """Gathers the keys that are requested in one turn of the event loop.

    The first caller of a turn waits until the turn is over and then reads for all, in its own
    task. So a lone caller pays for one turn of the loop and no task. Each key is read once, however
    many callers want it. Cancelling a caller does not disturb the others; if it is the one that
    reads for them, the keys are read for them again.

    Args:
        fetch: Reads several documents in one round trip.
    """

    __slots__ = ("_fetch", "_gathering", "_running")

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._gathering: _Passengers = {}
        self._running: set[asyncio.Task[None]] = set()

    async def get(self, key: str) -> bytes | None:
        """Return the text of the document at a whole Redis key, or None if there is none.

        One round trip for all keys requested in the same turn of the event loop, up to 500.

        Raises:
            Exception: The error for this key, or for the command that read it.
        """
        gathering = self._gathering
        if gathering:
            future: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
            gathering.setdefault(key, []).append(future)
            return await future
        gathering[key] = []
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            self._gathering = {}
            self._start(gathering)
            raise
        self._gathering = {}
        return await self._lead(gathering)

    async def _lead(self, passengers: _Passengers) -> bytes | None:
        """Read for all callers; the caller's own key is the first one."""
        if len(passengers) > BATCH:
            keys = list(passengers)
            self._start({late: passengers[late] for late in keys[BATCH:]})
            passengers = {early: passengers[early] for early in keys[:BATCH]}
        try:
            outcomes = await self._fetch(list(passengers))
        except Exception as exc:
            _settle(passengers, [exc] * len(passengers))
            raise
        except BaseException:  # for this task alone, above all its cancellation
            self._start(passengers)
            raise
        _settle(passengers, outcomes)
        own = outcomes[0]
        if isinstance(own, Exception):
            raise own
        return own

    def _start(self, passengers: _Passengers) -> None:
        """Read for callers that nobody reads for, in tasks of their own, all at the same time."""
        wanted = {
            key: futures
            for key, futures in passengers.items()
            if not all(future.done() for future in futures)
        }
        keys = list(wanted)
        for first in range(0, len(keys), BATCH):
            batch = {key: wanted[key] for key in keys[first : first + BATCH]}
            task = asyncio.create_task(self._travel(batch))
            self._running.add(task)
            task.add_done_callback(partial(self._arrived, batch))

    def _arrived(self, passengers: _Passengers, task: asyncio.Task[None]) -> None:
        """Leave no caller waiting, even if a task was cancelled before it began."""
        self._running.discard(task)
        for future in (one for futures in passengers.values() for one in futures):
            future.cancel()  # has no effect on futures that have their outcome

    async def _travel(self, passengers: _Passengers) -> None:
        try:
            outcomes = await self._fetch(list(passengers))
        except Exception as exc:  # noqa: BLE001 - it is every caller's
            outcomes = [exc] * len(passengers)
        _settle(passengers, outcomes)

    @property
    def is_idle(self) -> bool:
        """Whether no caller is waiting for it."""
        return not self._gathering and not self._running

    async def drain(self) -> None:
        """Wait for reads in tasks of their own; without connections, these fail at once.

        Nothing is sent.
        """
        if self._running:
            await asyncio.wait(self._running)


def _settle(passengers: _Passengers, outcomes: Sequence[Outcome]) -> None:
    for futures, outcome in zip(passengers.values(), outcomes, strict=True):
        for future in futures:
            if future.done():  # its caller was cancelled
                continue
            if isinstance(outcome, Exception):
                future.set_exception(_own(outcome))
            else:
                future.set_result(outcome)


def _own(error: Exception) -> Exception:
    """Return a separate error object, so that what one caller adds to it is not seen by another."""
    own = copy.copy(error)
    own.__cause__ = error
    return own
