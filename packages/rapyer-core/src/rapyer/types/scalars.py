"""What is certain about values without parts, from the schema that pydantic has made for them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta, timezone
from enum import Enum, Flag
from types import NoneType
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from pydantic_core import TzInfo

from rapyer._pydantic import build_serializer, build_validator
from rapyer.types import temporal, text
from rapyer.types.looks import Check, Node
from rapyer.types.schema import STORAGE_CONFIG

Schema: TypeAlias = Mapping[str, Any]

#: An enum with more members is not tried out.
_MEMBERS = 256
#: Up to this value every integer is a double.
_EXACT = 2**53

_SCALARS: Mapping[str, type] = {"str": str, "int": int, "bool": bool, "none": NoneType}
#: What a schema of each type may have besides its type; if it has anything else, nothing is known.
COMMON = frozenset({"type", "metadata", "ref", "strict"})
_BOUNDS = frozenset({"ge", "gt", "le", "lt"})
_LENGTHS = frozenset({"min_length", "max_length"})
KEYS: Mapping[str, frozenset[str]] = {
    "str": COMMON | _LENGTHS,
    "int": COMMON | _BOUNDS | {"multiple_of"},
    "float": COMMON | _BOUNDS,
    "bool": COMMON,
    "none": COMMON,
    "nullable": COMMON | {"schema"},
    "default": COMMON | {
        "schema", "default", "default_factory", "default_factory_takes_data", "validate_default",
        "copy_default",
    },
    "union": COMMON | {"choices"},
    "literal": COMMON | {"expected"},
    "enum": COMMON | {"cls", "members", "sub_type"},
    "list": COMMON | _LENGTHS | {"items_schema"},
    "dict": COMMON | _LENGTHS | {"keys_schema", "values_schema"},
    "model": COMMON | {
        "cls", "schema", "config", "custom_init", "root_model", "frozen", "generic_origin",
        "revalidate_instances", "post_init",
    },
    "model-fields": COMMON | {"fields", "model_name", "computed_fields", "from_attributes"},
    "model-field": COMMON | {"schema", "serialization_alias", "validation_alias", "frozen"},
    "definitions": COMMON | {"schema", "definitions"},
    "definition-ref": COMMON | {"schema_ref"},
}  # fmt: skip


class UnprovableError(Exception):
    """A schema contains something about which nothing is known."""


def scalar_node(schema: Schema) -> Node:
    """Read the schema of values without parts and without a stored form of their own.

    Raises:
        UnprovableError: Nothing is known about them.
    """
    kind: str = schema["type"]
    if kind in _SCALARS:
        return {_SCALARS[kind]: (*_bounds_of(schema), *lengths_of(schema))}
    if kind == "float":
        bounds = _bounds_of(schema)
        # pydantic turns neither a default nor an assigned value into a double
        return {float: bounds, int: (_is_double, *bounds)}
    if kind == "union":
        return _union(schema)
    if kind == "literal":
        return _literal(schema)
    if kind == "enum":
        return _enum(schema)
    raise UnprovableError


def form_node(schema: Schema) -> Node | None:
    """Read the schema of a stored form that gives back what it was made from; None for others."""
    for form, kind, checks in _FORMS:
        if schema.get("serialization") is form["serialization"]:
            return {kind: checks}
    return None


def is_plain(node: Node) -> bool:
    """Return whether values are certain by their type alone, which is always the same."""
    return len(node) == 1 and not any(node.values())


def _is_double(value: int) -> bool:
    return -_EXACT <= value <= _EXACT


def _bounds_of(schema: Schema) -> tuple[Check, ...]:
    """Make the checks of the bounds of a number."""
    checks: list[Check] = []
    kind: type = float if schema["type"] == "float" else int
    for key, method in (("ge", "__le__"), ("gt", "__lt__"), ("le", "__ge__"), ("lt", "__gt__")):
        bound = schema.get(key)
        if bound is not None:
            if type(bound) not in (int, kind) or kind(bound) != bound:
                raise UnprovableError
            checks.append(getattr(kind(bound), method))
    divisor = schema.get("multiple_of")
    if divisor is not None:
        if type(divisor) is not int or divisor < 1:
            raise UnprovableError
        checks.append(lambda value: value % divisor == 0)
    return tuple(checks)


def lengths_of(schema: Schema) -> tuple[Check, ...]:
    """Make the check of the length of a text or of a container."""
    if schema.keys().isdisjoint(_LENGTHS):
        return ()
    least, most = schema.get("min_length") or 0, schema.get("max_length")
    if most is None:
        return (lambda value: len(value) >= least,)
    return (lambda value: least <= len(value) <= most,)


def _union(schema: Schema) -> Node:
    """Read a union of plain types whose members JSON tells apart."""
    node: Node = {}
    for choice in schema["choices"]:
        if type(choice) is tuple or not choice.keys() <= {"type", "metadata"}:
            raise UnprovableError
        kind = {**_SCALARS, "float": float}.get(choice["type"])
        if kind is None:
            raise UnprovableError
        node[kind] = ()
    return node


def _literal(schema: Schema) -> Node:
    expected = frozenset(schema["expected"])
    types = set(map(type, schema["expected"]))
    if not types <= {str, int}:  # True is equal to 1, and enum members to their values
        raise UnprovableError
    return dict.fromkeys(types, (expected.__contains__,))


def _enum(schema: Schema) -> Node:
    """Read an enum, whose few members are tried out."""
    cls: type[Enum] = schema["cls"]
    members: list[Enum] = schema["members"]
    compares_itself = any(
        "__eq__" in vars(part) for part in cls.__mro__ if part.__module__ != "builtins"
    )
    if issubclass(cls, Flag) or compares_itself or len(members) > _MEMBERS:
        raise UnprovableError
    tried: Any = {key: value for key, value in schema.items() if key != "ref"}
    to_json = build_serializer(tried, STORAGE_CONFIG).to_json
    validate = build_validator(tried, STORAGE_CONFIG).validate_json
    try:
        are_read = all(validate(to_json(member), strict=True) is member for member in members)
    except Exception as exc:  # for example, a value that is not JSON
        raise UnprovableError from exc
    if not are_read:
        raise UnprovableError
    return {cls: ()}


def _is_in_known_zone(value: datetime | time) -> bool:
    """Return whether the offset of a value is the same whenever it is asked for."""
    return type(value.tzinfo) in _ZONES


_ZONES = frozenset({NoneType, timezone, TzInfo, ZoneInfo})
#: The stored forms that give back what they were made from, with the types they are made from.
_FORMS: tuple[tuple[Any, type, tuple[Check, ...]], ...] = (
    (text.UUID, uuid.UUID, ()),
    (text.BYTES, bytes, ()),
    (temporal.DATE, date, ()),
    (temporal.TIMEDELTA, timedelta, ()),
    (temporal.DATETIME, datetime, (_is_in_known_zone,)),
    (temporal.TIME, time, (_is_in_known_zone,)),
)


def has_null(kind: type[Enum]) -> bool:
    """Return whether a member of an enum is stored as null."""
    return any(member.value is None for member in kind)
