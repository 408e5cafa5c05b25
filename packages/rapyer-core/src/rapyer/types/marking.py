"""Marks in pydantic's core schemas, by which the field type of a value is found again."""

from __future__ import annotations

from typing import Any, cast

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema

from rapyer.guards import is_plain_dict, is_plain_list

#: The name under which the metadata of a core schema names a field type.
FIELD_TYPE = "rapyer_field_type"
#: The name under which the metadata says how pydantic serialized the values when the mark was made:
#: a different serialization comes from a field.
SERIALIZATION = "rapyer_serialization"
#: The name under which the metadata says that the function of a schema gives the value unchanged,
#: or raises.
CHECKS_ONLY = "rapyer_checks_only"


class FieldTypeMarker:
    """Metadata for `Annotated`: the values of the annotation have a field type of their own.

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
    """Return a copy of a core `schema` that says by `name` which field type its values have.

    For the `__get_pydantic_core_schema__` of a class that is registered as a field type.
    """
    metadata: dict[str, Any] = {
        **(schema.get("metadata") or {}),
        FIELD_TYPE: name,
        SERIALIZATION: schema.get("serialization"),
    }
    marked: Any = {**schema, "metadata": metadata}
    return cast("CoreSchema", marked)


def copy_schema(part: Any, *, without_refs: bool = False) -> Any:
    """Copy a core schema, but not the functions, classes and values that it refers to.

    Args:
        part: The schema, or a part of one.
        without_refs: Whether to leave out the names that pydantic gives to classes: a schema
            without them may occur in several places of another one.
    """
    if is_plain_dict(part):
        is_schema = isinstance(part.get("type"), str)
        return {
            key: copy_schema(value, without_refs=without_refs)
            for key, value in part.items()
            if not (without_refs and is_schema and key == "ref")
        }
    if is_plain_list(part):
        return [copy_schema(item, without_refs=without_refs) for item in part]
    return part
