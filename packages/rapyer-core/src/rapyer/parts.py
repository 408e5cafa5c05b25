"""What the values of a document are made of, in JSON and in Python at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, NamedTuple, TypeAlias, cast

from pydantic import BaseModel, RootModel

from rapyer.errors import ExpressionError
from rapyer.expr.steps import Step
from rapyer.guards import is_plain_dict, is_plain_list, is_tuple
from rapyer.locations import Locations

#: Gives, for a key in JSON, the step that leads to the part, and the part.
_PartOf: TypeAlias = Callable[[Any], tuple[Step, Any]]


class UnreachableError(Exception):
    """No path leads to the parts of a value, which is there as a whole only."""


class Parts(NamedTuple):
    """What a value is made of.

    Attributes:
        keys: The keys of its parts in JSON.
        part: Gives, for a key, the step that leads to the part, and the part.
    """

    keys: Collection[Any]
    part: _PartOf


def parts_of(locations: Locations, steps: tuple[Step, ...], value: Any, json: Any) -> Parts:
    """Give the parts of a value.

    Args:
        locations: Where paths lead.
        steps: The steps that lead to the value.
        value: The value.
        json: Its form in JSON.

    Raises:
        UnreachableError: They are not parts of the JSON as well.
    """
    if is_plain_list(value) or is_tuple(value):
        return Parts(range(len(value)), elements_of(value))
    if is_plain_dict(value):
        # dumped in its own order, which tells the key in JSON for each
        return Parts(json.keys(), _items_of(value, dict(zip(json, value, strict=False))))
    held = _fields_of(value)
    names: dict[str, str] = {}
    for name in held:
        try:
            place = locations.behind((*steps, Step("field", name))).place
        except ExpressionError as exc:  # a serializer makes something else of it
            raise UnreachableError from exc
        names[str(place.name)] = name
    return Parts(names.keys(), _members_of(held, names))


def elements_of(elements: Sequence[Any]) -> _PartOf:
    """Give what finds an element by its index."""

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
    """Give the fields of a model or a dataclass, which any other value has not."""
    if isinstance(value, BaseModel):
        if isinstance(value, RootModel):
            raise UnreachableError
        return {
            **{name: value.__dict__[name] for name in type(value).__pydantic_fields__},
            **(value.__pydantic_extra__ or {}),
        }
    if is_dataclass(value):
        data = cast("Any", value)
        return {field.name: getattr(data, field.name) for field in fields(data)}
    raise UnreachableError
