"""Aggregates in plain Python: their meaning, and their computation from values that were read."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from fractions import Fraction
from typing import Any, Final, TypeAlias

from rapyer_query.aggregates import Aggregate
from rapyer_query.sorting import comparable

#: The values of the keys, followed by those needed from each document.
Row: TypeAlias = Sequence[Any]


def groups_of(rows: Iterable[Row], keys: int) -> dict[Any, list[Row]]:
    """Group rows whose first values are equal; None is a value like any other."""
    groups: dict[Any, list[Row]] = {}
    for row in rows:
        groups.setdefault(key_of(row[:keys]), []).append(row)
    return groups


def key_of(values: Sequence[Any]) -> tuple[Any, ...]:
    """Return values in a form that is equal if and only if they are: True is not 1."""
    return tuple([(type(value) is bool, value) for value in values])


def reduced(aggregate: Aggregate[Any], rows: Sequence[Row], place: int, by: int) -> Any:
    """Compute the value of an aggregate for one group.

    Args:
        aggregate: What is computed.
        rows: The values of the documents of the group.
        place: The position of its value in a row.
        by: The position in a row of the value that decides which one is first.
    """
    if aggregate.function == "count":
        return len(rows)
    if aggregate.function == "first_value":
        return _first(rows, place, by, is_descending=aggregate.descending)
    values = [row[place] for row in rows if row[place] is not None]
    return _MADE[aggregate.function](values, aggregate)


def _first(rows: Sequence[Row], place: int, by: int, *, is_descending: bool) -> Any:
    ordered = [row for row in rows if row[by] is not None]
    if not ordered:
        return rows[0][place] if rows else None
    pick = max if is_descending else min
    found: Row = pick(ordered, key=lambda row: comparable(row[by]))
    return found[place]


def sum_of(values: Sequence[Any], nothing: Any = 0) -> Any:
    """Add values up; floats as if their sum was rounded only once."""
    if not values:
        return nothing
    if isinstance(values[0], timedelta):
        return sum(values, timedelta())
    if any(isinstance(value, float) for value in values):
        if not all(map(math.isfinite, values)):  # products may be infinite
            return sum(values)
        try:
            return math.fsum(values)
        except OverflowError:  # beyond all floats on the way, or at the end
            return _as_float(sum(map(Fraction, values), Fraction()))
    return sum(values)


def _as_float(exact: Fraction) -> float:
    try:
        return float(exact)
    except OverflowError:
        return math.inf if exact > 0 else -math.inf


def merge_of(aggregate: Aggregate[Any]) -> Callable[[Sequence[Any]], Any] | None:
    """Return a function that merges the aggregates of parts; None if they do not determine it.

    Sums of floats are not added up: where values cancel out, the errors of the parts remain.
    """
    families = {kind.family for kind in aggregate.__kinds__}
    function = aggregate.function
    if function == "count" or (function == "sum" and families <= {"integer", "span"}):
        return lambda values: sum_of(values, nothing_of(aggregate))
    if function in ("min", "max"):
        pick = min if function == "min" else max
        return lambda values: pick(
            (value for value in values if value is not None), key=comparable, default=None
        )
    return None


def _sum(values: Sequence[Any], aggregate: Aggregate[Any]) -> Any:
    return sum_of(values, nothing_of(aggregate))


def nothing_of(aggregate: Aggregate[Any]) -> Any:
    """Return the aggregate of no values."""
    if aggregate.function in ("count", "count_distinct"):
        return 0
    if aggregate.function == "to_list":
        return []
    if aggregate.function != "sum":
        return None
    families = {kind.family for kind in aggregate.__kinds__}
    return timedelta() if families == {"span"} else 0


def _avg(values: Sequence[Any], aggregate: Aggregate[Any]) -> Any:
    del aggregate
    if not values:
        return None
    total = sum_of(values)
    if isinstance(total, int):
        return _as_float(Fraction(total, len(values)))
    mean = total / len(values)
    if isinstance(mean, float) and math.isinf(mean) and all(map(math.isfinite, values)):
        # only the sum is beyond all floats
        return _as_float(sum(map(Fraction, values), Fraction()) / len(values))
    return mean


def _min(values: Sequence[Any], aggregate: Aggregate[Any]) -> Any:
    del aggregate
    return min(values, key=comparable, default=None)


def _max(values: Sequence[Any], aggregate: Aggregate[Any]) -> Any:
    del aggregate
    return max(values, key=comparable, default=None)


def _stddev(values: Sequence[Any], aggregate: Aggregate[Any]) -> Any:
    del aggregate
    if len(values) < 2:
        return None
    if not all(map(math.isfinite, values)):
        return math.nan
    exact = [*map(Fraction, values)]
    mean = sum(exact, Fraction()) / len(exact)
    squares = sum(((one - mean) ** 2 for one in exact), Fraction())
    return _root(squares / (len(exact) - 1))


def _root(exact: Fraction) -> float:
    """Return the square root of a number that may be beyond all floats."""
    scale = max(0, exact.numerator.bit_length() - exact.denominator.bit_length()) // 2
    try:
        return math.ldexp(math.sqrt(exact / Fraction(4) ** scale), scale)
    except OverflowError:
        return math.inf


def _quantile(values: Sequence[Any], aggregate: Aggregate[Any]) -> Any:
    if not values:
        return None
    ordered = sorted(values, key=comparable)
    return ordered[max(0, math.ceil((aggregate.part or 0) * len(ordered)) - 1)]


def _count_distinct(values: Sequence[Any], aggregate: Aggregate[Any]) -> int:
    del aggregate
    return len(distinct(values))


def distinct(values: Iterable[Any]) -> list[Any]:
    """Return each value once, the first of equal ones."""
    found: dict[Any, Any] = {}
    for value in values:
        found.setdefault((type(value) is bool, value), value)
    return [*found.values()]


def _list(values: Sequence[Any], aggregate: Aggregate[Any]) -> list[Any]:
    return distinct(values) if aggregate.option == "distinct" else [*values]


_MADE: Final[Mapping[str, Callable[[Sequence[Any], Aggregate[Any]], Any]]] = {
    "sum": _sum,
    "avg": _avg,
    "min": _min,
    "max": _max,
    "stddev": _stddev,
    "quantile": _quantile,
    "count_distinct": _count_distinct,
    "to_list": _list,
}
