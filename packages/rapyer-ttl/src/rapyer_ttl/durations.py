"""Durations as users write them: seconds, a `timedelta`, or a text such as `"2h30m"`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Final, TypeAlias

Duration: TypeAlias = int | float | timedelta | str
"""Seconds, a `timedelta`, or a text of numbers with units (`ms`, `s`, `m`, `h`, `d`, `w`), such as
`"2h30m"` or `"500ms"`."""

_UNITS: Final[Mapping[str, int]] = {
    "ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000,
}  # fmt: skip
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)\s*")
#: About 30 000 years: all numbers below this are exact in a Lua script.
_MOST: Final = 10**15


def milliseconds(duration: Duration, *, least: int = 1) -> int:
    """Convert a duration to milliseconds.

    Args:
        duration: The duration.
        least: The least that it may be.

    Raises:
        TypeError: It is not a duration.
        ValueError: It is too short or too long, or a text without units; the message is a clause.
    """
    exact = _milliseconds(duration)
    if not least <= exact <= _MOST:  # not for NaN and infinity
        bound = "1 ms" if least else "0"
        raise ValueError(f"is not a time between {bound} and 30,000 years")
    return round(exact)


def milliseconds_of_call(duration: Duration) -> int:
    """Convert a duration that was given to a call to milliseconds.

    Raises:
        TypeError: It is not a duration.
        ValueError: It is too short or too long, or a text without units.
    """
    try:
        return milliseconds(duration)
    except ValueError as exc:
        raise ValueError(
            f"{duration!r} {exc}. Give seconds, a timedelta or a string such as '2h30m'."
        ) from None


def _milliseconds(duration: Duration) -> float:
    if isinstance(duration, timedelta):
        return duration / timedelta(milliseconds=1)
    if isinstance(duration, str):
        return _of_text(duration)
    if isinstance(duration, bool) or not isinstance(duration, int | float):  # pyright: ignore[reportUnnecessaryIsInstance] # users without a type checker
        raise TypeError(
            f"{duration!r} is not a duration. Give seconds, a timedelta or a string such as "
            "'2h30m'."
        )
    return duration * 1000


def _of_text(text: str) -> float:
    total, end = 0.0, 0
    stripped = text.strip()
    for part in _PART.finditer(stripped):
        if part.start() != end:
            break
        total, end = total + float(part[1]) * _UNITS[part[2]], part.end()
    if end != len(stripped) or not stripped:
        raise ValueError(
            "is not a string of numbers with units (ms, s, m, h, d, w), such as '2h30m'"
        )
    return total
