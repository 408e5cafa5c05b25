"""One table of the types of values: how each is stored, compared and may be indexed.

A field type is found by the type of pydantic's core schema, after pydantic has turned the
annotation into it; so constraints and other metadata of an annotation are seen through.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast

from pydantic_core import core_schema

from rapyer.types import exact, temporal, text

#: How the server could index a value: as a number, as a text found as a whole, or not at all.
Index: TypeAlias = Literal["numeric", "tag"] | None
#: How two values of a type are ordered: as numbers, by the code points of a text, as instants, or
#: only told apart.
Order: TypeAlias = Literal["number", "text", "instant"] | None

#: What the server does in place: adds to a number, appends to a text or to bytes, moves a date or a
#: time by a span.
Operation: TypeAlias = Literal["increase", "append", "shift"]


@dataclass(frozen=True, slots=True)
class FieldType:
    """A type of values that fields can have.

    Attributes:
        name: Its name in Python, such as `"datetime"`.
        form: What is stored, as an example in JSON.
        order: How values are ordered.
        index: How the server can index them.
        index_path: Where in the stored form the indexed number stands; empty for the value itself.
        stored: The core schema of the stored form; None where pydantic's own JSON is the form.
        operations: What the server can do to the stored form in place, beside setting it.
    """

    name: str
    form: str
    order: Order
    index: Index
    index_path: tuple[str, ...] = ()
    stored: core_schema.CoreSchema | None = None
    operations: frozenset[Operation] = frozenset()


_INCREASE: frozenset[Operation] = frozenset({"increase"})
_APPEND: frozenset[Operation] = frozenset({"append"})
_SHIFT: frozenset[Operation] = frozenset({"shift"})

_TYPES = {
    "bool": FieldType("bool", "true", None, "tag"),
    "int": FieldType("int", "36", "number", "numeric", operations=_INCREASE),
    "float": FieldType("float", "0.5", "number", "numeric", operations=_INCREASE),
    "str": FieldType("str", '"Ada"', "text", "tag", operations=_APPEND),
    "enum": FieldType("Enum", "the member's value", None, "tag"),
    "bytes": FieldType(
        "bytes", '"3q2-7w=="', None, "tag", stored=text.BYTES, operations=_APPEND
    ),
    "uuid": FieldType(
        "UUID", '"a987fbc9-4bed-3078-cf07-9141ba07c9f3"', "text", "tag", stored=text.UUID
    ),
    "decimal": FieldType(
        "Decimal", '{"dec":"1.10","n":1.1}', "number", "numeric", ("n",), exact.DECIMAL
    ),
    "date": FieldType(
        "date", "20780", "number", "numeric", stored=temporal.DATE, operations=_SHIFT
    ),
    "time": FieldType(
        "time", '{"us":43200000000,"off":3600}', "instant", "numeric", ("us",), temporal.TIME
    ),
    "datetime": FieldType(
        "datetime", '{"us":1795460614607138,"off":3600}', "instant", "numeric", ("us",),
        temporal.DATETIME, _SHIFT,
    ),
    "timedelta": FieldType(
        "timedelta", "90000000", "number", "numeric", stored=temporal.TIMEDELTA,
        operations=_SHIFT,
    ),
}  # fmt: skip

#: The field types by the type of their core schema.
FIELD_TYPES: Mapping[str, FieldType] = _TYPES
BIG_INT = FieldType("BigInt", '"123456789012345678901"', None, "tag", stored=exact.BIG_INTEGER)

#: What stands in a core schema beside what it demands of a value.
_NO_CONSTRAINTS = frozenset(
    {"type", "ref", "metadata", "strict", "serialization", "microseconds_precision"}
)


def field_type_of(schema: Mapping[str, Any]) -> FieldType | None:
    """Find the field type that a core schema is of."""
    metadata: Mapping[str, Any] = schema.get("metadata") or {}
    if schema["type"] == "int" and exact.BIG_INT in metadata:
        return BIG_INT
    return FIELD_TYPES.get(schema["type"])


def stored_schema(field_type: FieldType, schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """Give the schema of the stored form of a value, with the constraints of its field.

    Returns:
        None where pydantic's own JSON is the stored form, and where the field has a serializer of
        its own, which then decides what is stored.
    """
    if field_type.stored is None or "serialization" in schema:
        return None
    stored = cast("dict[str, Any]", field_type.stored)
    form: dict[str, Any] = {**_with_our_error(field_type), "serialization": stored["serialization"]}
    if schema.keys() <= _NO_CONSTRAINTS:
        return form
    # a schema with constraints checks the value that the form was turned into
    constraints = {key: value for key, value in schema.items() if key != "ref"}
    return {
        "type": "chain",
        "steps": [form, {**constraints, "strict": False}],
        "serialization": stored["serialization"],
    }


def _with_our_error(field_type: FieldType) -> core_schema.CustomErrorSchema:
    return core_schema.custom_error_schema(
        cast("core_schema.CoreSchema", field_type.stored),
        custom_error_type="stored_form",
        custom_error_message=(
            "Input should be the stored form of a {name}, such as {form} (see docs/storage.md)"
        ),
        custom_error_context={"name": field_type.name, "form": field_type.form},
    )
