"""Programs run as the plain Python that they stand for, on an instance.

Lists are Python's own, but that each of their places is known by itself: a loop runs over the
places that there were when it began, and has what stands in them when it gets there.
"""

from __future__ import annotations

import copy
import math
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any

from pipeline.programs import Tree
from pipeline.recording import OPERATORS, Recording, is_of_paths
from pipeline.values import Type, is_within
from pydantic import BaseModel
from pydantic_core import to_json
from rapyer import ExpressionError
from rapyer.expr.evaluate import is_equal
from rapyer.expr.text import stored_text


def _are_apart(one: Any, other: Any) -> bool:
    """Say whether two datetimes have no distance, since one of them alone has a time zone."""
    both = isinstance(one, datetime) and isinstance(other, datetime)
    return both and (one.tzinfo is None) is not (other.tzinfo is None)


class Abort(Exception):
    """A `require` did not hold."""


class Kept:
    """A value of the time at which it was asked for, or why there was none."""

    def __init__(self, calculate: Callable[[], Any]) -> None:
        self.error: Exception | None = None
        self.value: Any = None
        try:
            self.value = calculate()
        except (LookupError, TypeError, ArithmeticError, ValueError) as exc:
            self.error = exc

    def get(self, *, is_lenient: bool) -> Any:
        if self.error is None:
            return self.value
        if is_lenient and isinstance(self.error, LookupError | TypeError):
            return None
        raise self.error


class Cell:
    """A place in a list, wherever it moves."""

    def __init__(self, value: Any) -> None:
        self.value = value


class Cells(list[Any]):
    """A list whose places are known."""

    def __init__(self, values: Any = ()) -> None:
        super().__init__(values)
        self.cells = [Cell(value) for value in self]

    def set_cells(self, cells: list[Cell]) -> None:
        self.cells = cells
        self[:] = [cell.value for cell in cells]

    def put(self, index: int, value: Any) -> None:
        self[index] = value
        self.cells[index].value = value


class Entries(dict[str, Any]):
    """A dict that still knows what was taken out of it."""

    def __init__(self, values: Any = ()) -> None:
        super().__init__(values)
        self.gone: dict[str, Any] = {}

    def take(self, key: str) -> Any:
        self.gone[key] = self[key]
        return self.pop(key)


def adopt(value: Any) -> Any:
    """Copy a value, with lists and dicts of the kinds above."""
    if isinstance(value, BaseModel):
        found = value.model_copy()
        for name in type(value).model_fields:
            setattr(found, name, adopt(getattr(value, name)))
        return found
    if isinstance(value, list):
        return Cells(map(adopt, value))
    if isinstance(value, dict):
        return Entries({key: adopt(one) for key, one in value.items()})
    return copy.copy(value)


class At:
    """What a loop is at: the place, or the key, with its value at that time."""

    def __init__(self, value: Any, cell: Cell | None = None) -> None:
        self.value = value
        self.cell = cell


def less(one: Any, other: Any) -> bool:
    """Say whether a value comes before another one, as all of rapyer says it."""
    if one is None or other is None:
        return False
    if isinstance(one, str):
        return stored_text(one) < stored_text(other)
    if isinstance(one, datetime | time) and (one.utcoffset() is None) is not (
        other.utcoffset() is None
    ):
        return False
    return one < other


_TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "==": is_equal,
    "!=": lambda one, other: not is_equal(one, other),
    "<": less,
    ">": lambda one, other: less(other, one),
    "<=": lambda one, other: less(one, other) or (one is not None and is_equal(one, other)),
    ">=": lambda one, other: less(other, one) or (one is not None and is_equal(one, other)),
}
_LIMITS = -(2**63), 2**63 - 1


def is_storable(value: Any) -> bool:
    """Say whether the server can hold a value."""
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, timedelta):
        value = value // timedelta(microseconds=1)
    if isinstance(value, int):
        return _LIMITS[0] <= value <= _LIMITS[1]
    if isinstance(value, BaseModel):
        return all(is_storable(getattr(value, name)) for name in type(value).model_fields)
    if isinstance(value, dict):
        return all(map(is_storable, value.values()))
    return all(map(is_storable, value)) if isinstance(value, list | set) else True


def in_order(value: Any) -> Any:
    """Give what a value is sorted by."""
    return stored_text(value) if isinstance(value, str) else value


