"""From pydantic's core schema of a model to the schema of its stored document.

The document follows the model's schema, except for what other uses of a dump need:

- a field is stored under one name, its serialization alias (or its own name), and read back only
  under that name; a field with `exclude=True` is stored, because it is part of the model's state;
- computed fields are not stored, because they are derived;
- NaN and infinity are written as such rather than as null, so that they are found and refused;
- a value annotated `Any` must be a JSON value;
- a date, a Decimal and the like have the form of their field type.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias, cast

from pydantic import BaseModel
from pydantic_core import core_schema

from rapyer.errors import ModelDefinitionError
from rapyer.guards import is_list, is_mapping, is_tuple
from rapyer.types.containers import serialize_set
from rapyer.types.registry import FieldTypes
from rapyer.types.values import serialize_any, serialize_to_look

#: A core schema, or a part of one, seen as plain data; its keys depend on its "type".
Schema: TypeAlias = dict[str, Any]

#: The keys of a core schema under which other schemas are found.
_CHILD_KEYS = frozenset(
    {
        "schema", "items_schema", "values_schema", "extras_schema",
        "extras_keys_schema", "return_schema", "lax_schema", "strict_schema", "json_schema",
        "python_schema", "arguments_schema", "var_args_schema", "var_kwargs_schema", "steps",
        "choices", "definitions", "fields", "serialization",
    }
)  # fmt: skip
#: Schemas that have a `config` of their own.
_CONFIGURED = frozenset({"model", "dataclass", "typed-dict"})
_FIELD_TYPES = frozenset({"model-field", "dataclass-field", "typed-dict-field"})

#: How documents are written and read, whatever a model's own settings say.
STORAGE_CONFIG: core_schema.CoreConfig = {
    "ser_json_inf_nan": "constants",
    "serialize_by_alias": True,
    "validate_by_alias": True,
    "validate_by_name": False,
}


class StorageSchema(NamedTuple):
    """The schema of a stored document.

    Attributes:
        schema: The core schema.
        kinds: The types of all schemas in it (`"int"`, `"float"`, ...).
        compares_itself: Whether it contains a class whose instances may be equal but differ.
    """

    schema: core_schema.CoreSchema
    kinds: frozenset[str]
    compares_itself: bool


def storage_schema(
    schema: core_schema.CoreSchema, field_types: FieldTypes, *, to_look: bool = False
) -> StorageSchema:
    """Turn the core schema of a model into that of its stored document.

    Args:
        schema: What pydantic made for the model; it is not changed.
        field_types: The types whose values have a stored form of their own.
        to_look: Whether the schema is used to search for faults: it then also dumps what is
            refused.

    Raises:
        ModelDefinitionError: Two fields of one model would be stored under the same name.
    """
    walk = _Walk(field_types, to_look=to_look)
    stored = walk.schema(cast("Schema", schema))
    return StorageSchema(
        cast("core_schema.CoreSchema", stored), frozenset(walk.kinds), walk.compares_itself
    )


class _Walk:
    """One pass over a core schema, from the root to the leaves."""

    def __init__(self, field_types: FieldTypes, *, to_look: bool) -> None:
        self._field_types = field_types
        self._to_look = to_look
        self.kinds: set[str] = set()
        self.compares_itself = False  # whether a class in it has an equality of its own
        self._extras_allowed: bool = False  # in the model being walked
        self._pinned: bool = True  # whether values have the forms of the table

    def schema(self, schema: Schema) -> Schema:
        kind = schema.get("type")
        if isinstance(kind, str):
            self.kinds.add(kind)
            found = self._field_types.stored_schema(schema) if self._pinned else None
            if found is not None:
                field_type, stored = found
                self.kinds.add(field_type.schema_type or f"field type {field_type.name}")
                if self._to_look:
                    found_by = serialize_to_look(stored["serialization"], field_type.name)
                    stored = {**stored, "serialization": found_by}
                return cast("Schema", stored)
        around, pinned = self._extras_allowed, self._pinned
        if kind not in _CONFIGURED and "serialization" in schema:
            self._pinned = False  # here and below, the serializer decides what is stored
        if kind in ("model", "dataclass") and _compares_itself(schema["cls"]):
            self.compares_itself = True
        if kind in _CONFIGURED:
            config: Schema = schema.get("config") or {}
            self._extras_allowed = config.get("extra_fields_behavior") == "allow"
        stored = {key: self._child(key, value) for key, value in schema.items()}
        self._adapt(kind, stored)
        self._extras_allowed, self._pinned = around, pinned
        return stored

    def _child(self, key: str, value: Any) -> Any:
        if key == "keys_schema":
            return value  # keys are text in JSON, in pydantic's own form
        return self._children(value) if key in _CHILD_KEYS else value

    def _children(self, child: Any) -> Any:
        """Walk what is under a child key: a schema, or a list, tuple or mapping of schemas."""
        if is_mapping(child):
            if isinstance(child.get("type"), str):
                return self.schema(dict(child))
            return {key: self._children(value) for key, value in child.items()}
        if is_list(child):
            return [self._children(item) for item in child]
        if is_tuple(child):
            return tuple(self._children(item) for item in child)
        return child

    def _adapt(self, kind: str | None, stored: Schema) -> None:
        if kind in _CONFIGURED:
            stored["config"] = {**(stored.get("config") or {}), **STORAGE_CONFIG}
        if "computed_fields" in stored:
            stored["computed_fields"] = []
        if kind == "model":
            stored["custom_init"] = False  # as in SQLAlchemy, loading does not call __init__
        elif kind == "model-fields":
            if self._extras_allowed:
                stored.setdefault("extras_schema", self._any())
            _refuse_shared_names(stored)
        elif kind in _FIELD_TYPES:
            _store_under_one_name(stored)
        else:
            self._adapt_values(kind, stored)

    def _adapt_values(self, kind: str | None, stored: Schema) -> None:
        if kind == "any":
            serialization = serialize_any()
            if self._to_look:
                serialization = serialize_to_look(cast("Schema", serialization), "Any")
            stored.setdefault("serialization", serialization)
        elif kind == "dict":
            self._complete_dict(stored)
        elif kind == "list":
            stored.setdefault("items_schema", self._any())
        elif kind in ("set", "frozenset"):
            stored.setdefault("items_schema", self._any())
            stored.setdefault("serialization", serialize_set())

    def _any(self) -> Schema:
        return self.schema(cast("Schema", core_schema.any_schema()))

    def _complete_dict(self, stored: Schema) -> None:
        stored.setdefault("values_schema", self._any())
        keys = stored.get("keys_schema")
        if keys is None or keys["type"] == "any":
            # JSON has only text keys: with `str`, any other is refused instead of turned into text
            stored["keys_schema"] = core_schema.str_schema()


def _compares_itself(cls: type) -> bool:
    """Return whether instances may be equal but differ: by an `__eq__`, or by `compare=False`."""
    if issubclass(cls, BaseModel):
        return cls.__eq__ is not BaseModel.__eq__
    return True  # a dataclass: what its __eq__ leaves out cannot be seen from here


def _store_under_one_name(field: Schema) -> None:
    field.pop("serialization_exclude", None)
    field.pop("serialization_exclude_if", None)
    field.pop("validation_alias", None)
    if field["type"] == "dataclass-field":
        field["init"] = True  # what its constructor does not take is stored as well
    if "serialization_alias" in field:
        field["validation_alias"] = field["serialization_alias"]


def _refuse_shared_names(fields: Schema) -> None:
    owners: dict[str, str] = {}
    for name, field in cast("dict[str, Schema]", fields["fields"]).items():
        stored_name = field.get("serialization_alias", name)
        if stored_name in owners:
            raise ModelDefinitionError(
                f"fields {owners[stored_name]!r} and {name!r} of {fields.get('model_name')!r} "
                f"would both be stored as {stored_name!r}. Give one of them another alias."
            )
        owners[stored_name] = name
