"""Operands of conditions in the form that the index has their values."""

from __future__ import annotations

import base64
import math
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Final, NamedTuple
from uuid import UUID

from rapyer.expr.text import stored_text
from rapyer.guards import is_mapping
from rapyer.types.exact import nearest_double

from rapyer_query.attributes import Family

#: An index holds doubles: from this number on, two integers may share one.
EXACT_INTEGERS: Final = 2**53
#: The index cuts texts whose length does not fit into 16 bits.
LONGEST_TEXT: Final = 65_535

_LARGEST: Final = sys.float_info.max
_MICROSECOND: Final = timedelta(microseconds=1)
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - the clock of naive datetimes
_EPOCH_UTC: Final = _EPOCH.replace(tzinfo=UTC)
_EPOCH_DAY: Final = date(1970, 1, 1)


class Number(NamedTuple):
    """A number to compare with those of an index.

    Attributes:
        low: The smallest double that a value equal to it may have in the index, as text.
        high: The largest such double.
        is_exact: Whether values have this double if and only if they are equal to the number.
        infinite: 1 or -1 if it is beyond everything that an index holds, else 0.
    """

    low: str
    high: str
    is_exact: bool
    infinite: int = 0


_ABOVE_ALL: Final = Number("+inf", "+inf", True, 1)
_BELOW_ALL: Final = Number("-inf", "-inf", True, -1)


def is_of_family(family: Family, operand: Any) -> bool:
    """Return whether an operand is a value of a family of numbers; anything may be a tag.

    A list whose elements each have a type of their own may be compared with values of any type.
    """
    if family not in _TYPES:
        return True
    wanted, others = _TYPES[family]
    value = operand.value if isinstance(operand, Enum) else operand
    return isinstance(value, wanted) and not isinstance(value, others)


def number_of(family: Family, operand: Any) -> Number:
    """Convert an operand to a number of a family of attributes."""
    if isinstance(operand, Enum):
        operand = operand.value
    special = _SPECIAL.get(family)
    if special is not None:
        return special(operand)
    if abs(operand) > _LARGEST:  # infinity, and integers that no double comes near
        return _ABOVE_ALL if operand > 0 else _BELOW_ALL
    text = _text(operand)
    is_exact = abs(operand) < EXACT_INTEGERS or (family == "float" and float(operand) == operand)
    return Number(text, text, is_exact)


def _text(number: Any) -> str:
    """Spell a number, which may be of a class with its own text representation."""
    return float.__repr__(number) if isinstance(number, float) else int.__repr__(number)


def _integer(number: int) -> Number:
    return Number(str(number), str(number), abs(number) < EXACT_INTEGERS)


def _days(value: date) -> Number:
    return _integer((value - _EPOCH_DAY).days)


def _span(value: timedelta) -> Number:
    return _integer(value // _MICROSECOND)


def _instant(value: datetime) -> Number:
    return _integer((value - (_EPOCH_UTC if is_aware(value) else _EPOCH)) // _MICROSECOND)


def _clock(value: time) -> Number:
    seconds = (value.hour * 60 + value.minute) * 60 + value.second
    return _integer(seconds * 1_000_000 + value.microsecond)


def _decimal(operand: Any) -> Number:
    """Bound the doubles that may be stored with decimals equal to an operand.

    This is the nearest double or the next that the server can read, and two units more or less for
    what others have written.
    """
    if isinstance(operand, float) and math.isinf(operand):
        return _ABOVE_ALL if operand > 0 else _BELOW_ALL
    exact = Decimal(operand)
    if exact.is_infinite():
        return _ABOVE_ALL if exact > 0 else _BELOW_ALL
    low = max(-_LARGEST, min(_LARGEST, float(exact)))
    high = nearest_double(exact)
    for _ in range(3):
        low, high = math.nextafter(low, -math.inf), math.nextafter(high, math.inf)
    return Number(_bound(low), _bound(high), False)


def _bound(number: float) -> str:
    if math.isinf(number):
        return "+inf" if number > 0 else "-inf"
    return repr(number)


#: The Python types of a family of numbers, and those of their subtypes that are another kind.
_TYPES: Mapping[str, tuple[Any, Any]] = {
    "integer": (int | float, bool),
    "float": (int | float, bool),
    "decimal": (int | float | Decimal, bool),
    "days": (date, datetime),
    "span": (timedelta, ()),
    "instant": (datetime, ()),
    "clock": (time, ()),
}
_SPECIAL: Mapping[str, Callable[[Any], Number]] = {
    "decimal": _decimal,
    "days": _days,
    "span": _span,
    "instant": _instant,
    "clock": _clock,
}


def is_aware(operand: datetime | time) -> bool:
    """Return whether a datetime or a time has an offset."""
    return operand.utcoffset() is not None


def tag_of(operand: Any) -> str | None:
    """Convert an operand to a tag, the stored text; None if no index has it in full."""
    if isinstance(operand, Enum):
        operand = operand.value
    if isinstance(operand, bool):
        return "true" if operand else "false"
    if isinstance(operand, UUID | int):
        return str(operand)
    if isinstance(operand, bytes):
        return _whole(base64.urlsafe_b64encode(operand).decode())
    if isinstance(operand, str):
        return _whole(stored_text(operand))
    if isinstance(operand, float) and operand.is_integer():
        return str(int(operand))
    return None


def _whole(text: str) -> str | None:
    is_short = len(text) <= LONGEST_TEXT and len(text.encode()) <= LONGEST_TEXT
    return text if is_short else None


def stored_part(stored: Any, path: tuple[str, ...]) -> Any:
    """Return the part of a stored form that is in the index; None if there is none."""
    for name in path:
        if not is_mapping(stored):
            return None
        stored = stored.get(name)
    return stored
