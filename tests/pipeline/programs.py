"""Random programs as trees: expressions, conditions and statements on a document of a random model.

Trees are tuples that begin with a word; `recording` and `plain` say what each word stands for. What
a document holds at first is looked at, so that most programs succeed.

A place is `(base, steps)`: the base is `"p"` for the document, `"each"` for the element that a
condition is about, or the name of something that a statement has given; a step is `("f", name)`,
`("i", index)` or `("k", key)`, where an index or a key may be an expression.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from typing import Any

from hypothesis import strategies as st
from pipeline.values import Type, keys, values_of

MISSING: Any = object()
Tree = tuple[Any, ...]
#: What is calculated: operators with the kinds of their operands, by the kind of the result.
OPERATIONS: dict[str, list[tuple[str, str, str]]] = {
    "i": [(op, "i", "i") for op in ("+", "-", "*", "//", "%")] * 2 + [("//", "T", "T")],
    "f": [
        *[(op, *two) for op in ("+", "-", "*", "/", "//", "%") for two in ("ff", "if", "fi")],
        ("/", "i", "i"), ("/", "i", "i"), ("/", "T", "T"),
    ],
    "s": [("+", "s", "s"), ("+", "s", "s"), ("*", "s", "i"), ("*", "i", "s")],
    "y": [("+", "y", "y")],
    "d": [("+", "d", "T"), ("+", "T", "d"), ("-", "d", "T")],
    "D": [("+", "D", "T"), ("+", "T", "D"), ("-", "D", "T")],
    "T": [
        ("+", "T", "T"), ("-", "T", "T"), ("%", "T", "T"), ("*", "T", "i"), ("*", "i", "T"),
        ("//", "T", "i"), ("-", "d", "d"), ("-", "D", "D"),
    ],
}  # fmt: skip


@dataclass(frozen=True)
class Spot:
    """A place, with what is known of it.

    Attributes:
        base: Where it begins.
        steps: How it goes on.
        type: What is there.
        value: What was there at first; `MISSING` where nothing was.
        is_sure: Whether something was there, and something above it.
        above: What is above it.
    """

    base: str
    steps: tuple[Any, ...]
    type: Type
    value: Any
    is_sure: bool = True
    above: Type | None = None

    @property
    def place(self) -> Tree:
        return self.base, self.steps


def spots_of(
    base: str, type_: Type, value: Any, steps: tuple[Any, ...] = (), above: Type | None = None
) -> list[Spot]:  # fmt: skip
    """All places at and below one, by the indexes and keys that there were at first, and others."""
    is_sure = value is not MISSING and value is not None
    found = [Spot(base, steps, type_, value, is_sure, above)]
    if type_.kind == "model":
        for one in type_.fields:
            below = getattr(value, one.name, MISSING) if is_sure else MISSING
            found += spots_of(base, one.type, below, (*steps, ("f", one.name)), type_)
    elif type_.kind == "list":
        size = len(value) if is_sure else 0
        for index in {0, -1, size - 1, size // 2, size}:
            is_there = is_sure and -size <= index < size
            below = value[index] if is_there else MISSING
            found += spots_of(base, type_.element, below, (*steps, ("i", index)), type_)
    elif type_.kind == "dict":
        for key in [*value, "absent"][:4] if is_sure else ["absent"]:
            below = value.get(key, MISSING) if is_sure else MISSING
            found += spots_of(base, type_.element, below, (*steps, ("k", key)), type_)
    return found


class Maker:
    """Draws one program.

    Args:
        draw: What hypothesis draws with.
        spots: The places of the document.
    """

    def __init__(self, draw: st.DrawFn, spots: list[Spot]) -> None:
        self._draw = draw
        self._names = count()
        self.spots = spots
        #: Whether a condition is drawn on elements, in which paths of their model stand alone.
        self.is_of_element = False

    def one(self, choices: Any) -> Any:
        return self._draw(st.sampled_from(choices))

    def chance(self, of: int) -> bool:
        return self._draw(st.integers(0, of - 1)) == of - 1

    def name(self, what: str) -> str:
        return f"{what}{next(self._names)}"

    def value(self, type_: Type) -> Any:
        return self._draw(values_of(type_))

    def spot(self, wanted: Callable[[Spot], bool], *, sure: bool = False) -> Spot | None:
        found = [spot for spot in self.spots if wanted(spot)]
        known = [spot for spot in found if spot.is_sure]
        if known and (sure or not self.chance(25)):
            found = known
        recent = [spot for spot in found if spot.base != "p"]
        if recent and self.chance(2):
            found = recent
        return self.one(found) if found else None

    def container(self, *kinds: str, sure: bool = False) -> Spot | None:
        return self.spot(lambda spot: spot.type.kind in kinds, sure=sure)

    def assignable(self, wanted: Callable[[Type], bool]) -> Spot | None:
        spot = self.spot(lambda spot: bool(spot.steps) and wanted(spot.type))
        if spot is not None and spot.steps[-1][0] == "k" and self.chance(3):
            steps = (*spot.steps[:-1], ("k", self._draw(keys)))
            return replace(spot, steps=steps)
        return spot

    # -- expressions ------------------------------------------------------------------------------

    def constant(self, kind: str) -> Tree:
        if kind == "i" and self.chance(2):
            return "const", self.one([1, 2, 3, -1, 2, 7])
        value = self.value(Type(kind))
        return "const", value

    def expression(self, kind: str, depth: int = 2) -> Tree | None:
        """An expression that is not a constant; None where there is nothing to start from."""
        if depth > 0 and kind in OPERATIONS and self.chance(2):
            found = self.operation(kind, depth)
            if found is not None:
                return found
        if kind == "i" and not self.is_of_element and self.chance(4):
            spot = self.spot(lambda spot: spot.type.kind in ("list", "set", "dict", "s", "y"))
            if spot is not None:
                return "len", spot.place
        if depth > 0 and kind in "ifT" and not self.is_of_element and self.chance(12):
            found = self.expression(kind, depth - 1)
            return found and ("neg", found)
        spot = self.spot(lambda spot: spot.type.kind == kind)
        return spot and ("get", spot.place)

    def operation(self, kind: str, depth: int) -> Tree | None:
        operator, left, right = self.one(OPERATIONS[kind])
        if self.is_of_element and kind not in "if":  # paths alone calculate with numbers
            return None
        one = self.expression(left, depth - 1) if not self.chance(4) else None
        other = self.expression(right, depth - 1) if one is None or self.chance(3) else None
        if one is None and other is None:
            return None
        if other is None:
            value = self.constant(right)
            if operator in ("/", "//", "%") and not value[1]:
                value = "const", {"i": 3, "f": 0.5, "T": timedelta(seconds=7)}[right]
            if operator == "*" and left == "s":
                value = "const", self.one([0, 1, 2, 3, -1])
            other = value
        if one is None:
            one = self.constant(left)
            if operator == "*" and right == "s":
                one = "const", self.one([0, 1, 2, 3, -1])
        return "op", operator, one, other, kind

    def assigned(self, type_: Type, *, converts: bool = True) -> Tree:
        """A value for a place of a type: a tree."""
        if not type_.is_scalar:
            spot = self.spot(lambda spot: spot.type == type_) if self.chance(3) else None
            return ("get", spot.place) if spot is not None else ("const", self.value(type_))
        if type_.kind in "te" or self.chance(3):
            spot = self.spot(lambda spot: spot.type == type_) if self.chance(2) else None
            return ("get", spot.place) if spot is not None else ("const", self.value(type_))
        kind = type_.kind
        if kind == "b":
            if self.chance(2):
                condition = self.condition(1)
                if condition is not None:
                    is_field = condition[0] == "bool"
                    return ("get", condition[1]) if is_field else ("test", condition)
        elif converts and kind in "if" and self.chance(8):
            kind = "f" if kind == "i" else "i"
        found = self.expression(kind)
        return found if found is not None else ("const", self.value(type_))

    # -- conditions -------------------------------------------------------------------------------

    def condition(self, depth: int = 2) -> Tree | None:
        if depth > 0 and self.chance(3):
            word = self.one(["and", "or", "not"])
            parts = [self.condition(depth - 1) for _ in range(1 if word == "not" else 2)]
            return None if None in parts else (word, *parts)
        choice = self.one(
            ["compare"] * 5 + ["in", "between", "none", "text", "contains", "any", "bool"]
        )
        found: Tree | None = getattr(self, f"_{choice}")()
        return found if found is not None else self._compare()

    def _kind(self) -> str:
        spot = self.spot(lambda spot: spot.type.is_scalar)
        return "i" if spot is None else spot.type.kind

    def _compare(self) -> Tree | None:
        kind = self._kind()
        one = self.expression(kind, 1)
        if one is None:
            return None
        operators = ["==", "!="] if kind in "be" else ["==", "!=", "<", "<=", ">", ">="]
        operator = self.one(operators)
        if kind in "if" and self.chance(4):
            kind = "f" if kind == "i" else "i"
        if operator in ("==", "!=") and self.chance(8):
            return "compare", operator, one, ("const", None)
        other = self.expression(kind, 1) if self.chance(3) and kind != "e" else None
        return "compare", operator, one, other or ("const", self.value(Type(kind)))

    def _in(self) -> Tree | None:
        kind = self._kind()
        size = self.one([0, 1, 1, 2, 3])
        one = self.expression(kind, min(size, 1))  # nothing is calculated to be found among nothing
        values = [self.value(Type(kind, self.chance(5))) for _ in range(size)]
        return one and ("in", one, values)

    def _between(self) -> Tree | None:
        kind = self._kind()
        one = self.expression(kind, 1)
        if one is None or kind in "bet":
            return None
        return "between", one, self.value(Type(kind)), self.value(Type(kind))

    def _none(self) -> Tree | None:
        spot = self.spot(lambda spot: bool(spot.steps))
        return spot and ("none", spot.place)

    def _text(self) -> Tree | None:
        spot = self.spot(lambda spot: spot.type.kind == "s" and bool(spot.steps))
        method = self.one(["contains", "startswith", "endswith"])
        if spot is None:
            return None
        known = spot.value if spot.is_sure and isinstance(spot.value, str) else ""
        operand = known[:2] if method != "endswith" else known[-2:]
        return "text", method, spot.place, operand if self.chance(2) else self.value(Type("s"))

    def _contains(self) -> Tree | None:
        spot = self.container("list", "set", "dict")
        if spot is None:
            return None
        if spot.type.kind == "dict":
            if self.is_of_element:
                return None
            known = list(spot.value) if spot.is_sure else []
            key = self.one(known) if known and self.chance(2) else self._draw(keys)
            return "has", spot.place, key
        if not spot.type.element.is_scalar or spot.type.element.kind == "e":
            return None
        known = list(spot.value) if spot.is_sure else []
        if known and self.chance(2):
            return "contains", spot.place, self.one(sorted(known, key=repr))
        return "contains", spot.place, self.value(spot.type.element)

    def _any(self) -> Tree | None:
        spot = self.spot(
            lambda spot: spot.type.kind == "list" and spot.type.element.kind == "model"
        )
        if spot is None or self.is_of_element:
            return None
        sample = spot.value[0] if spot.is_sure and spot.value else MISSING
        spots = self.spots
        self.spots = [one for one in spots_of("each", spot.type.element, sample) if one.steps]
        self.is_of_element = True
        condition = self.condition(1)
        self.is_of_element, self.spots = False, spots
        return condition and ("any", spot.place, condition, spot.type.element)

    def _bool(self) -> Tree | None:
        spot = self.spot(lambda spot: spot.type.kind == "b")
        return spot and ("bool", spot.place)
