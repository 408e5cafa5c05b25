"""The errors of pipelines."""

from __future__ import annotations

from rapyer.errors import RapyerError


class PipelineError(RapyerError):
    """Base class of all errors of pipelines.

    Attributes:
        key: The Redis key of the document; empty while a program is recorded.
        where: The file and the line of the statement; empty if there is none.
    """

    def __init__(self, message: str, *, key: str = "", where: str = "") -> None:
        super().__init__(message)
        self.key = key
        self.where = where


class RecordingError(PipelineError):
    """A pipeline contains something that a program on the server cannot do.

    It is raised at the offending line, before anything is sent. It is not a TypeError, because
    `list(...)` and others would take that as a sign that something has no length.
    """


class ProgramFailedError(PipelineError):
    """A program failed on the server; it wrote nothing."""


class PipelineAborted(ProgramFailedError):  # noqa: N818 - what it is called in the roadmap's words
    """A `require` did not hold, or an `abort` was reached; nothing was written.

    Attributes:
        reason: The message that was given.
    """

    def __init__(self, message: str, *, reason: str, key: str = "", where: str = "") -> None:
        super().__init__(message, key=key, where=where)
        self.reason = reason


class MissingValueError(ProgramFailedError, LookupError):
    """A key, an index, an element or a parent did not exist, or was None."""


class NoneValueError(ProgramFailedError, TypeError):
    """None was used in a calculation, or assigned to a field that is never None."""


class StoredTypeError(ProgramFailedError, TypeError):
    """The document holds a value of a type other than the model's."""


class InvalidValueError(ProgramFailedError, ValueError):
    """A result does not validate as a value of its field."""


class ResultOverflowError(ProgramFailedError, OverflowError):
    """A result is outside the range of the field or of the server."""


class DivisionByZeroError(ProgramFailedError, ZeroDivisionError):
    """A value was divided by zero."""


class TooManyStepsError(ProgramFailedError):
    """The loops of a program took more steps than allowed."""
