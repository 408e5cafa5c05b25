"""Validating, dumping and reading values on their own, apart from the document around them.

What that takes is built once for all places with the same schema: the elements of a list, the
values of a dict. Their indexes and keys come from users, and building takes as long as a command.
"""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, cast

from pydantic_core import CoreSchema, core_schema

from rapyer._pydantic import build_validator
from rapyer.errors import ExpressionError
from rapyer.types.codec import Codec
from rapyer.types.schema import STORAGE_CONFIG, storage_schema

if TYPE_CHECKING:
    from rapyer.types.locate import Locator, Place
    from rapyer.types.registry import FieldTypes

#: Schemas of places are parts of the model's schema, except for unions that are made for a place.
_KEPT = 1024


class ValuesOfPlaces:
    """What handles the values of the places of one model.

    Args:
        model_name: The name of the model, for messages.
        locator: Follows paths through its schema.
        field_types: The types whose values have a stored form of their own.
    """

    def __init__(self, model_name: str, locator: Locator, field_types: FieldTypes) -> None:
        self._model_name = model_name
        self._locator = locator
        self._field_types = field_types
        self._known: dict[int, PlaceValues] = {}
        self._key_readers: dict[int, tuple[Any, Any]] = {}

    def of(self, place: Place) -> PlaceValues:
        """Return what handles the values of a place."""
        known = self._known.get(id(place.schema))
        if known is None or not known.are_of(place):
            if len(self._known) >= _KEPT:
                self._known.clear()
            known = PlaceValues(self._model_name, place, self._locator, self._field_types)
            self._known[id(place.schema)] = known
        return known

    def key_reader(self, place: Place) -> Any:
        """Return what reads the keys of the dict around a place, as keys of a JSON object."""
        keys = place.keys or {"type": "str"}
        known = self._key_readers.get(id(keys))
        if known is None or known[0] is not keys:
            keyed = core_schema.dict_schema(cast("CoreSchema", keys), core_schema.any_schema())
            schema = self._locator.complete(cast("dict[str, Any]", keyed))
            config: Any = {**place.config, "title": self._model_name, **STORAGE_CONFIG}
            known = self._key_readers[id(keys)] = keys, build_validator(schema, config)
        return known[1]


class PlaceValues:
    """Validates, dumps and reads the values of all places that share a schema.

    Args:
        name: Names the places, in messages.
        place: One of them.
        locator: Follows paths through the schema of the model.
        field_types: The types whose values have a stored form of their own.
    """

    def __init__(self, name: str, place: Place, locator: Locator, field_types: FieldTypes) -> None:
        self._name = name
        self._place = place
        self._locator = locator
        self._field_types = field_types

    def are_of(self, place: Place) -> bool:
        """Return whether they are also the values of another place."""
        own = self._place
        return own.schema is place.schema and own.config == place.config

    @cached_property
    def _config(self) -> core_schema.CoreConfig:
        """The settings of the model around the values."""
        return cast("core_schema.CoreConfig", {**self._place.config, "title": self._name})

    @cached_property
    def may_be_other_model(self) -> bool:
        """Whether models of several kinds may be there, which only their members tell apart."""
        return self._locator.kind_of(self._place.schema) in ("union", "tagged-union")

    @cached_property
    def is_typed_dict(self) -> bool:
        """Whether the values are dicts with declared fields."""
        return self._locator.kind_of(self._place.schema) == "typed-dict"

    @cached_property
    def validator(self) -> Any:
        """Validates a value as its assignment would, without what is around it."""
        return build_validator(self._locator.complete(self._place.schema), self._config)

    @cached_property
    def codec(self) -> Codec:
        """Dumps values to their stored form, and reads them."""
        schema = self._locator.complete(_with_serializer_alone(self._place))
        return Codec(self._name, lambda: schema, self._field_types, self._config)

    @cached_property
    def matches(self) -> Any:
        """Reads what `JSON.GET` gives for a path: an array of zero or one values."""
        config: core_schema.CoreConfig = {**self._config, **STORAGE_CONFIG}
        return build_validator(self.stored(self.schema_of_matches), config)

    @property
    def schema_of_matches(self) -> CoreSchema:
        """The schema of what `JSON.GET` gives for a path."""
        schema = self._place.schema
        one = schema["schema"] if schema["type"] == "default" else schema
        return core_schema.list_schema(cast("CoreSchema", one))

    @cached_property
    def _absent(self) -> Any:
        field = core_schema.typed_dict_field(cast("CoreSchema", self._place.schema), required=False)
        schema = self.stored(core_schema.typed_dict_schema({"value": field}))
        return build_validator(schema, self._config)

    def default(self) -> Any:
        """Return the value that a document without the field is read with."""
        return self._absent.validate_json(b"{}")["value"]

    def stored(self, schema: CoreSchema) -> CoreSchema:
        """Turn a schema with such values into the schema of their stored form."""
        complete = self._locator.complete(cast("dict[str, Any]", schema))
        return storage_schema(complete, self._field_types).schema


class _NoModel:
    """Stands for the model in a serializer of one of its fields."""

    def __getattribute__(self, name: str) -> Any:
        raise ExpressionError(
            f"the serializer of a field asks its model for {name!r}, which is not available for a "
            "single value. Save the whole document"
        )


def _with_serializer_alone(place: Place) -> dict[str, Any]:
    """Return the schema of a field whose serializer, a method of the model, cannot consult a model.

    A serializer that consults it fails, instead of getting what the model does not have.
    """
    serialization: dict[str, Any] = place.schema.get("serialization") or {}
    if not serialization.get("is_field_serializer"):
        return place.schema
    function = partial(serialization["function"], _NoModel())
    own = {**serialization, "function": function, "is_field_serializer": False}
    return {**place.schema, "serialization": own}
