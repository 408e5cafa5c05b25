"""What goes wrong with pipelines."""

from __future__ import annotations

from rapyer.errors import RapyerError


class PipelineError(RapyerError):
    """The base of all errors of pipelines.

    Attributes:
        key: The Redis key of the document; empty while a program is recorded.
        where: The file and the line of the statement; empty where there is none.
    """

    def __init__(self, message: str, *, key: str = "", where: str = "") -> None:
        super().__init__(message)
        self.key = key
        self.where = where


class RecordingError(PipelineError):
    """Something was written in a pipeline that no program on the server can do.

    It is raised where it stands, before anything is sent. It is no TypeError: `list(...)` and
    others would take that for a sign that something has no length.
    """


class ProgramFailedError(PipelineError):
    """A program failed on the server; it has written nothing."""


class PipelineAborted(ProgramFailedError):  # noqa: N818 - what it is called in the roadmap's words
    """A `require` did not hold, or an `abort` was reached; nothing was written.

    Attributes:
        reason: What was given as the message.
    """

    def __init__(self, message: str, *, reason: str, key: str = "", where: str = "") -> None:
        super().__init__(message, key=key, where=where)
        self.reason = reason


class MissingValueError(ProgramFailedError, LookupError):
    """A key, an index, an element or a parent was not there, or was None."""


class NoneValueError(ProgramFailedError, TypeError):
    """None was calculated with, or assigned to a field that is never None."""


class StoredTypeError(ProgramFailedError, TypeError):
    """The document has a value of another type than the model says."""


class InvalidValueError(ProgramFailedError, ValueError):
    """A result does not validate as a value of its field."""


class ResultOverflowError(ProgramFailedError, OverflowError):
    """A result is outside of what the field, or the server, can hold."""


class DivisionByZeroError(ProgramFailedError, ZeroDivisionError):
    """Something was divided by zero."""


class TooManyStepsError(ProgramFailedError):
    """The loops of a program took more steps than it may take."""
