"""Queries: put together lazily, answered exactly."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast, get_args, overload

from pydantic import BaseModel
from rapyer.errors import ExpressionError
from rapyer.expr.nodes import Condition
from rapyer.expr.paths import is_path
from rapyer.guards import is_class

from rapyer_query import counting, writes
from rapyer_query.answers import all_results, result_pages
from rapyer_query.checks import (
    check_condition,
    check_root,
    length,
    natural,
    order_of,
    searched,
    unscored,
    writable,
)
from rapyer_query.errors import MultipleResultsError, NoResultError
from rapyer_query.explain import Explanation, explain
from rapyer_query.near import MOST_NEAR, Near
from rapyer_query.shapes import ModelShape, ValuesShape, value_in, view_of
from rapyer_query.spec import OnCorrupt, Spec
from rapyer_query.summed import Summed

if TYPE_CHECKING:
    from rapyer.base import BaseRedisModel
    from rapyer.keys import RedisKey
    from rapyer.paths import Selectable

R = TypeVar("R")
V = TypeVar("V", bound=BaseModel)
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")
F = TypeVar("F")
#: In seconds: the server takes much longer ones for others.
_LONGEST_TIMEOUT = 366 * 86400


class Query(Summed, Generic[R]):
    """What is asked of the documents of a model: `User.find(User.age > 18).sort(User.name)`.

    It is immutable: each method gives a new query. Nothing is sent before one of the methods is
    awaited that asks, or the query is iterated; the same query may be asked several times. Its
    type is that of the results: a `Query[User]` gives users.

    Every document that fulfils the condition is found, whatever their number, and no other one:
    what the index answers only approximately is looked at again. Without `sort` their order is not
    known; with it, it is total: documents that are equal in it come in the order of their keys.

    All methods that ask raise, besides what they say themselves:

        NotIndexedError: No field of the condition is indexed, and `scan` was not asked for.
        IndexUnavailableError, UnsupportedServerError: There is no index and none can be made.
        QueryTimeoutError: It took longer than its `timeout`.
        QueryInterruptedError: The rest of the results cannot be read any more.
        CorruptDocumentError: A document does not validate, and `on_corrupt("skip")` was not asked
            for.
        NotConnectedError: rapyer was not told where Redis is.
    """

    __slots__ = ()

    def __init__(self, spec: Spec) -> None:
        self._spec = spec

    @classmethod
    def of(cls, model: type[BaseRedisModel], conditions: tuple[object, ...]) -> Query[Any]:
        """Make the query for the documents of a model that fulfil some conditions."""
        return Query[Any](Spec(model, ModelShape())).where(*cast("Any", conditions))

    def __repr__(self) -> str:
        spec = self._spec
        condition = "" if spec.condition is None else repr(spec.condition)
        text = f"{spec.model.__name__}.find({condition})"
        if spec.orders:
            text += f".sort({', '.join(map(repr, spec.orders))})"
        text += f".skip({spec.skip})" if spec.skip else ""
        return text + (f".limit({spec.limit})" if spec.limit is not None else "")

    def __bool__(self) -> bool:
        raise TypeError(f"{self!r} was not asked yet. Await .exists() or .to_list().")

    def _with(self, **changes: Any) -> Query[Any]:
        return Query[Any](replace(self._spec, **changes))

    # -- putting it together ----------------------------------------------------------------------

    def where(self, *conditions: Condition | bool) -> Query[R]:
        """Add conditions: all of them, and those before, have to be fulfilled.

        Raises:
            ExpressionError: Something else than a condition on the model was given.
        """
        spec = self._spec
        given = [] if spec.condition is None else [spec.condition]
        for condition in conditions:
            check_condition(spec.model, condition)
            given.append(cast("Condition", condition))
        if not given:
            return self
        joined = given[0]
        for condition in given[1:]:
            joined = joined & condition
        return self._with(condition=joined)

    def search(self, text: str, *, fuzzy: int = 0) -> Query[R]:
        """Add words that one or several texts of a document have: `User.find().search("redis")`.

        All fields with `Field(text=True)` are looked at; see `matches` of paths for what can be
        asked. The results come in the order of their scores, the best first, where no `sort` says
        otherwise.

        Args:
            text: The words, all of which are wanted.
            fuzzy: By how many letters each of them may differ, up to 3.

        Raises:
            ExpressionError: There are no words.
        """
        return self.where(searched(text, fuzzy))._with(ranks=True)

    def nearest(self, path: Any, vector: Any, k: int = 10) -> Query[R]:
        """Give the documents whose vectors are nearest to another one, the nearest first.

            await Note.find(Note.author == "Ada").nearest(Note.embedding, vector, k=5).to_list()

        They are looked for among the documents that fulfil the condition. See docs/vectors.md for
        what is exact: with `"flat"` the nearest are, with `"hnsw"` some may be left out.

        Args:
            path: Where the vectors stand.
            vector: A list of as many numbers, or an array of numpy.
            k: How many.

        Raises:
            ExpressionError: The path leads to no vector, or the other one is none of its kind.
        """
        number = natural("k", k)
        if number > MOST_NEAR:
            raise ValueError(f"k is {k!r}. Give {MOST_NEAR} at most, or ask for within_distance.")
        return self._with(near=Near.of(self._spec.model, path, vector, number, 0.0))

    def within_distance(self, path: Any, vector: Any, distance: float) -> Query[R]:
        """Give the documents whose vectors are so near to another one, the nearest first.

        Args:
            path: Where the vectors stand.
            vector: A list of as many numbers, or an array of numpy.
            distance: The largest distance, as the metric of the field measures.

        Raises:
            ExpressionError: As `nearest`.
        """
        radius = length("distance", distance)
        return self._with(near=Near.of(self._spec.model, path, vector, None, radius))

    def with_scores(self) -> Query[tuple[R, float]]:
        """Give each result with its distance, or with its score in a search.

            await Note.find().nearest(Note.embedding, vector).with_scores().to_list()

        Raises:
            ExpressionError: The query has neither: ask for `nearest`, `within_distance`, `search`.
        """
        if self._spec.near is None and not (self._spec.ranks and not self._spec.orders):
            raise ExpressionError(
                "with_scores is for queries with nearest, within_distance, or search without sort."
            )
        unscored(self._spec, "with_scores")
        return self._with(scored=True)

    def sort(self, *orders: Any) -> Query[R]:
        """Put the results in order: `.sort(User.age.desc(), User.name)`; texts: `"-age", "name"`.

        Numbers are ordered by value, texts by code point, datetimes by instant (those without an
        offset as if they were in UTC), times by the clock, members of an Enum by their values.
        None comes last in both directions. Several calls add to the order.

        Raises:
            ExpressionError: Documents have no order by that.
            InvalidPathError: A text leads nowhere.
        """
        spec = self._spec
        unscored(spec, "sort")
        added = tuple([order_of(spec.model, one) for one in orders])
        return self._with(orders=(*spec.orders, *added))

    def skip(self, number: int) -> Query[R]:
        """Pass over some results; the last call counts."""
        return self._with(skip=natural("skip", number))

    def limit(self, number: int | None) -> Query[R]:
        """Give some results at most, None for all; the last call counts."""
        return self._with(limit=None if number is None else natural("limit", number))

    def timeout(self, seconds: float) -> Query[R]:
        """Give the server some seconds at most, in all commands of the query together.

        What takes longer raises `QueryTimeoutError`, and never gives a part of the results.
        Without it the server takes the time that it needs.
        """
        given: Any = seconds
        is_number = isinstance(given, int | float) and not isinstance(given, bool)
        if not (is_number and 0 < given <= _LONGEST_TIMEOUT):
            raise ValueError(
                f"timeout is {seconds!r}. Give a number of seconds above 0, of a year at most; "
                "leave it out for any time."
            )
        return self._with(timeout=float(seconds))

    def on_corrupt(self, action: OnCorrupt) -> Query[R]:
        """Say what happens with documents that do not validate: `"raise"`, or `"skip"` and log."""
        if action not in get_args(OnCorrupt):
            raise ValueError(f"on_corrupt is {action!r}. Give 'raise' or 'skip'.")
        return self._with(on_corrupt=action)

    def scan(self) -> Query[R]:
        """Allow that all documents are read, where no index helps or the server has none."""
        return self._with(scans=True)

    def project(self, view: type[V]) -> Query[V]:
        """Give instances of another model whose fields are some of the model's, by their names.

        These fields alone are read, where the index is exact.

        Raises:
            ExpressionError: The view has other fields.
        """
        given: Any = view
        if not (is_class(given) and issubclass(given, BaseModel)):
            raise TypeError(f"project was given {view!r}. Give a pydantic model.")
        unscored(self._spec, "project")
        return self._with(shape=view_of(self._spec.model, view))

    @overload
    def values(self, a: Selectable[A], /) -> Query[tuple[A]]: ...
    @overload
    def values(self, a: Selectable[A], b: Selectable[B], /) -> Query[tuple[A, B]]: ...
    @overload
    def values(
        self, a: Selectable[A], b: Selectable[B], c: Selectable[C], /
    ) -> Query[tuple[A, B, C]]: ...
    @overload
    def values(
        self, a: Selectable[A], b: Selectable[B], c: Selectable[C], d: Selectable[D], /
    ) -> Query[tuple[A, B, C, D]]: ...
    @overload
    def values(
        self,
        a: Selectable[A],
        b: Selectable[B],
        c: Selectable[C],
        d: Selectable[D],
        e: Selectable[E],
        /,
    ) -> Query[tuple[A, B, C, D, E]]: ...
    @overload
    def values(self, *paths: Any) -> Query[tuple[Any, ...]]: ...
    def values(self, *paths: Any) -> Query[Any]:
        """Give tuples of some values of each document; these alone are read where that is exact.

        A value that a document lacks is its default, or None for a key or an index that is not
        there.

        Args:
            paths: Where the values stand, as paths or as their texts; and what is calculated.
        """
        if not paths:
            raise TypeError("values was given nothing. Give one field or more.")
        unscored(self._spec, "values")
        model = self._spec.model
        found = [value_in(model, path) for path in paths]
        for value in found:
            if not is_path(value):
                check_root(model, value)
        return self._with(shape=ValuesShape(model, found))

    # -- asking -----------------------------------------------------------------------------------

    async def to_list(self) -> list[R]:
        """Give all results: one round trip up to 1000 documents, one for each 1000 and one beyond.

        More than 1000 are named in one moment and read one after the other: those that others
        change meanwhile so that they do not fulfil the condition any more are left out.
        """
        return await all_results(self._spec)

    async def __aiter__(self) -> AsyncIterator[R]:
        """Give the results one after the other: 1000 of them are in memory, and all keys.

        Documents that fulfil the condition from the beginning to the end are all given, whatever
        others write meanwhile. The loop may take any time.
        """
        async with aclosing(result_pages(self._spec)) as pages:
            async for page in pages:
                for result in page[1]:
                    yield result

    async def first(self) -> R | None:
        """Give the first result; None where there is none."""
        found: list[R] = await self._narrowed(1).to_list()
        return found[0] if found else None

    async def one(self) -> R:
        """Give the only result.

        Raises:
            NoResultError: There is none.
            MultipleResultsError: There are more.
        """
        found: list[R] = await self._narrowed(2).to_list()
        if not found:
            raise NoResultError(f"{self!r} found nothing. Use first() where that may be.")
        if len(found) > 1:
            raise MultipleResultsError(
                f"{self!r} found more than one document. Add a condition, or use first()."
            )
        return found[0]

    def _narrowed(self, number: int) -> Query[Any]:
        limit = self._spec.limit
        return self._with(limit=number if limit is None else min(number, limit))

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

        Where the index is exact the documents are not read.
        """
        return await counting.keys(self._spec)

    async def delete(self) -> int:
        """Delete the documents, and give their number.

        Where the index is exact, up to 2000 of them are found and deleted in one atomic step and
        one round trip. Otherwise their keys are read first, and they are deleted in atomic chunks
        of 2000, each of which leaves documents alone that do not fulfil the condition any more.

        Raises:
            OutcomeUnknownError: The reply was lost; some may have been deleted.
        """
        return await writes.delete(writable(self._spec))

    async def update(self, values: Mapping[Any, Any] | None = None, /, **fields: Any) -> int:
        """Set fields of the documents, as `aupdate_by_key` does; give the number of documents.

            await User.find(User.status == "new").update({User.status: "old"})
            await User.find(User.status == "new").update(status="old", profile__level=2)

        Documents are found and written as `delete` does, in atomic steps of up to 2000.

        Args:
            values: Values by paths, or by their texts.
            fields: Values by names.

        Raises:
            pydantic.ValidationError: Values do not validate. Nothing was written.
            ExpressionError, InvalidPathError, InvalidKeyError: A name leads to nothing that can be
                set. Nothing was written.
            PathNotFoundError: A document has no place for a value; of its chunk nothing was
                written.
            OutcomeUnknownError: The reply was lost; some may have been written.
        """
        return await writes.update(writable(self._spec), values, fields)

    async def explain(self) -> Explanation:
        """Tell what the query does: its text and parameters, what is looked at again, the plan."""
        return await explain(self._spec)
