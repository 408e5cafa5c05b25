"""The steps of paths, and where they lead by what an annotation says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from rapyer.expr.annotations import element_of, fields_of, item_of, members_of, value_of
from rapyer.expr.operands import kinds_of


class Step(NamedTuple):
    """One step of a path.

    Attributes:
        kind: Whether it leads to a field, to the value of a key of a dict, to the element at an
            index, or to each element of a list.
        value: The name of the field, the key, or the index; None for each element.
    """

    kind: Literal["field", "key", "index", "each"]
    value: Any

    def __str__(self) -> str:
        if self.kind == "field":
            return f".{self.value}"
        return "" if self.kind == "each" else f"[{self.value!r}]"


EACH = Step("each", None)


def field_step(annotation: Any, name: str) -> tuple[Any, Any] | None:
    """Find a field: the annotation of the elements that it is of, if any, and its own."""
    members = members_of(annotation)
    for member in members:
        fields = fields_of(member)
        if name in fields:
            return None, fields[name]
    for member in members:
        element = element_of(member)
        for inner in () if element is None else members_of(element):
            fields = fields_of(inner)
            if name in fields:
                return element, fields[name]
    return None


def item_step(annotation: Any, item: Any) -> tuple[Step, Any] | None:
    """Find where an item leads: its step, and the annotation behind it."""
    fields: Mapping[str, Any] = fields_of(annotation) if isinstance(item, str) else {}
    if item in fields:
        return Step("field", item), fields[item]
    if annotation is Any and isinstance(item, str | int) and not isinstance(item, bool):
        return Step("key" if isinstance(item, str) else "index", item), Any
    key_and_value = value_of(annotation)
    if key_and_value is not None:
        key_type, value = key_and_value
        if any(kind.accepts(item) for kind in kinds_of(key_type)):
            return Step("key", item), value
    if isinstance(item, int) and not isinstance(item, bool):
        element = item_of(annotation, item)
        if element is not None:
            return Step("index", item), element
    return None
