"""The methods of a query that send something."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from rapyer_query import counting, writes
from rapyer_query.answers import all_results, result_pages
from rapyer_query.checks import writable
from rapyer_query.errors import MultipleResultsError, NoResultError
from rapyer_query.explain import Explanation, explain
from rapyer_query.summed import Summed

if TYPE_CHECKING:
    from rapyer.keys import RedisKey

    from rapyer_query.spec import Spec

R = TypeVar("R")


class Asking(Summed, Generic[R]):
    """The part of a query that sends commands; see `Query`."""

    __slots__ = ()

    async def to_list(self) -> list[R]:
        """Read all results. One round trip for up to 1000 documents.

        Beyond 1000 documents there is one round trip for each 1000, and one more: their keys are
        taken at a single moment, and the documents are then read one batch after another. Documents
        that others change in between so that they no longer match are left out.
        """
        return await all_results(self._spec)

    async def __aiter__(self) -> AsyncIterator[R]:
        """Return the results one by one, with at most 1000 of them, and all keys, in memory.

        Round trips as for `to_list`.

        Documents that match from the beginning to the end are all included, whatever others write
        meanwhile. The loop may take any amount of time.
        """
        async with aclosing(result_pages(self._spec)) as pages:
            async for page in pages:
                for result in page[1]:
                    yield result

    async def first(self) -> R | None:
        """Read the first result, or None if there is none. One round trip."""
        found: list[R] = await all_results(self._narrowed(1))
        return found[0] if found else None

    async def one(self) -> R:
        """Read the only result. One round trip.

        Raises:
            NoResultError: There is no result.
            MultipleResultsError: There is more than one result.
        """
        found: list[R] = await all_results(self._narrowed(2))
        if not found:
            raise NoResultError(f"{self!r} found nothing. Use first() if there may be no result.")
        if len(found) > 1:
            raise MultipleResultsError(
                f"{self!r} found more than one document. Add a condition, or use first()."
            )
        return found[0]

    def _narrowed(self, number: int) -> Spec:
        limit = self._spec.limit
        return replace(self._spec, limit=number if limit is None else min(number, limit))

    async def count(self) -> int:
        """Count the results. One round trip, reading no documents, if the index is exact.

        A document that has only just expired may still be counted.
        """
        return await counting.count(self._spec)

    async def exists(self) -> bool:
        """Return whether there is a result. One round trip if the index is exact."""
        return await counting.exists(self._spec)

    async def keys(self) -> list[RedisKey]:
        """Read the full Redis keys of the documents, in the order of the results.

        One round trip, reading no documents, if the index is exact.
        """
        return await counting.keys(self._spec)

    async def delete(self) -> int:
        """Delete the documents, and count them.

        If the index is exact, up to 2000 documents are found and deleted in one atomic step and one
        round trip. Otherwise their keys are read first and the documents are deleted in atomic
        chunks of 2000; each chunk leaves alone the documents that no longer match.

        Raises:
            ExpressionError: The query is for the nearest documents, which change from moment to
                moment.
            OutcomeUnknownError: The reply was lost; some documents may have been deleted.
        """
        return await writes.delete(writable(self._spec))

    async def update(self, values: Mapping[Any, Any] | None = None, /, **fields: Any) -> int:
        """Set fields of the documents, as `aupdate_by_key` does, and count the documents.

            await User.find(User.status == "new").update({User.status: "old"})
            await User.find(User.status == "new").update(status="old", profile__level=2)

        Documents are found and written as by `delete`, in atomic steps of up to 2000: one round
        trip if the index is exact and there are no more than that.

        Args:
            values: Values by path, or by the text of a path.
            fields: Values by name.

        Raises:
            pydantic.ValidationError: Values do not validate. Nothing was written.
            ExpressionError, InvalidPathError, InvalidKeyError: A name leads to nothing that can be
                set, or the query is for the nearest documents. Nothing was written.
            PathNotFoundError: A document has no place for a value. Nothing of its chunk was
                written.
            OutcomeUnknownError: The reply was lost; some documents may have been written.
        """
        return await writes.update(writable(self._spec), values, fields)

    async def explain(self) -> Explanation:
        """Return what the query does: its text, its parameters, what is rechecked, and the plan.

        `FT.EXPLAIN`: one round trip.
        """
        return await explain(self._spec)
