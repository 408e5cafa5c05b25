"""Paths as text: `field_lst[0].field_int`, `nested_dict.sub_field`, `meta["a b"]`."""

from __future__ import annotations

import ast
import re
from typing import Any, NamedTuple

from rapyer.errors import ExpressionError, InvalidPathError
from rapyer.expr.annotations import members_of, value_of
from rapyer.expr.paths import Path, annotation_of, field_of, item_of

_TOKEN = re.compile(
    r"""
    (?P<name>[^.\[\]"']+)
    | \[ \s* (?P<index>-?[0-9]+) \s* \]
    | \[ \s* (?P<key>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*') \s* \]
    """,
    re.VERBOSE | re.DOTALL,
)


_MORE = "A point, or an index or key in brackets"


class _Token(NamedTuple):
    kind: str
    value: Any
    start: int


def resolve(root: Path[Any], text: object) -> Path[Any]:
    """Find the path that a text names, starting from another one.

    A name after a point is that of a field, or a key of a dict with text keys; in brackets stands
    an index, a quoted key or the quoted name of a field.

    Args:
        root: Where the text starts: the path of a model with no steps.
        text: The text.

    Raises:
        InvalidPathError: It is no path, or leads nowhere in the model; the message shows where.
    """
    if not isinstance(text, str):
        raise InvalidPathError(f"{text!r} is neither a path nor a text that names one.")
    path = root
    for token in _tokens(text):
        try:
            path = _named(path, token.value) if token.kind == "name" else item_of(path, token.value)
        except ExpressionError as exc:
            raise _invalid(text, token.start, str(exc)) from exc
    return path


def _named(path: Path[Any], name: str) -> Path[Any]:
    found = field_of(path, name)
    if found is not None:
        return found
    if any(value_of(member) is not None for member in members_of(annotation_of(path))):
        return item_of(path, name)
    raise ExpressionError(f"{path!r} has no field {name!r}.")


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    place = 0
    while place < len(text) or not tokens:
        if tokens and text[place] == ".":
            place += 1
            expected = "name"
        else:
            expected = "" if tokens else "name"
        found = _TOKEN.match(text, place)
        if found is None or (expected and found.lastgroup != expected):
            wanted = "The name of a field" if expected else _MORE
            raise _invalid(text, place, f"{wanted} is expected there.")
        if not expected and found.lastgroup == "name":
            raise _invalid(text, place, f"{_MORE} is expected there.")
        tokens.append(_token(found))
        place = found.end()
    return tokens


def _token(found: re.Match[str]) -> _Token:
    kind = found.lastgroup or ""
    part = found[kind]
    value = int(part) if kind == "index" else ast.literal_eval(part) if kind == "key" else part
    return _Token(kind, value, found.start())


def _invalid(text: str, place: int, reason: str) -> InvalidPathError:
    shown = text.encode("unicode_escape").decode()
    column = len(text[:place].encode("unicode_escape").decode())
    return InvalidPathError(
        f"{text!r} is no path here, from position {place} on:\n    {shown}\n    {' ' * column}^\n"
        f"{reason}",
        path=text,
        position=place,
    )
