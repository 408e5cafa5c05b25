"""What is made of the values of many documents: their number, sum, mean, the largest of them, ...

They are values, too: they are compared in `having`, and calculated with.
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

#: What is made of values.
Function: TypeAlias = Literal[
    "count", "sum", "avg", "min", "max", "stddev", "quantile", "count_distinct", "first_value",
    "to_list",
]  # fmt: skip
#: How something is made, beside the usual way.
Option: TypeAlias = Literal["", "approximate", "distinct"]
#: The names under which the functions are imported, where those of Python are others.
_NAMES: Final = {"sum": "sum_", "min": "min_", "max": "max_"}
_NUMBER: Final = kinds_of(float)


class Aggregate(Value[T]):
    """One value that is made of those of many documents.

    Attributes:
        function: What is made of them.
        value: What each document has; None where documents are counted.
        by: In which order the first is meant; None for no order.
        part: Which quantile, from 0 to 1; None for other functions.
        option: How it is made.
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
        """What the value, where it is not None, can be compared with."""
        if self.value is None or self.function == "count_distinct":
            return kinds_of(int)
        kinds = self.value.__kinds__
        if self.function == "to_list":
            return kinds_of(list[Any])
        if self.function in ("avg", "stddev") and all(kind.apart is None for kind in kinds):
            return tuple([_NUMBER[0] if kind.family == "number" else kind for kind in kinds])
        return kinds

    def __getter__(self) -> Callable[[Any], Any]:
        """Give what finds the value among those of a group, which are known by their structure."""
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
    """Give the sum of a `value` that is not None, a number or a timedelta; 0 where there are none.

    Integers and timedeltas are added exactly, floats with an error below 1e-9 of the result,
    Decimals as Python's context adds them.

    Raises:
        ExpressionError: It is something else, or nothing that each document has once.
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
    """Give the mean of a `value`, a number or a timedelta, that is not None; None without any.

    Raises:
        ExpressionError: It is something else, or nothing that each document has once.
    """
    return Aggregate("avg", _summed("avg", value))


@overload
def min_(value: Value[V]) -> Aggregate[V]: ...
@overload
def min_(value: Any) -> Aggregate[Any]: ...
def min_(value: Any) -> Aggregate[Any]:
    """Give the smallest value that is not None, in the order of `sort`; None where all are.

    Raises:
        ExpressionError: The values have no order, or there are many in a document.
    """
    return Aggregate("min", _ordered("min_", value))


@overload
def max_(value: Value[V]) -> Aggregate[V]: ...
@overload
def max_(value: Any) -> Aggregate[Any]: ...
def max_(value: Any) -> Aggregate[Any]:
    """Give the largest value that is not None, in the order of `sort`; None where all are.

    Raises:
        ExpressionError: The values have no order, or there are many in a document.
    """
    return Aggregate("max", _ordered("max_", value))


def stddev(value: Any) -> Aggregate[float | None]:
    """Give the standard deviation of a `value` as of a sample, which divides by n - 1.

    None where fewer than two are not None.

    Raises:
        ExpressionError: It is no number, or nothing that each document has once.
    """
    found = _one_value("stddev", value)
    _require_families("stddev", found, {"number"})
    return Aggregate("stddev", found)


@overload
def quantile(value: Value[V], q: float, *, approximate: bool = False) -> Aggregate[V]: ...
@overload
def quantile(value: Any, q: float, *, approximate: bool = False) -> Aggregate[Any]: ...
def quantile(value: Any, q: float, *, approximate: bool = False) -> Aggregate[Any]:
    """Give the smallest value of which a part of all, or more, are not greater: 0.5 is the median.

    It is one of the values, None where there are none; None is not counted. To be exact all values
    are read; they are not sorted on the server.

    Args:
        value: What each document has.
        q: The part, from 0 to 1.
        approximate: Whether the server may estimate it, which reads nothing: numbers alone, and
            one whose rank is off by about a hundredth of their number.

    Raises:
        ExpressionError: `q` is no such part, the values have no order, or they are not numbers and
            the server is to estimate.
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
    """Count what is different of a `value` that is not None.

    Raises:
        ExpressionError: It is nothing plain that each document has once.
    """
    return Aggregate("count_distinct", scalar("count_distinct", value))


@overload
def first_value(value: Value[V], *, by: Order | Value[Any]) -> Aggregate[V]: ...
@overload
def first_value(value: Any, *, by: Any) -> Aggregate[Any]: ...
def first_value(value: Any, *, by: Any) -> Aggregate[Any]:
    """Give what the document has that comes first in an order; of several that do, any of them.

        first_value(City.name, by=City.population.desc())  # the name of the largest city

    Args:
        value: What the document has.
        by: The order, in which None comes last.

    Raises:
        ExpressionError: One of them is nothing plain that each document has once, or has no order.
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
    """Give all values of the documents that are not None, in no order.

    Args:
        value: What each document has.
        distinct: Whether each is given once: the server does that, without it all are read.

    Raises:
        ExpressionError: It is nothing plain that each document has once.
    """
    return Aggregate("to_list", scalar("to_list", value), option="distinct" if distinct else "")


def aggregates_in(node: Any) -> Iterator[Aggregate[Any]]:
    """Give the aggregates of which something is made."""
    if isinstance(node, Aggregate):
        yield node
    elif isinstance(node, Node):
        for name in node.__parts__:
            yield from aggregates_in(getattr(node, name))
    elif is_tuple(node):
        for part in node:
            yield from aggregates_in(part)


# -- what is refused ------------------------------------------------------------------------------


def _one_value(name: str, value: object) -> Value[Any]:
    if not is_value(value) or any(True for _ in aggregates_in(value)):
        raise ExpressionError(
            f"{name} was given {value!r}. Give what each document has: a field, or what is "
            "calculated from fields."
        )
    if is_path(value) and EACH in steps_of(value):
        raise ExpressionError(
            f"{name}({value!r}) has many values in one document. Give one that each document has "
            "once."
        )
    return value


def scalar(name: str, value: object) -> Value[Any]:
    """Give a value that each document has once, and that is no container.

    Raises:
        ExpressionError: It is something else.
    """
    found = _one_value(name, value)
    if is_path(found) and not all(map(_is_plain, members_of(annotation_of(found)))):
        raise ExpressionError(
            f"{name}({found!r}) is for plain values, and this is {annotation_of(found)!r}. Give a "
            "field of numbers, texts, dates, ..."
        )
    return found


def _is_plain(member: Any) -> bool:
    """Say whether the values of an annotation have nothing below them, and Python can hash them."""
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
            f"{name}({value!r}) is for {' or '.join(sorted(_FAMILIES[one] for one in wanted))}, "
            f"and this is {_kinds(value)}. How many documents are so, says find(...).count()."
        )


_FAMILIES: Final = {"number": "numbers", "span": "timedeltas"}
