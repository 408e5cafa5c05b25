"""The documents that every candidate has: what they hold, and how to tell that they are right."""

from __future__ import annotations

import json
from typing import Any, cast

from benchmarks.values import VALUES

#: How many seconds a document lives whose reading postpones its end.
TTL = 3600
#: How many documents a page has, and a query for few of many.
PAGE = 50

#: An odd number: its multiples are all different in 32 bits, and look like no order.
_STRIDE = 2_654_435_761


def values(number: int) -> dict[str, Any]:
    """Give the values of a document, as Python and as JSON has them."""
    return {
        "id": str(number),
        **VALUES,
        "age": number,
        "visits": 3,
        "points": number * _STRIDE % 2**32,
        "credit": 0.5,
        "status": "new",
        "level": "basic",
    }


def account() -> dict[str, Any]:
    """Give the document that is changed in place, with five points to spend."""
    return {**values(0), "id": "account", "points": 5}


def text(document: dict[str, Any]) -> bytes:
    """Give a document as it is stored."""
    return json.dumps(document, separators=(",", ":")).encode()


def after_ten_operations() -> dict[str, Any]:
    """Give what the account is after the ten operations of the work `pipeline`."""
    before = account()
    return {
        **before,
        "age": before["age"] + 1,
        "visits": before["visits"] + 2,
        "points": before["points"] + 3,
        "score": before["score"] + 0.5,
        "credit": before["credit"] + 1.5,
        "name": "Augusta",
        "status": "busy",
        "level": "premium",
        "active": False,
        "tags": [*before["tags"], "analysis"],
    }


def after_decisions(number: int) -> dict[str, Any]:
    """Give what the account is after so many decisions of the work `decide`."""
    before = account()
    paid = min(number, before["points"])
    return {
        **before,
        "points": before["points"] - paid,
        "credit": before["credit"] + 1.5 * paid,
        "status": "empty" if number > paid else before["status"],
    }


def page_of(number: int) -> list[str]:
    """Give the ids of the documents in the upper half that have the most points, in that order."""
    upper = range(number // 2, number)
    first = sorted(upper, key=lambda each: each * _STRIDE % 2**32, reverse=True)[:PAGE]
    return [str(each) for each in first]


def difference(found: Any, expected: dict[str, Any]) -> str | None:
    """Say how an instance of any candidate, or a document, differs from what it should be."""
    for name, value in expected.items():
        got = _part(found, name)
        if isinstance(value, dict):
            parts = cast("dict[str, Any]", value)
            got = {part: _part(got, part) for part in parts}
        if got != value:
            return f"{name} is {got!r}, not {value!r}"
    return None


def _part(whole: Any, name: str) -> Any:
    if isinstance(whole, dict):
        return cast("dict[str, Any]", whole).get(name)
    return getattr(whole, name, None)
