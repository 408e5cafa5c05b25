"""What a query is asked: the methods that send something."""

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
    """The part of a query that asks; see `Query`."""

    __slots__ = ()

    async def to_list(self) -> list[R]:
        """Give all results: one round trip up to 1000 documents, one for each 1000 and one beyond.

        More than 1000 are named in one moment and read one after the other: those that others
        change meanwhile so that they do not fulfil the condition any more are left out.
        """
        return await all_results(self._spec)

    async def __aiter__(self) -> AsyncIterator[R]:
        """Give the results one after the other: 1000 of them are in memory, and all keys.

        Round trips as `to_list`.

        Documents that fulfil the condition from the beginning to the end are all given, whatever
        others write meanwhile. The loop may take any time.
        """
        async with aclosing(result_pages(self._spec)) as pages:
            async for page in pages:
                for result in page[1]:
                    yield result

    async def first(self) -> R | None:
        """Give the first result; None where there is none. One round trip."""
        found: list[R] = await all_results(self._narrowed(1))
        return found[0] if found else None

    async def one(self) -> R:
        """Give the only result. One round trip.

        Raises:
            NoResultError: There is none.
            MultipleResultsError: There are more.
        """
        found: list[R] = await all_results(self._narrowed(2))
        if not found:
            raise NoResultError(f"{self!r} found nothing. Use first() where that may be.")
        if len(found) > 1:
            raise MultipleResultsError(
                f"{self!r} found more than one document. Add a condition, or use first()."
            )
        return found[0]

    def _narrowed(self, number: int) -> Spec:
        limit = self._spec.limit
        return replace(self._spec, limit=number if limit is None else min(number, limit))

    async def count(self) -> int:
        """Count the results. One round trip where the index is exact, and nothing is read.

        A document that expired a moment ago may be counted.
        """
        return await counting.count(self._spec)

    async def exists(self) -> bool:
        """Say whether there is a result. One round trip where the index is exact."""
        return await counting.exists(self._spec)

    async def keys(self) -> list[RedisKey]:
        """Give the whole Redis keys of the documents, in the order of the results.

        One round trip where the index is exact, and no document is read.
        """
        return await counting.keys(self._spec)

    async def delete(self) -> int:
        """Delete the documents, and count them.

        Where the index is exact, up to 2000 of them are found and deleted in one atomic step and
        one round trip. Otherwise their keys are read first, and they are deleted in atomic chunks
        of 2000, each of which leaves documents alone that do not fulfil the condition any more.

        Raises:
            ExpressionError: The query is for the nearest, which are others at every moment.
            OutcomeUnknownError: The reply was lost; some may have been deleted.
        """
        return await writes.delete(writable(self._spec))

    async def update(self, values: Mapping[Any, Any] | None = None, /, **fields: Any) -> int:
        """Set fields of the documents, as `aupdate_by_key` does, and count the documents.

            await User.find(User.status == "new").update({User.status: "old"})
            await User.find(User.status == "new").update(status="old", profile__level=2)

        Documents are found and written as `delete` does, in atomic steps of up to 2000: one round
        trip where the index is exact and there are no more.

        Args:
            values: Values by paths, or by their texts.
            fields: Values by names.

        Raises:
            pydantic.ValidationError: Values do not validate. Nothing was written.
            ExpressionError, InvalidPathError, InvalidKeyError: A name leads to nothing that can be
                set, or the query is for the nearest. Nothing was written.
            PathNotFoundError: A document has no place for a value; of its chunk nothing was
                written.
            OutcomeUnknownError: The reply was lost; some may have been written.
        """
        return await writes.update(writable(self._spec), values, fields)

    async def explain(self) -> Explanation:
        """Tell what the query does: its text and parameters, what is looked at again, the plan.

        `FT.EXPLAIN`: one round trip.
        """
        return await explain(self._spec)
