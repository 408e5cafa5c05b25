"""Queries: put together lazily, answered exactly."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar, cast, get_args, overload

from pydantic import BaseModel
from rapyer.errors import ExpressionError
from rapyer.expr.nodes import Condition
from rapyer.expr.paths import is_path
from rapyer.guards import is_class

from rapyer_query.asking import Asking
from rapyer_query.checks import (
    check_condition,
    check_root,
    length,
    natural,
    order_of,
    searched,
    unscored,
)
from rapyer_query.foreign import refuse_foreign
from rapyer_query.near import MOST_NEAR, Near
from rapyer_query.shapes import ModelShape, ValuesShape, value_in, view_of
from rapyer_query.spec import OnCorrupt, Spec

if TYPE_CHECKING:
    from rapyer.base import BaseRedisModel
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


class Query(Asking[R]):
    """What is asked of the documents of a model: `User.find(User.age > 18).sort(User.name)`.

    It is immutable: each method gives a new query. Nothing is sent before one of the methods is
    awaited that asks, or the query is iterated; the same query may be asked several times. Its
    type is that of the results: a `Query[User]` gives users.

    Args:
        spec: What is asked; `find` of models makes it.

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
        """Make the query for the documents of a `model` that fulfil some `conditions`."""
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

    if not TYPE_CHECKING:  # hidden from checkers, to which a name that is not there is an error

        def __getattr__(self, name: str) -> Any:
            refuse_foreign(self, name)
            return self.__getattribute__(name)  # which says it as ever

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
            k: How many documents, up to 1 000 000.

        Raises:
            ExpressionError: The path leads to no vector, or the other one is none of its kind.
            ValueError: `k` is no such number.
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
            ValueError: The distance is no number.
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

        Args:
            orders: Paths, what is calculated from them, `asc()` or `desc()` of these, or texts.

        Raises:
            ExpressionError: Documents have no order by that.
            InvalidPathError: A text leads nowhere.
        """
        spec = self._spec
        unscored(spec, "sort")
        added = tuple([order_of(spec.model, one) for one in orders])
        return self._with(orders=(*spec.orders, *added))

    def skip(self, number: int) -> Query[R]:
        """Pass over a `number` of results; the last call counts.

        Raises:
            ValueError: It is no whole number, or less than 0.
        """
        return self._with(skip=natural("skip", number))

    def limit(self, number: int | None) -> Query[R]:
        """Give a `number` of results at most, None for all; the last call counts.

        Raises:
            ValueError: It is no whole number, or less than 0.
        """
        return self._with(limit=None if number is None else natural("limit", number))

    def timeout(self, seconds: float) -> Query[R]:
        """Give the server some seconds at most, in all commands of the query together.

        What takes longer raises `QueryTimeoutError`, and never gives a part of the results.
        Without it the server takes the time that it needs.

        Raises:
            ValueError: It is no number of seconds above 0, or longer than a year.
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
        """Say what happens with documents that do not validate.

        Args:
            action: `"raise"`; or `"skip"`, which leaves them out and logs them.

        Raises:
            ValueError: It is something else.
        """
        if action not in get_args(OnCorrupt):
            raise ValueError(f"on_corrupt is {action!r}. Give 'raise' or 'skip'.")
        return self._with(on_corrupt=action)

    def scan(self) -> Query[R]:
        """Allow that all documents are read, where no index helps or the server has none."""
        return self._with(scans=True)

    def project(self, view: type[V]) -> Query[V]:
        """Give instances of a `view`, a model whose fields are some of the model's by their names.

        These fields alone are read, where the index is exact.

        Raises:
            ExpressionError: The view has other fields.
            TypeError: It is no pydantic model.
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

        Raises:
            TypeError: Nothing was given.
            ExpressionError: A path is one of another model, or leads to many values.
            InvalidPathError: A text leads nowhere.
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
