"""The errors of queries; those of core are in `rapyer.errors`."""

from __future__ import annotations

from rapyer.errors import ExpressionError, RapyerError


class QueryError(RapyerError):
    """Base class of the errors of queries."""


class NotIndexedError(QueryError, ExpressionError):
    """None of the fields in a condition is indexed, and `.scan()` was not called.

    Attributes:
        fields: The fields, as they are written in Python.
    """

    def __init__(self, message: str, *, fields: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.fields = fields


class IndexUnavailableError(QueryError, RuntimeError):
    """There is no index, and the server, the database or the user does not allow creating one.

    Also raised if the index cannot be queried because others hold all the cursors that it allows.
    """


class QueryTimeoutError(QueryError, TimeoutError):
    """A query took longer than its `.timeout(...)`; the server may then cut its reply short.

    Attributes:
        seconds: How many seconds it was given.
    """

    def __init__(self, message: str, *, seconds: float = 0.0) -> None:
        super().__init__(message)
        self.seconds = seconds


class QueryInterruptedError(QueryError, RuntimeError):
    """Only a part of a query's results was read, and the index that names the rest is gone."""


class NoResultError(QueryError, LookupError):
    """A query for exactly one document found none."""


class MultipleResultsError(QueryError, LookupError):
    """A query for exactly one document found more than one."""


class DroppedDocumentsWarning(UserWarning):
    """An index rejected documents that hold a value of another type: no query finds them."""
