"""How the values of each type are represented in an index."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from rapyer.expr.text import stored_text
from rapyer.types.registry import FieldTypes
from rapyer.types.table import FieldType

from rapyer_query.attributes import Family, Form


@dataclass(frozen=True, slots=True)
class Kind:
    """How the values of a type are represented in an index.

    Attributes:
        form: The type of the attribute.
        family: How they are compared with operands.
        path: Where in the stored form the indexed value is; empty for the value itself.
        offset_path: Where the offset of a moment is stored with it; empty if there is none.
        members: The possible values, as the index has them; empty for any.
        field_type: Their type, if it comes from a plugin.
    """

    form: Form
    family: Family
    path: tuple[str, ...] = ()
    offset_path: tuple[str, ...] = ()
    members: tuple[Any, ...] = ()
    field_type: FieldType | None = None


_OFFSET: Final = ("off",)
#: Core's own field types, by name.
_OF_CORE: Mapping[str, Kind] = {
    "bool": Kind("TAG", "bool", members=("true", "false")),
    "int": Kind("NUMERIC", "integer"),
    "float": Kind("NUMERIC", "float"),
    "str": Kind("TAG", "text"),
    "bytes": Kind("TAG", "token"),
    "UUID": Kind("TAG", "token"),
    "BigInt": Kind("TAG", "token"),
    "Decimal": Kind("NUMERIC", "decimal", ("n",)),
    "date": Kind("NUMERIC", "days"),
    "timedelta": Kind("NUMERIC", "span"),
    "datetime": Kind("NUMERIC", "instant", ("us",), _OFFSET),
    "time": Kind("NUMERIC", "clock", ("us",), _OFFSET),
    "GeoPoint": Kind("GEO", "place"),
}
_FORMS: Mapping[str, Form] = {"numeric": "NUMERIC", "tag": "TAG", "geo": "GEO"}
_NUMBERS = frozenset({"integer", "float"})
_TEXTS = frozenset({"text", "token", "choice", "texts"})


def kind_of_schema(schema: Mapping[str, Any], field_types: FieldTypes) -> Kind | None:
    """Return the kind of the values of a core schema; None if they have none on their own."""
    field_type = field_types.of_schema(schema)
    if field_type is None or _has_own_form(schema, field_type, field_types):
        return None
    if field_type.name == "Enum":
        return kind_of_values([member.value for member in schema["members"]])
    known = _OF_CORE.get(field_type.name)
    if known is None and field_type.index is not None:
        form = _FORMS[field_type.index]
        return Kind(form, "custom", field_type.index_path, field_type=field_type)
    return known


def _has_own_form(
    schema: Mapping[str, Any], field_type: FieldType, field_types: FieldTypes
) -> bool:
    """Return whether a field has a serializer of its own, which decides what is stored."""
    if field_type.stored is not None:
        return field_types.stored_schema(schema) is None
    return "serialization" in schema and field_type.name != "Enum"


def kind_of_literal(expected: Sequence[Any]) -> Kind | None:
    """Return the kind of a `Literal`; a None among its values is null."""
    if any(value is None or isinstance(value, Enum) for value in expected):
        return None
    return kind_of_values(expected)


def kind_of_values(values: Sequence[Any]) -> Kind | None:
    """Return the kind of values that are all known: they are texts, or whole numbers."""
    if all(isinstance(value, str) for value in values):
        return Kind("TAG", "choice", members=tuple(stored_text(str(value)) for value in values))
    if all(isinstance(value, int) and not isinstance(value, bool) for value in values):
        return Kind("NUMERIC", "integer")
    return None


def kind_of_union(choices: Iterable[Mapping[str, Any]], field_types: FieldTypes) -> Kind | None:
    """Return the kind of a union whose members have one JSON type."""
    families: set[Family] = set()
    for choice in choices:
        kind = kind_of_schema(choice, field_types)
        if kind is None and choice["type"] == "literal":
            kind = kind_of_literal(choice["expected"])
        # a number for an Enum other than IntEnum may be read as its member, or as itself
        if kind is None or kind.path or (choice["type"] == "enum" and kind.form == "NUMERIC"):
            return None
        families.add(kind.family)
    if families <= _NUMBERS:
        return Kind("NUMERIC", "integer")
    return Kind("TAG", "texts") if families <= _TEXTS else None
