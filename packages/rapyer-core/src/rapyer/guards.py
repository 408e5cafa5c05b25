"""`isinstance` for containers of anything, in a form that both type checkers follow."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final, TypeGuard

from typing_extensions import TypeIs

#: The library's types whose values count as those of a Python type: the Redis types. They are known
#: here, below everything that examines values, and filled in where they are defined.
PLAIN_TYPES: Final[dict[type[Any], type[Any]]] = {}


def plain_type(value: object) -> type[Any]:
    """Return the type of a value; for a Redis type, the Python type that it stands for."""
    kind = type(value)
    return PLAIN_TYPES.get(kind, kind)


def is_mapping(value: object) -> TypeIs[Mapping[Any, Any]]:
    """Return whether a value is a mapping."""
    return isinstance(value, Mapping)


def is_list(value: object) -> TypeIs[list[Any]]:
    """Return whether a value is a list."""
    return isinstance(value, list)


def is_tuple(value: object) -> TypeIs[tuple[Any, ...]]:
    """Return whether a value is a tuple."""
    return isinstance(value, tuple)


def is_array(value: object) -> TypeIs[Collection[Any]]:
    """Return whether a value is a collection that becomes an array in JSON."""
    return isinstance(value, list | tuple | set | frozenset)


def is_plain_list(value: object) -> TypeGuard[list[Any]]:
    """Return whether a value is a list, and of no subclass except a Redis type."""
    return plain_type(value) is list


def is_plain_dict(value: object) -> TypeGuard[dict[Any, Any]]:
    """Return whether a value is a dict, and of no subclass except a Redis type."""
    return plain_type(value) is dict


def is_class(value: object) -> TypeIs[type[Any]]:
    """Return whether a value is a class."""
    return isinstance(value, type)
