"""The few places where rapyer leans on what pydantic does not promise to keep.

They stand together so that a new pydantic is checked here first. Seen on pydantic 2.14.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from pydantic._internal._model_construction import build_lenient_weakvaluedict
from pydantic_core import SchemaSerializer, SchemaValidator

if TYPE_CHECKING:
    from pydantic._internal._model_construction import ModelMetaclass
    from pydantic_core import CoreSchema
    from pydantic_core.core_schema import CoreConfig
else:
    ModelMetaclass = type(BaseModel)

__all__ = ["ModelMetaclass", "build_serializer", "build_validator", "parent_namespace_of"]


def parent_namespace_of(depth: int) -> dict[str, Any] | None:
    """Give the local names around a class statement, for annotations that name local classes.

    pydantic takes them from the frame above its own metaclass, which for a derived metaclass is
    the derived one's `__new__`: such a metaclass has to take them itself.

    Args:
        depth: How many frames the class statement is above the caller of this function.

    Returns:
        The names with weak references where possible; None for a class at module level.
    """
    frame = inspect.currentframe()
    for _ in range(depth + 1):
        frame = frame and frame.f_back
    if frame is None:
        return None
    if frame.f_code.co_name.startswith("<generic parameters of") and frame.f_back is not None:
        frame = frame.f_back  # the scope that PEP 695 puts around `class Page[T]`
    if frame.f_back is None or frame.f_code.co_name == "<module>":
        return None
    return build_lenient_weakvaluedict(dict(frame.f_locals))


def build_validator(schema: CoreSchema, config: CoreConfig) -> SchemaValidator:
    """Build a validator that uses every part of `schema` as it is given.

    By default pydantic-core takes the finished validator of a nested model class instead of the
    schema that stands there.
    """
    return SchemaValidator(schema, config, _use_prebuilt=False)


def build_serializer(schema: CoreSchema, config: CoreConfig) -> SchemaSerializer:
    """Build a serializer that uses every part of `schema` as it is given."""
    return SchemaSerializer(schema, config, _use_prebuilt=False)
