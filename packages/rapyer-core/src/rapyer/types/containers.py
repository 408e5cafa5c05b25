"""Collections for which JSON has no exact form: sets."""

from __future__ import annotations

from typing import Any

from pydantic_core import core_schema, to_json


def serialize_set() -> core_schema.SerSchema:
    """Make the serialization of a set: an array in the order of its elements' JSON in UTF-8.

    Python's own order changes from run to run; with this order, equal sets are equal documents.
    """
    return core_schema.wrap_serializer_function_ser_schema(_dump_set)


def _dump_set(value: Any, elements: core_schema.SerializerFunctionWrapHandler) -> list[Any]:
    return sorted(elements(value), key=to_json)
