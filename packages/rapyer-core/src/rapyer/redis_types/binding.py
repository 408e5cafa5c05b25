"""Access to a field of a Redis type: the value that an instance has, bound to where it stands."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple, get_args

from pydantic import BaseModel

from rapyer.errors import ModelDefinitionError
from rapyer.expr.annotations import declared_members, fields_of, redis_type_of
from rapyer.expr.steps import Step
from rapyer.guards import PLAIN_TYPES, is_class, is_list, is_mapping
from rapyer.redis_types.place import Place, PlacedModel, is_kept, place_of, placed

if TYPE_CHECKING:
    from rapyer.redis_types.value import RedisValue


class Binder(NamedTuple):
    """What binds the values of an annotation.

    Attributes:
        kinds: The Redis types that they may have, each with what binds the elements.
        has_models: Whether they may be embedded models that have fields of Redis types.
    """

    kinds: tuple[tuple[type[RedisValue[Any]], Binder | None], ...] = ()
    has_models: bool = False

    def bind(self, value: Any, place: Place) -> Any:
        """Give a value as it is at a place: of its Redis type, or a model that knows its place."""
        for kind, elements in self.kinds:
            if isinstance(value, PLAIN_TYPES[kind]) and type(value) is not bool:
                return kind.__rapyer_bind__(value, place, elements)
        if self.has_models and isinstance(value, PlacedModel):
            return placed(value, place)
        return value

    def unshared(self, value: Any) -> Any:
        """Give a copy of a value that stands at a place of its own; not of what has none."""
        for kind, elements in self.kinds:
            if isinstance(value, PLAIN_TYPES[kind]):
                return _unshared(value, elements)
        if self.has_models and isinstance(value, PlacedModel):
            return value.__copy__()
        return value


def _unshared(value: Any, elements: Binder | None) -> Any:
    if not (is_list(value) or is_mapping(value)):
        return value
    any_value: Any = value
    copied = any_value.copy()  # that of a Redis type is plain
    if elements is None:
        return copied
    if is_list(copied):
        return [elements.unshared(one) for one in copied]
    return {name: elements.unshared(one) for name, one in copied.items()}


_NOTHING: Final = Binder()
#: The attribute of classes that holds those of their fields.
_BOUND_FIELDS: Final = "__rapyer_bound_fields__"


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
    inherited = {name for base in cls.__mro__ for name in vars(base).get(_BOUND_FIELDS, ())}
    is_root = PlacedModel not in cls.__mro__
    for name, field in cls.__pydantic_fields__.items():
        try:
            binder = _binder_of(field.annotation)
        except _LostError as exc:
            raise ModelDefinitionError(
                f"{cls.__name__}.{name} is {field.annotation!r}, in which {exc} would have no "
                "operations: only a RedisList, a RedisDict and an EmbeddedModel know where their "
                "parts stand. Annotate what is around it so, or use the plain type of Python."
            ) from None
        if binder is not None or name in inherited:
            warning = field.deprecation_message
            attribute = BoundField(name, binder or _NOTHING, is_root=is_root, warning=warning)
            bound[name] = attribute
            type.__setattr__(cls, name, attribute)
    type.__setattr__(cls, _BOUND_FIELDS, bound)


def unshare_bound_fields(copy: BaseModel) -> None:
    """Give a shallow copy of a model values of its own where they know whose they are."""
    bound: Mapping[str, BoundField] = getattr(type(copy), _BOUND_FIELDS, {})
    if bound:
        values: Any = copy.__dict__
        for name, attribute in bound.items():
            if name in values:
                values[name] = attribute.binder.unshared(values[name])


class _LostError(Exception):
    """A Redis type stands inside of what does not bind its parts."""


def _binder_of(annotation: Any) -> Binder | None:
    """Give what binds the values of an annotation; None where none of them are bound."""
    kinds: list[tuple[type[RedisValue[Any]], Binder | None]] = []
    has_models = False
    for member in declared_members(annotation):
        kind = redis_type_of(member)
        if kind is not None:
            (elements,) = map(_binder_of, get_args(member)) if get_args(member) else (None,)
            kinds.append((kind, elements))
        elif is_class(member) and issubclass(member, PlacedModel):
            has_models |= _has_redis_types(member)
        else:
            for lost in _redis_types_in([member], set(), into_models=False):
                raise _LostError(lost.__name__)
    return Binder(tuple(kinds), has_models) if kinds or has_models else None


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
            parts = (*get_args(member), *fields_of(member).values())
            yield from _redis_types_in(parts, seen, into_models=into_models)
