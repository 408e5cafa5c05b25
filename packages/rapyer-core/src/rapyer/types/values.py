"""Which Python values a JSON document can hold exactly, and where one is that it cannot hold."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple, cast

from pydantic import BaseModel
from pydantic_core import PydanticSerializationUnexpectedValue, core_schema

from rapyer.errors import UnstorableValueError
from rapyer.guards import is_array, is_mapping, is_plain_dict, is_plain_list, is_tuple, plain_type
from rapyer.types.spelling import is_int64

#: The server refuses documents with more levels; the document itself is the first one.
MAX_LEVELS = 127

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_JSON_SCALARS = (str, int, float, bool, type(None))


class Fault(NamedTuple):
    """A value that cannot be stored.

    Attributes:
        path: Where it is, such as `address.lines[0]`; empty for the document itself.
        value: The value.
        reason: A clause that says why, and what to do.
    """

    path: str
    value: Any
    reason: str


class _NotJson:
    """Stands in a dump for a value under `Any` that is not a JSON value."""

    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value = value


class _Refused:
    """Stands in a dump for a value that has no stored form."""

    __slots__ = ("error", "kind", "value")

    def __init__(self, value: object, kind: str, error: Exception) -> None:
        self.value = value
        self.kind = kind
        self.error = error


def path_text(steps: Iterable[str | int]) -> str:
    """Write the way to a value as in Python: `address.lines[0]`, `meta['a b']`."""
    text = ""
    for step in steps:
        is_name = isinstance(step, str) and _IDENTIFIER.fullmatch(step)
        text += f".{step}" if is_name else f"[{step!r}]"
    return text.removeprefix(".")


def find_fault(value: Any, steps: tuple[Any, ...] = (), levels: int = 0) -> Fault | None:
    """Find the first value in a dump that cannot be stored exactly.

    Args:
        value: A dump in Python objects: dicts, lists, scalars.
        steps: The way to `value` from what was dumped.
        levels: How many levels are around that in the document, which itself is level 1.
    """
    if isinstance(value, _NotJson):
        return _not_json(value.value, steps)
    if isinstance(value, _Refused):
        return Fault(path_text(steps), value.value, _refusal(value))
    if is_mapping(value) or is_array(value):
        if len(steps) + levels >= MAX_LEVELS:
            reason = f"is nested deeper than the {MAX_LEVELS} levels of RedisJSON"
            return Fault(path_text(steps), value, reason)
        if is_mapping(value):
            return _find_in_mapping(value, steps, levels)
        faults = (find_fault(item, (*steps, index), levels) for index, item in enumerate(value))
        return next(filter(None, faults), None)
    return _scalar_fault(value, steps)


def _refusal(refused: _Refused) -> str:
    error, kind = refused.error, refused.kind
    if isinstance(error, AttributeError | TypeError):  # it lacks what the type has
        return f"is a {type(refused.value).__name__}, not a {kind}. Assign a {kind}"
    return f"has no stored form: {type(error).__name__}: {error}"


def _find_in_mapping(
    mapping: Mapping[Any, Any], steps: tuple[Any, ...], levels: int
) -> Fault | None:
    for key, item in mapping.items():
        if isinstance(key, str) and not _is_unicode(key):
            reason = "is a key with a lone surrogate, which is not valid text"
            return Fault(path_text(steps), key, reason)
        if fault := find_fault(item, (*steps, key), levels):
            return fault
    return None


def _scalar_fault(value: Any, steps: tuple[Any, ...]) -> Fault | None:
    reason = None
    if isinstance(value, str):
        if not _is_unicode(value):
            reason = "contains a lone surrogate, which is not valid text. Use bytes for raw data"
    elif isinstance(value, int):
        if not is_int64(value):
            reason = (
                "does not fit in the 64-bit integers of the server. Annotate the field as BigInt"
            )
    elif isinstance(value, float) and not math.isfinite(value):
        reason = "cannot be represented in JSON. Store None for an unknown value"
    return Fault(path_text(steps), value, reason) if reason else None


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _not_json(value: Any, steps: tuple[Any, ...]) -> Fault:
    kind = f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
    return Fault(
        path_text(steps),
        value,
        f"is a {kind}, but a field of type Any holds only JSON values: str, int, float, bool, "
        "None, lists, and dicts with str keys. Annotate the field with the type of its values",
    )


def find_difference(
    value: Any, other: Any, steps: tuple[Any, ...] = ()
) -> tuple[str, Any, Any] | None:
    """Find the first place where two values of one kind differ.

    Returns:
        The path and both values there; None if nothing that can be compared differs. Objects that
        compare by identity only, and types for which nothing is equal, count as equal.
    """
    parts, other_parts = _parts(value), _parts(other)
    if parts is None or other_parts is None:
        try:
            equal = _same(value, other)
        except Exception as exc:
            raise UnstorableValueError(
                f"{path_text(steps)} cannot be stored: whether it would load unchanged is unknown, "
                f"because == of {type(value).__name__} fails: {exc}. Give the class an == that "
                "returns True or False.",
                path=path_text(steps),
                value=value,
            ) from exc
        equal = equal or (type(value) is type(other) and _compares_identity(value))
        return None if equal else (path_text(steps), value, other)
    if plain_type(value) is not plain_type(other) or parts.keys() != other_parts.keys():
        return path_text(steps), value, other
    differences = (
        find_difference(part, other_parts[step], (*steps, step)) for step, part in parts.items()
    )
    return next(filter(None, differences), None)


def _parts(value: Any) -> Mapping[Any, Any] | None:
    """Return the parts of a value, by the step that leads to each; None if it has no parts."""
    if isinstance(value, BaseModel):
        names = type(value).__pydantic_fields__.keys() & value.__dict__.keys()
        return {name: value.__dict__[name] for name in names} | (value.__pydantic_extra__ or {})
    if is_dataclass(value):
        return {field.name: getattr(value, field.name, None) for field in fields(value)}
    if is_plain_dict(value):
        return value
    if is_plain_list(value) or is_tuple(value):
        return dict(enumerate(value))
    return None


def _same(value: Any, other: Any) -> bool:
    if not _are_of_one_kind(value, other):
        return False
    if isinstance(value, datetime):
        # a time in the hour that a zone has twice equals no time of another zone, not even itself
        return isinstance(other, datetime) and _clock(value) == _clock(other)
    return bool(value == other)


def _are_of_one_kind(value: Any, other: Any) -> bool:
    """Return whether a value may be read back as one of another type.

    This holds for a value of a derived type, and for an int in a field of floats.
    """
    if isinstance(value, type(other)) or isinstance(other, type(value)):
        return True
    return type(value) in (int, float, bool) and type(other) in (int, float, bool)


def _clock(moment: datetime) -> tuple[datetime, timedelta | None]:
    return moment.replace(tzinfo=None, fold=0), moment.utcoffset()


def _compares_identity(value: object) -> bool:
    return all("__eq__" not in vars(part) for part in type(value).__mro__[:-1])


def serialize_any() -> core_schema.SerSchema:
    """Make the serialization of a value annotated `Any`: a JSON value as it is, or an error.

    Any other value would be read back as something else: a datetime as text, a tuple as a list.
    """
    return core_schema.plain_serializer_function_ser_schema(_dump_any)


def serialize_to_look(serialization: Mapping[str, Any], kind: str) -> core_schema.SerSchema:
    """Make a serialization that never fails, so that the search for faults finds what it refuses.

    Args:
        serialization: That of a field type, or of `Any`.
        kind: The name of the type of the values.
    """
    if serialization["type"] != "function-plain":
        return cast("core_schema.SerSchema", serialization)
    dump: Callable[[Any], Any] = serialization["function"]
    if dump is _dump_any:
        return core_schema.plain_serializer_function_ser_schema(_mark_not_json)

    def look(value: Any) -> Any:
        try:
            return dump(value)
        except PydanticSerializationUnexpectedValue:  # perhaps of another member of a union
            raise
        except Exception as exc:  # noqa: BLE001 - whatever it is, it is why the value was refused
            return _Refused(value, kind, exc)

    return core_schema.plain_serializer_function_ser_schema(look)


def _dump_any(value: Any) -> Any:
    if not _is_json(value):
        raise ValueError("not a JSON value")
    return value


def _is_json(value: object) -> bool:
    if is_plain_list(value):
        return all(map(_is_json, value))
    if is_plain_dict(value):
        return all(type(key) is str and _is_json(item) for key, item in value.items())
    return type(value) in _JSON_SCALARS


def _mark_not_json(value: object) -> object:
    """Replace what is not JSON, at any depth, so that the search for faults finds it."""
    if is_plain_list(value):
        return [_mark_not_json(item) for item in value]
    if is_plain_dict(value) and all(type(key) is str for key in value):
        return {key: _mark_not_json(item) for key, item in value.items()}
    return value if type(value) in _JSON_SCALARS else _NotJson(value)
