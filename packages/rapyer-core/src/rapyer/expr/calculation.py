"""Which kinds of values can be calculated with each other, and the kind of the result."""

from __future__ import annotations

from typing import Any

from rapyer.expr.operands import Kind, kind_of_family, kind_of_value

#: The families of results, by operator and by the families of the operands.
RESULTS: dict[tuple[str, str | None, str | None], str] = {
    ("+", "text", "text"): "text",
    ("+", "instant", "span"): "instant",
    ("-", "instant", "span"): "instant",
    ("-", "instant", "instant"): "span",
    ("+", "span", "span"): "span",
    ("-", "span", "span"): "span",
    **{(operator, "number", "number"): "number" for operator in ("+", "-", "*", "/", "//", "%")},
}

#: What to do if values of one family cannot be calculated with each other, by that family.
APART: dict[str | None, str] = {
    "number": 'Python cannot calculate with Decimals and floats together. Write Decimal("0.5") '
    "for 0.5, and make both fields Decimals or both floats.",
    "instant": (
        "A datetime with a time zone and one without cannot be subtracted. Give both a time zone, "
        "or neither."
    ),
}


def is_calculated(operator: str, left: Any, right: Any) -> bool:
    """Return whether two plain values, neither of them None, can be calculated with each other."""
    one, two = kind_of_value(left), kind_of_value(right)
    return one is not None and two is not None and _are_calculated(operator, one, two)


def _are_calculated(operator: str, left: Kind, right: Kind) -> bool:
    """Return whether an operation has a result, which Python gives without a type error."""
    is_apart = left.apart is not None and right.apart is not None and left.apart != right.apart
    return not is_apart and (operator, left.family, right.family) in RESULTS


def result_of(operator: str, left: Kind, right: Kind) -> Kind | None:
    """Return the kind of the result for operands of two kinds; None if it makes no sense."""
    if not _are_calculated(operator, left, right):
        return None
    family = RESULTS[operator, left.family, right.family]
    apart = None if family == "span" else left.apart or right.apart
    if operator == "/" and apart is None:  # of two ints
        apart = "float"
    return kind_of_family(family, apart)
