"""What is raised when a bulk write has not done all that it was to do."""

from __future__ import annotations

from typing import Final

from rapyer.errors import OutcomeUnknownError, RapyerError

from rapyer_bulk.results import BulkResult

_SHOWN: Final = 3
_RESULT: Final = "__rapyer_bulk_result__"


class KeyExistsError(RapyerError, ValueError):
    """There is a document at a key where a new one was to be inserted; it was left as it is.

    Attributes:
        key: The whole Redis key, prefix included.
    """

    def __init__(self, message: str, *, key: str = "") -> None:
        super().__init__(message)
        self.key = key


class BulkError(RapyerError, RuntimeError):
    """A bulk write in which keys failed, or that was interrupted; the others were written.

    The cause (`__cause__`) is the first error.

    Attributes:
        result: What became of each key.
    """

    def __init__(self, message: str, *, result: BulkResult) -> None:
        super().__init__(message)
        self.result = result


class BulkOutcomeUnknownError(BulkError, OutcomeUnknownError):
    """A bulk write was interrupted, and for some keys nobody knows whether they were written."""


def attach_result(error: BaseException, result: BulkResult, operation: str) -> None:
    """Let an exception that passes through say what was done before."""
    setattr(error, _RESULT, result)
    error.add_note(f"{operation} had done this before: {_described(result)}.")


def result_of(error: BaseException | None) -> BulkResult | None:
    """Give what a bulk write had done before an exception ended it; None if none has.

        try:
            async with asyncio.timeout(10):
                await User.bulk_insert(users)
        except TimeoutError as exc:
            result = result_of(exc)

    Args:
        error: A `BulkError`; or what came from outside, such as a `CancelledError`, the
            `TimeoutError` that was made of one, or the error of the iterable that was read.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        result: object = getattr(error, _RESULT, None) or getattr(error, "result", None)
        if isinstance(result, BulkResult):
            return result
        error = error.__cause__ or error.__context__
    return None


def failure_of(operation: str, result: BulkResult, stopped: Exception | None) -> BulkError:
    """Make the error about a result in which something failed, or that was interrupted."""
    parts = [f"{operation}: {_described(result)}."]
    if stopped is not None:
        parts.append(f"It was interrupted: {stopped}")
    elif result.failed:
        shown = list(result.errors.items())[:_SHOWN]
        parts += [f"{key!r}: {error}" for key, error in shown]
        if result.failed > len(shown):
            parts.append(f"And {result.failed - len(shown)} more, in `error.result.errors`.")
    if result.server_lost:
        parts.append(
            "The server was lost or replaced meanwhile: whether what it had acknowledged before is "
            "still there depends on what it keeps when it ends."
        )
    if not result.is_complete:
        parts.append("Keys that `error.result` does not have were not sent.")
    kind = BulkOutcomeUnknownError if result.unknown else BulkError
    return kind("\n".join(parts), result=result)


def _described(result: BulkResult) -> str:
    counts = [f"{number} {outcome}" for outcome, number in result.counts.items()]
    return ", ".join(counts) or "nothing"
