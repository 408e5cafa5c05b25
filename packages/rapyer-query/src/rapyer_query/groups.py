"""Groups of documents, built lazily: `find(...).group_by(...).aggregate(...)`."""

from __future__ import annotations

import operator
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import (
    TYPE_CHECKING,
    Any,
    Generic,
    TypeAlias,
    TypeVar,
    TypeVarTuple,
    cast,
    overload,
)

from pydantic import BaseModel
from rapyer.errors import ExpressionError
from rapyer.expr.evaluate import getter_of, predicate_of
from rapyer.expr.nodes import Condition, Node
from rapyer.expr.order import Order
from rapyer.expr.paths import is_path
from rapyer.expr.values import Value, is_value
from rapyer.guards import is_class, is_tuple

from rapyer_query.aggregates import Aggregate, aggregates_in, scalar
from rapyer_query.checks import check_root, natural
from rapyer_query.grouped import Grouped
from rapyer_query.grouprows import Row, names_of, row_maker
from rapyer_query.sorting import check_order, sort_key

if TYPE_CHECKING:
    from rapyer_query.explain import Explanation
    from rapyer_query.spec import Spec

#: The keys of a group, followed by its aggregates.
_Group: TypeAlias = tuple[Any, ...]

R = TypeVar("R")
V = TypeVar("V", bound=BaseModel)
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")
Ks = TypeVarTuple("Ks")


class Grouping(Generic[*Ks]):
    """The documents of a query, grouped; call `aggregate` to say what to compute per group.

    Args:
        spec: The query.
        keys: The values that the documents of a group have in common, by name.
    """

    __slots__ = ("_keys", "_spec")

    def __init__(self, spec: Spec, keys: Mapping[str, Value[Any]]) -> None:
        self._spec = spec
        self._keys = keys

    @classmethod
    def of(cls, spec: Spec, given: Sequence[Any], named: Mapping[str, Any]) -> Grouping[Any]:
        """Make the groups of a query.

        Args:
            spec: The query.
            given: Values without names, as for `group_by`.
            named: Values with names.

        Raises:
            ExpressionError: A value is not one that each document has once, or a name is given
                twice.
        """
        values = [scalar("group_by", _checked(spec, value)) for value in given]
        names = names_of(values)
        keys = dict(zip(names, values, strict=True))
        for name, value in named.items():
            if name in keys:
                raise ExpressionError(
                    f"group_by has two keys named {name!r}. Give one of them another name."
                )
            keys[name] = scalar("group_by", _checked(spec, value))
        return Grouping[Any](spec, keys)

    def __repr__(self) -> str:
        return f"group_by({', '.join(map(repr, self._keys.values()))})"

    @overload
    def aggregate(self, a: Value[A], /) -> Aggregation[tuple[*Ks, A]]: ...
    @overload
    def aggregate(self, a: Value[A], b: Value[B], /) -> Aggregation[tuple[*Ks, A, B]]: ...
    @overload
    def aggregate(
        self, a: Value[A], b: Value[B], c: Value[C], /
    ) -> Aggregation[tuple[*Ks, A, B, C]]: ...
    @overload
    def aggregate(
        self, a: Value[A], b: Value[B], c: Value[C], d: Value[D], /
    ) -> Aggregation[tuple[*Ks, A, B, C, D]]: ...
    @overload
    def aggregate(
        self, a: Value[A], b: Value[B], c: Value[C], d: Value[D], e: Value[E], /
    ) -> Aggregation[tuple[*Ks, A, B, C, D, E]]: ...
    @overload
    def aggregate(self, /, **named: Value[Any]) -> Aggregation[Row]: ...
    def aggregate(self, /, *given: Any, **named: Any) -> Aggregation[Any]:
        """Make an aggregation that computes values for each group.

            .aggregate(n=count(), people=sum_(City.population))  # row.n, row.people
            .aggregate(count(), sum_(City.population))  # typed tuples, the keys first

        Args:
            given: What to compute: aggregates, and expressions of them.
            named: The same, for rows with named fields.

        Raises:
            ExpressionError: Something else was given, or both unnamed and named values.
        """
        if bool(given) == bool(named):
            raise ExpressionError(
                "aggregate takes values computed from each group, such as n=count(). Give all of "
                "them with names, or all without."
            )
        made = named or {f"_{number}": one for number, one in enumerate(given)}
        for name, value in made.items():
            _check_made(self._spec, name, value)
            if name in self._keys:
                raise ExpressionError(f"{name!r} is a key of the groups. Give it another name.")
        row = row_maker([*self._keys, *named]) if named else None
        return Aggregation[Any](_Asked(self._spec, self._keys, made, row))


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """What is asked of groups.

    Attributes:
        spec: The query.
        keys: The values that the documents of a group have in common, by name.
        made: What is computed for each group, by name.
        row: Makes a result from the values of a group; None if the values are the result.
        having: The conditions that groups have to match.
        orders: The order of the groups.
        skip: How many groups are skipped.
        limit: How many groups are wanted at most.
    """

    spec: Spec
    keys: Mapping[str, Value[Any]]
    made: Mapping[str, Value[Any]]
    row: Any
    having: tuple[Condition, ...] = ()
    orders: tuple[tuple[Value[Any], bool], ...] = ()
    skip: int = 0
    limit: int | None = None

    @property
    def grouped(self) -> Grouped:
        """What is computed from the documents, each aggregate once however often it is used."""
        nodes = [*self.made.values(), *self.having, *(value for value, _ in self.orders)]
        found = {one.__structure__(): one for node in nodes for one in aggregates_in(node)}
        return Grouped(self.spec, tuple(self.keys.values()), tuple(found.values()))

    @property
    def is_choosing(self) -> bool:
        """Whether groups are filtered or sorted by their aggregates."""
        return bool(self.having or self.orders)

    def chosen(self, groups: Sequence[_Group], grouped: Grouped) -> list[_Group]:
        """Return the groups that match the conditions, in order."""
        known = [(group, grouped.by_structure(group)) for group in groups]
        for condition in self.having:
            holds = predicate_of(condition)
            known = [one for one in known if holds(one[1])]
        for value, is_descending in reversed(self.orders):
            get = _place_of(value, grouped.keys)
            known.sort(key=sort_key(get, is_reverse=is_descending), reverse=is_descending)
        return [group for group, _ in known]

    def made_of(self, groups: Sequence[_Group], grouped: Grouped) -> list[tuple[Any, ...]]:
        """Return the keys of each group, followed by the values computed for it."""
        number, made = len(grouped.keys), [*self.made.values()]
        is_as_made = len(made) == len(grouped.aggregates)
        if is_as_made and all(map(operator.is_, made, grouped.aggregates)):
            return [*groups]
        getters = [getter_of(value) for value in made]
        known = [(group[:number], grouped.by_structure(group)) for group in groups]
        return [(*keys, *(get(values) for get in getters)) for keys, values in known]


