"""Fields whose values the server changes in place: those without rules of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from rapyer.errors import ExpressionError
from rapyer.types.marking import FIELD_TYPE

if TYPE_CHECKING:
    from rapyer.base import BaseRedisModel
    from rapyer.locations import Location

Schema: TypeAlias = Mapping[str, Any]

#: What may be around the schema of a value without affecting its parts.
_AROUND: Final = frozenset({"default", "nullable"})


def plain_schema(location: Location, kind: str) -> Schema | None:
    """Return the schema of values that have no rules beyond what it says; None for all others.

    Args:
        location: Where they are.
        kind: The type of the schema: `"list"`, `"int"`.
    """
    schema: Schema = location.place.schema
    while schema["type"] in _AROUND and "serialization" not in schema:
        schema = schema["schema"]
    is_plain = "serialization" not in schema and FIELD_TYPE not in (schema.get("metadata") or {})
    return schema if schema["type"] == kind and is_plain else None


def not_plain(model: type[BaseRedisModel], path: Any, what: str) -> ExpressionError:
    """Make the error for a value that the server does not change in place."""
    return ExpressionError(
        f"{path!r} is {what}, or has a custom validator or serializer. Write it as a whole, under "
        f"a lock: `async with {model.__name__}.lock_by_key(key) as fresh:`."
    )


def around_empty(location: Location, nothing: object) -> str:
    """Return the path of the object around a field that is empty when a document lacks it."""
    place = location.place
    if not (place.is_field and place.has_static_default):
        return ""
    default = location.default(place)
    is_empty = type(default) is type(nothing) and default == nothing
    return location.around[-2] if is_empty else ""


def around_default(location: Location) -> tuple[str, str]:
    """Return the path of the object around a field, and the JSON that stands for its absence.

    Returns:
        Two empty texts if there is no such default, or no text for it on the server.
    """
    place = location.place
    if not (place.is_field and place.has_static_default):
        return "", ""
    default = location.default(place)
    if default is None:
        return "", ""
    text, corrections = location.codec.dump(default)
    return ("", "") if corrections else (location.around[-2], text.decode())
