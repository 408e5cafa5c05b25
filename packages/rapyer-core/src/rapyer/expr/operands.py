"""Which operands a field can be compared with: checked when a condition is built.

If a condition could never hold, or two engines could read it in two ways, that is an error where it
is written rather than an empty result.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import partial
from typing import Any, get_args, get_origin
from uuid import UUID

import pydantic
from typing_extensions import is_typeddict

from rapyer.expr.annotations import element_of, is_literal, members_of, value_of
from rapyer.guards import is_class


@dataclass(frozen=True, slots=True)
class Kind:
    """What values of one annotation, other than None, can be compared with.

    Attributes:
        name: What they are, in messages.
        accepts: Says whether a value can be an operand.
        family: Values are ordered and calculated with within a family: `"number"`, `"text"`,
            `"instant"`, ...; None for those that are only told apart.
        elements: The kinds of the elements of a list, set or tuple; None for anything else.
        apart: Separates values of one family that are not calculated with each other: a `"decimal"`
            number with no `"float"`, an `"aware"` datetime with no `"naive"` one; None for what
            goes with all.
    """

    name: str
    accepts: Callable[[Any], bool]
    family: str | None = None
    elements: tuple[Kind, ...] | None = None
    apart: str | None = None


def _is_number(value: object) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and not (isinstance(value, float) and math.isnan(value))
    )


def _is_decimal(value: object) -> bool:
    return _is_number(value) or (isinstance(value, Decimal) and not value.is_nan())


def _is_text(value: object) -> bool:
    return isinstance(value, str) and not isinstance(value, Enum)


def _is_date(value: object) -> bool:
    return isinstance(value, date) and not isinstance(value, datetime)


def _instance_of(kind: type[Any]) -> Callable[[Any], bool]:
    return partial(_is_instance, kind)  # can be pickled, as a part of a calculated value


def _is_instance(kind: type[Any], value: object) -> bool:
    return isinstance(value, kind)


def _is_aware(value: object) -> bool:
    return isinstance(value, datetime) and value.utcoffset() is not None


def _is_naive(value: object) -> bool:
    return isinstance(value, datetime) and value.utcoffset() is None


def _anything(value: object) -> bool:
    return not (isinstance(value, float) and math.isnan(value))


_TEXT = Kind("a str", _is_text, "text")
_DATE = Kind("a date without a time", _is_date, "date")
_DATETIME = Kind("a datetime", _instance_of(datetime), "instant")

# the base of a class is searched for in this order: datetime before date
_KINDS: Mapping[Any, Kind] = {
    bool: Kind("a bool", _instance_of(bool)),
    int: Kind("a number", _is_number, "number"),
    float: Kind("a number", _is_number, "number", apart="float"),
    Decimal: Kind("a Decimal or another number", _is_decimal, "number", apart="decimal"),
    str: _TEXT,
    bytes: Kind("bytes", _instance_of(bytes), "bytes"),
    UUID: Kind("a UUID", _instance_of(UUID), "uuid"),
    datetime: _DATETIME,
    date: _DATE,
    time: Kind("a time", _instance_of(time), "time"),
    timedelta: Kind("a timedelta", _instance_of(timedelta), "span"),
    # pydantic annotations that are classes without instances: their values are plain
    pydantic.AwareDatetime: Kind(
        "a datetime with a time zone", _is_aware, "instant", apart="aware"
    ),
    pydantic.NaiveDatetime: Kind(
        "a datetime without a time zone", _is_naive, "instant", apart="naive"
    ),
    pydantic.PastDatetime: _DATETIME,
    pydantic.FutureDatetime: _DATETIME,
    pydantic.PastDate: _DATE,
    pydantic.FutureDate: _DATE,
    pydantic.EmailStr: _TEXT,
}
_ANY = Kind("anything", _anything)


def are_of_anything(kinds: tuple[Kind, ...]) -> bool:
    """Return whether values of these kinds may include values of any kind."""
    return _ANY in kinds


def kinds_of(annotation: Any) -> tuple[Kind, ...]:
    """Return the kinds of the values of an annotation, one for each member of a union."""
    kinds: list[Kind] = []
    for member in members_of(annotation):
        kinds.extend(_kinds_of_member(member))
    return tuple(kinds)


def _kinds_of_member(member: Any) -> tuple[Kind, ...]:
    known = _ANY if member is Any else _KINDS.get(member) if isinstance(member, type) else None
    if known is not None:
        return (known,)
    if is_literal(member):
        return tuple(_kind_of_literal(value) for value in get_args(member) if value is not None)
    elements = element_of(member)
    origin: Any = get_origin(member) or member
    if elements is not None or origin is tuple:
        return (_container(origin, kinds_of(Any if elements is None else elements)),)
    if value_of(member) is not None or is_typeddict(origin):  # which has no instances
        return (Kind("a dict", _instance_of(Mapping)),)
    if is_class(origin):
        return (_kind_of_class(origin),)
    return (_ANY,)


def _kind_of_literal(literal: Any) -> Kind:
    base = _KINDS.get(type(literal))
    return Kind(
        repr(literal),
        lambda value: type(value) is type(literal) and bool(value == literal),
        None if base is None else base.family,
        apart=None if base is None else base.apart,
    )


def _container(origin: Any, elements: tuple[Kind, ...]) -> Kind:
    def accepts(value: Any) -> bool:
        return isinstance(value, origin) and all(
            item is None or any(kind.accepts(item) for kind in elements) for item in value
        )

    return Kind(f"a {origin.__name__} of its elements", accepts, elements=elements)


def _kind_of_class(cls: type[Any]) -> Kind:
    for base, kind in _KINDS.items():  # a user's class that is a str, an int, ...
        if issubclass(cls, base) and not issubclass(cls, Enum):
            return kind
    bases: tuple[type[Any], ...] = cls.__mro__[:-1]
    ordered = any("__lt__" in vars(base) for base in bases)
    family = cls.__qualname__ if ordered and not issubclass(cls, Enum) else None
    return Kind(f"a {cls.__name__}", _instance_of(cls), family)


def kind_of_value(value: Any) -> Kind | None:
    """Return the kind that a plain value is calculated as; None for a value that is not."""
    if isinstance(value, datetime):
        return _KINDS[pydantic.AwareDatetime if _is_aware(value) else pydantic.NaiveDatetime]
    for cls, kind in _CALCULATED:
        if isinstance(value, cls):
            return kind if kind.accepts(value) else None
    return None


_CALCULATED = [(cls, _KINDS[cls]) for cls in (int, float, Decimal, str, timedelta)]


_FAMILIES = {
    "number": _KINDS[Decimal],
    "text": _KINDS[str],
    "instant": _KINDS[datetime],
    "span": _KINDS[timedelta],
}


def kind_of_family(family: str, apart: str | None) -> Kind:
    """Return the kind of what is calculated within a family."""
    return replace(_FAMILIES[family], apart=apart)