class Aggregation(Generic[R]):
    """What is asked of groups of documents: `find().group_by(City.country).aggregate(n=count())`.

    It is immutable: each method gives a new one. Its type is that of the rows. All groups of
    exactly the matching documents are returned, in no particular order unless you call `sort`. The
    methods that send something raise the same errors as those of a query.

    Args:
        asked: What is asked.
    """

    __slots__ = ("_asked",)

    def __init__(self, asked: _Asked) -> None:
        self._asked = asked

    def __repr__(self) -> str:
        keys = ", ".join(map(repr, self._asked.keys.values()))
        made = ", ".join(f"{name}={value!r}" for name, value in self._asked.made.items())
        return f"{self._asked.spec.model.__name__}.find(...).group_by({keys}).aggregate({made})"

    def __bool__(self) -> bool:
        raise TypeError(f"{self!r} has not been run yet. Await .to_list().")

    def _with(self, **changes: Any) -> Aggregation[Any]:
        return Aggregation[Any](replace(self._asked, **changes))

    def having(self, *conditions: Condition | bool) -> Aggregation[R]:
        """Keep only the groups that match conditions: `.having(count() > 5)`.

        The aggregates in them need not be among those that are returned.

        Raises:
            ExpressionError: Something other than a condition on aggregates was given.
        """
        asked = self._asked
        for condition in conditions:
            if not isinstance(condition, Condition) or _has_paths(condition):
                raise ExpressionError(
                    f"having was given {condition!r}, which is not a condition on aggregates. "
                    "Write one such as count() > 5; conditions on documents belong in find(...)."
                )
        return self._with(having=(*asked.having, *cast("Any", conditions)))

    def sort(self, *orders: Any) -> Aggregation[R]:
        """Sort the groups: `.sort("-people", City.country, count().desc())`.

        None comes last in both directions. Further calls add to the order.

        Args:
            orders: Names, with a minus for descending order; keys; aggregates.

        Raises:
            ExpressionError: An argument is none of these, or has no order.
        """
        added = tuple([self._order_of(one) for one in orders])
        return self._with(orders=(*self._asked.orders, *added))

    def _order_of(self, given: object) -> tuple[Value[Any], bool]:
        named = {**self._asked.keys, **self._asked.made}
        is_descending = False
        if isinstance(given, str):
            is_descending = given.startswith("-")
            given = named.get(given.removeprefix("-"), given)
        known: Any = given
        if isinstance(known, Order):
            known, is_descending = known.value, known.descending
        is_key = any(known is key for key in self._asked.keys.values())
        if not is_value(known) or not (is_key or not _has_paths(known)):
            raise ExpressionError(
                f"groups cannot be ordered by {given!r}. Give one of the names {', '.join(named)}, "
                "a key of the groups, or an aggregate."
            )
        check_order(Order(known))
        return known, is_descending

    def skip(self, number: int) -> Aggregation[R]:
        """Skip a `number` of groups; the last call counts.

        Raises:
            ValueError: It is not a whole number, or less than 0.
        """
        return self._with(skip=natural("skip", number))

    def limit(self, number: int | None) -> Aggregation[R]:
        """Return a `number` of groups at most, or all of them for None; the last call counts.

        Raises:
            ValueError: It is not a whole number, or less than 0.
        """
        return self._with(limit=None if number is None else natural("limit", number))

    def project(self, view: type[V]) -> Aggregation[V]:
        """Return instances of a `view`, whose fields are named after the keys and aggregates.

        Raises:
            ExpressionError: A field has another name.
            TypeError: It is not a pydantic model.
        """
        given: Any = view
        if not (is_class(given) and issubclass(given, BaseModel)):
            raise TypeError(f"project was given {view!r}. Give a pydantic model.")
        names = [*self._asked.keys, *self._asked.made]
        for name, field in view.__pydantic_fields__.items():
            if name not in names and field.is_required():
                raise ExpressionError(
                    f"{view.__name__}.{name} is not among the values of the groups, which are "
                    f"{', '.join(names)}. Name it in aggregate(...)."
                )

        fields = [
            (place, name) for place, name in enumerate(names) if name in view.__pydantic_fields__
        ]

        def make(values: tuple[Any, ...]) -> BaseModel:
            given = {name: values[place] for place, name in fields}
            return view.model_validate(given, by_name=True, by_alias=False)

        return self._with(row=make)

    # -- sending ----------------------------------------------------------------------------------

    async def to_list(self) -> list[R]:
        """Read all groups: one round trip if the server computes them; see docs/query.md."""
        asked, grouped = self._asked, self._asked.grouped
        groups = await grouped.groups()
        found = asked.chosen(groups, grouped) if asked.is_choosing else groups
        end = None if asked.limit is None else asked.skip + asked.limit
        rows: list[Any] = asked.made_of(found[asked.skip : end], grouped)
        return rows if asked.row is None else [*map(asked.row, rows)]

    async def __aiter__(self) -> AsyncIterator[R]:
        """Return all groups, one by one; all of them are in memory.

        Round trips as for `to_list`.
        """
        for row in await self.to_list():
            yield row

    async def first(self) -> R | None:
        """Read the first group, or None if there is none. Round trips as for `to_list`."""
        limit = self._asked.limit
        found: list[R] = await self._with(limit=1 if limit is None else min(1, limit)).to_list()
        return found[0] if found else None

    async def explain(self) -> Explanation:
        """Return what the index is asked, and who makes the groups: `FT.EXPLAIN`.

        One round trip.
        """
        return await self._asked.grouped.explain()


