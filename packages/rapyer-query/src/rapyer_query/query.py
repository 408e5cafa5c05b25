"""Queries: built lazily, answered exactly."""

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
#: In seconds: the server misreads much longer timeouts.
_LONGEST_TIMEOUT = 366 * 86400


class Query(Asking[R]):
    """A query for documents of a model: `User.find(User.age > 18).sort(User.name)`.

    It is immutable: each method gives a new query. Nothing is sent until you await one of the
    methods that send something, or iterate over the query; you can run the same query several
    times. Its type is that of the results: a `Query[User]` gives users.

    Args:
        spec: What is asked; `find` of models makes it.

    Every document that matches the condition is found, however many there are, and no other: where
    the index answers only approximately, the documents are checked again. Without `sort` their
    order is undefined. With `sort` the order is total: documents that compare equal come in the
    order of their keys.

    All methods that send something raise the following, besides what they document themselves:

        NotIndexedError: No field of the condition is indexed, and `scan` was not called.
        IndexUnavailableError, UnsupportedServerError: There is no index, and none can be created.
        QueryTimeoutError: The query took longer than its `timeout`.
        QueryInterruptedError: The rest of the results can no longer be read.
        CorruptDocumentError: A document does not validate, and `on_corrupt("skip")` was not called.
        NotConnectedError: rapyer was not told where Redis is.
    """

    __slots__ = ()

    def __init__(self, spec: Spec) -> None:
        self._spec = spec

    @classmethod
    def of(cls, model: type[BaseRedisModel], conditions: tuple[object, ...]) -> Query[Any]:
        """Make the query for the documents of a `model` that match some `conditions`."""
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
        raise TypeError(f"{self!r} has not been run yet. Await .exists() or .to_list().")

    if not TYPE_CHECKING:  # hidden from type checkers, so that unknown names stay errors

        def __getattr__(self, name: str) -> Any:
            refuse_foreign(self, name)
            return self.__getattribute__(name)  # which raises the usual error

    def _with(self, **changes: Any) -> Query[Any]:
        return Query[Any](replace(self._spec, **changes))

    # -- building it ------------------------------------------------------------------------------

    def where(self, *conditions: Condition | bool) -> Query[R]:
        """Add conditions: a document has to match all of them, and all earlier ones.

        Raises:
            ExpressionError: Something other than a condition on the model was given.
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
        """Search for words in the texts of documents: `User.find().search("redis")`.

        All fields with `Field(text=True)` are searched, and the words may be spread over several of
        them; see `matches` of paths for the syntax. Unless you call `sort`, the results come in the
        order of their scores, the best first.

        Args:
            text: The words, all of which are required.
            fuzzy: By how many letters each word may differ, up to 3.

        Raises:
            ExpressionError: There are no words.
        """
        return self.where(searched(text, fuzzy))._with(ranks=True)

    def nearest(self, path: Any, vector: Any, k: int = 10) -> Query[R]:
        """Find the documents whose vectors are nearest to a given one, the nearest first.

            await Note.find(Note.author == "Ada").nearest(Note.embedding, vector, k=5).to_list()

        Only documents that match the condition are considered. See docs/vectors.md for what is
        exact: `"flat"` finds the nearest, `"hnsw"` may leave some out.

        Args:
            path: The path of the vectors.
            vector: A list of as many numbers, or a numpy array.
            k: How many documents, up to 1 000 000.

        Raises:
            ExpressionError: The path does not lead to a vector, or the given vector does not fit
                it.
            ValueError: `k` is not such a number.
        """
        number = natural("k", k)
        if number > MOST_NEAR:
            raise ValueError(f"k is {k!r}. Give {MOST_NEAR} at most, or use within_distance.")
        return self._with(near=Near.of(self._spec.model, path, vector, number, 0.0))

    def within_distance(self, path: Any, vector: Any, distance: float) -> Query[R]:
        """Find the documents whose vectors are within a distance of a given one, the nearest first.

        Args:
            path: The path of the vectors.
            vector: A list of as many numbers, or a numpy array.
            distance: The largest distance, in the metric of the field.

        Raises:
            ExpressionError: As for `nearest`.
            ValueError: The distance is not a number.
        """
        radius = length("distance", distance)
        return self._with(near=Near.of(self._spec.model, path, vector, None, radius))

    def with_scores(self) -> Query[tuple[R, float]]:
        """Return each result with its distance, or with its score in a search.

            await Note.find().nearest(Note.embedding, vector).with_scores().to_list()

        Raises:
            ExpressionError: The query has neither: call `nearest`, `within_distance` or `search`.
        """
        if self._spec.near is None and not (self._spec.ranks and not self._spec.orders):
            raise ExpressionError(
                "with_scores needs a query with nearest, within_distance, or search without sort."
            )
        unscored(self._spec, "with_scores")
        return self._with(scored=True)

    def sort(self, *orders: Any) -> Query[R]:
        """Sort the results: `.sort(User.age.desc(), User.name)`; as texts: `"-age", "name"`.

        Numbers are ordered by value, texts by code point, datetimes by instant (those without an
        offset as if they were in UTC), times by the clock, and members of an Enum by their values.
        None comes last in both directions. Further calls add to the order.

        Args:
            orders: Paths, expressions of paths, `asc()` or `desc()` of these, or texts.

        Raises:
            ExpressionError: Documents have no order by that.
            InvalidPathError: A text leads nowhere.
        """
        spec = self._spec
        unscored(spec, "sort")
        added = tuple([order_of(spec.model, one) for one in orders])
        return self._with(orders=(*spec.orders, *added))

    def skip(self, number: int) -> Query[R]:
        """Skip a `number` of results; the last call counts.

        Raises:
            ValueError: It is not a whole number, or less than 0.
        """
        return self._with(skip=natural("skip", number))

    def limit(self, number: int | None) -> Query[R]:
        """Return a `number` of results at most, or all of them for None; the last call counts.

        Raises:
            ValueError: It is not a whole number, or less than 0.
        """
        return self._with(limit=None if number is None else natural("limit", number))

    def timeout(self, seconds: float) -> Query[R]:
        """Limit the time the server may take, in seconds, for all commands of the query together.

        A query that takes longer raises `QueryTimeoutError`, and never returns partial results.
        Without a timeout the server takes the time it needs.

        Raises:
            ValueError: It is not a number of seconds above 0, or longer than a year.
        """
        given: Any = seconds
        is_number = isinstance(given, int | float) and not isinstance(given, bool)
        if not (is_number and 0 < given <= _LONGEST_TIMEOUT):
            raise ValueError(
                f"timeout is {seconds!r}. Give a number of seconds greater than 0, at most a year; "
                "leave it out for no limit."
            )
        return self._with(timeout=float(seconds))

    def on_corrupt(self, action: OnCorrupt) -> Query[R]:
        """Choose what happens to documents that do not validate.

        Args:
            action: `"raise"`, or `"skip"`, which leaves them out and logs them.

        Raises:
            ValueError: It is something else.
        """
        if action not in get_args(OnCorrupt):
            raise ValueError(f"on_corrupt is {action!r}. Give 'raise' or 'skip'.")
        return self._with(on_corrupt=action)

    def scan(self) -> Query[R]:
        """Allow reading all documents where no index helps, or the server has none."""
        return self._with(scans=True)

    def project(self, view: type[V]) -> Query[V]:
        """Return instances of a `view`, a model whose fields are some of this model's, by name.

        If the index is exact, only these fields are read.

        Raises:
            ExpressionError: The view has other fields.
            TypeError: It is not a pydantic model.
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
        """Return tuples of some values of each document; if exact, only these values are read.

        If a document lacks a value, you get its default, or None if a key or an index does not
        exist.

        Args:
            paths: Paths, texts of paths, and expressions of paths.

        Raises:
            TypeError: Nothing was given.
            ExpressionError: A path belongs to another model, or leads to many values.
            InvalidPathError: A text leads nowhere.
        """
        if not paths:
            raise TypeError("values was given nothing. Give at least one field.")
        unscored(self._spec, "values")
        model = self._spec.model
        found = [value_in(model, path) for path in paths]
        for value in found:
            if not is_path(value):
                check_root(model, value)
        return self._with(shape=ValuesShape(model, found))
