"""Numbers that JSON and the server cannot hold: `Decimal`, and integers beyond 64 bits."""

from __future__ import annotations

import math
import sys
from decimal import Decimal
from typing import Annotated, Any, TypeAlias

from pydantic_core import core_schema

from rapyer.types.forms import by_functions
from rapyer.types.marking import FieldTypeMarker
from rapyer.types.spelling import spell_float

BigInt: TypeAlias = Annotated[int, FieldTypeMarker("BigInt")]
"""An integer of up to 4300 digits (`sys.get_int_max_str_digits`), stored as text. It is compared as
a whole; the server neither orders it nor adds to it."""

_LARGEST = sys.float_info.max


def nearest_double(value: Decimal) -> float:
    """Return the double under which a `Decimal` is indexed: the nearest, clamped, or its neighbor.

    The server holds it exactly: if no text on the server stands for the nearest double, one does
    for the next.
    """
    number = max(-_LARGEST, min(_LARGEST, float(value)))
    while spell_float(number) is None:
        number = math.nextafter(number, math.inf)
    return number


def dump_decimal(value: Decimal) -> dict[str, Any]:
    """Return the stored form of a `Decimal`: its text, and a double near it for the index."""
    if not value.is_finite():
        raise ValueError(f"JSON cannot represent {value!r}")
    return {"dec": str(value), "n": nearest_double(value)}


def load_decimal(stored: dict[str, Any]) -> Decimal:
    """Restore a `Decimal` with its exponent and its zeros."""
    value = Decimal(stored["dec"])
    if not value.is_finite() or abs(stored["n"] - nearest_double(value)) > 2 * math.ulp(
        stored["n"]
    ):
        raise ValueError(f"'n' is not the double nearest to 'dec' in {stored}")
    return value


_DECIMAL_FORM = core_schema.typed_dict_schema(
    {
        "dec": core_schema.typed_dict_field(
            core_schema.str_schema(strict=True, pattern=r"^-?[0-9]+(?:\.[0-9]+)?(?:E[+-]?[0-9]+)?$")
        ),
        "n": core_schema.typed_dict_field(core_schema.float_schema(strict=True)),
    },
    extra_behavior="forbid",
)
DECIMAL = by_functions(dump_decimal, load_decimal, _DECIMAL_FORM)

_INTEGER_TEXT = core_schema.str_schema(strict=True, pattern="^(?:0|-?[1-9][0-9]*)$")
BIG_INTEGER = by_functions(str, int, _INTEGER_TEXT)
