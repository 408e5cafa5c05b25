"""Rows of groups: named tuples with the names given to the keys and the aggregates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from keyword import iskeyword
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from rapyer.errors import ExpressionError
from rapyer.expr.paths import Path, is_path, steps_of
from rapyer.expr.values import Value


class Row(tuple[Any, ...]):
    """A named tuple: the values of a group under the names they were requested with."""

    __slots__ = ()

    def __reduce__(self) -> tuple[Any, ...]:
        fields: tuple[str, ...] = self._fields
        return _restored, (fields, tuple(self))

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...


def _restored(names: tuple[str, ...], values: tuple[Any, ...]) -> Row:
    return row_maker(names)(values)


def names_of(values: Sequence[Value[Any]]) -> list[str]:
    """Name keys by the last part of their paths, or by the whole path if that is ambiguous.

    Raises:
        ExpressionError: A key has no name, or two keys have the same name.
    """
    parts = [_parts_of(value) for value in values]
    last = [one[-1] for one in parts]
    names = [
        name if last.count(name) == 1 else "_".join(one)
        for name, one in zip(last, parts, strict=True)
    ]
    if len({*names}) < len(names):
        raise ExpressionError(
            f"group_by was given keys named {', '.join(names)}. Give each key once, with a name of "
            "its own: group_by(name=...)."
        )
    return names


def _parts_of(value: Value[Any]) -> list[str]:
    if not is_path(value):
        raise ExpressionError(
            f"group_by was given {value!r}, which has no name. Give it one: "
            f"group_by(name={value!r})."
        )
    path: Path[Any] = value
    return [str(step.value) for step in steps_of(path)]


def row_maker(names: Sequence[str]) -> Callable[[tuple[Any, ...]], Row]:
    """Return a function that makes a named tuple from the values of a group.

    Raises:
        ExpressionError: A name is not a valid attribute name.
    """
    for name in names:
        if not name.isidentifier() or iskeyword(name) or name.startswith("_"):
            raise ExpressionError(
                f"{name!r} is not a valid name in a row. Give one: group_by(name=...), "
                "aggregate(name=...)."
            )
    fields: Any = [(name, Any) for name in names]
    made: Any = NamedTuple("Row", fields)  # type: ignore[misc] # the names are those of the caller
    row: Any = type("Row", (Row, made), {"__slots__": ()})
    # does what _make does, without a Python call per row; the names were counted above
    return partial(cast("Any", tuple).__new__, row)
