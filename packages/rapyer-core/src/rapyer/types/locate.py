"""Where the values that a path leads to are in a document, and what their schema is.

The core schema of the model is followed step by step: it has the names under which fields are
stored, their constraints and validators, and their defaults.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, cast

from pydantic_core import CoreSchema, core_schema

from rapyer._pydantic import has_own_post_init
from rapyer.errors import ExpressionError
from rapyer.expr.steps import Step
from rapyer.expr.text import stored_text
from rapyer.guards import is_list, is_mapping, is_tuple

Schema: TypeAlias = dict[str, Any]

#: Schemas that wrap the schema of the value, under "schema".
_WRAPPERS = frozenset(
    {
        "nullable", "default", "function-before", "function-after", "function-wrap",
        "custom-error", "model", "dataclass", "definitions",
    }
)  # fmt: skip
#: Other schemas around that of the value, with the key under which it is used for documents.
_CHOOSERS: Mapping[str, str] = {"lax-or-strict": "strict_schema", "json-or-python": "json_schema"}
#: Schemas of values that are objects in JSON.
_OBJECTS = frozenset({"any", "dict", "typed-dict", "model-fields", "dataclass-args"})
#: Schemas of values that are arrays in JSON.
_ARRAYS = frozenset({"any", "list", "tuple", "set", "frozenset", "generator"})
_ANY: Schema = {"type": "any"}
_CONFIGURED = frozenset({"model", "dataclass", "typed-dict"})
_FUNCTIONS = frozenset({"function-before", "function-after", "function-wrap"})
#: Factories that always make the same value.
EMPTY_FACTORIES = frozenset({list, dict, set, frozenset, tuple, str, int, float, bool, bytes})


@dataclass(frozen=True, slots=True)
class Place:
    """A place in documents: what a step leads to.

    Attributes:
        schema: The core schema of the values.
        name: The key or the index as it is in the document, except for U+0000 in it.
        config: The settings of the model around it.
        is_field: Whether it is a declared field, which may have a default.
        frozen: Whether it may not be assigned to.
        keys: The core schema of the keys, if it is the value of a dict key.
        may_lack_object: Whether a valid document may have no object there, around a field.
        depends: Whether only the document around it tells what the place is: models of a union
            differ in it.
        guarded: Whether what is around it has rules about more than this place: a validator of the
            model, a length of the dict, a union.
        limit: How many entries the dict around it may have; 0 for any number.
    """

    schema: Schema
    name: str | int
    config: Schema
    is_field: bool = False
    frozen: bool = False
    keys: Schema | None = None
    may_lack_object: bool = False
    depends: bool = False
    guarded: bool = False
    limit: int = 0

    def is_as(self, other: Place) -> bool:
        """Return whether another model has the same at this place."""
        # whether a model accepts unknown fields does not matter for a field that it knows
        own, its = ({**place.config, "extra_fields_behavior": None} for place in (self, other))
        same = replace(self, config=other.config, guarded=other.guarded)
        return own == its and same == other

    @property
    def stored(self) -> str | int:
        """The key or the index as it is in the document."""
        return stored_text(self.name) if isinstance(self.name, str) else self.name

    @property
    def has_static_default(self) -> bool:
        """Whether a document without it is read as if it had a value that is always the same."""
        schema = self.schema
        if not self.is_field or schema["type"] != "default":
            return False
        return "default" in schema or schema.get("default_factory") in EMPTY_FACTORIES


class Locator:
    """Follows paths through the core schema of a model.

    Args:
        schema: What pydantic has made for the model.
    """

    def __init__(self, schema: CoreSchema) -> None:
        root = cast("Schema", schema)
        self._definitions: list[Schema] = []
        if root["type"] == "definitions":
            self._definitions, root = root["definitions"], root["schema"]
        self._by_ref = {definition["ref"]: definition for definition in self._definitions}
        self._root = root
        self._guarded: dict[int, bool] = {}

    def complete(self, schema: Schema) -> CoreSchema:
        """Turn a part of the schema into a separate one, with the definitions it may refer to."""
        whole = cast("CoreSchema", schema)
        if not self._definitions:
            return whole
        return core_schema.definitions_schema(whole, cast("list[CoreSchema]", self._definitions))

    def definition(self, reference: Mapping[str, Any]) -> Schema:
        """Return the schema that a `definition-ref` stands for."""
        return self._by_ref[reference["schema_ref"]]

    def kind_of(self, schema: Schema) -> str:
        """Return the type of the schema inside its wrappers."""
        while True:
            kind: str = schema["type"]
            if kind == "definition-ref":
                schema = self._by_ref[schema["schema_ref"]]
            elif kind in _WRAPPERS:
                schema = schema["schema"]
            else:
                return kind

    def places(self, steps: Iterable[Step]) -> list[Place]:
        """Return the place that each step of a path leads to.

        Raises:
            ExpressionError: A step leads to nothing that documents have: into the result of a
                serializer of the model, or to an element of a set.
        """
        found: list[Place] = []
        schema, config = self._root, Schema()
        for step in steps:
            places = list(self._below(schema, step, config))
            if not places:
                raise ExpressionError(
                    f"{step.value!r} cannot be reached by a path in a document: its container is "
                    "stored by a serializer, is a RootModel, or has no order. Load the document."
                )
            (place, *_) = places
            found.append(place)
            schema, config = place.schema, place.config
        return found

    def _below(self, schema: Schema, step: Step, config: Schema) -> Iterator[Place]:
        """Return what a step leads to: nothing, or one place."""
        kind = schema["type"]
        if kind == "definition-ref" and "serialization" not in schema:
            yield from self._below(self._by_ref[schema["schema_ref"]], step, config)
            return
        if "serialization" in schema:
            return
        if kind in _CONFIGURED:
            config = {**(schema.get("config") or {})}
            config.pop("title", None)
        if kind in _WRAPPERS:
            for place in self._below(schema["schema"], step, config):
                yield _place_within(schema, place)
        elif kind in _CHOOSERS:
            yield from self._below(schema[_CHOOSERS[kind]], step, config)
        elif kind in ("union", "tagged-union"):
            yield from self._below_union(schema, step, config)
        else:
            found = _place_in(schema, step, config)
            if found is not None:
                yield replace(found, guarded=True) if self._guards(schema) else found

    def _guards(self, schema: Schema) -> bool:
        """Return whether a field has a validator that is told about the other fields."""
        if schema["type"] not in ("model-fields", "typed-dict", "dataclass-args"):
            return False
        known = self._guarded.get(id(schema))
        if known is None:
            known = self._guarded[id(schema)] = looks_around(schema["fields"])
        return known

    def _below_union(self, union: Schema, step: Step, config: Schema) -> Iterator[Place]:
        """Return what a step leads to from the members of a union."""
        places: list[Place] = []
        alike = _ARRAYS if step.kind == "index" else _OBJECTS
        may_be_other = may_be_alike = False
        for choice in _choices(union):
            below = list(self._below(choice, step, config))
            places += below
            may_be_other = may_be_other or not below
            may_be_alike = may_be_alike or (not below and self._stands_as(alike, choice))
        if places:
            first = replace(places[0], may_lack_object=may_be_other, guarded=True)
            if may_be_alike or not all(map(places[0].is_as, places)):
                schemas = [cast("CoreSchema", place.schema) for place in places]
                united = cast("Schema", core_schema.union_schema(list(schemas)))
                first = replace(first, schema=united, depends=True)
            yield first

    def _stands_as(self, kinds: frozenset[str], schema: Schema) -> bool:
        """Return whether a value may appear in JSON as schemas of some kinds do."""
        kind = schema["type"]
        if "serialization" in schema:
            return True
        if kind == "definition-ref":
            return self._stands_as(kinds, self._by_ref[schema["schema_ref"]])
        if kind in _CHOOSERS:
            return self._stands_as(kinds, schema[_CHOOSERS[kind]])
        if kind in ("union", "tagged-union"):
            return any(self._stands_as(kinds, choice) for choice in _choices(schema))
        if kind in _WRAPPERS:
            return self._stands_as(kinds, schema["schema"])
        return kind in kinds


def _place_within(schema: Schema, place: Place) -> Place:
    """Add to a place what a schema around it says."""
    kind = schema["type"]
    if _is_frozen(schema):
        place = replace(place, frozen=True)
    if kind in _FUNCTIONS or _has_own_post_init(schema):
        place = replace(place, guarded=True)
    return place


def _has_own_post_init(schema: Schema) -> bool:
    """Return whether a model or a dataclass runs code of its own when it is made."""
    if schema["type"] == "model":
        return has_own_post_init(schema["cls"])
    return schema["type"] == "dataclass" and bool(schema.get("post_init"))


def _is_frozen(schema: Schema) -> bool:
    """Return whether the fields of a model or a dataclass are frozen."""
    kind: Any = schema.get("cls")
    settings: Any = getattr(kind, "model_config", None)
    parameters: Any = getattr(kind, "__dataclass_params__", None)
    of_model = is_mapping(settings) and bool(settings.get("frozen"))
    return bool(schema.get("frozen")) or of_model or bool(getattr(parameters, "frozen", False))


def looks_around(schema: object) -> bool:
    """Return whether a validator in a schema is told about what is around its value.

    A validator inside a nested model is told only about that model, but counts as well.
    """
    if is_mapping(schema):
        return schema.get("type") == "with-info" or any(map(looks_around, schema.values()))
    return (is_list(schema) or is_tuple(schema)) and any(map(looks_around, schema))


def _choices(union: Schema) -> Iterator[Schema]:
    choices: Any = union["choices"]
    for choice in choices.values() if is_mapping(choices) else choices:
        member: Any = choice[0] if is_tuple(choice) else choice
        if is_mapping(member):  # otherwise the tag refers to another tag
            yield dict(member)


def _place_in(schema: Schema, step: Step, config: Schema) -> Place | None:
    kind = schema["type"]
    if step.kind == "field":
        return _field_in(schema, step.value, config)
    if kind == "any":
        return Place(_ANY, _name_of(step), config)
    if kind == "dict" and step.kind == "key":
        values: Schema = schema.get("values_schema") or _ANY
        limited = "min_length" in schema or "max_length" in schema
        keys = schema.get("keys_schema")
        limit = schema.get("max_length") or 0
        return Place(values, _name_of(step), config, keys=keys, guarded=limited, limit=limit)
    if kind == "list" and step.kind == "index":
        return Place(schema.get("items_schema") or _ANY, step.value, config)
    if kind == "tuple" and step.kind == "index":
        item = _tuple_item(schema, step.value)
        return None if item is None else Place(item, step.value, config)
    return None


def _field_in(schema: Schema, name: str, config: Schema) -> Place | None:
    kind, field = schema["type"], None
    if kind in ("model-fields", "typed-dict"):
        field = schema["fields"].get(name)
    elif kind == "dataclass-args":
        field = next((field for field in schema["fields"] if field["name"] == name), None)
    if field is None:
        if config.get("extra_fields_behavior") != "allow":
            return None
        return Place(schema.get("extras_schema") or _ANY, name, config)
    stored = field.get("serialization_alias", name)
    return Place(field["schema"], stored, config, True, bool(field.get("frozen")))


def _tuple_item(schema: Schema, index: int) -> Schema | None:
    items: list[Schema] = schema["items_schema"]
    variadic = schema.get("variadic_item_index")
    if variadic is None:
        return items[index] if -len(items) <= index < len(items) else None
    return items[0] if len(items) == 1 else None


def _name_of(step: Step) -> str | int:
    """Return the key of a dict, or the index, as it appears in JSON."""
    return cast("int", step.value) if step.stored_key is None else step.stored_key
