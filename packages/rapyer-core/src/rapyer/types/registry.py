"""Which field type the values of an annotation have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, cast, get_args, get_origin

from pydantic import PydanticSchemaGenerationError, TypeAdapter
from pydantic_core import CoreSchema, SchemaValidator, core_schema

from rapyer.errors import ModelDefinitionError
from rapyer.guards import is_class
from rapyer.types.marking import FIELD_TYPE, SERIALIZATION, FieldTypeMarker, copy_schema
from rapyer.types.table import FieldType

#: Keys of a core schema that are not constraints on a value.
_NO_CONSTRAINTS = frozenset(
    {"type", "ref", "metadata", "strict", "serialization", "microseconds_precision"}
)
#: Schemas that name the class of their values.
_OF_CLASSES = frozenset({"is-instance", "model", "dataclass", "enum", "typed-dict"})
#: Schemas that may have constraints in addition to what they require themselves.
_CONSTRAINED = frozenset(
    {
        "int", "float", "str", "bytes", "decimal", "date", "time", "datetime", "timedelta", "uuid",
        "list", "set", "frozenset", "tuple", "dict",
    }
)  # fmt: skip


class FieldTypes:
    """The registered field types, including core's own.

    The field type of a value is found from the core schema that pydantic has made for its
    annotation: by the mark in its metadata, by its class, or by the type of the schema.
    """

    def __init__(self) -> None:
        self._by_name: dict[str, FieldType] = {}
        self._annotations: dict[str, Any] = {}
        self._by_class: dict[type, FieldType] = {}
        self._by_schema_type: dict[str, FieldType] = {}
        # how pydantic serializes the classes that have a serialization of their own
        self._serializations: dict[str, Any] = {}

    def __iter__(self) -> Iterator[FieldType]:
        return iter(self._by_name.values())

    def register(self, annotation: Any, field_type: FieldType) -> None:
        """Register a field type, whose name is not taken, for values with this annotation.

        Args:
            annotation: A class, or an `Annotated` with a `FieldTypeMarker` of the type's name.
            field_type: The field type.

        Raises:
            ValueError: The annotation already has a field type, or its values could not be told
                apart from others; the message is a clause with the remedy.
        """
        self._by_name[field_type.name] = field_type
        self._annotations[field_type.name] = annotation
        try:
            self._add(annotation, field_type)
        except ValueError:
            del self._by_name[field_type.name], self._annotations[field_type.name]
            raise

    def _add(self, annotation: Any, field_type: FieldType) -> None:
        kind = field_type.schema_type
        if kind is not None:
            if kind in self._by_schema_type:
                raise ValueError(
                    f"is for all values with a schema of type {kind!r}, which already have the "
                    f"field type {self._by_schema_type[kind].name}"
                )
            self._by_schema_type[kind] = field_type
            return
        if not is_class(annotation):
            _require_marker(annotation, field_type)
            self._require_found(annotation, field_type)
            return
        if annotation in self._by_class:
            other = self._by_class[annotation]
            raise ValueError(
                f"is for {annotation.__name__}, which already has the field type {other.name}"
            )
        self._by_class[annotation] = field_type
        try:
            self._require_found(annotation, field_type)
        except ValueError:
            del self._by_class[annotation]
            raise

    def annotation_of(self, field_type: FieldType) -> Any:
        """Return the annotation that a field type was registered for."""
        return self._annotations[field_type.name]

    def _require_found(self, annotation: Any, field_type: FieldType) -> None:
        """Make sure that what pydantic makes of an annotation leads to its field type."""
        try:
            schema = TypeAdapter(annotation).core_schema
        except PydanticSchemaGenerationError as exc:
            if field_type.validation is None:
                raise ValueError(
                    "is for a type that pydantic does not know, but does not define how it is "
                    "validated. Create it with define_field_type"
                ) from exc
            schema = field_type.validation
        if schema["type"] == "definitions":
            schema = schema["schema"]
        if self.of_schema(schema) is not field_type:
            raise ValueError(
                f"is for {annotation!r}, for which pydantic makes a schema of type "
                f"{schema['type']!r} that does not identify it. For a class of your own, mark the "
                "schema in its __get_pydantic_core_schema__ with rapyer.types.mark; for another, "
                "register Annotated[..., FieldTypeMarker(name)] and annotate fields with that"
            )
        self._serializations[field_type.name] = schema.get("serialization")

    def of_schema(self, schema: Mapping[str, Any]) -> FieldType | None:
        """Find the field type of the values that a core schema is for."""
        metadata: Mapping[str, Any] | None = schema.get("metadata")
        if metadata is not None and FIELD_TYPE in metadata:
            return self._marked(metadata[FIELD_TYPE])
        if self._by_class and schema["type"] in _OF_CLASSES:
            of_class = self._by_class.get(schema.get("cls", object))
            if of_class is not None:
                return of_class
        return self._by_schema_type.get(schema["type"])

    def _marked(self, name: str) -> FieldType:
        if name not in self._by_name:
            raise ModelDefinitionError(
                f"a value is marked with the field type {name!r}, which no plugin registers, so "
                "its stored form is unknown. Install or enable the plugin that does, or correct "
                "the name."
            )
        return self._by_name[name]

    def schema_of_unknown(self, kind: type) -> CoreSchema | None:
        """Return the core schema for instances of a class that pydantic does not know."""
        field_type = self._by_class.get(kind)
        # a copy, because pydantic writes an annotation's constraints and serializers into its
        # argument
        if field_type is None or field_type.validation is None:
            return None
        return cast("CoreSchema", copy_schema(field_type.validation))

    def stored_schema(self, schema: Mapping[str, Any]) -> tuple[FieldType, Any] | None:
        """Find the field type of a core schema, and the schema of the stored form of its values.

        Returns:
            None if pydantic's own JSON is the stored form, or if the field has a serializer of its
            own, which then decides what is stored.
        """
        field_type = self.of_schema(schema)
        if field_type is None or field_type.stored is None:
            return None
        metadata: Mapping[str, Any] = schema.get("metadata") or {}
        own = metadata.get(SERIALIZATION, self._serializations.get(field_type.name))
        if schema.get("serialization") not in (None, own):
            return None
        serializer = cast("dict[str, Any]", field_type.stored)["serialization"]
        form: dict[str, Any] = {**_with_our_error(field_type), "serialization": serializer}
        if schema["type"] in _CONSTRAINED and not schema.keys() <= _NO_CONSTRAINTS:
            # a schema with constraints checks the value that the form was turned into
            constraints = {key: value for key, value in schema.items() if key != "ref"}
            check = {**constraints, "strict": False}
            form = {
                "type": "chain",
                "steps": [form, _unchanged(check) if self._is_of_class(field_type) else check],
                "serialization": serializer,
            }
        if "ref" in schema:
            form["ref"] = schema["ref"]
        return field_type, form

    def _is_of_class(self, field_type: FieldType) -> bool:
        return is_class(self._annotations[field_type.name]) and field_type.schema_type is None


def _unchanged(check: dict[str, Any]) -> CoreSchema:
    """Make a schema that checks a value with another one, and gives the value unchanged.

    For a class that derives from a scalar: the scalar's schema would turn it into a plain scalar.
    """
    validate = SchemaValidator(cast("CoreSchema", check)).validate_python

    def checked(value: Any) -> Any:
        validate(value)
        return value

    return core_schema.no_info_plain_validator_function(checked)


def _require_marker(annotation: Any, field_type: FieldType) -> None:
    if get_origin(annotation) is Annotated:
        for part in get_args(annotation)[1:]:
            if isinstance(part, FieldTypeMarker) and part.name == field_type.name:
                return
    raise ValueError(
        f"is for {annotation!r}, which is neither a class nor an Annotated with "
        f"FieldTypeMarker({field_type.name!r})"
    )


def _with_our_error(field_type: FieldType) -> dict[str, Any]:
    """Return the schema of a stored form, which describes it if a value has a different one."""
    stored = cast("dict[str, Any]", field_type.stored)
    message = "Input should be the stored form of a {name}, such as {form}"
    if field_type.schema_type is not None:
        message += " (see docs/storage.md)"
    wrapped: dict[str, Any] = {
        "type": "custom-error",
        "custom_error_type": "stored_form",
        "custom_error_message": message,
        "custom_error_context": {"name": field_type.name, "form": field_type.form},
    }
    if stored["type"] == "function-after":  # what its function says about a value passes through
        return {**stored, "schema": {**wrapped, "schema": stored["schema"]}}
    return {**wrapped, "schema": stored}
