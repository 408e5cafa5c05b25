"""The few places where rapyer relies on what pydantic does not promise to keep.

They are together so that a new pydantic release is checked here first. Seen on pydantic 2.14.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeAlias

from pydantic import BaseModel, GetCoreSchemaHandler, PydanticSchemaGenerationError
from pydantic._internal._generate_schema import GenerateSchema
from pydantic._internal._model_construction import (
    build_lenient_weakvaluedict,
    init_private_attributes,
)
from pydantic_core import CoreSchema, SchemaSerializer, SchemaValidator

if TYPE_CHECKING:
    from pydantic._internal._model_construction import ModelMetaclass
    from pydantic_core.core_schema import CoreConfig
else:
    ModelMetaclass = type(BaseModel)

__all__ = [
    "ModelMetaclass",
    "build_serializer",
    "build_validator",
    "has_own_post_init",
    "is_made_by_pydantic",
    "parent_namespace_of",
    "unknown_types",
]

#: Gives the core schema of a type that pydantic does not know, or None.
SchemaOf: TypeAlias = "Callable[[Any], CoreSchema | None]"


def parent_namespace_of(depth: int) -> dict[str, Any] | None:
    """Return the local names around a class statement, for annotations that name local classes.

    pydantic takes them from the frame above its own metaclass. For a derived metaclass that is the
    derived `__new__`, so such a metaclass has to take them itself.

    Args:
        depth: How many frames the class statement is above the caller of this function.

    Returns:
        The names, with weak references where possible; None for a class at module level.
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


def is_made_by_pydantic(value: object) -> bool:
    """Return whether a class attribute is one of pydantic's functions for private attributes."""
    return str(getattr(value, "__module__", "")).startswith("pydantic.")


def has_own_post_init(model: type[BaseModel]) -> bool:
    """Return whether a model runs code of its own when an instance is made."""
    method: object = model.model_post_init
    return method not in (BaseModel.model_post_init, init_private_attributes)


def build_validator(schema: CoreSchema, config: CoreConfig) -> SchemaValidator:
    """Build a validator that uses every part of `schema` as it is given.

    By default, pydantic-core uses the finished validator of a nested model class instead of the
    schema given for it.
    """
    return SchemaValidator(schema, config, _use_prebuilt=False)


def build_serializer(schema: CoreSchema, config: CoreConfig) -> SchemaSerializer:
    """Build a serializer that uses every part of `schema` as it is given."""
    return SchemaSerializer(schema, config, _use_prebuilt=False)


_schema_of: ContextVar[SchemaOf | None] = ContextVar("schema_of", default=None)


with warnings.catch_warnings():
    warnings.simplefilter("ignore", UserWarning)  # the API may change, which is why it is used here

    class _Generator(GenerateSchema):
        """pydantic's schema generator, which asks others before it gives up on a type."""

        __slots__ = ()

        def match_type(self, obj: Any, origin: Any) -> CoreSchema:
            try:
                return super().match_type(obj, origin)
            except PydanticSchemaGenerationError:  # a dataclass with an unknown part
                schema = _ask(obj)
                if schema is None:
                    raise
                return schema

        def _arbitrary_type_schema(self, tp: Any) -> CoreSchema:
            return _ask(tp) or super()._arbitrary_type_schema(tp)

        def _unknown_type_schema(self, obj: Any) -> CoreSchema:
            return _ask(obj) or super()._unknown_type_schema(obj)


def _ask(kind: Any) -> CoreSchema | None:
    schema_of = _schema_of.get()
    return None if schema_of is None or not isinstance(kind, type) else schema_of(kind)


@contextmanager
def unknown_types(handler: GetCoreSchemaHandler, schema_of: SchemaOf) -> Generator[None]:
    """Let pydantic ask `schema_of` about types that it does not know, at any depth of annotations.

    pydantic has no registry of types, and its `schema_generator` setting is deprecated. So the
    generator behind `handler` is one of ours as long as this lasts.

    Args:
        handler: The handler that a model's `__get_pydantic_core_schema__` received.
        schema_of: Gives the core schema of a type, or None if it does not know the type either.
    """
    generator: Any = getattr(handler, "_generate_schema")  # noqa: B009 - for pyright: it is private
    before = generator.__class__
    if before is GenerateSchema:
        generator.__class__ = _Generator
    token = _schema_of.set(schema_of)
    try:
        yield
    finally:
        _schema_of.reset(token)
        generator.__class__ = before
