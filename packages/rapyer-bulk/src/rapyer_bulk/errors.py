"""The errors raised when a bulk write has not done everything it should."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import islice
from typing import Any, Final

from rapyer.errors import OutcomeUnknownError, RapyerError

from rapyer_bulk.results import BulkResult

_SHOWN: Final = 3
_RESULT: Final = "_rapyer_bulk_result"


class KeyExistsError(RapyerError, ValueError):
    """A new document was to be inserted where one already exists, which was left as it is.

    Attributes:
        key: The whole Redis key, prefix included.
    """

    def __init__(self, message: str, *, key: str = "") -> None:
        super().__init__(message)
        self.key = key


class BulkError(RapyerError, RuntimeError):
    """Some keys of a bulk write failed, or it was interrupted; the other keys were written.

    The cause (`__cause__`) is the first error.

    Attributes:
        result: What became of each key.
    """

    def __init__(self, message: str, *, result: BulkResult) -> None:
        super().__init__(message)
        self.result = result

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(type(self), result=self.result), self.args


class BulkOutcomeUnknownError(BulkError, OutcomeUnknownError):
    """A bulk write was interrupted, and it is unknown whether some keys were written."""


def attach_result(error: BaseException, result: BulkResult, operation: str) -> None:
    """Attach to an exception that passes through what was done before it.

    Args:
        error: The exception; `result_of` returns the result.
        result: What became of each key.
        operation: The name of the operation, for a note.
    """
    setattr(error, _RESULT, result)
    error.add_note(f"Before this, {operation} had done the following: {_described(result)}.")


def result_of(error: BaseException | None) -> BulkResult | None:
    """Return what a bulk write did before an exception ended it, or None for other exceptions.

        try:
            async with asyncio.timeout(10):
                await User.bulk_insert(users)
        except TimeoutError as exc:
            result = result_of(exc)

    Args:
        error: A `BulkError`; or an exception from outside, such as a `CancelledError`, the
            `TimeoutError` made from one, or the error of the iterable being read; or a group that
            contains one of these.
    """
    if error is None or isinstance(error, BulkError):
        return None if error is None else error.result
    attached: object = getattr(error, _RESULT, None)
    if isinstance(attached, BulkResult):
        return attached
    group: Any = error
    is_group = isinstance(error, BaseExceptionGroup)
    inner: Sequence[BaseException | None] = group.exceptions if is_group else (error.__cause__,)
    found = (result_of(one) for one in inner)
    return next((result for result in found if result is not None), None)


def failure_of(operation: str, result: BulkResult, stopped: Exception | None) -> BulkError:
    """Make the error for a result with failures, or for an interrupted write.

    Args:
        operation: The name of the operation.
        result: What became of each key.
        stopped: What interrupted it; None for nothing.
    """
    parts = [f"{operation}: {_described(result)}."]
    if stopped is not None:
        parts.append(f"It was interrupted: {stopped}")
    elif result.failed:
        shown = list(islice((entry for entry in result if entry.error is not None), _SHOWN))
        parts += [f"{entry.key!r}: {entry.error}" for entry in shown]
        if result.failed > len(shown):
            parts.append(f"And {result.failed - len(shown)} more, in `error.result`.")
    if result.server_lost is None:
        parts.append(
            "Whether a single server answered everything is unknown: the user may not run INFO."
        )
    if result.server_lost:
        parts.append(
            "The server was lost or replaced in the meantime: whether the writes that it had "
            "acknowledged are still there depends on what it persists."
        )
    if not result.is_complete:
        parts.append("Keys that are not in `error.result` were not sent.")
    kind = BulkOutcomeUnknownError if result.unknown else BulkError
    return kind("\n".join(parts), result=result)


def _described(result: BulkResult) -> str:
    counts = [f"{number} {outcome}" for outcome, number in result.counts.items()]
    return ", ".join(counts) or "nothing"
