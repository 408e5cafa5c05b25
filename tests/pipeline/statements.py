"""Random statements: what `programs` has, put together to whole programs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st
from pipeline.programs import MISSING, OPERATIONS, Maker, Spot, Tree, spots_of
from pipeline.values import Type, keys

#: `x op= y` by the kind of x: operators and the kinds of y.
CHANGES = {
    kind: [
        (operator, right)
        for operator, left, right in operations
        if left == kind and not (kind == "D" and right == "D")
    ]
    for kind, operations in OPERATIONS.items()
}
CHANGES["i"] += [("/", "i")]
LIST = (
    ["append"] * 4 + ["extend", "extend_from", "insert", "insert", "pop", "pop", "delete", "remove"]
    + ["remove", "clear", "sort", "reverse", "put"]
)  # fmt: skip
DICT = [
    "update",
    "take",
    "take",
    "delete_key",
    "popitem",
    "setdefault",
    "setdefault",
    "clear",
    "put",
]
SET = ["add", "add", "discard", "drop", "update_set", "clear", "put"]


class Writer(Maker):
    """Draws the statements of one program."""

    def __init__(self, draw: st.DrawFn, spots: list[Spot]) -> None:
        super().__init__(draw, spots)
        #: The loops around: the name of the variable, with the list.
        self.loops: list[tuple[str, Spot]] = []

    def block(self, depth: int, most: int = 3) -> list[Tree]:
        """Statements, of which later ones know what earlier ones give."""
        spots, found = self.spots, []
        self.spots = list(spots)
        for _ in range(self._draw(st.integers(1, most))):
            statement = self.statement(depth)
            if statement is not None:
                found.append(statement)
        self.spots = spots
        return found

    def statement(self, depth: int) -> Tree | None:
        words = ["set"] * 5 + ["change"] * 5 + ["on_list"] * 5 + ["on_dict"] * 3 + ["on_set"] * 2
        words += ["let", "bind", "require", "copy"]
        if self.loops:
            words += ["remove_this"] * 3
        if depth > 0:
            words += ["if"] * 4 + ["for"] * 4 + ["items"] * 2
        found: Tree | None = getattr(self, f"_{self.one(words)}")(*[depth])
        return found

    # -- scalars ----------------------------------------------------------------------------------

    def _may_grow(self, type_: Type) -> bool:
        """Say whether a value may be made of itself: a text in loops within loops has no end."""
        return len(self.loops) < 2 or type_.kind not in "sy"

    def _set(self, _: int) -> Tree | None:
        spot = self.assignable(lambda type_: type_.is_scalar and self._may_grow(type_))
        return spot and ("set", spot.place, self.assigned(spot.type), spot.type, spot.above)

    def _change(self, _: int) -> Tree | None:
        spot = self.assignable(lambda type_: type_.kind in CHANGES and self._may_grow(type_))
        if spot is None:
            return None
        operator, kind = self.one(CHANGES[spot.type.kind])
        other = self.expression(kind, 1) if self.chance(2) else None
        other = other or self.constant(kind)
        if operator in ("/", "//", "%") and other[0] == "const" and not other[1]:
            return None
        if spot.type.kind == "s" and operator == "*":
            other = "const", self.one([0, 1, -1] if self.loops else [0, 1, 2, 3, -1])
        return "change", spot.place, operator, other, spot.type, spot.above

    def _copy(self, _: int) -> Tree | None:
        spot = self.assignable(lambda type_: not type_.is_scalar)
        return spot and ("set", spot.place, self.assigned(spot.type), spot.type, spot.above)

    def _let(self, _: int) -> Tree | None:
        kind = self._kind()
        if kind == "e":
            return None
        found, name = self.expression(kind), self.name("value")
        if found is None:
            return None
        type_ = Type(kind)
        if found[0] == "get":
            known = [spot for spot in self.spots if spot.place == found[1]]
            type_ = known[0].type if known else type_
        self.spots.append(Spot(name, (), type_, True, is_sure=True))
        return "let", name, found

    def _bind(self, _: int) -> Tree | None:
        spot = self.container("list", "dict", "model", "set")
        if spot is None or not spot.steps:
            return None
        name = self.name("part")
        self.spots += spots_of(name, spot.type, spot.value)
        return "bind", name, spot.place

    # -- containers -------------------------------------------------------------------------------

    def _on_list(self, _: int) -> Tree | None:  # noqa: C901 - one branch a word
        spot = self.container("list")
        if spot is None:
            return None
        place, element = spot.place, spot.type.element
        size = len(spot.value) if spot.is_sure else 0
        index = self._draw(st.integers(-size, max(size - 1, 0)))
        match word := self.one(LIST):
            case "append":
                return word, place, self.assigned(element), spot.type
            case "insert":
                index += self.one([0, 0, 0, 1, -1, 9])
                return word, place, index, self.assigned(element), spot.type
            case "extend":
                values = [self.value(element) for _ in range(self.one([0, 1, 2]))]
                return word, place, values, spot.type
            case "extend_from":
                if self.loops:  # a list that is added to itself again and again has no end
                    return None
                other = self.spot(
                    lambda one: one.type.kind == "list" and one.type.element == element
                )
                return other and (word, place, other.place, spot.type)
            case "pop":
                if not size and not self.chance(4):
                    return None
                name, of_end = self.name("result"), self.chance(2)
                self._result(name, element)
                return word, name, place, -1 if of_end else index, spot.type
            case "delete":
                return (word, place, index, spot.type) if size or self.chance(4) else None
            case "remove":
                return self._remove(spot)
            case "sort":
                if element.kind not in "ifsydDTt" or (element.optional and not self.chance(4)):
                    return None
                return word, place, self.chance(2)
            case "put":
                return self._put(spot)
        return word, place, spot.type

    def _result(self, name: str, type_: Type) -> None:
        if type_.is_scalar and type_.kind != "e":
            self.spots.append(Spot(name, (), type_, True, is_sure=True))

    def _remove(self, spot: Spot) -> Tree | None:
        if spot.is_sure and spot.value and not self.chance(6):
            value = self.one([*spot.value])
            return "remove", spot.place, ("const", value), spot.type
        if not self.chance(3):
            return None
        value = self.assigned(spot.type.element, converts=False)
        return "remove", spot.place, value, spot.type

    def _put(self, spot: Spot) -> Tree | None:
        if not spot.steps:
            return None
        return "set", spot.place, ("const", self.value(spot.type)), spot.type, spot.above

    def _key(self, spot: Spot) -> str:
        known = list(spot.value) if spot.is_sure else []
        if known and not self.chance(8):
            return self.one(known)
        return self._draw(keys)

    def _on_dict(self, _: int) -> Tree | None:  # noqa: C901 - one branch a word
        spot = self.container("dict")
        if spot is None:
            return None
        place, element = spot.place, spot.type.element
        size = len(spot.value) if spot.is_sure else 0
        match word := self.one(DICT):
            case "update":
                number = self.one([0, 1, 2])
                return (
                    word,
                    place,
                    {self._draw(keys): self.value(element) for _ in range(number)},
                    spot.type,
                )
            case "take" | "delete_key":
                default = self.one([(), ("const", None), ("const", self.value(element))])
                if not size and (not default or word == "delete_key"):
                    return None
                if word == "delete_key":
                    return word, place, self._key(spot), spot.type
                name = self.name("result")
                if default != ("const", None):
                    self._result(name, element)
                return word, name, place, self._key(spot), default, spot.type
            case "popitem":
                return (word, self.name("result"), place, spot.type) if size else None
            case "setdefault":
                name, key = self.name("result"), self.one([self._key(spot), self._draw(keys)])
                value = self.assigned(element)
                self._result(name, element)
                return word, name, place, key, value, spot.type
            case "put":
                return self._put(spot)
        if any(loop[1].place == place for loop in self.loops):  # nothing says what a loop sees then
            return None
        return word, place, spot.type

    def _on_set(self, _: int) -> Tree | None:
        spot = self.container("set")
        if spot is None:
            return None
        place, element = spot.place, spot.type.element
        known = sorted(spot.value, key=repr) if spot.is_sure else []
        match word := self.one(SET):
            case "add":
                return word, place, self.assigned(element), spot.type
            case "discard" | "drop":
                if known and not self.chance(6):
                    return word, place, ("const", self.one(known)), spot.type
                return "discard", place, self.assigned(element, converts=False), spot.type
            case "update_set":
                return (
                    word,
                    place,
                    [self.value(element) for _ in range(self.one([0, 1, 2]))],
                    spot.type,
                )
            case "put":
                return self._put(spot)
        return word, place, spot.type

    # -- what decides and repeats -----------------------------------------------------------------

    def _require(self, _: int) -> Tree | None:
        condition = self.condition(1)
        if condition is None:
            return None
        # most conditions do not hold; one of the two does
        return "require", ("or", condition, ("not", condition)) if not self.chance(6) else condition

    def _if(self, depth: int) -> Tree | None:
        branches = []
        for _ in range(self.one([1, 1, 1, 2, 3])):
            condition = self.condition()
            if condition is None:
                return None
            branches.append((condition, self.block(depth - 1)))
        otherwise = self.block(depth - 1) if self.chance(2) else None
        style = self.one(["when", "if_true"])
        return "if", style, branches, otherwise

    def _loop(self, depth: int, name: str, spot: Spot, added: list[Spot]) -> list[Tree]:
        spots = self.spots
        self.spots = spots + added
        self.loops.append((name, spot))
        body = self.block(depth - 1)
        self.loops.pop()
        self.spots = spots
        return body

    def _for(self, depth: int) -> Tree | None:
        spot = self.container("list", "list", "set", sure=True)
        if spot is None:
            return None
        name, element = self.name("each"), spot.type.element
        sample = next(iter(spot.value)) if spot.is_sure and spot.value else MISSING
        body = self._loop(depth, name, spot, spots_of(name, element, sample))
        return "for", name, spot.place, body

    def _items(self, depth: int) -> Tree | None:
        spot = self.container("dict", sure=True)
        if spot is None:
            return None
        key, value = self.name("key"), self.name("each")
        what = self.one(["items", "items", "items", "keys", "values"])
        element = spot.type.element
        sample = next(iter(spot.value.values())) if spot.is_sure and spot.value else MISSING
        added = spots_of(value, element, sample) if what != "keys" else []
        if what != "values":
            added.append(Spot(key, (), Type("s"), "a"))
            step = ("k", ("get", (key, ())))
            added += [
                replace(one, base=spot.base, steps=(*spot.steps, step, *one.steps))
                for one in spots_of("", element, sample)
            ]
        body = self._loop(depth, value, spot, added)
        return "items", what, key, value, spot.place, body

    def _remove_this(self, _: int) -> Tree | None:
        name, spot = self.one(self.loops)
        if spot.type.kind != "list":
            return None
        return "remove", spot.place, ("get", (name, ())), spot.type


def programs(draw: st.DrawFn, type_: Type, document: Any) -> list[Tree]:
    """A program on a document."""
    spots = [spot for spot in spots_of("p", type_, document) if spot.steps]
    return Writer(draw, spots).block(2, 6)
