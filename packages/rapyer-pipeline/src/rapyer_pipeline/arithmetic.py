"""Which kinds the server calculates with, and what results: a table from Python's types."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Final, NamedTuple
from uuid import UUID

from pydantic_core import to_json
from rapyer.types.temporal import dump_date, dump_datetime, dump_time, dump_timedelta
from rapyer.types.text import hide_nul


class Rule(NamedTuple):
    """How one operator works on two kinds.

    Attributes:
        code: The operation of the interpreter.
        kind: The kind of the result.
        left: The conversion of the left operand; empty for none.
        right: The conversion of the right operand; empty for none.
        swaps: Whether the operands change places.
    """

    code: str
    kind: str
    left: str = ""
    right: str = ""
    swaps: bool = False


def _rules() -> dict[tuple[str, str, str], Rule]:
    rules: dict[tuple[str, str, str], Rule] = {}
    for operator in ("+", "-", "*", "//", "%"):
        rules[operator, "i", "i"] = Rule(f"i{operator}", "i")
    rules["/", "i", "i"] = Rule("i/", "f")
    for operator in ("+", "-", "*", "/", "//", "%"):
        rules[operator, "f", "f"] = Rule(f"f{operator}", "f")
        rules[operator, "i", "f"] = Rule(f"f{operator}", "f", left="i-f")
        rules[operator, "f", "i"] = Rule(f"f{operator}", "f", right="i-f")
    rules["+", "s", "s"] = Rule("s+", "s")
    rules["+", "y", "y"] = Rule("s+", "y")
    rules["*", "s", "i"] = Rule("s*", "s")
    rules["*", "i", "s"] = Rule("s*", "s", swaps=True)
    for kind in ("d", "D"):
        rules["+", kind, "T"] = Rule(f"{kind}+", kind)
        rules["+", "T", kind] = Rule(f"{kind}+", kind, swaps=True)
        rules["-", kind, "T"] = Rule(f"{kind}-", kind)
        rules["-", kind, kind] = Rule(kind * 2, "T")
    for operator in ("+", "-", "%"):
        rules[operator, "T", "T"] = Rule(f"T{operator}", "T")
    rules["*", "T", "i"] = Rule("T*", "T")
    rules["*", "i", "T"] = Rule("T*", "T")
    rules["//", "T", "i"] = Rule("T//", "T")
    rules["//", "T", "T"] = Rule("i//", "i")
    rules["/", "T", "T"] = Rule("i/", "f")
    return rules


RULES: Final[Mapping[tuple[str, str, str], Rule]] = _rules()
#: The kinds of plain operands. A bool does not count as a number here.
KINDS: Final[Mapping[type, str]] = {
    int: "i", float: "f", str: "s", bytes: "y", datetime: "d", date: "D", timedelta: "T", time: "t",
    bool: "b", Decimal: "c",
}  # fmt: skip
#: The Python types that the kinds stand for.
PYTHON: Final[Mapping[str, type]] = {kind: python for python, kind in KINDS.items()}
#: The comparisons of the interpreter.
COMPARED: Final = {"==": "eq", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}
#: The names of the kinds in messages.
NAMES: Final[Mapping[str, str]] = {
    "i": "an int", "f": "a float", "s": "a str", "y": "bytes", "d": "a datetime", "D": "a date",
    "T": "a timedelta", "t": "a time", "b": "a bool", "c": "a Decimal",
    "j": "a value of another type",
}  # fmt: skip
#: Why a pair of kinds has no operation although Python has one.
REMEDIES: Final[Mapping[tuple[str, str, str], str]] = {
    ("/", "T", "i"): "Write // for whole microseconds",
    ("*", "T", "f"): "Multiply by an int",
    ("*", "f", "T"): "Multiply by an int",
}


def kind_of(value: object) -> str | None:
    """Return the kind of a plain operand; None if it cannot be calculated with."""
    kind = KINDS.get(type(value))
    if kind is not None or isinstance(value, Enum):
        return kind
    for base, its in KINDS.items():  # a user's subclass of str, int, ...
        if base not in (bool, date) and isinstance(value, base):
            return its
    return None


def _integer(value: Any) -> str:
    return int.__repr__(value)


def _float(value: Any) -> str:
    text = float.__repr__(float(value))
    if text in ("inf", "-inf", "nan"):
        raise ValueError(f"JSON cannot represent {value!r}")
    return text


def _text(value: Any) -> str:
    return hide_nul(to_json(str(value))).decode()


_DUMPS: Final[Mapping[str, Callable[[Any], str]]] = {
    "i": _integer,
    "f": _float,
    "s": _text,
    "b": lambda value: "true" if value else "false",
    "y": lambda value: f'"{urlsafe_b64encode(value).decode()}"',
    "d": lambda value: to_json(dump_datetime(value)).decode(),
    "D": lambda value: str(dump_date(value)),
    "T": lambda value: str(dump_timedelta(value)),
    "t": lambda value: to_json(dump_time(value)).decode(),
    "c": lambda value: f'{{"dec":"{Decimal(value)}","n":0}}',
}


def constant_text(kind: str, value: Any) -> str:
    """Return a plain operand of a kind as JSON, in its stored form.

    Raises:
        ValueError: It has no stored form.
    """
    if type(value) not in KINDS:
        if isinstance(value, Enum):
            value = value.value
        elif isinstance(value, UUID):
            value = str(value)
    return _DUMPS[kind](value)