def as_stored(value: Any) -> str:
    """Give what the elements of a set are ordered by on the server."""
    if isinstance(value, date):
        return str(value.toordinal() - date(1970, 1, 1).toordinal())
    if isinstance(value, timedelta):
        return str(value // timedelta(microseconds=1))
    if isinstance(value, bytes):
        return urlsafe_b64encode(value).decode()
    return to_json(value).decode()


class Plain:
    """Runs one program.

    Attributes:
        root: The instance.
        results: What statements have given, by name.
        is_tainted: Whether a field had, for a time, a value that the server cannot hold.
    """

    def __init__(self, instance: Any) -> None:
        self.root = adopt(instance)
        self.names: dict[str, Any] = {"p": self.root}
        self.results: dict[str, Any] = {}
        self.is_tainted = False

    # -- values -----------------------------------------------------------------------------------

    def named(self, base: str, *, is_lenient: bool = False) -> Any:
        found = self.names[base]
        if isinstance(found, Kept):
            return found.get(is_lenient=is_lenient)
        return found.value if isinstance(found, At) else found

    def reach(self, place: Tree, *, is_lenient: bool = False) -> Any:
        base, steps = place
        value = self.named(base, is_lenient=is_lenient)
        for kind, of_step in steps:
            step = of_step
            if kind != "f" and isinstance(of_step, tuple):
                step = self.value(of_step, is_lenient=is_lenient)
                if step is None:
                    if is_lenient:
                        return None
                    raise TypeError("None is no key")
            if value is None:
                if is_lenient:
                    return None
                raise LookupError("the parent is None")
            if kind == "f":
                value = getattr(value, step)
            elif is_lenient:
                try:
                    value = value[step]
                except LookupError:
                    return None
            else:
                value = value[step]
        return value

    def container(self, place: Tree) -> Any:
        found = self.reach(place)
        if found is None:
            raise TypeError("None is no container")
        return found

    def value(self, tree: Tree, *, is_lenient: bool = False) -> Any:
        match tree:
            case "const", value:
                return copy.deepcopy(value)
            case "get", place:
                return self.reach(place, is_lenient=is_lenient)
            case "test", condition:
                return self.condition(condition)
            case "len", place:
                found = self.reach(place, is_lenient=is_lenient)
                if found is None:
                    return self._none(is_lenient=is_lenient)
                return len(found)
            case "neg", inner:
                found = self.value(inner, is_lenient=is_lenient)
                return self._none(is_lenient=is_lenient) if found is None else -found
            case "op", symbol, left, right, _:
                one = self.value(left, is_lenient=is_lenient)
                other = self.value(right, is_lenient=is_lenient)
                if one is None or other is None:
                    return self._none(is_lenient=is_lenient)
                if is_lenient and _are_apart(one, other):
                    return None
                return calculate(symbol, one, other)
        raise AssertionError(tree)

    def _none(self, *, is_lenient: bool) -> None:
        if not is_lenient:
            raise TypeError("None is calculated with")

    def condition(self, tree: Tree) -> bool:
        found = self._holds(tree)
        if is_of_paths(tree) and "each" not in self.names:
            try:
                of_core = Recording(type(self.root), type(self.root)).condition(tree)
            except ExpressionError:  # what core does not say of paths
                return found
            assert of_core.matches(self.root) is found, (of_core, self.root)
        return found

    def _holds(self, tree: Tree) -> bool:  # noqa: C901 - one branch a word
        match tree:
            case "and", left, right:
                return self._holds(left) and self._holds(right)
            case "or", left, right:
                return self._holds(left) or self._holds(right)
            case "not", inner:
                return not self._holds(inner)
            case "compare", symbol, left, right:
                one, other = (self.value(side, is_lenient=True) for side in (left, right))
                return _TESTS[symbol](one, other)
            case "in", left, values:
                one = self.value(left, is_lenient=True)
                return any(is_equal(one, other) for other in values)
            case "between", left, low, high:
                one = self.value(left, is_lenient=True)
                return _TESTS[">="](one, low) and _TESTS["<="](one, high)
            case "none", place:
                return self.reach(place, is_lenient=True) is None
            case "bool", place:
                return self.reach(place, is_lenient=True) is True
            case "text", method, place, operand:
                one = self.reach(place, is_lenient=True)
                if one is None:
                    return False
                return operand in one if method == "contains" else getattr(one, method)(operand)
            case "contains", place, operand:
                found = self.reach(place, is_lenient=True)
                return found is not None and any(is_equal(one, operand) for one in found)
            case "has", place, key:
                found = self.reach(place, is_lenient=True)
                return found is not None and key in found
            case "any", place, inner, _:
                found = self.reach(place, is_lenient=True)
                return found is not None and any(self._each(one, inner) for one in found)
        raise AssertionError(tree)

    def _each(self, element: Any, condition: Tree) -> bool:
        if element is None:
            return False
        names = self.names
        self.names = {**names, "each": element}
        found = self._holds(condition)
        self.names = names
        return found

    # -- what is stored ---------------------------------------------------------------------------

    def valid(self, type_: Type, value: Any) -> Any:
        """Give a value as its validation would, and fail as that fails."""
        if value is None:
            if not type_.optional:
                raise TypeError("None is assigned")
            return None
        if type_.kind == "i" and isinstance(value, float):
            if not math.isfinite(value):
                raise OverflowError
            if not value.is_integer():
                raise ValueError("a fraction")
            value = int(value)
        elif type_.kind == "f":
            value = float(value)
        value = adopt(value)
        if not is_within(type_, value):
            raise ValueError(f"{value!r} is not within {type_.bounds}")
        self.is_tainted = self.is_tainted or not is_storable(value)
        return value

    def sized(self, type_: Type, value: Any) -> None:
        if not is_within(type_, value):
            raise ValueError("the length")

    # -- statements: those of `lists` and `dicts` are in `effects` ---------------------------

    def run(self, statements: list[Tree]) -> None:
        self.block(statements)
        if not is_storable(self.root):
            raise OverflowError("the server cannot hold it")

    def block(self, statements: list[Tree]) -> None:
        names = self.names
        self.names = dict(names)
        for statement in statements:
            getattr(self, f"do_{statement[0]}")(*statement[1:])
        self.names = names


def calculate(symbol: str, one: Any, other: Any) -> Any:
    """Calculate as Python does, but for texts of more than 64 megabytes."""
    for text, number in ((one, other), (other, one)):
        if isinstance(text, str) and isinstance(number, int):
            if not text or number <= 0:  # however large the number is
                return ""
            if len(text.encode()) * number > 2**26:
                raise OverflowError
    return OPERATORS[symbol](one, other)
