"""What the values of a document consist of, in JSON and in Python at once, step by step."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, NamedTuple, TypeAlias, cast

from pydantic import BaseModel, RootModel

from rapyer.errors import ExpressionError
from rapyer.expr.steps import Step
from rapyer.guards import is_list, is_mapping, is_plain_dict, is_plain_list, is_tuple
from rapyer.locations import Locations

# bypasses what a Redis type does when its user sets something
_list: Any = list
_dict: Any = dict
_set_in_list: Callable[[list[Any], Any, Any], None] = _list.__setitem__
_set_in_dict: Callable[[Any, Any, Any], None] = _dict.__setitem__

#: The name that stands for all fields where pydantic is asked for one of them.
_EVERYTHING = "__all__"
#: Gives, for a key in JSON, the step that leads to the part, and the part.
_PartOf: TypeAlias = Callable[[Any], tuple[Step, Any]]


class UnreachableError(Exception):
    """No path leads to the parts of a value, which exists only as a whole."""


class Parts(NamedTuple):
    """What a value consists of.

    Attributes:
        keys: The keys of its parts in JSON.
        part: Gives, for a key, the step that leads to the part, and the part.
    """

    keys: Collection[Any]
    part: _PartOf


def parts_of(locations: Locations, steps: tuple[Step, ...], value: Any, json: Any) -> Parts:
    """Return the parts of a value.

    Args:
        locations: Where paths lead.
        steps: The steps that lead to the value.
        value: The value.
        json: Its form in JSON.

    Raises:
        UnreachableError: They are not also parts of the JSON.
    """
    if is_plain_list(value) or is_tuple(value):
        return Parts(range(len(value)), elements_of(value))
    if is_plain_dict(value) and not _is_typed(locations, steps):
        if len(json) != len(value):  # two keys share a name, or a serializer changes the value
            raise UnreachableError
        # dumped in its own order, which tells the key in JSON for each
        return Parts(json.keys(), _items_of(value, dict(zip(json, value, strict=False))))
    held = _fields_of(value)
    names: dict[str, str] = {}
    for name in held:
        try:
            location = locations.behind((*steps, Step("field", name)))
        except ExpressionError as exc:  # a serializer turns it into something else
            raise UnreachableError from exc
        key = str(location.place.name)
        # models of a union may differ in it; an extra field may have the alias of another field
        if location.rest or key in names or name == _EVERYTHING:
            raise UnreachableError
        names[key] = name
    return Parts(names.keys(), _members_of(held, names))


def _is_typed(locations: Locations, steps: tuple[Step, ...]) -> bool:
    return bool(steps) and locations.behind(steps).values.is_typed_dict


def elements_of(elements: Sequence[Any]) -> _PartOf:
    """Return what finds an element by its index."""

    def element(index: int) -> tuple[Step, Any]:
        return Step("index", index), elements[index]

    return element


def _items_of(items: Mapping[Any, Any], keys: Mapping[str, Any]) -> _PartOf:
    def item(name: str) -> tuple[Step, Any]:
        return Step("key", keys[name], name), items[keys[name]]

    return item


def _members_of(held: Mapping[str, Any], names: Mapping[str, str]) -> _PartOf:
    def member(key: str) -> tuple[Step, Any]:
        return Step("field", names[key]), held[names[key]]

    return member


def _fields_of(value: Any) -> Mapping[str, Any]:
    """Return the fields of a model, a dataclass or a typed dict; other values have none."""
    if isinstance(value, BaseModel):
        if isinstance(value, RootModel):
            raise UnreachableError
        declared, extra = type(value).__pydantic_fields__, value.__pydantic_extra__ or {}
        if not declared.keys() <= value.__dict__.keys() or declared.keys() & extra.keys():
            raise UnreachableError  # one was deleted, or is hidden by an extra field of its name
        return {**{name: value.__dict__[name] for name in declared}, **extra}
    if is_plain_dict(value):
        return value
    if is_dataclass(value):
        data = cast("Any", value)
        return {field.name: getattr(data, field.name) for field in fields(data)}
    raise UnreachableError


def part_of(value: Any, steps: Iterable[Step]) -> Any:
    """Return the part of a value that steps lead to, which exists."""
    for step in steps:
        if isinstance(value, BaseModel):
            value = value.__dict__[step.value]
        elif is_mapping(value) or is_list(value) or is_tuple(value):
            items: Any = value
            value = items[step.value]
        else:
            value = getattr(value, step.value)
    return value


def has_part(value: Any, step: Step) -> bool:
    """Return whether a value has a part that a step leads to."""
    if isinstance(value, BaseModel):
        return step.value in value.__dict__
    if is_list(value) or is_tuple(value):
        return step.value in range(-len(value), len(value))
    if isinstance(value, dict):
        return step.value in value
    return is_dataclass(value) and hasattr(value, step.value)


def put(holder: Any, steps: Sequence[Step], value: Any) -> None:
    """Set a part of a value that can be changed; tuples along the way are replaced."""
    step, *rest = steps
    if rest and has_part(holder, step):
        value = _replaced(part_of(holder, (step,)), rest, value)
    set_part(holder, step, value)


def _replaced(value: Any, steps: Sequence[Step], part: Any) -> Any:
    """Return a tuple with one part replaced, as far as it has such a part."""
    step, *rest = steps
    if not (is_tuple(value) and has_part(value, step)):
        return value  # it was replaced while Redis was being asked
    items = list(value)
    items[step.value] = _replaced(items[step.value], rest, part) if rest else part
    return tuple(items)


def set_part(around: Any, step: Step, value: Any) -> None:
    """Set the part of a value that one step leads to; the value is not a tuple."""
    if isinstance(around, BaseModel):
        vars(around)[step.value] = value  # bypasses what a frozen model refuses
        around.__pydantic_fields_set__.add(step.value)
    elif is_mapping(around):
        _set_in_dict(around, step.value, value)
    elif is_list(around):
        # a list made shorter while Redis was being asked no longer has such an element
        if has_part(around, step):
            _set_in_list(around, step.value, value)  # a RedisList notes what its users do
    else:
        object.__setattr__(around, step.value, value)
