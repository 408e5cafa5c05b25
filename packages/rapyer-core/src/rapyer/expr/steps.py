"""The steps of paths, and where they lead according to an annotation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Final, Literal, NamedTuple, TypeGuard, Union

from pydantic_core import PydanticSerializationError, to_jsonable_python

from rapyer.errors import ExpressionError
from rapyer.expr.annotations import (
    computed_of,
    element_of,
    fields_of,
    item_of,
    members_of,
    value_of,
)
from rapyer.expr.operands import kinds_of


class Step(NamedTuple):
    """One step of a path.

    Attributes:
        kind: Whether it leads to a field, to the value of a dict key, to the element at an index,
            or to each element of a list.
        value: The name of the field, the key, or the index; None for each element.
        stored_key: A key as it appears in JSON. Without it, equal keys would be the same step:
            `Decimal("1.1")` and `Decimal("1.10")` are two keys in a document.
    """

    kind: Literal["field", "key", "index", "each"]
    value: Any
    stored_key: str | None = None

    def __str__(self) -> str:
        if self.kind == "field":
            return f".{self.value}"
        return "" if self.kind == "each" else f"[{self.value!r}]"


EACH = Step("each", None)
#: No list is longer, and an index of more than 64 bits crashes the server (RedisJSON 2.8.3).
MAX_INDEX: Final = 2**53


def field_step(annotation: Any, name: str) -> tuple[Any, Any] | None:
    """Find a field: the annotation of the elements that have it, if any, and its own."""
    members = members_of(annotation)
    field = _field_of_one(members, name)
    if field is not None:
        return None, field
    for member in members:
        element = element_of(member)
        field = None if element is None else _field_of_one(members_of(element), name)
        if field is not None:
            return element, field
    return None


def nearest_field(annotation: Any, name: str) -> str:
    """Return a sentence, after a blank, that names what was most likely meant; or nothing.

    Args:
        annotation: Something with fields or keys, or with elements that have fields.
        name: A name that none of the fields has.
    """
    members = members_of(annotation)
    if any(name in computed_of(member) for member in members):
        return " It is a computed field, which is not stored. Read it on an instance."
    if any(value_of(member) is not None for member in members):
        return f" Write a key of a dict in brackets: [{name!r}]."
    elements = [element for element in map(element_of, members) if element is not None]
    inner = [member for element in elements for member in members_of(element)]
    names = [field for member in (*members, *inner) for field in fields_of(member)]
    near = get_close_matches(name, names, n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


def _field_of_one(members: Iterable[Any], name: str) -> Any:
    """Return the annotation of a field of union members: the union of theirs."""
    found = [fields[name] for fields in map(fields_of, members) if name in fields]
    if len(found) < 2 or all(annotation == found[0] for annotation in found):
        return found[0] if found else None
    return Union[tuple(found)]  # noqa: UP007 - of as many as there are


def item_step(annotation: Any, item: Any) -> tuple[Step, Any] | None:
    """Find where an item leads: its step, and the annotation behind it."""
    fields: Mapping[str, Any] = fields_of(annotation) if isinstance(item, str) else {}
    if item in fields:
        return Step("field", item), fields[item]
    if annotation is Any and isinstance(item, str):
        return key_step(item), Any
    if annotation is Any and _is_index(item):
        return _index_step(item), Any
    key_and_value = value_of(annotation)
    if key_and_value is not None:
        key_type, value = key_and_value
        if any(kind.accepts(item) for kind in kinds_of(key_type)):
            # a whole number may be written as an int, and is stored as the float that it is
            is_float = float in members_of(key_type) and int not in members_of(key_type)
            return key_step(float(item) if is_float and _is_index(item) else item), value
    if _is_index(item):
        element = item_of(annotation, item)
        return None if element is None else (_index_step(item), element)
    return None


def _is_index(item: Any) -> TypeGuard[int]:
    return isinstance(item, int) and not isinstance(item, bool)


def key_step(key: Any) -> Step:
    """Make the step to the value of a key, with its name in JSON."""
    if isinstance(key, str):
        return Step("key", key, str.__str__(key))
    try:
        (name,) = to_jsonable_python({key: None})
    except (PydanticSerializationError, UnicodeDecodeError) as exc:
        raise ExpressionError(f"{key!r} cannot be a key in JSON: {exc}.") from exc
    return Step("key", key, name)


def _index_step(index: int) -> Step:
    if not -MAX_INDEX <= index <= MAX_INDEX:
        raise ExpressionError(f"{index} is out of range for a list index.")
    return Step("index", index)
