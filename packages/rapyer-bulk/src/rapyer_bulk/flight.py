"""Send chunks, several at a time, and stop cleanly."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Final, Protocol

from rapyer.errors import OutcomeUnknownError
from rapyer.progress import Reporter
from rapyer.traffic.channel import Channel

from rapyer_bulk.errors import attach_result, failure_of
from rapyer_bulk.refusals import may_have_written, refusal_of_all
from rapyer_bulk.results import BulkResult, Part
from rapyer_bulk.watch import ServerWatch

#: Chunks in flight at a time: while the server writes one, others are being made and read.
IN_FLIGHT: Final = 3
#: Seconds to wait for chunks in flight when a call is cancelled.
_GRACE: Final = 1.0


class Cargo(Protocol):
    """Something that can be sent."""

    @property
    def keys(self) -> Sequence[str]:
        """The keys."""
        ...

    @property
    def guarded(self) -> set[str]:
        """The keys that no other chunk sends until this one is answered."""
        ...

    @property
    def part(self) -> Part:
        """What became of the keys."""
        ...

    @property
    def channel(self) -> Channel:
        """The connections that it is sent over."""
        ...

    async def send(self) -> bytes | None:
        """Send it; return what identifies the answering server, None if nothing was to be sent."""
        ...


class _StoppedError(Exception):
    """Nothing more is sent: a chunk was refused as a whole, or its reply was lost."""


class Flight:
    """Sends the chunks of one call, and keeps what became of their keys.

    Args:
        operation: The name of the operation, for messages.
        reporter: Receives the progress.
        raise_on_error: Whether failed keys raise an error.

    Attributes:
        keys: The keys in chunks that were not answered yet; the code that makes chunks adds to
            them.
    """

    def __init__(self, operation: str, reporter: Reporter, *, raise_on_error: bool) -> None:
        self._operation, self._reporter = operation, reporter
        self._raise_on_error = raise_on_error
        self._parts: list[Part] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped: Exception | None = None
        self._watch = ServerWatch()
        self._done = 0
        self.keys: set[str] = set()
        self.result = BulkResult(self._parts)

    async def submit(self, chunk: Cargo) -> None:
        """Send a chunk as soon as fewer than the maximum number of chunks are in flight."""
        while len(self._tasks) >= IN_FLIGHT:
            await self._wait(asyncio.FIRST_COMPLETED)
        self._refuse_when_stopped()
        self._parts.append(chunk.part)
        task = asyncio.create_task(self._send(chunk))
        self._tasks.add(task)
        await asyncio.sleep(0)  # so that it is sent before the next one is made
        self._refuse_when_stopped()

    async def drain(self) -> None:
        """Wait for all chunks in flight."""
        while self._tasks:
            await self._wait(asyncio.ALL_COMPLETED)
        self._refuse_when_stopped()

    async def run(self, feed: Awaitable[None]) -> BulkResult:
        """Send the chunks that a feed submits.

        Returns:
            What became of each key.

        Raises:
            BulkError: Keys failed, or the server refused a chunk or was lost.
        """
        try:
            with self._reporter:
                await self._carry(feed)
        except BaseException as leaving:
            attach_result(leaving, self.result, self._operation)
            raise
        return self._concluded()

    async def _carry(self, feed: Awaitable[None]) -> None:
        result = self.result
        result.is_complete = False
        try:
            await feed
            result.is_complete = True
            await self.drain()
        except _StoppedError:
            await self._settle(None)
        except BaseException as exc:
            # a cancellation, or an error of the iterable, the progress callable or the caller
            result.server_lost = None  # the server is not asked now
            await self._settle(_GRACE if isinstance(exc, asyncio.CancelledError) else None)
            result.server_lost = self._watch.is_lost or None
            raise
        result.server_lost = await self._watch.has_lost(is_stopped=self._stopped is not None)

    def _concluded(self) -> BulkResult:
        result, stopped = self.result, self._stopped
        failed = self._raise_on_error and result.failed
        if stopped is None and not failed and not result.server_lost:
            return result
        first = next((error for part in self._parts for error in part.errors.values()), None)
        raise failure_of(self._operation, result, stopped) from stopped or first

    # -- chunks in flight -------------------------------------------------------------------------

    def _refuse_when_stopped(self) -> None:
        if self._stopped is not None:
            raise _StoppedError

    async def _wait(self, return_when: str) -> None:
        """Wait for chunks in flight, and raise what the caller's progress callable raised."""
        done, self._tasks = await asyncio.wait(self._tasks, return_when=return_when)
        errors = [error for error in map(_error_of, done) if error is not None]
        if errors:
            raise errors[0]

    async def _send(self, chunk: Cargo) -> None:
        try:
            server = await chunk.send()
            if server is not None:
                self._watch.note(chunk.channel, server)
        except asyncio.CancelledError as exc:
            lost = OutcomeUnknownError("the call was cancelled before the reply came")
            lost.__cause__ = exc
            chunk.part.fail_all(lost, "unknown")
            raise
        except Exception as exc:  # noqa: BLE001 - noted for its keys, and raised at the end
            known = refusal_of_all(exc)
            chunk.part.fail_all(known, "unknown" if may_have_written(exc) else "failed")
            self._stopped = self._stopped or known
        finally:
            self.keys.difference_update(chunk.guarded)
        self._done += len(chunk.keys)
        self._reporter.report(self._done)

    async def _settle(self, seconds: float | None) -> None:
        """Wait for replies to what was sent, so that its outcome is known; abandon the rest."""
        if not self._tasks:
            return
        late = self._tasks
        try:
            _, late = await asyncio.wait(self._tasks, timeout=seconds)
        finally:
            for task in late:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)


def _error_of(task: asyncio.Task[None]) -> BaseException | None:
    return asyncio.CancelledError() if task.cancelled() else task.exception()
