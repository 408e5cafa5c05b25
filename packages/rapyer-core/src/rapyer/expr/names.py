"""Paths as the names of keyword arguments: `profile__address__city`."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from rapyer.errors import ExpressionError, InvalidPathError
from rapyer.expr.annotations import fields_of, members_of, value_of
from rapyer.expr.parse import keys_of, resolve
from rapyer.expr.paths import Path, annotation_of, field_of, item_of, model_of

_BETWEEN = "__"


def resolve_name(root: Path[Any], name: str) -> Path[Any]:
    """Find the path that the name of a keyword argument stands for.

    Two underscores lead from a field to something in it: a field of a model, or a key of a dict.
    A field with exactly this name takes precedence over any that splitting the name leads to.

    Args:
        root: Where the name starts: the path of a model with no steps.
        name: The name.

    Raises:
        InvalidPathError: It leads nowhere, or is ambiguous.
    """
    readings = list(_readings(root, name))
    if not readings:
        raise InvalidPathError(_nowhere(root, name), path=name)
    if len(readings) > 1:
        raise InvalidPathError(
            f"{name!r} can be read as {' and as '.join(map(repr, readings))}. Give a mapping with "
            f"the one you mean: {{{readings[0]!r}: ...}}.",
            path=name,
        )
    return readings[0]


def _readings(path: Path[Any], name: str) -> Iterator[Path[Any]]:
    field = field_of(path, name)
    if field is not None:
        yield field
        return
    key = _value_of_key(path, name)
    if key is not None:
        yield key
    for place in range(1, len(name) - 2):
        if name.startswith(_BETWEEN, place):
            first = field_of(path, name[:place])
            if first is None:
                first = _value_of_key(path, name[:place])
            if first is not None:
                yield from _readings(first, name[place + 2 :])


def _value_of_key(path: Path[Any], key: str) -> Path[Any] | None:
    """Return the path of a key, if there is a dict that may have it."""
    members = members_of(annotation_of(path))
    if Any not in members and all(value_of(member) is None for member in members):
        return None
    try:
        return item_of(path, key)
    except ExpressionError:
        for member in members:
            for typed in keys_of(member, key):
                return item_of(path, typed)
        return None


def _nowhere(root: Path[Any], name: str) -> str:
    names = list(fields_of(annotation_of(root)))
    aliased = [own for own in names if _alias_of(root, own) == name]
    if aliased:
        return f"{name!r} is the alias of {root!r}.{aliased[0]}. Give the field's own name."
    indexed = _with_index(root, name)
    if indexed is not None:
        return (
            f"{name!r} contains an index, which must be in a path. Give a mapping: {{{indexed!r}: "
            "...}."
        )
    near = get_close_matches(name.partition(_BETWEEN)[0], names, n=1)
    remedy = f"Did you mean {near[0]!r}?" if near else f"Its fields are {', '.join(names)}."
    return (
        f"{root!r} has no field {name!r}, and its parts, separated by two underscores, do not name "
        f"one. {remedy}"
    )


def _with_index(root: Path[Any], name: str) -> str | None:
    """Return the text of the path that was meant where a part of a name is a number."""
    first, *others = name.split(_BETWEEN)
    if not any(part.isdecimal() for part in others):
        return None
    text = first + "".join(f"[{part}]" if part.isdecimal() else f".{part}" for part in others)
    try:
        resolve(root, text)
    except InvalidPathError:
        return None
    return text


def _alias_of(root: Path[Any], name: str) -> str | None:
    """Return the alias of a field of the model that a path starts from."""
    return model_of(root).__pydantic_fields__[name].alias
