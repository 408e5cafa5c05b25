"""Access to a field of a Redis type: binds the instance's value to its place."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Hashable, Iterable, Iterator, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple, get_args, get_type_hints

from pydantic import BaseModel

from rapyer.errors import ModelDefinitionError
from rapyer.expr.annotations import declared_members, fields_of, redis_type_of
from rapyer.expr.steps import Step
from rapyer.guards import PLAIN_TYPES, is_class, is_list, is_mapping
from rapyer.memory import BOUND_FIELDS, NotedChanges
from rapyer.redis_types.place import Place, PlacedModel, is_kept, place_of, placed

if TYPE_CHECKING:
    from rapyer.redis_types.value import RedisValue


class Binder(NamedTuple):
    """What binds the values of an annotation.

    Attributes:
        kind: The Redis type of the values; None for embedded models with fields of Redis types.
        elements: What binds the elements of a list or dict; None if they are not of a Redis type.
    """

    kind: type[RedisValue[Any]] | None = None
    elements: Binder | None = None

    def bind(self, value: Any, place: Place) -> Any:
        """Return a value as it is at a place: of its Redis type, or a model that knows it."""
        kind = self.kind
        if kind is None:
            return placed(value, place) if isinstance(value, PlacedModel) else value
        # a value that was assigned and not yet accessed may be anything
        is_bound = isinstance(value, PLAIN_TYPES[kind]) and not isinstance(value, bool | Enum)
        return kind.__rapyer_bind__(value, place, self.elements) if is_bound else value

    def unshared(self, value: Any) -> Any:
        """Return a copy of a value that has a place of its own; others as they are."""
        if self.kind is None:
            return value.__copy__() if isinstance(value, PlacedModel) else value
        if not (is_list(value) or is_mapping(value)):
            return value
        any_value: Any = value
        copied = any_value.copy()  # a copy of a Redis type is plain
        if self.elements is None:
            return copied
        if is_list(copied):
            return [self.elements.unshared(one) for one in copied]
        return {name: self.elements.unshared(one) for name, one in copied.items()}


class _Nothing(Binder):
    """The binder of a field that overrides one of a Redis type with a plain one."""

    def bind(self, value: Any, place: Place) -> Any:  # noqa: ARG002 - there is nothing to bind
        return value

    def unshared(self, value: Any) -> Any:
        return value


def path_of_field(owner: Any, name: str) -> Any:
    """Return what a class gives on access to a field that it has no attribute for."""
    kind: Any = owner.__class__
    return kind.__getattr__(owner, name)


class BoundField:
    """The class attribute of a field whose values are bound when they are accessed.

    Args:
        name: The name of the field.
        binder: What binds its values.
        is_root: Whether instances have a document of their own.
        warning: The warning issued at each access to a deprecated field.
    """

    __slots__ = ("_is_root", "_name", "_steps", "_warning", "binder")

    def __init__(self, name: str, binder: Binder, *, is_root: bool, warning: str | None) -> None:
        self.binder = binder
        self._name, self._is_root, self._warning = name, is_root, warning
        self._steps = (Step("field", name),)

    def __get__(self, instance: Any, owner: Any) -> Any:
        if instance is None:  # as for a field that pydantic leaves no attribute for
            return path_of_field(owner, self._name)
        if self._warning is not None:  # like the attribute that pydantic makes for such a field
            warnings.warn(self._warning, DeprecationWarning, stacklevel=2)
        values = instance.__dict__
        if self._name not in values:
            raise AttributeError(
                f"this {type(instance).__name__} has no {self._name!r}: it was deleted, or never "
                "set.",
                name=self._name,
                obj=instance,
            )
        value = values[self._name]
        if type(value) in PLAIN_TYPES:  # a list or dict that an earlier access has bound
            known: Place = value.__rapyer_place__
            if known.root is instance and known.steps is self._steps:
                return value
        if self._is_root:
            place = Place(instance, self._steps)
        else:
            place = place_of(instance).step(self._steps[0])
        bound = self.binder.bind(value, place)
        if bound is not value and is_kept(bound):
            values[self._name] = bound  # from now on one object, as in a plain field
        return bound

    def assigned(self, instance: Any) -> None:
        """Make an assigned value belong to this instance alone."""
        values = instance.__dict__
        value = values[self._name]
        if type(value) in PLAIN_TYPES and not is_kept(value):
            values[self._name] = copy.copy(value)  # plain, so that it knows no other instance
            return
        bound = self.__get__(instance, type(instance))
        if type(bound) in PLAIN_TYPES and is_kept(bound):
            bound.__rapyer_changed__ = NotedChanges.note()

    def __set__(self, instance: Any, value: Any) -> None:
        BaseModel.__setattr__(instance, self._name, value)

    def __delete__(self, instance: Any) -> None:
        if self._name not in instance.__dict__:
            raise AttributeError(self._name)
        del instance.__dict__[self._name]


def bind_fields(cls: type[BaseModel]) -> None:
    """Make the fields of a class that have Redis types give bound values.

    Args:
        cls: The class, whose annotations are resolved.

    Raises:
        ModelDefinitionError: A Redis type is used where its values could not be bound.
    """
    bound: dict[str, BoundField] = {}
    inherited = {name for base in cls.__mro__ for name in vars(base).get(BOUND_FIELDS, ())}
    is_root = PlacedModel not in cls.__mro__
    for name, field in cls.__pydantic_fields__.items():
        try:
            binder = _binder_of(field.annotation)
        except _LostError as exc:
            raise ModelDefinitionError(
                f"{cls.__name__}.{name} is {field.annotation!r}, in which {exc} would have no "
                "operations: only a RedisList, a RedisDict and an EmbeddedModel know the places of "
                "their parts, and a union may only add None. Annotate its container as one of "
                "these, or use the plain Python type."
            ) from None
        if binder is not None or name in inherited:
            warning = field.deprecation_message
            attribute = BoundField(name, binder or _Nothing(), is_root=is_root, warning=warning)
            bound[name] = attribute
            type.__setattr__(cls, name, attribute)
    type.__setattr__(cls, BOUND_FIELDS, bound)


def unshare_bound_fields(copied: BaseModel) -> None:
    """Return a shallow copy of a model its own copies of values that know where they belong."""
    bound: Mapping[str, BoundField] = getattr(type(copied), BOUND_FIELDS, {})
    if bound:
        values: Any = copied.__dict__
        for name, attribute in bound.items():
            if name in values:
                values[name] = attribute.binder.unshared(values[name])


def noting_assignment(cls: type[BaseModel], name: str, handler: Any) -> Any:
    """Return what assigns a field, based on pydantic's own handler; None to leave it to pydantic.

    Args:
        cls: The class.
        name: The attribute that is assigned.
        handler: pydantic's handler: it takes the instance, the name and the value.
    """
    bound: BoundField | None = getattr(cls, BOUND_FIELDS, {}).get(name)
    if bound is None or handler is None:
        return handler

    def assign(instance: Any, field: str, value: Any) -> None:
        handler(instance, field, value)
        bound.assigned(instance)

    return assign


class _LostError(Exception):
    """A Redis type is used inside something that does not bind its parts."""


def _binder_of(annotation: Any) -> Binder | None:
    """Return what binds the values of an annotation; None if none of them are bound.

    Raises:
        _LostError: A Redis type is used where its values could not be bound.
    """
    members = declared_members(annotation)
    if len(members) == 1:
        kind, arguments = redis_type_of(members[0]), get_args(members[0])
        if kind is not None:
            return Binder(kind, _binder_of(arguments[0]) if arguments else None)
    models = [member for member in members if is_class(member) and issubclass(member, PlacedModel)]
    others = [member for member in members if member not in models]
    for lost in _redis_types_in(others, set(), into_models=False):
        raise _LostError(lost.__name__)
    return Binder() if any(map(_has_redis_types, models)) else None


def _has_redis_types(model: type[BaseModel]) -> bool:
    """Return whether a Redis type occurs anywhere in the fields of a model, or of models in it."""
    seen: set[Hashable] = {model}
    return any(_redis_types_in(fields_of(model).values(), seen, into_models=True))


def _redis_types_in(
    annotations: Iterable[Any], seen: set[Hashable], *, into_models: bool
) -> Iterator[type[Any]]:
    """Return the Redis types that occur anywhere in annotations.

    Args:
        annotations: The annotations.
        seen: What has been visited already: annotations may refer back to themselves.
        into_models: Whether to look into our own models, which are examined by themselves.
    """
    for annotation in annotations:
        for member in declared_members(annotation):
            kind = redis_type_of(member)
            if kind is not None:
                yield kind
            is_ours = is_class(member) and "__rapyer_root__" in vars(member)
            if not isinstance(member, Hashable) or member in seen or (is_ours and not into_models):
                continue
            seen.add(member)
            parts = (*get_args(member), *fields_of(member).values(), *_of_named_tuple(member))
            yield from _redis_types_in(parts, seen, into_models=into_models)


def _of_named_tuple(annotation: object) -> Iterable[Any]:
    hints: Any = get_type_hints
    is_named = is_class(annotation) and issubclass(annotation, tuple)
    return hints(annotation).values() if is_named else ()
