"""Aggregates by the server: the command, and how its reply is checked.

How the server treats the values of documents (RediSearch 2.10): numbers are doubles; whole ones are
sent with all digits, others with twelve, and so their fractional part is sent separately; values
from documents are sent unchanged. `MIN`, `MAX` and `SUM` of no values are 0, and `AVG` divides by
all rows, so that the number of rows with a value is counted too.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, TypeAlias

from rapyer.expr.values import Value

from rapyer_query.aggregates import Aggregate
from rapyer_query.operands import EXACT_INTEGERS
from rapyer_query.plans import NUMBERS, OF_PARTS, TOLD_APART, Column, Plan, Unplanned
from rapyer_query.reducing import distinct, nothing_of
from rapyer_query.session import DoubtError
from rapyer_query.sorting import ALIKE

#: Families of whole numbers, which are added exactly as long as no sum exceeds those of a double.
_WHOLE: Final = frozenset({"integer", "days", "span"})
#: The relative error up to which sums and deviations of the server are accepted.
_TOLERANCE: Final = 5e-10
_EPSILON: Final = sys.float_info.epsilon


class Sent(dict[bytes, Sequence[Any]]):
    """What the server sends for all groups, by name."""

    def __init__(self, columns: Iterable[tuple[bytes, Sequence[Any]]]) -> None:
        super().__init__(columns)
        self._numbers: dict[bytes, list[int]] = {}

    def numbers(self, name: bytes) -> list[int]:
        """Read whole numbers.

        Raises:
            DoubtError: A number exceeds those that the server sends with all digits.
        """
        known = self._numbers.get(name)
        if known is None:
            try:
                known = self._numbers[name] = [*map(int, self[name])]
            except ValueError as exc:
                raise DoubtError from exc
        return known

    def check_exact(self, name: bytes) -> None:
        """Check whole numbers that are values of documents.

        Raises:
            DoubtError: A number is so large that the server may have confused it with another.
        """
        found = self.numbers(name)
        if max(found) >= EXACT_INTEGERS or min(found) <= -EXACT_INTEGERS:
            raise DoubtError


#: Makes the values of an aggregate from what was sent, one for each group.
Maker: TypeAlias = Callable[[Sent], Sequence[Any]]


def maker_of(plan: Plan, aggregate: Aggregate[Any]) -> Maker:
    """Have the server compute an aggregate; return what reads it.

    Raises:
        Unplanned: The server cannot compute it.
    """
    return _MAKERS[aggregate.function](plan, aggregate)


def _value(aggregate: Aggregate[Any]) -> Value[Any]:
    if aggregate.value is None:
        raise TypeError(f"{aggregate!r} has no value")
    return aggregate.value


def _count(plan: Plan, aggregate: Aggregate[Any]) -> Maker:
    del aggregate
    name = plan.reduce("COUNT")
    return lambda sent: sent.numbers(name)


@dataclass(frozen=True, slots=True)
class _Summed:
    """Numbers that are added up."""

    number: bytes
    total: bytes
    least: bytes
    most: bytes
    whole: bytes
    rest: bytes
    is_whole: bool

    @classmethod
    def of(cls, plan: Plan, aggregate: Aggregate[Any], *, is_sure: bool) -> _Summed:
        column = plan.column(_value(aggregate), is_number=True, is_bounded=True)
        if column.family not in NUMBERS:
            raise Unplanned
        name = column.name
        total = plan.reduce("SUM", name)
        whole = rest = b""
        is_whole = column.family in _WHOLE
        if not is_whole:
            whole = plan.calculate(f"floor(@{total.decode()})")
            rest = plan.calculate(f"@{total.decode()}-@{whole.decode()}")
        least, most = plan.reduce("MIN", name), plan.reduce("MAX", name)
        return cls(
            plan.number_of(column, is_sure=is_sure), total, least, most, whole, rest, is_whole
        )

    def read(self, sent: Sent) -> Sequence[tuple[int, Any]]:
        """Return the number of values in each group, and their sum.

        Raises:
            DoubtError: The server may have added them up wrongly.
        """
        numbers = sent.numbers(self.number)
        if not self.is_whole:
            parts = [sent[name] for name in (self.least, self.most, self.whole, self.rest)]
            return [*map(_float_sum, numbers, *parts)]
        totals, least, most = (sent.numbers(name) for name in (self.total, self.least, self.most))
        # no sum has more digits than a double if even the largest would not
        if max(-min(least), *most) * max(numbers) >= EXACT_INTEGERS:
            for number, low, high in zip(numbers, least, most, strict=True):
                if max(-low, high) * number >= EXACT_INTEGERS:
                    raise DoubtError
        return [*zip(numbers, totals, strict=True)]


def _float_sum(number: int, low: bytes, high: bytes, whole: bytes, rest: bytes) -> tuple[int, Any]:
    """Return the number of floats in a group, and their sum; see `_Summed.read`."""
    if not number:
        return 0, 0
    least, most = float(low), float(high)
    largest = max(abs(least), abs(most))
    total = float(whole) + float(rest)
    if not math.isfinite(total):  # perhaps only an intermediate sum
        raise DoubtError
    if least < 0 < most and number * number * _EPSILON * largest > _TOLERANCE * abs(total):
        raise DoubtError
    return number, total


def _sum(plan: Plan, aggregate: Aggregate[Any]) -> Maker:
    summed, nothing = _Summed.of(plan, aggregate, is_sure=False), nothing_of(aggregate)
    restore = _restored(plan, aggregate)

    return lambda sent: [
        restore(total) if number else nothing for number, total in summed.read(sent)
    ]


def _avg(plan: Plan, aggregate: Aggregate[Any]) -> Maker:
    summed, restore = _Summed.of(plan, aggregate, is_sure=True), _restored(plan, aggregate)

    return lambda sent: [
        restore(total) / number if number else None for number, total in summed.read(sent)
    ]


def _restored(plan: Plan, aggregate: Aggregate[Any]) -> Callable[[Any], Any]:
    """Return a function that converts a number from the server to the type of the field."""
    column = plan.column(_value(aggregate), is_number=True, is_bounded=True)
    if column.family != "span":
        return lambda number: number
    return lambda number: timedelta(microseconds=number)


def _extreme(plan: Plan, aggregate: Aggregate[Any]) -> Maker:
    value = _value(aggregate)
    number = plan.column(value, is_number=True, is_bounded=True)
    if number.family == "integer":
        return _whole_extreme(plan, number, aggregate.function.upper())
    column = plan.column(value)
    if column.family not in ALIKE:
        raise Unplanned
    # the server cannot order documents that have a value but not the part to compare
    if column.family in OF_PARTS and column.may_be_none:
        raise Unplanned
    direction = "ASC" if aggregate.function == "min" else "DESC"
    by = _ordering(plan, column, value)
    name = plan.reduce("FIRST_VALUE", column.name, "BY", by, direction)
    return lambda sent: _first_read(column, sent[name])


def _whole_extreme(plan: Plan, number: Column, function: str) -> Maker:
    name = plan.reduce(function, number.name)
    if number.may_be_none:
        size = plan.number_of(number, is_sure=False)

        def found(sent: Sent) -> Sequence[Any]:
            return _where_some(sent.numbers(size), sent[name])
    else:
        some = plan.reduce("FIRST_VALUE", number.name)

        def found(sent: Sent) -> Sequence[Any]:
            if None in sent[some]:  # the extreme of no values is 0
                raise DoubtError
            return sent[name]

    def read(sent: Sent) -> list[Any]:
        sent.check_exact(name)
        return number.read_whole(found(sent))

    return read


def _first_read(column: Column, texts: Sequence[bytes | None]) -> list[Any]:
    """Read values of which each group has one, unless documents lack what they need."""
    found = column.read(texts)
    if None in found and not column.may_be_none:
        raise DoubtError
    return found


def _ordering(plan: Plan, column: Column, value: Value[Any]) -> str:
    """Return what the server orders documents by."""
    return plan.load_part(value, "us") if column.family in OF_PARTS else column.name


def _first_value(plan: Plan, aggregate: Aggregate[Any]) -> Maker:
    by = aggregate.by
    if by is None:
        raise TypeError(f"{aggregate!r} has no order")
    order, column = plan.column(by), plan.column(_value(aggregate))
    # the server skips documents without a value, and cannot place those without an order
    if order.family not in ALIKE or order.may_be_none or column.may_be_none:
        raise Unplanned
    direction = "DESC" if aggregate.descending else "ASC"
    for needed in (order, column):
        plan.require(needed)
    name = plan.reduce("FIRST_VALUE", column.name, "BY", _ordering(plan, order, by), direction)
    return lambda sent: _first_read(column, sent[name])


def _stddev(plan: Plan, aggregate: Aggregate[Any]) -> Maker:
    column = plan.column(_value(aggregate), is_number=True)
    if column.family not in ("integer", "float"):
        raise Unplanned
    name, total = plan.reduce("STDDEV", column.name), plan.reduce("SUM", column.name)
    least, most = plan.reduce("MIN", column.name), plan.reduce("MAX", column.name)
    number, is_whole = plan.number_of(column, is_sure=True), column.family in _WHOLE

    def read(size: int, deviation: bytes, added: bytes, low: bytes, high: bytes) -> float | None:
        if size < 2:
            return None
        found = float(deviation)
        if is_whole and low == high:
            return 0.0
        # the server goes through the values once, with an error that grows with their mean
        error = _EPSILON * size * (found + abs(float(added)) / size)
        if not (math.isfinite(found) and error <= _TOLERANCE * found):
            raise DoubtError
        return found

    names = (name, total, least, most)
    return lambda sent: [*map(read, sent.numbers(number), *(sent[one] for one in names))]


def _quantile(plan: Plan, aggregate: Aggregate[Any]) -> Maker:
    if not aggregate.is_estimated:
        raise Unplanned
    column = plan.column(_value(aggregate), is_number=True)
    if column.family not in ("integer", "float"):
        raise Unplanned
    name = plan.reduce("QUANTILE", column.name, aggregate.part)
    number = plan.number_of(column, is_sure=True)
    kind: Any = float if column.family == "float" else int

    return lambda sent: _where_some(sent.numbers(number), [*map(kind, sent[name])])


def _count_distinct(plan: Plan, aggregate: Aggregate[Any]) -> Maker:
    name = plan.reduce("COUNT_DISTINCT", _distinguished(plan, aggregate))
    return lambda sent: sent.numbers(name)


def _distinguished(plan: Plan, aggregate: Aggregate[Any]) -> str:
    column = plan.column(_value(aggregate))
    if column.family in TOLD_APART:
        return column.name
    if column.family == "float" and not column.may_be_none:
        return plan.apply(f"{column.name}+0")  # which turns -0.0 into 0.0
    raise Unplanned


def _list(plan: Plan, aggregate: Aggregate[Any]) -> Maker:
    if aggregate.option != "distinct":
        raise Unplanned
    column = plan.column(_value(aggregate))
    if column.family not in TOLD_APART | {"float"}:
        raise Unplanned
    name = plan.reduce("TOLIST", column.name)
    return lambda sent: [distinct(column.read(values)) for values in sent[name]]


_MAKERS: Final[Mapping[str, Callable[[Plan, Aggregate[Any]], Maker]]] = {
    "count": _count,
    "sum": _sum,
    "avg": _avg,
    "min": _extreme,
    "max": _extreme,
    "stddev": _stddev,
    "quantile": _quantile,
    "count_distinct": _count_distinct,
    "first_value": _first_value,
    "to_list": _list,
}


def _where_some(sizes: Sequence[int], found: Sequence[Any]) -> list[Any]:
    """Return what was found if there are values, else None."""
    return [value if size else None for size, value in zip(sizes, found, strict=True)]
