"""One table of value types: how each is stored, compared and may be indexed.

This table has the families of core. These and those of plugins are registered through the hook
`rapyer_register_field_types`, and looked up by `rapyer.types.registry`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Literal, TypeAlias
from uuid import UUID

from pydantic_core import core_schema

from rapyer.types import exact, geo, temporal, text

#: How the server could index a value: as a number, as a text found as a whole, as a place, or not
#: at all.
Index: TypeAlias = Literal["numeric", "tag", "geo"] | None
#: How two values of a type are ordered: as numbers, by the code points of a text, as instants, or
#: only told apart.
Order: TypeAlias = Literal["number", "text", "instant"] | None

#: What the server does in place: adds to a number, appends to a text or to bytes, moves a date or a
#: time by a span.
Operation: TypeAlias = Literal["increase", "append", "shift"]


@dataclass(frozen=True, slots=True)
class FieldType:
    """A type of values that fields can have.

    Plugins make theirs with [`define_field_type`][rapyer.types.define.define_field_type].

    Attributes:
        name: Its name in Python, such as `"datetime"`.
        form: An example, in JSON, of what is stored.
        order: How values are ordered.
        index: How the server can index them.
        index_path: Where in the stored form the indexed number is; empty for the value itself.
        stored: The core schema of the stored form; None if pydantic's own JSON is the form.
        operations: What the server can do to the stored form in place, besides setting it.
        schema_type: The type of pydantic's core schema, for types that pydantic-core itself has;
            this way constraints and other metadata of an annotation are seen through.
        validation: The core schema for instances, for types that pydantic does not know.
    """

    name: str
    form: str
    order: Order
    index: Index
    index_path: tuple[str, ...] = ()
    stored: core_schema.CoreSchema | None = None
    operations: frozenset[Operation] = frozenset()
    schema_type: str | None = None
    validation: core_schema.CoreSchema | None = None


def _scalar(name: str, form: str, order: Order, index: Index, **more: Any) -> FieldType:
    return FieldType(name, form, order, index, schema_type=name.lower(), **more)


_INCREASE: frozenset[Operation] = frozenset({"increase"})
_APPEND: frozenset[Operation] = frozenset({"append"})
_SHIFT: frozenset[Operation] = frozenset({"shift"})

#: The field types of core, with the annotations that they are registered for.
CORE_FIELD_TYPES: tuple[tuple[Any, FieldType], ...] = (
    (bool, _scalar("bool", "true", None, "tag")),
    (int, _scalar("int", "36", "number", "numeric", operations=_INCREASE)),
    (float, _scalar("float", "0.5", "number", "numeric", operations=_INCREASE)),
    (str, _scalar("str", '"Ada"', "text", "tag", operations=_APPEND)),
    (Enum, _scalar("Enum", "the member's value", None, "tag")),
    (bytes, _scalar("bytes", '"3q2-7w=="', None, "tag", stored=text.BYTES, operations=_APPEND)),
    (UUID, _scalar("UUID", '"a987fbc9-4bed-3078-cf07-9141ba07c9f3"', "text", "tag",
                   stored=text.UUID)),
    (Decimal, _scalar("Decimal", '{"dec":"1.10","n":1.1}', "number", "numeric",
                      index_path=("n",), stored=exact.DECIMAL)),
    (date, _scalar("date", "20780", "number", "numeric", stored=temporal.DATE, operations=_SHIFT)),
    (time, _scalar("time", '{"us":43200000000,"off":3600}', "instant", "numeric",
                   index_path=("us",), stored=temporal.TIME)),
    (datetime, _scalar("datetime", '{"us":1795460614607138,"off":3600}', "instant", "numeric",
                       index_path=("us",), stored=temporal.DATETIME, operations=_SHIFT)),
    (timedelta, _scalar("timedelta", "90000000", "number", "numeric", stored=temporal.TIMEDELTA,
                        operations=_SHIFT)),
    (exact.BigInt, FieldType("BigInt", '"123456789012345678901"', None, "tag",
                             stored=exact.BIG_INTEGER)),
    (geo.GeoPoint, FieldType("GeoPoint", '"2.3522,48.8566"', None, "geo", stored=geo.GEO_POINT)),
)  # fmt: skip
