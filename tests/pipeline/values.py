"""Random models of all kinds that pipelines know, and hostile values for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from enum import Enum
from functools import lru_cache
from itertools import count
from typing import Annotated, Any
from weakref import WeakValueDictionary

from hypothesis import strategies as st
from pydantic import create_model
from rapyer import AtomicRedisModel, EmbeddedModel, Field, Key


class Colour(Enum):
    RED = "red"
    GREEN = 'a"b\\'
    BLUE = ""


@dataclass(frozen=True)
class Type:
    """What the values at one place are.

    Attributes:
        kind: `i f s b y d D T t e` for scalars, as the interpreter calls them, with `e` for members
            of an enum; else `list set dict model`.
        optional: Whether None is among them.
        bounds: Constraints, by their names.
        element: The type of the elements, or of the values of a dict.
        fields: The fields of a model.
    """

    kind: str
    optional: bool = False
    bounds: tuple[tuple[str, Any], ...] = ()
    element: Type | None = None
    fields: tuple[FieldOf, ...] = ()

    def __repr__(self) -> str:
        inner = self.element or ",".join(map(repr, self.fields))
        bounds = ",".join(f"{name}={value!r}" for name, value in self.bounds)
        return f"{self.kind}{'?' * self.optional}{f'<{bounds}>' * bool(bounds)}" + (
            "" if self.is_scalar else f"[{inner}]"
        )

    @property
    def is_scalar(self) -> bool:
        return len(self.kind) == 1


@dataclass(frozen=True)
class FieldOf:
    """A field of a model.

    Attributes:
        name: Its name.
        type: What its values are.
        default: What the document may lack it for: `none` for a required one, `static` with the
            value, or `empty` for a factory of an empty container.
    """

    name: str
    type: Type
    default: str = "none"
    value: Any = field(default=None, compare=False)
    value_text: str = ""

    def __repr__(self) -> str:
        default = {"none": "", "empty": "=new"}.get(self.default, f"={self.value_text}")
        return f"{self.name}:{self.type!r}{default}"


ALPHABET = "ab\\\"'{}[]:,$*.\t\n \0\ufdd0\ufdd1é\U0001f98a"
TEXTS = [
    "", "a", "b", "ab", 'q"u', "\\", "a/b", "é\U0001f600", "\n\t", '":1,', "\0", "a\0b", "\ufdd0",
    "\ufdd1", "null", "1", "\u007f", "\u2028", "[0]", "x" * 60,
]  # fmt: skip
KEYS = ["k", "a.b", "", 'q"', "x y", "é", "*", "$", "]", "\0", "\n", "n\ufdd1"]
HARD_KEYS = ["\\", "\"'", " k", 'a\\"b']
EDGES = [2**53, 2**53 + 1, 2**53 - 1, -(2**53), -(2**53) - 1, 10**15, 10**16 + 1]
ENDS = [2**63 - 1, -(2**63), 2**62, -(2**62) - 1]
FLOATS = [
    0.0, -0.0, 0.1, 1.0, 0.5, -2.5, 1e15, 1e16, 1e22, 2.0**53, 2.0**53 + 2, 5e-324, -5e-324,
    0.1 + 0.2,
    1.7976931348623157e308, 2.2250738585072014e-308, 123456789.123, 3.402823466e38, 1.1e300,
    7.7e-200, 6.02214076e23,
]  # fmt: skip
ZONES = [UTC, timezone(timedelta(hours=1)), timezone(timedelta(hours=-11, minutes=-30))]
MOMENTS = [
    datetime(2026, 1, 1), datetime(1970, 1, 1), datetime(1, 1, 2), datetime(9999, 12, 30),
    datetime(2026, 1, 1, 0, 0, 0, 1), datetime(1969, 12, 31, 23, 59, 59, 999999),
]  # fmt: skip

integers = st.one_of(
    *[st.integers(-5, 20)] * 8,
    st.sampled_from(EDGES),
    st.sampled_from(ENDS),
    st.integers(-(2**63), 2**63 - 1),
)
floats = st.one_of(
    *[st.integers(-1000, 1000).map(lambda n: n / 100)] * 3,
    st.integers(-9, 9).map(float),
    st.sampled_from(FLOATS),
    st.floats(0, 1),
    st.floats(allow_nan=False, allow_infinity=False),
)
texts = st.one_of(st.sampled_from(TEXTS), st.text(ALPHABET, max_size=4))
keys = st.one_of(
    *[st.sampled_from(KEYS)] * 30, st.sampled_from(HARD_KEYS), st.text(ALPHABET, max_size=2)
)
spans = st.one_of(
    st.sampled_from(
        [timedelta(0), timedelta(days=1), timedelta(microseconds=1), timedelta(days=-2)]
    ),
    st.timedeltas(timedelta(days=-400000), timedelta(days=400000)),
)
SCALARS: dict[str, tuple[Any, st.SearchStrategy[Any]]] = {
    "i": (int, integers),
    "f": (float, floats),
    "s": (str, texts),
    "b": (bool, st.booleans()),
    "y": (bytes, st.sampled_from([b"", b"a", b"\xff\0", b"ab"]) | st.binary(max_size=4)),
    "d": (
        datetime,
        st.builds(
            lambda moment, zone: moment.replace(tzinfo=zone),
            st.sampled_from(MOMENTS) | st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)),
            st.sampled_from([None, *ZONES]),
        ),
    ),
    "D": (
        date,
        st.sampled_from([date(1, 1, 1), date(1970, 1, 1), date(9999, 12, 31)]) | st.dates(),
    ),
    "T": (timedelta, spans),
    "t": (time, st.sampled_from([time(0), time(9, 0, 0, 1), time(23, 59, tzinfo=UTC)])),
    "e": (Colour, st.sampled_from(Colour)),
}
BOUNDS: dict[str, list[tuple[tuple[str, Any], ...]]] = {
    "i": [(("ge", -5),), (("gt", -6), ("lt", 2**53)), (("le", 30),), (("multiple_of", 2),),
        (("ge", -(2**53)),)],
    "f": [(("ge", -5.0),), (("gt", -1e3), ("lt", 1e3)), (("le", 30.5),)],
    "s": [(("min_length", 1),), (("max_length", 4),)],
    "y": [(("max_length", 4),)],
    "T": [(("ge", timedelta(0)),)],
    "D": [(("lt", date(2500, 1, 1)),)],
    "list": [(("min_length", 1),), (("max_length", 3),)],
    "set": [(("max_length", 3),)],
    "dict": [(("max_length", 3),)],
}  # fmt: skip
_CHECKS: dict[str, Callable[[Any, Any], bool]] = {
    "ge": lambda value, bound: value >= bound,
    "gt": lambda value, bound: value > bound,
    "le": lambda value, bound: value <= bound,
    "lt": lambda value, bound: value < bound,
    "multiple_of": lambda value, bound: value % bound == 0,
    "min_length": lambda value, bound: len(value) >= bound,
    "max_length": lambda value, bound: len(value) <= bound,
}


def is_within(type_: Type, value: Any) -> bool:
    """Say whether a value that is not None keeps to the constraints."""
    return all(_CHECKS[name](value, bound) for name, bound in type_.bounds)


@lru_cache(512)
def values_of(type_: Type) -> st.SearchStrategy[Any]:
    """Values of a type, made anew each time; more of them are something than None."""
    if type_.optional:
        plain = values_of(Type(type_.kind, False, type_.bounds, type_.element, type_.fields))
        return st.one_of(st.none(), plain, plain, plain)
    if type_.is_scalar:
        found = SCALARS[type_.kind][1]
    elif type_.kind == "model":
        found = st.builds(
            class_of(type_), **{one.name: values_of(one.type) for one in type_.fields}
        )
    else:
        element = values_of(type_.element)
        least = dict(type_.bounds).get("min_length", 0)
        most = dict(type_.bounds).get("max_length", 4)
        if type_.kind == "list":
            return st.lists(element, min_size=least, max_size=most)
        if type_.kind == "set":
            return st.sets(element, min_size=least, max_size=most)
        return st.dictionaries(keys, element, min_size=least, max_size=most)
    return found.filter(lambda value: is_within(type_, value)) if type_.bounds else found


@lru_cache(512)
def annotation_of(type_: Type) -> Any:
    """The annotation of a type."""
    if type_.is_scalar:
        found = SCALARS[type_.kind][0]
    elif type_.kind == "model":
        found = class_of(type_)
    elif type_.kind == "dict":
        found = dict[str, annotation_of(type_.element)]
    else:
        found = {"list": list, "set": set}[type_.kind][annotation_of(type_.element)]
    if type_.bounds:
        found = Annotated[found, Field(**dict(type_.bounds))]
    return found | None if type_.optional else found


_numbers = count()


def _definitions(type_: Type) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in type_.fields:
        default: Any = ...
        if one.default == "static":
            default = one.value
        elif one.default == "empty":
            default = Field(default_factory={"list": list, "set": set, "dict": dict}[one.type.kind])
        found[one.name] = (annotation_of(one.type), default)
    return found


def class_of(type_: Type) -> Any:
    """The class of a nested model."""
    return _class_of(Type("model", fields=type_.fields))


#: One class for each type as long as anything is made of it: what else is kept goes at other times.
_classes: WeakValueDictionary[Type, Any] = WeakValueDictionary()


def _class_of(type_: Type) -> Any:
    found = _classes.get(type_)
    if found is None:
        definitions = _definitions(type_)
        found = create_model(f"Part{next(_numbers)}", __base__=EmbeddedModel, **definitions)
        _classes[type_] = found
    return found


@lru_cache(64)
def root_of(type_: Type) -> Any:
    """The class of a document, whose prefix no other has."""
    return create_model(
        f"PipelineDocument{next(_numbers)}",
        __base__=AtomicRedisModel,
        id=(Key[str], ...),
        **_definitions(type_),
    )


def scalar_types(*, bounded: bool = True) -> st.SearchStrategy[Type]:
    kinds = st.sampled_from("iiiifffsssbydDTte")
    if not bounded:
        return st.builds(Type, kinds, st.sampled_from([False, False, True]))

    @st.composite
    def drawn(draw: st.DrawFn) -> Type:
        kind = draw(kinds)
        bounds = draw(st.sampled_from([(), (), *BOUNDS.get(kind, [])]))
        return Type(kind, draw(st.sampled_from([False, False, True])), bounds)

    return drawn()


elements = st.builds(Type, st.sampled_from("iiiffsssbydDTt"), st.sampled_from([False] * 4 + [True]))
members = st.builds(Type, st.sampled_from("iiffssssyDTd"))  # of sets


@st.composite
def a_container(draw: st.DrawFn, depth: int) -> Type:
    kind = draw(st.sampled_from(["list", "list", "list", "dict", "dict", "set", "model"]))
    optional = draw(st.integers(0, 5)) == 0
    if kind == "model" and depth > 0:
        return Type("model", optional, (), None, draw(some_fields(depth - 1)))
    bounds = draw(st.sampled_from([(), (), (), (), *BOUNDS.get(kind, [])]))
    if kind in ("list", "dict") and depth > 0 and draw(st.integers(0, 1)):
        inner = a_container(depth - 1)
        if kind == "list" and draw(st.booleans()):
            inner = some_fields(depth - 1).map(
                lambda fields: Type("model", False, (), None, fields)
            )
        return Type(kind, optional, bounds, draw(inner))
    kind = "list" if kind == "model" else kind
    bounds = bounds if kind in ("list", "dict") or not bounds else ()
    return Type(kind, optional, bounds, draw(members if kind == "set" else elements))


@st.composite
def some_fields(draw: st.DrawFn, depth: int, most: int = 4) -> tuple[FieldOf, ...]:
    found: list[FieldOf] = []
    for place in range(draw(st.integers(1, most))):
        type_ = draw(a_container(depth) if draw(st.integers(0, 4)) > 2 else scalar_types())
        choice = draw(st.integers(0, 4))
        if choice == 0 and not type_.bounds and type_.kind in ("list", "set", "dict"):
            found.append(FieldOf(f"f{place}", type_, "empty"))
        elif choice <= 1:
            value = draw(values_of(type_))
            found.append(FieldOf(f"f{place}", type_, "static", value, repr(value)))
        else:
            found.append(FieldOf(f"f{place}", type_))
    return tuple(found)


@st.composite
def roots(draw: st.DrawFn) -> Type:
    """The type of a document: some scalars, and whatever else."""
    return Type("model", False, (), None, draw(some_fields(2, 7)))


def lacking(draw: st.DrawFn, type_: Type, path: str = "$") -> list[str]:
    """Paths of what a document lacks, all of which has a default."""
    found: list[str] = []
    for one in type_.fields:
        here = f'{path}["{one.name}"]'
        if one.default != "none" and draw(st.integers(0, 3)) == 0:
            found.append(here)
            continue
        inner, step = one.type, here
        while inner.kind in ("list", "dict"):
            inner, step = inner.element, step + "[*]"
        if inner.kind == "model":
            found += lacking(draw, inner, step)
    return found
