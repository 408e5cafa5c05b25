"""Which places of documents a version of a model may write: told to the other versions of it.

An attribute that another version adds to an index takes documents out of it that have a value of
another type there. So it may be added where no version writes such a value: where none of them
knows the place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from rapyer.base import BaseRedisModel
from rapyer.errors import UnaddressableKeyError
from rapyer.expr.jsonpath import render_path
from rapyer.expr.text import stored_text
from rapyer.guards import is_mapping
from rapyer.types.codec import complete_schema

from rapyer_query.schemas import ARRAYS, CHOOSERS, WRAPPERS, Schema, fields_of, item_of

#: The places below an object, by the step of a JSONPath that leads there; 0 for what may have
#: anything below it.
Places: TypeAlias = "Mapping[str, Places] | int"

_ANYTHING: Final = 0
_EACH: Final = "[*]"


def places_of(model: type[BaseRedisModel]) -> Places:
    """Give the places that documents of a model have."""
    return _Walk().places(complete_schema(model))


def may_write(places: Places, path: str) -> bool:
    """Say whether documents with some places may have a value at a JSONPath.

    Args:
        places: The places.
        path: The path of an attribute, which starts with `$`.
    """
    return _may_write(places, path.removeprefix("$"))


def _may_write(places: Places, rest: str) -> bool:
    if not is_mapping(places):
        return True
    if not rest or rest.startswith("[?"):
        return True  # an object or an array is there itself
    if rest.startswith((_EACH, ".*")) and _EACH not in places:
        return True  # these lead to the values of objects as well
    for step, below in places.items():
        if rest.startswith(step) and (len(rest) == len(step) or rest[len(step)] in ".["):
            return _may_write(below, rest[len(step) :])
    return False


class _Walk:
    """One pass over a core schema."""

    def __init__(self) -> None:
        self._by_ref: dict[str, Schema] = {}
        self._under_way: set[str] = set()

    def places(self, schema: Schema) -> Places:
        """Give the places of the values of a schema."""
        name: str = schema["type"]
        if "serialization" in schema and name not in ARRAYS:
            return _ANYTHING
        if name == "definitions":
            self._by_ref = {one["ref"]: one for one in schema["definitions"]}
            return self.places(schema["schema"])
        if name == "definition-ref":
            return self._referred(schema["schema_ref"])
        if name in WRAPPERS or name in ("nullable", "default"):
            return self.places(schema["schema"])
        if name in CHOOSERS:
            return self.places(schema[CHOOSERS[name]])
        return self._container(schema)

    def _container(self, schema: Schema) -> Places:
        if schema["type"] in ("model", "dataclass", "typed-dict"):
            return self._object(schema)
        item = item_of(schema) if schema["type"] in ARRAYS else None
        return _ANYTHING if item is None else {_EACH: self.places(item)}

    def _referred(self, ref: str) -> Places:
        if ref in self._under_way or ref not in self._by_ref:
            return _ANYTHING  # a model within itself
        self._under_way.add(ref)
        places = self.places(self._by_ref[ref])
        self._under_way.discard(ref)
        return places

    def _object(self, schema: Schema) -> Places:
        if _takes_more(schema):
            return _ANYTHING
        found: dict[str, Places] = {}
        for _, stored, field, _ in fields_of(schema):
            try:
                found[render_path((stored_text(stored),))[1:]] = self.places(field)
            except UnaddressableKeyError:
                continue  # no attribute can be there either
        return found


def _takes_more(schema: Schema) -> bool:
    """Say whether objects may have more than the fields of their model."""
    inner: Any = schema
    while is_mapping(inner):
        config = inner.get("config")
        of_config = config.get("extra_fields_behavior") if is_mapping(config) else None
        if "allow" in (inner.get("extra_behavior"), of_config):
            return True
        inner = inner.get("schema")
    return False
