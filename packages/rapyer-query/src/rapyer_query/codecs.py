"""The stored forms of operands whose types come from plugins."""

from __future__ import annotations

from pydantic import TypeAdapter
from rapyer.base import BaseRedisModel, field_types_of
from rapyer.types.codec import Codec
from rapyer.types.table import FieldType


def codec_of(model: type[BaseRedisModel], field_type: FieldType) -> Codec:
    """Return the codec for values of a plugin's type in documents of a model."""
    field_types = field_types_of(model)
    schema = field_type.validation
    if schema is None:
        schema = TypeAdapter(field_types.annotation_of(field_type)).core_schema
    return Codec(field_type.name, lambda: schema, field_types)
