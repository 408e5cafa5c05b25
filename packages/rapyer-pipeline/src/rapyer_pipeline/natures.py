"""What the core schema of a value tells the interpreter: possible values, and what is checked."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, cast

if TYPE_CHECKING:
    from rapyer.types.locate import Locator, Place
    from rapyer.types.registry import FieldTypes

Role = Literal["scalar", "list", "set", "dict", "model", "opaque"]
Schema = Mapping[str, Any]

#: The kinds of the interpreter, by the names of the field types that it can calculate with.
_KINDS: Final = {
    "int": "i", "float": "f", "str": "s", "bool": "b", "bytes": "y", "datetime": "d", "date": "D",
    "timedelta": "T", "time": "t", "Decimal": "c",
}  # fmt: skip
_TEXTS: Final = frozenset({"UUID", "BigInt"})
#: Wrapping schemas that do not affect what a value may be.
_AROUND: Final = frozenset({"default", "nullable", "definition-ref", "definitions"})
#: Schemas of values that may be equal but stored in two ways, and of arbitrary values.
_STORED_IN_SEVERAL_WAYS: Final = frozenset(
    {"datetime", "time", "decimal", "any", "is-instance", "function-plain", "dataclass", "call"}
)
_PARTS: Final = frozenset(
    {
        "schema", "items_schema", "values_schema", "keys_schema", "choices", "fields",
        "strict_schema", "json_schema",
    }
)  # fmt: skip
_RULES: Final = frozenset({"function-before", "function-after", "function-wrap", "custom-error"})
_CONTAINERS: Final[Mapping[str, Role]] = {"list": "list", "set": "set", "dict": "dict"}
#: What a schema may contain that the interpreter checks, by the kind of its values.
_COMMON: Final = frozenset({"type", "metadata", "ref", "strict", "microseconds_precision"})
_BOUNDS: Final = frozenset({"ge", "gt", "le", "lt"})
_LENGTHS: Final = frozenset({"min_length", "max_length"})
_CHECKED: Final = {
    "i": _BOUNDS | {"multiple_of"}, "f": _BOUNDS | {"allow_inf_nan"}, "s": _LENGTHS, "y": _LENGTHS,
    "b": frozenset[str](), "d": _BOUNDS, "D": _BOUNDS, "T": _BOUNDS, "t": _BOUNDS,
    "c": frozenset[str](),
}  # fmt: skip


#: Settings of a model that change its texts.
_OF_TEXTS: Final = (
    "str_strip_whitespace", "str_to_lower", "str_to_upper", "str_max_length", "str_min_length",
)  # fmt: skip


class Nature:
    """What the values at a place may be.

    Args:
        place: The place.
        locator: Resolves the schema of the model.
        field_types: The types whose values have a stored form of their own.

    Attributes:
        schema: The core schema, without its wrappers.
        kind: The kind of the interpreter; `"j"` if it does not look inside the value.
        calculates: Whether values can be calculated with and ordered, not only told apart.
        nullable: Whether None is one of them.
        role: What they are.
        rules: What only Python can check about them; empty if the interpreter checks everything.
        least: The least number of elements, or None.
        most: The greatest number of elements, or None.
    """

    def __init__(self, place: Place, locator: Locator, field_types: FieldTypes) -> None:
        self.nullable = False
        self.rules = ""
        self.kind: str = "j"
        self.calculates = False
        self.role: Role = "opaque"
        self.least: int | None = None
        self.most: int | None = None
        self.schema = self._unwrap(place.schema, locator)
        self._classify(field_types, has_texts=any(map(place.config.get, _OF_TEXTS)))

    def _unwrap(self, schema: Schema, locator: Locator) -> Schema:
        """Remove the wrappers around the schema of the values."""
        while "serialization" not in schema:
            kind = schema["type"]
            if kind == "definition-ref":
                schema = locator.definition(schema)
            elif kind in _AROUND or kind in _RULES:
                if kind == "nullable":
                    self.nullable = True
                elif kind in _RULES:
                    self.rules = "has a custom validator"
                schema = schema["schema"]
            else:
                break
        return schema

    def _classify(self, field_types: FieldTypes, *, has_texts: bool) -> None:
        schema = self.schema
        kind = schema["type"]
        known = field_types.of_schema(schema)
        if "serialization" in schema and known is None:
            self.rules = "has a custom serializer"
        elif known is not None and known.name in _KINDS:
            self.role, self.kind = "scalar", _KINDS[known.name]
            self.calculates = self.kind not in "btc"
            self._look_at_constraints(is_stored=known.stored is not None)
        elif known is not None and known.name in _TEXTS:
            self.role, self.kind = "scalar", "s"
        elif kind in ("enum", "literal"):
            self._classify_members(schema)
        elif kind in _CONTAINERS:
            self.role = _CONTAINERS[kind]
            self.least, self.most = schema.get("min_length"), schema.get("max_length")
        elif kind == "model" and not schema.get("root_model"):
            self.role = "model"
        if self.role != "scalar":
            self.kind = "j"
        elif self.kind == "s" and has_texts:
            self.rules = self.rules or "is subject to the model's settings for strings"

    def _classify_members(self, schema: Schema) -> None:
        """Find the kind of the members of an enum or a literal, if they all have the same."""
        members = schema["members"] if schema["type"] == "enum" else schema["expected"]
        found: set[type] = {type(getattr(one, "value", one)) for one in members}
        kinds: Mapping[type, str] = {int: "i", str: "s", bool: "b"}
        if len(found) == 1 and (kind := kinds.get(found.pop())) is not None:
            self.role, self.kind = "scalar", kind
            self.calculates = schema["type"] == "literal" and kind != "b"
            self.rules = "is limited to a few members"

    def _look_at_constraints(self, *, is_stored: bool) -> None:
        unknown = self.schema.keys() - _COMMON - _CHECKED[self.kind]
        if is_stored:
            unknown -= {"serialization"}
        if unknown and not self.rules:
            self.rules = f"has the constraint {min(unknown)!r}"

    def type_text(self, text_of: Callable[[Any], str]) -> str:
        """Return what the interpreter checks about a result, as a part of a program.

        Args:
            text_of: Returns a value in its stored form, as JSON.
        """
        if self.role != "scalar":
            return '{"k":"j","n":1}' if self.nullable or self.role == "opaque" else '{"k":"j"}'
        parts: dict[str, Any] = {"k": self.kind}
        if self.nullable:
            parts["n"] = 1
        for name, short in (("min_length", "min"), ("max_length", "max")):
            if self.schema.get(name) is not None and not self.rules:
                parts[short] = self.schema[name]
        for name in ("ge", "gt", "le", "lt", "multiple_of"):
            bound = self.schema.get(name)
            if bound is not None and not self.rules:
                parts["mul" if name == "multiple_of" else name] = text_of(bound)
        return json.dumps(parts, separators=(",", ":"))


def has_other_equality(schema: Any, locator: Locator, seen: set[str]) -> bool:
    """Return whether values of a schema may be equal but stored in two ways."""
    if isinstance(schema, Mapping):
        kind: Any = cast("Mapping[str, Any]", schema).get("type")
        if kind in _STORED_IN_SEVERAL_WAYS:
            return True
        if kind == "definition-ref":
            reference = cast("Mapping[str, Any]", schema)
            if reference["schema_ref"] in seen:
                return False
            seen.add(reference["schema_ref"])
            return has_other_equality(locator.definition(reference), locator, seen)
        parts = cast("Mapping[str, Any]", schema)
        return any(
            has_other_equality(part, locator, seen)
            for name, part in parts.items()
            if name in _PARTS or kind in ("model-fields", None)
        )
    if isinstance(schema, list | tuple):
        return any(has_other_equality(one, locator, seen) for one in cast("list[Any]", schema))
    return False


def is_same_schema(one: Any, other: Any, locator: Locator) -> bool:
    """Return whether two schemas describe the same values, wherever pydantic has put them."""
    if one is other:
        return True
    one, other = _resolved(one, locator), _resolved(other, locator)
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        first, second = _told(cast("Schema", one)), _told(cast("Schema", other))
        return first.keys() == second.keys() and all(
            is_same_schema(part, second[name], locator) for name, part in first.items()
        )
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        parts, others = cast("list[Any]", one), cast("list[Any]", other)
        return len(parts) == len(others) and all(
            is_same_schema(part, its, locator) for part, its in zip(parts, others, strict=True)
        )
    return bool(one == other)


def _resolved(schema: Any, locator: Locator) -> Any:
    if isinstance(schema, Mapping):
        found = cast("Schema", schema)
        if found.get("type") == "definition-ref":
            return locator.definition(found)
    return cast("Any", schema)


def _told(schema: Schema) -> dict[str, Any]:
    """Return what a schema says about values; a model is identified by its class."""
    if schema.get("type") in ("model", "enum", "dataclass"):
        return {"type": schema["type"], "cls": schema["cls"]}
    return {name: part for name, part in schema.items() if name not in ("ref", "metadata")}
