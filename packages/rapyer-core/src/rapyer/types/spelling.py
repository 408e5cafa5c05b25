"""Numbers as the server holds them: 64-bit integers, and doubles spelled so that it reads them.

RedisJSON does not round decimal text correctly: it reads the digits as an integer, converts it to a
double and multiplies or divides once by a power of ten (seen on RedisJSON 2.8.3, serde_json without
`float_roundtrip`). Some 12 % of the doubles with 16 or 17 significant digits come back off by one
unit in the last place. Up to 15 digits and powers of ten up to 22 both steps are exact, so the
great majority of real numbers needs nothing; the others get another spelling of the same number.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, NamedTuple

from rapyer.expr.jsonpath import render_path
from rapyer.guards import is_list, is_mapping

INT64_MIN = -(2**63)
INT64_MAX = 2**63 - 1

_INT64_LONGEST = len(str(INT64_MIN))
_UINT64_END = 2**64
_POWERS_OF_TEN = tuple(float(f"1e{exponent}") for exponent in range(309))
_LARGEST_POWER = 308

#: Tells whether a JSON text may contain a number that needs another spelling, or is refused. In the
#: document translated by SHAPE, a run of 17 digits and points stands for 16 or more significant
#: digits, and an exponent is a zero, an e and a sign. The same inside a text counts as well, and
#: only costs the closer look of `spell_numbers`. This first look takes 0.2 us for a document of 200
#: bytes, whereas a regular expression takes 2 us; for that reason `DocumentCodec.dump` inlines it.
SHAPE = bytes.maketrans(b"0123456789.+", b"00000000000-")
LONG_NUMBER = b"0" * 17
SIGN = ord("-")  # a single byte is found ten times faster than a text
EXPONENT = b"0e-"

# The tokens of a JSON text that can be, or contain, a number.
_NUMBER_OR_TEXT = re.compile(
    rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?', re.DOTALL
)


class UnspellableNumberError(ValueError):
    """No JSON text stands for this number on the server."""


def is_int64(value: int) -> bool:
    """Return whether the server and its scripts hold this integer exactly."""
    return INT64_MIN <= value <= INT64_MAX


def server_reads(significand: int, exponent: int) -> float:
    """Return the double that the server makes of `significand`e`exponent`.

    Args:
        significand: All digits of the number as one integer, from 0 to 2**64 - 1.
        exponent: The power of ten that it is multiplied by.
    """
    number = float(significand)
    while exponent < -_LARGEST_POWER:
        number /= 1e308
        exponent += _LARGEST_POWER
        if number == 0.0:
            return number
    if exponent < 0:
        return number / _POWERS_OF_TEN[-exponent]
    if exponent <= _LARGEST_POWER:
        return number * _POWERS_OF_TEN[exponent]
    return math.inf if number else number


def _decimal(text: str) -> tuple[int, int]:
    """Split the repr of a finite double into significand and exponent."""
    mantissa, _, power = text.partition("e")
    whole, _, fraction = mantissa.partition(".")  # the server counts the 0 of "1.0" as a digit too
    return int(whole + fraction), int(power or 0) - len(fraction)


def spell_float(value: float) -> str | None:
    """Spell a finite double so that RedisJSON reads exactly this double.

    Args:
        value: Any finite double.

    Returns:
        JSON text that the server reads as `value`; the shortest one if that is read exactly. None
        for about one in a thousand doubles of full precision: no text stands for them on the
        server.
    """
    text = repr(value)
    magnitude = abs(value)
    significand, exponent = _decimal(text.lstrip("-"))
    if server_reads(significand, exponent) == magnitude:
        return text
    sign = "-" if text.startswith("-") else ""
    # Longer significands name the same double in other ways. Each of them, and those neighbors that
    # still round to the double as an integer, is rounded differently on the server.
    exact = Fraction(magnitude)
    top = len(str(significand)) + exponent
    for digits in (17, 18, 19, 16, 20):
        power = top - digits
        centre = round(exact / Fraction(10) ** power)
        if centre >= _UINT64_END:
            continue
        spacing = max(1, int(math.ulp(float(centre))))
        for offset in (0, 1, -1, 2, -2, 3, -3):
            candidate = centre + offset * spacing
            if 0 < candidate < _UINT64_END and server_reads(candidate, power) == magnitude:
                return f"{sign}{candidate}e{power}"
    return None


def correct_float(value: float) -> tuple[str, str] | None:
    """Return a finite double without a spelling as the sum of two that have one.

    Returns:
        The text of a neighboring double, and the text of what `JSON.NUMINCRBY` then has to add; the
        server adds as Python does. None if there are no such two, which has never been seen.
    """
    for distance in range(1, 9):
        for towards in (math.inf, -math.inf):
            beside = value
            for _ in range(distance):
                beside = math.nextafter(beside, towards)
            if math.isinf(beside) or beside + (value - beside) != value:
                continue
            text, delta = spell_float(beside), spell_float(value - beside)
            if text is not None and delta is not None:
                return text, delta
    return None


def spell_number(text: bytes) -> bytes:
    """Respell one number of a JSON text so that the server reads exactly this number.

    For one of the few doubles without a spelling, gives the first part of `correct_float`.

    Raises:
        UnspellableNumberError: It is an integer beyond 64 bits.
    """
    if text.lstrip(b"-").isdigit():
        if len(text) <= _INT64_LONGEST and is_int64(int(text)):
            return text
        raise UnspellableNumberError("an integer is beyond 64 bits")
    value = float(text)
    spelled = spell_float(value)
    if spelled is None:
        parts = correct_float(value)
        if parts is None:
            raise UnspellableNumberError(f"the server cannot hold {value!r} exactly")
        spelled = parts[0]
    return spelled.encode()


def spell_numbers(document: bytes) -> bytes:
    """Respell all numbers of a JSON text that the server would read as different ones.

    NaN and infinity are left as they are: the server parses a document before it does anything
    with it, and refuses them.

    Raises:
        UnspellableNumberError: No text of a number is read as that number by the server.
    """
    return _NUMBER_OR_TEXT.sub(_spell, document)


def _spell(token: re.Match[bytes]) -> bytes:
    text = token[0]
    return text if text.startswith(b'"') else spell_number(text)


class Correction(NamedTuple):
    """What makes a number exact after its document was written, in the same atomic step.

    Attributes:
        path: Its JSONPath.
        delta: What `JSON.NUMINCRBY` has to add there, as JSON text.
    """

    path: str
    delta: str


def corrections_of(document: bytes) -> tuple[Correction, ...]:
    """Find the numbers of a JSON text without a spelling, one or two in a thousand long ones.

    Args:
        document: The text before it was respelled, with keys in their stored form.

    Raises:
        UnaddressableKeyError: Such a number is under a key that no path leads to.
    """
    return tuple(_corrections(json.loads(document), ()))


def _corrections(value: Any, steps: tuple[str | int, ...]) -> Iterator[Correction]:
    if isinstance(value, float):
        if not math.isfinite(value):
            return  # the server refuses it, and the reason is reported then
        if spell_float(value) is None and (parts := correct_float(value)) is not None:
            yield Correction(render_path(steps), parts[1])
    elif is_mapping(value):
        for key, item in value.items():
            yield from _corrections(item, (*steps, key))
    elif is_list(value):
        for index, item in enumerate(value):
            yield from _corrections(item, (*steps, index))