def _place_of(
    value: Value[Any], keys: Sequence[Value[Any]]
) -> Callable[[tuple[_Group, Mapping[Any, Any]]], Any]:
    """Return a function that gets a value from a group, either from its keys or its aggregates."""
    for place, key in enumerate(keys):
        if key is value:
            return partial(_key_at, place)
    get = getter_of(value)
    return lambda known: get(known[1])


def _key_at(place: int, known: tuple[_Group, Any]) -> Any:
    return known[0][place]


def _checked(spec: Spec, value: object) -> object:
    if is_value(value):
        check_root(spec.model, value)
    return value


def _check_made(spec: Spec, name: str, value: object) -> None:
    if not is_value(value) or _has_paths(value) or not any(True for _ in aggregates_in(value)):
        raise ExpressionError(
            f"aggregate was given {name}={value!r}, which is not computed from the documents of a "
            "group. Give an aggregate, such as count(), sum_(...), first_value(..., by=...)."
        )
    check_root(spec.model, value)


def _has_paths(node: Any) -> bool:
    """Return whether a node contains a value of a document outside of any aggregate."""
    if isinstance(node, Aggregate):
        return False
    if is_path(node):
        return True
    if isinstance(node, Node):
        return any(_has_paths(getattr(node, name)) for name in node.__parts__)
    return is_tuple(node) and any(map(_has_paths, node))
