"""Running a coroutine and cancelling it at its n-th suspension, exactly."""

from __future__ import annotations

import asyncio
import types
from collections.abc import Coroutine, Generator
from typing import Any, Literal, TypeVar

T = TypeVar("T")
#: When a task is cancelled that is suspended: at once, or in the moment in which what it waits for
#: has come, but was not yet seen by it. What nobody completes, such as a turn of the loop, makes no
#: difference between the two.
Moment = Literal["as it waits", "as it is woken"]
MOMENTS: tuple[Moment, ...] = ("as it waits", "as it is woken")


async def cancelled_at(
    coroutine: Coroutine[Any, Any, T], suspension: int, moment: Moment
) -> tuple[asyncio.Task[T], bool]:
    """Run a coroutine as a task that is cancelled at one of its suspensions.

    Args:
        coroutine: What is run.
        suspension: The number of the suspension, the first one is 0.
        moment: When exactly.

    Returns:
        The task, which has ended, and whether it came to that suspension.
    """
    stepped = _Stepped(coroutine, suspension, moment)
    task = asyncio.create_task(stepped.run())
    await asyncio.wait([task])
    return task, stepped.is_cancelled


class _Stepped:
    def __init__(self, coroutine: Coroutine[Any, Any, Any], suspension: int, moment: Moment):
        self._coroutine = coroutine
        self._left = suspension
        self._moment = moment
        self.is_cancelled = False

    async def run(self) -> Any:
        return await self._counted()

    @types.coroutine
    def _counted(self) -> Generator[Any, None, Any]:
        """Pass on what the coroutine waits for, and count how often it does."""
        steps = self._coroutine.__await__()
        resume, given = steps.send, None
        while True:
            try:
                awaited = resume(given)
            except StopIteration as end:
                return end.value
            self._suspended(awaited)
            try:
                yield awaited
            except BaseException as exc:
                resume, given = steps.throw, exc
            else:
                resume, given = steps.send, None

    def _suspended(self, awaited: asyncio.Future[Any] | None) -> None:
        self._left -= 1
        if self._left != -1:
            return
        self.is_cancelled = True
        task = asyncio.current_task()
        assert task is not None
        if self._moment == "as it waits" or awaited is None:
            task.cancel()
        else:  # before the task's own callback, which would let it go on
            awaited.add_done_callback(lambda _: task.cancel())
