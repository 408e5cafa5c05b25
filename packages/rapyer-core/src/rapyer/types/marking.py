"""Marks in pydantic's core schemas, by which the field type of a value is found again."""

from __future__ import annotations

from typing import Any, cast

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema

#: The name under which the metadata of a core schema names a field type.
FIELD_TYPE = "rapyer_field_type"
#: The name under which it says how pydantic serialized the values when the mark was made: another
#: serialization comes from a field.
SERIALIZATION = "rapyer_serialization"


class FieldTypeMarker:
    """Metadata for `Annotated`: the values of the annotation are of a field type of their own.

        Celsius = Annotated[float, FieldTypeMarker("Celsius")]

    Args:
        name: The name of a registered field type.
    """

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return mark(handler(source), self.name)

    def __repr__(self) -> str:
        return self.name


def mark(schema: CoreSchema, name: str) -> CoreSchema:
    """Give a copy of a core schema that says which field type its values have.

    For the `__get_pydantic_core_schema__` of a class that is registered as a field type.
    """
    metadata: dict[str, Any] = {
        **(schema.get("metadata") or {}),
        FIELD_TYPE: name,
        SERIALIZATION: schema.get("serialization"),
    }
    marked: Any = {**schema, "metadata": metadata}
    return cast("CoreSchema", marked)
