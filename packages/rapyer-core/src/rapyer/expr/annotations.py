"""What the annotation of a field says about the values below it."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import (
    Annotated,
    Any,
    Literal,
    NewType,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from pydantic import BaseModel
from typing_extensions import is_typeddict

from rapyer.guards import PLAIN_TYPES, is_class


def members_of(annotation: Any) -> tuple[Any, ...]:
    """Return the members of a union except None, or the one annotation itself, without wrappers.

    A Redis type counts as the Python type that it stands for: `RedisDict[int]` is `dict[str, int]`.
    """
    return tuple([plain_annotation(member) for member in declared_members(annotation)])


def declared_members(annotation: Any) -> tuple[Any, ...]:
    """Return the members of a union as `members_of` does, but keep Redis types as they are."""
    annotation = _without_wrappers(annotation)
    if get_origin(annotation) in (Union, types.UnionType):
        members = (member for member in get_args(annotation) if member is not type(None))
        return tuple(inner for member in members for inner in declared_members(member))
    return () if annotation is type(None) or annotation is None else (annotation,)


def may_be_none(annotation: Any) -> bool:
    """Return whether None is among the values of an annotation."""
    annotation = unwrapped(annotation)
    if get_origin(annotation) in (Union, types.UnionType):
        return any(may_be_none(member) for member in get_args(annotation))
    return annotation in (None, type(None), Any)


def unwrapped(annotation: Any) -> Any:
    """Remove aliases, `Annotated`, `NewType` and type variables around an annotation.

    A Redis type counts as the Python type that it stands for.
    """
    return plain_annotation(_without_wrappers(annotation))


def _without_wrappers(annotation: Any) -> Any:
    while True:
        aliased = getattr(annotation, "__value__", None)  # of a `type` statement, or its backport
        if aliased is not None:
            annotation = aliased
        elif get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif isinstance(annotation, NewType):
            annotation = annotation.__supertype__
        elif isinstance(annotation, TypeVar):
            annotation = annotation.__bound__ or Any
        else:
            return annotation


def plain_annotation(annotation: Any) -> Any:
    """Return the annotation that a Redis type stands for: `list[int]` for `RedisList[int]`."""
    kind = redis_type_of(annotation)
    if kind is None:
        return annotation
    plain: Any = PLAIN_TYPES[kind]
    arguments = get_args(annotation)
    keys = (str,) if issubclass(kind, Mapping) else ()
    return plain[(*keys, *arguments)] if arguments else plain


def redis_type_of(annotation: Any) -> type[Any] | None:
    """Return the Redis type of an annotation without wrappers; None for any other."""
    origin = _origin_of(annotation)
    return origin if is_class(origin) and origin in PLAIN_TYPES else None


def fields_of(annotation: Any) -> Mapping[str, Any]:
    """Return the annotations of the fields of a model, a dataclass or a typed dict, by name."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields = annotation.__pydantic_fields__
        return {name: field.annotation for name, field in fields.items()}
    origin = _origin_of(annotation)
    if is_class(origin) and dataclasses.is_dataclass(origin):
        names = {field.name for field in dataclasses.fields(origin)}
        return {name: hint for name, hint in _hints_of(origin).items() if name in names}
    return _hints_of(origin) if is_typeddict(origin) else {}


def computed_of(annotation: Any) -> Collection[str]:
    """Return the names of the computed fields of a model, which have no place in documents."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation.__pydantic_computed_fields__
    return ()


def _origin_of(annotation: Any) -> Any:
    return get_origin(annotation) or annotation


def _hints_of(kind: Any) -> Mapping[str, Any]:
    return get_type_hints(kind, include_extras=True)


def element_of(annotation: Any) -> Any:
    """Return the annotation of the elements of a list, set or tuple of any length; None for others.

    If an annotation says nothing about its elements, they may be of any type.
    """
    origin, arguments = _origin_of(annotation), get_args(annotation)
    if not is_class(origin) or issubclass(origin, str | bytes | Mapping):
        return None
    if origin is tuple or issubclass(origin, tuple):
        is_variadic = len(arguments) == 2 and arguments[1] is Ellipsis
        return arguments[0] if is_variadic else Any if not arguments else None
    if issubclass(origin, Collection):
        return arguments[0] if arguments else Any
    return None


def element_models(annotation: Any) -> list[type[BaseModel]]:
    """Return the models that the elements of a list may be; none for anything else."""
    elements = (element_of(member) for member in members_of(annotation))
    return [
        member
        for element in elements
        for member in (() if element is None else members_of(element))
        if isinstance(member, type) and issubclass(member, BaseModel)
    ]


def is_same(annotation: Any, other: Any) -> bool:
    """Return whether two annotations are the same: each access to a field may make a new union."""
    return annotation is other or (get_origin(annotation) is Union and annotation == other)


def item_of(annotation: Any, index: int) -> Any:
    """Return the annotation of the element at an index; None if an index leads nowhere."""
    origin, arguments = _origin_of(annotation), get_args(annotation)
    if not is_class(origin) or issubclass(origin, str | bytes | AbstractSet):
        return None
    if issubclass(origin, tuple) and origin is not tuple:  # a NamedTuple
        arguments = tuple(_hints_of(origin).values())
    if issubclass(origin, tuple) and arguments and arguments[-1] is not Ellipsis:
        return arguments[index] if -len(arguments) <= index < len(arguments) else None
    if issubclass(origin, Sequence):
        return arguments[0] if arguments else Any
    return None


def value_of(annotation: Any) -> tuple[Any, Any] | None:
    """Return the annotations of the keys and of the values of a dict; None for anything else."""
    origin, arguments = _origin_of(annotation), get_args(annotation)
    if is_typeddict(origin) or not is_class(origin) or not issubclass(origin, Mapping):
        return None
    return (arguments[0], arguments[1]) if len(arguments) == 2 else (str, Any)


def is_literal(annotation: Any) -> bool:
    """Return whether an annotation is a `Literal`."""
    return get_origin(annotation) is Literal
