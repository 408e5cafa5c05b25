"""The errors of queries; core's own are in `rapyer.errors`."""

from __future__ import annotations

from rapyer.errors import ExpressionError, RapyerError


class QueryError(RapyerError):
    """Base of the errors of queries."""


class NotIndexedError(QueryError, ExpressionError):
    """A condition is about fields of which none is indexed, and `.scan()` was not asked for.

    Attributes:
        fields: The fields, as they are written in Python.
    """

    def __init__(self, message: str, *, fields: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.fields = fields


class IndexUnavailableError(QueryError, RuntimeError):
    """There is no index, and none can be made: the server, the database or the user has none.

    Or nothing can be asked of it, for others have all cursors that it admits.
    """


class QueryTimeoutError(QueryError, TimeoutError):
    """A query took longer than its `.timeout(...)`; what the server answers then may be cut.

    Attributes:
        seconds: How many seconds it had.
    """

    def __init__(self, message: str, *, seconds: float = 0.0) -> None:
        super().__init__(message)
        self.seconds = seconds


class QueryInterruptedError(QueryError, RuntimeError):
    """What was read of a query is not all, and the index is gone that would name the rest."""


class NoResultError(QueryError, LookupError):
    """A query for exactly one document found none."""


class MultipleResultsError(QueryError, LookupError):
    """A query for exactly one document found more."""


class DroppedDocumentsWarning(UserWarning):
    """An index did not take documents, which have a value of another type: no query finds them."""
