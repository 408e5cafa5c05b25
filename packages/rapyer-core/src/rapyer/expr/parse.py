"""Paths as text: `field_lst[0].field_int`, `nested_dict.sub_field`, `meta["a b"]`."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from rapyer.errors import ExpressionError, InvalidPathError
from rapyer.expr.annotations import members_of, value_of
from rapyer.expr.paths import Path, annotation_of, field_of, item_of
from rapyer.expr.steps import nearest_field

_TOKEN = re.compile(
    r"""
    (?P<name>[^.\[\]"']+)
    | \[ \s* (?P<index>-?[0-9]{1,20}) \s* \]
    | \[ \s* (?P<key>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*') \s* \]
    """,
    re.VERBOSE | re.DOTALL,
)


#: The escapes that `repr` writes into a text.
_ESCAPE = re.compile(
    r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U00(?:0[0-9a-fA-F]|10)[0-9a-fA-F]{4}|.)", re.DOTALL
)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", "'": "'", '"': '"'}
_MORE = "A dot, or an index or key in brackets"


class _Token(NamedTuple):
    kind: str
    value: Any
    start: int


def resolve(root: Path[Any], text: object) -> Path[Any]:
    """Find the path that a text names, starting from another path.

    A name after a dot is a field, or a key of a dict with text keys. Brackets hold an index, a
    quoted key or the quoted name of a field.

    Args:
        root: Where the text starts: the path of a model with no steps.
        text: The text.

    Raises:
        InvalidPathError: The text is not a path, or leads nowhere in the model; the message shows
            where.
    """
    if not isinstance(text, str):
        raise InvalidPathError(f"{text!r} is neither a path nor a string that names one.")
    path = root
    for token in _tokens(text):
        try:
            path = _step(path, token)
        except ExpressionError as exc:
            raise _invalid(text, token.start, str(exc)) from exc
    return path


def _step(path: Path[Any], token: _Token) -> Path[Any]:
    """Go one step further: to a field, to an element, or to the value of a key."""
    if token.kind == "index":
        return item_of(path, token.value)
    members = members_of(annotation_of(path))
    if token.kind == "name":
        field = field_of(path, token.value)
        if field is not None:
            return field
        if Any not in members and all(value_of(member) is None for member in members):
            near = nearest_field(annotation_of(path), token.value)
            raise ExpressionError(f"{path!r} has no field {token.value!r}.{near}")
    try:
        return item_of(path, token.value)
    except ExpressionError:
        for member in members:
            for key in keys_of(member, token.value):
                return item_of(path, key)
        raise


def keys_of(annotation: Any, text: str) -> list[Any]:
    """Return the key that a text stands for in a dict without text keys; none if there is none."""
    key_and_value = value_of(annotation)
    if key_and_value is None:
        return []
    try:
        return [TypeAdapter(key_and_value[0]).validate_strings(text)]
    except ValidationError:
        return []


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
            wanted = "A field name" if expected else _MORE
            raise _invalid(text, place, f"{wanted} was expected there.")
        if not expected and found.lastgroup == "name":
            raise _invalid(text, place, f"{_MORE} was expected there.")
        tokens.append(_token(found))
        place = found.end()
    return tokens


def _token(found: re.Match[str]) -> _Token:
    kind = found.lastgroup or ""
    part = found[kind]
    if kind == "index":
        return _Token(kind, int(part), found.start())
    if kind == "key":
        start = found.start(kind)
        part = _ESCAPE.sub(lambda escape: _unescaped(escape, found.string, start), part)[1:-1]
    return _Token(kind, part, found.start())


def _unescaped(escape: re.Match[str], text: str, start: int) -> str:
    code = escape[1]
    if len(code) > 1:
        return chr(int(code[1:], 16))
    if code not in _ESCAPED:
        raise _invalid(
            text,
            start + escape.start(),
            "A backslash must come before another one, before a quote, or in an escape as Python "
            r"writes it: \n, \r, \t, \x00, \u0000, \U00000000.",
        )
    return _ESCAPED[code]


def _invalid(text: str, place: int, reason: str) -> InvalidPathError:
    shown = text.encode("unicode_escape").decode()
    column = len(text[:place].encode("unicode_escape").decode())
    return InvalidPathError(
        f"{text!r} is not a valid path from position {place} on:\n    {shown}\n    "
        f"{' ' * column}^\n{reason}",
        path=text,
        position=place,
    )
