"""Aggregates over the values of many documents: their number, sum, mean, maximum, ...

Aggregates are values too: you can compare them in `having` and calculate with them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import is_dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final, Literal, TypeAlias, overload

from pydantic import BaseModel
from rapyer.errors import ExpressionError
from rapyer.expr.annotations import is_literal, members_of
from rapyer.expr.nodes import Node
from rapyer.expr.operands import Kind, kinds_of
from rapyer.expr.order import Order
from rapyer.expr.paths import annotation_of, is_path, steps_of
from rapyer.expr.steps import EACH
from rapyer.expr.values import Value, is_value
from rapyer.guards import is_class, is_tuple
from typing_extensions import TypeVar, is_typeddict

T = TypeVar("T", default=Any)
V = TypeVar("V")
N = TypeVar("N", int, float, Decimal, timedelta)

#: What is computed from the values.
Function: TypeAlias = Literal[
    "count", "sum", "avg", "min", "max", "stddev", "quantile", "count_distinct", "first_value",
    "to_list",
]  # fmt: skip
#: A variant of the computation; empty for the usual one.
Option: TypeAlias = Literal["", "approximate", "distinct"]
#: The exported names of functions whose plain names are taken by Python built-ins.
_NAMES: Final = {"sum": "sum_", "min": "min_", "max": "max_"}
_NUMBER: Final = kinds_of(float)


class Aggregate(Value[T]):
    """One value that is computed from the values of many documents.

    Attributes:
        function: What is computed.
        value: The value taken from each document; None when documents are counted.
        by: The order that decides which value is first; None for no order.
        part: Which quantile, from 0 to 1; None for other functions.
        option: The variant of the computation.
        descending: Whether the first in the order of `by` is the largest.
    """

    __slots__ = ("by", "descending", "function", "option", "part", "value")
    __parts__ = ("function", "value", "by", "descending", "part", "option")

    def __init__(
        self, function: Function, value: Value[Any] | None, *, by: Value[Any] | None = None,
        descending: bool = False, part: float | None = None, option: Option = "",
    ) -> None:  # fmt: skip
        self.function: Function = function
        self.value = value
        self.by = by
        self.descending = descending
        self.part = part
        self.option: Option = option

    @property
    def __kinds__(self) -> tuple[Kind, ...]:
        """What the value can be compared with when it is not None."""
        if self.value is None or self.function == "count_distinct":
            return kinds_of(int)
        kinds = self.value.__kinds__
        if self.function == "to_list":
            return kinds_of(list[Any])
        if self.function in ("avg", "stddev") and all(kind.apart is None for kind in kinds):
            return tuple([_NUMBER[0] if kind.family == "number" else kind for kind in kinds])
        return kinds

    def __getter__(self) -> Callable[[Any], Any]:
        """Return a function that looks the value up by its structure among those of a group."""
        structure = self.__structure__()
        return lambda group: group[structure]

    @property
    def is_estimated(self) -> bool:
        """Whether the server may estimate it."""
        return self.option == "approximate"

    def __repr__(self) -> str:
        parts = [] if self.value is None else [repr(self.value)]
        if self.by is not None:
            parts.append(f"by={Order(self.by, self.descending)!r}")
        if self.part is not None:
            parts.append(repr(self.part))
        if self.option:
            parts.append(f"{self.option}=True")
        return f"{_NAMES.get(self.function, self.function)}({', '.join(parts)})"


def count() -> Aggregate[int]:
    """Count the documents of a group."""
    return Aggregate("count", None)


@overload
def sum_(value: Value[N]) -> Aggregate[N]: ...
@overload
def sum_(value: Value[N | None]) -> Aggregate[N]: ...
@overload
def sum_(value: Any) -> Aggregate[Any]: ...
def sum_(value: Any) -> Aggregate[Any]:
    """Sum a `value`, a number or a timedelta, over the documents of a group, ignoring None.

    Integers and timedeltas are added exactly, floats with an error below 1e-9 of the result, and
    Decimals in Python's decimal context.

    Returns:
        The sum; 0 if there are no values.

    Raises:
        ExpressionError: The value is of another type, or is not one that each document has once.
    """
    return Aggregate("sum", _summed("sum_", value))


@overload
def avg(value: Value[int] | Value[float]) -> Aggregate[float]: ...
@overload
def avg(value: Value[int | None] | Value[float | None]) -> Aggregate[float | None]: ...
@overload
def avg(value: Value[V]) -> Aggregate[V]: ...
@overload
def avg(value: Any) -> Aggregate[Any]: ...
def avg(value: Any) -> Aggregate[Any]:
    """Average a `value`, a number or a timedelta, over the documents of a group, ignoring None.

    Returns:
        The mean; None if there are no values.

    Raises:
        ExpressionError: The value is of another type, or is not one that each document has once.
    """
    return Aggregate("avg", _summed("avg", value))


@overload
def min_(value: Value[V]) -> Aggregate[V]: ...
@overload
def min_(value: Any) -> Aggregate[Any]: ...
def min_(value: Any) -> Aggregate[Any]:
    """Take the smallest `value`, in the order of `sort`, ignoring None.

    Returns:
        The smallest value; None if all values are None.

    Raises:
        ExpressionError: The values have no order, or a document has many of them.
    """
    return Aggregate("min", _ordered("min_", value))


@overload
def max_(value: Value[V]) -> Aggregate[V]: ...
@overload
def max_(value: Any) -> Aggregate[Any]: ...
def max_(value: Any) -> Aggregate[Any]:
    """Take the largest `value`, in the order of `sort`, ignoring None.

    Returns:
        The largest value; None if all values are None.

    Raises:
        ExpressionError: The values have no order, or a document has many of them.
    """
    return Aggregate("max", _ordered("max_", value))


def stddev(value: Any) -> Aggregate[float | None]:
    """Compute the sample standard deviation of a `value`, which divides by n - 1.

    Returns:
        The deviation; None if fewer than two values are not None.

    Raises:
        ExpressionError: The value is not a number, or is not one that each document has once.
    """
    found = _one_value("stddev", value)
    _require_families("stddev", found, {"number"})
    return Aggregate("stddev", found)


@overload
def quantile(value: Value[V], q: float, *, approximate: bool = False) -> Aggregate[V]: ...
@overload
def quantile(value: Any, q: float, *, approximate: bool = False) -> Aggregate[Any]: ...
def quantile(value: Any, q: float, *, approximate: bool = False) -> Aggregate[Any]:
    """Take the smallest value with at least the fraction `q` of all values at or below it.

    `q=0.5` is the median. The result is always one of the values; None values are ignored. An exact
    quantile reads all values; the server does not sort them.

    Args:
        value: The value taken from each document.
        q: The fraction, from 0 to 1.
        approximate: Whether the server may estimate the quantile, without reading any values. This
            is for numbers only; the rank of the result is off by about a hundredth of their number.

    Returns:
        The quantile; None if there are no values.

    Raises:
        ExpressionError: `q` is not such a fraction, the values have no order, or the server is to
            estimate and they are not numbers.
    """
    given: Any = q
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given <= 1:
        raise ExpressionError(f"quantile was given q={q!r}. Give a number from 0 to 1.")
    if not approximate:
        return Aggregate("quantile", _ordered("quantile", value), part=float(q))
    found = _one_value("quantile", value)
    _require_families("quantile(approximate=True)", found, {"number"})
    return Aggregate("quantile", found, part=float(q), option="approximate")


def count_distinct(value: Any) -> Aggregate[int]:
    """Count the distinct values of `value`, ignoring None.

    Raises:
        ExpressionError: The value is not a plain one that each document has once.
    """
    return Aggregate("count_distinct", scalar("count_distinct", value))


@overload
def first_value(value: Value[V], *, by: Order | Value[Any]) -> Aggregate[V]: ...
@overload
def first_value(value: Any, *, by: Any) -> Aggregate[Any]: ...
def first_value(value: Any, *, by: Any) -> Aggregate[Any]:
    """Take a `value` from the document that comes first in an order; on a tie, from any of them.

        first_value(City.name, by=City.population.desc())  # the name of the largest city

    Args:
        value: The value to take.
        by: The order, in which None comes last.

    Returns:
        The value of that document.

    Raises:
        ExpressionError: The value or the order is not a plain value that each document has once, or
            has no order.
    """
    order = by if isinstance(by, Order) else Order(_ordered("first_value", by))
    _ordered("first_value", order.value)
    return Aggregate(
        "first_value", scalar("first_value", value), by=order.value, descending=order.descending
    )


@overload
def to_list(value: Value[V], *, distinct: bool = False) -> Aggregate[list[V]]: ...
@overload
def to_list(value: Any, *, distinct: bool = False) -> Aggregate[list[Any]]: ...
def to_list(value: Any, *, distinct: bool = False) -> Aggregate[list[Any]]:
    """Collect all values that are not None into a list, in no particular order.

    Args:
        value: The value taken from each document.
        distinct: Whether each value is listed only once. The server does this; otherwise all values
            are read.

    Returns:
        The list.

    Raises:
        ExpressionError: The value is not a plain one that each document has once.
    """
    return Aggregate("to_list", scalar("to_list", value), option="distinct" if distinct else "")


def aggregates_in(node: Any) -> Iterator[Aggregate[Any]]:
    """Yield the aggregates that an expression contains."""
    if isinstance(node, Aggregate):
        yield node
    elif isinstance(node, Node):
        for name in node.__parts__:
            yield from aggregates_in(getattr(node, name))
    elif is_tuple(node):
        for part in node:
            yield from aggregates_in(part)


# -- checks ---------------------------------------------------------------------------------------


def _one_value(name: str, value: object) -> Value[Any]:
    if not is_value(value) or any(True for _ in aggregates_in(value)):
        raise ExpressionError(
            f"{name} was given {value!r}. Give a value that each document has: a field, or an "
            "expression of fields."
        )
    if is_path(value) and EACH in steps_of(value):
        raise ExpressionError(
            f"{name}({value!r}) has many values in one document. Give a value that each document "
            "has once."
        )
    return value


def scalar(name: str, value: object) -> Value[Any]:
    """Return a value after checking that each document has it once and that it is not a container.

    Raises:
        ExpressionError: It is something else.
    """
    found = _one_value(name, value)
    if is_path(found) and not all(map(_is_plain, members_of(annotation_of(found)))):
        raise ExpressionError(
            f"{name}({found!r}) takes plain values, but this is {annotation_of(found)!r}. Give a "
            "field of numbers, strings, dates, ..."
        )
    return found


def _is_plain(member: Any) -> bool:
    """Return whether values of an annotation are hashable and have nothing below them."""
    if is_literal(member):
        return True
    return is_class(member) and not (
        (
            issubclass(member, BaseModel | Collection | Mapping)
            and not issubclass(member, str | bytes)
        )
        or is_dataclass(member)
        or is_typeddict(member)
    )


def _kinds(value: Value[Any]) -> str:
    return " or ".join(dict.fromkeys(kind.name for kind in value.__kinds__)) or "always None"


def _ordered(name: str, value: object) -> Value[Any]:
    from rapyer_query.sorting import check_order  # noqa: PLC0415 - which knows the types

    found = _one_value(name, value)
    check_order(Order(found))
    return found


def _summed(name: str, value: object) -> Value[Any]:
    found = _one_value(name, value)
    _require_families(name, found, {"number", "span"})
    return found


def _require_families(name: str, value: Value[Any], wanted: set[str]) -> None:
    families = {kind.family for kind in value.__kinds__}
    apart = {kind.apart for kind in value.__kinds__}
    if len(families) != 1 or not families <= wanted or {"float", "decimal"} <= apart:
        raise ExpressionError(
            f"{name}({value!r}) takes {' or '.join(sorted(_FAMILIES[one] for one in wanted))}, but "
            f"this is {_kinds(value)}. Use find(...).count() to count the documents that match a "
            "condition."
        )


_FAMILIES: Final = {"number": "numbers", "span": "timedeltas"}
