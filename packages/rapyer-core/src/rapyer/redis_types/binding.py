"""Access to a field of a Redis type: the value that an instance has, bound to where it stands."""

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
        kind: The Redis type that they have; None for embedded models that have fields of such.
        elements: What binds the elements of a list or a dict; None where they are of no Redis type.
    """

    kind: type[RedisValue[Any]] | None = None
    elements: Binder | None = None

    def bind(self, value: Any, place: Place) -> Any:
        """Give a value as it is at a place: of its Redis type, or a model that knows its place."""
        kind = self.kind
        if kind is None:
            return placed(value, place) if isinstance(value, PlacedModel) else value
        # what was assigned, and never looked at, may be anything
        is_bound = isinstance(value, PLAIN_TYPES[kind]) and not isinstance(value, bool | Enum)
        return kind.__rapyer_bind__(value, place, self.elements) if is_bound else value

    def unshared(self, value: Any) -> Any:
        """Give a copy of a value that stands at a place of its own; not of what has none."""
        if self.kind is None:
            return value.__copy__() if isinstance(value, PlacedModel) else value
        if not (is_list(value) or is_mapping(value)):
            return value
        any_value: Any = value
        copied = any_value.copy()  # that of a Redis type is plain
        if self.elements is None:
            return copied
        if is_list(copied):
            return [self.elements.unshared(one) for one in copied]
        return {name: self.elements.unshared(one) for name, one in copied.items()}


class _Nothing(Binder):
    """That of a field which overrides one of a Redis type by a plain one."""

    def bind(self, value: Any, place: Place) -> Any:  # noqa: ARG002 - there is nothing to bind
        return value

    def unshared(self, value: Any) -> Any:
        return value


def path_of_field(owner: Any, name: str) -> Any:
    """Give what access to a class gives for a field of which it has no attribute."""
    kind: Any = owner.__class__
    return kind.__getattr__(owner, name)


class BoundField:
    """The attribute of a class for a field whose values are bound when they are accessed.

    Args:
        name: The name of the field.
        binder: What binds its values.
        is_root: Whether instances have a document of their own.
        warning: What is said at each access, of a field that is deprecated.
    """

    __slots__ = ("_is_root", "_name", "_steps", "_warning", "binder")

    def __init__(self, name: str, binder: Binder, *, is_root: bool, warning: str | None) -> None:
        self.binder = binder
        self._name, self._is_root, self._warning = name, is_root, warning
        self._steps = (Step("field", name),)

    def __get__(self, instance: Any, owner: Any) -> Any:
        if instance is None:  # as for a field that pydantic leaves no attribute of
            return path_of_field(owner, self._name)
        if self._warning is not None:  # as the attribute does that pydantic makes of such a field
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
        if type(value) in PLAIN_TYPES:  # a list that was bound by an earlier access
            known: Place = value.__rapyer_place__
            if known.root is instance and known.steps is self._steps:
                return value
        if self._is_root:
            place = Place(instance, self._steps)
        else:
            place = place_of(instance).step(self._steps[0])
        bound = self.binder.bind(value, place)
        if bound is not value and is_kept(bound):
            values[self._name] = bound  # one object from now on, as that of a plain field is
        return bound

    def assigned(self, instance: Any) -> None:
        """Take a value that was assigned for one that the instance alone has."""
        values = instance.__dict__
        value = values[self._name]
        if type(value) in PLAIN_TYPES and not is_kept(value):
            values[self._name] = copy.copy(value)  # as a plain one, which knows no other instance
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
    """Let the fields of a class that have Redis types give bound values.

    Args:
        cls: The class, whose annotations are resolved.

    Raises:
        ModelDefinitionError: A Redis type stands where its values could not be bound.
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
                "operations: only a RedisList, a RedisDict and an EmbeddedModel know where their "
                "parts stand, and in a union there is None alone beside it. Annotate what is "
                "around it so, or use the plain type of Python."
            ) from None
        if binder is not None or name in inherited:
            warning = field.deprecation_message
            attribute = BoundField(name, binder or _Nothing(), is_root=is_root, warning=warning)
            bound[name] = attribute
            type.__setattr__(cls, name, attribute)
    type.__setattr__(cls, BOUND_FIELDS, bound)


def unshare_bound_fields(copied: BaseModel) -> None:
    """Give a shallow copy of a model values of its own where they know whose they are."""
    bound: Mapping[str, BoundField] = getattr(type(copied), BOUND_FIELDS, {})
    if bound:
        values: Any = copied.__dict__
        for name, attribute in bound.items():
            if name in values:
                values[name] = attribute.binder.unshared(values[name])


def noting_assignment(cls: type[BaseModel], name: str, handler: Any) -> Any:
    """Give what assigns a field, from what pydantic has for that; None for what it does itself.

    Args:
        cls: The class.
        name: The attribute that is assigned.
        handler: What pydantic does: it takes the instance, the name and the value.
    """
    bound: BoundField | None = getattr(cls, BOUND_FIELDS, {}).get(name)
    if bound is None or handler is None:
        return handler

    def assign(instance: Any, field: str, value: Any) -> None:
        handler(instance, field, value)
        bound.assigned(instance)

    return assign


class _LostError(Exception):
    """A Redis type stands inside of what does not bind its parts."""


def _binder_of(annotation: Any) -> Binder | None:
    """Give what binds the values of an annotation; None where none of them are bound.

    Raises:
        _LostError: A Redis type stands where its values could not be bound.
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
    """Say whether a Redis type stands anywhere in the fields of a model, or of the models in it."""
    seen: set[Hashable] = {model}
    return any(_redis_types_in(fields_of(model).values(), seen, into_models=True))


def _redis_types_in(
    annotations: Iterable[Any], seen: set[Hashable], *, into_models: bool
) -> Iterator[type[Any]]:
    """Give the Redis types that stand anywhere in annotations.

    Args:
        annotations: The annotations.
        seen: What was looked at already: annotations may lead back to themselves.
        into_models: Whether to look into models of ours, which are looked at themselves.
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
