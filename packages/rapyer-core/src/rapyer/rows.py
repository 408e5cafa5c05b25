"""Reading values of many documents at once, from what an index sends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from pydantic_core import core_schema, to_json

from rapyer._pydantic import build_validator
from rapyer.errors import ExpressionError
from rapyer.expr.steps import Step
from rapyer.locations import VALIDATOR_ERRORS, Location, of_validators, with_config
from rapyer.types.codec import complete_schema
from rapyer.types.locate import Locator, Place
from rapyer.types.schema import STORAGE_CONFIG, storage_schema
from rapyer.types.text import restore_nul

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic_core import CoreSchema

    from rapyer.types.registry import FieldTypes


def load_values(location: Location, text: bytes) -> list[Any]:
    """Load the values at one path of many documents, each of which has one.

    Args:
        location: Where the path leads.
        text: A JSON array of the values.

    Raises:
        pydantic.ValidationError: A value does not validate.
    """
    if not text.isascii():
        text = restore_nul(text)
    try:
        loaded: list[Any] = location.values.matches.validate_json(text, strict=True)
    except VALIDATOR_ERRORS as exc:
        raise of_validators(exc, (location,)) from exc
    return loaded


class RowReader:
    """Loads the values at some paths of many documents, in one call into pydantic-core.

    Args:
        locations: Where the paths lead; at least one, each at the same place of all documents.
    """

    __slots__ = ("_locations", "_validator")

    def __init__(self, locations: Sequence[Location]) -> None:
        self._locations = locations
        first = locations[0]
        row: CoreSchema = core_schema.tuple_schema(
            [with_config(location, first) for location in locations]
        )
        schema = first.values.stored(core_schema.list_schema(row))
        settings = {**first.place.config, "title": first.text, **STORAGE_CONFIG}
        self._validator = build_validator(schema, cast("core_schema.CoreConfig", settings))

    def load(self, rows: Sequence[Sequence[bytes]]) -> list[tuple[list[Any], ...]]:
        """Load the matches of each path in each document.

        Args:
            rows: For each document, the JSON arrays of the matches of the paths, in their order.

        Returns:
            For each document, the matches of each path: one, or none.

        Raises:
            pydantic.ValidationError: A value does not validate.
        """
        text = b"[" + b",".join([b"[" + b",".join(row) + b"]" for row in rows]) + b"]"
        if not text.isascii():
            text = restore_nul(text)
        try:
            loaded: list[tuple[list[Any], ...]] = self._validator.validate_json(text, strict=True)
        except VALIDATOR_ERRORS as exc:
            raise of_validators(exc, self._locations) from exc
        return loaded


class ViewReader:
    """Makes models of some fields of many documents, in one call into pydantic-core.

    Args:
        view: The model.
        places: Its fields, in the order in which their values are given.
        field_types: The types whose values have a stored form of their own.
    """

    __slots__ = ("_object", "_validator")

    def __init__(
        self, view: type[BaseModel], places: Sequence[Place], field_types: FieldTypes
    ) -> None:
        schema = core_schema.list_schema(complete_schema(view))
        config: core_schema.CoreConfig = {"title": view.__name__, **STORAGE_CONFIG}
        self._validator = build_validator(storage_schema(schema, field_types).schema, config)
        names = [to_json(place.stored).replace(b"%", b"%%") + b":%b" for place in places]
        self._object = b"{" + b",".join(names) + b"}"

    @classmethod
    def of(
        cls, view: type[BaseModel], locations: Sequence[Location], field_types: FieldTypes
    ) -> ViewReader | None:
        """Return the reader for a model whose fields are at some locations of documents.

        Returns:
            None if a field is not the same in both: then values have to be made from what is stored
            first, and the model from them.
        """
        schema: Any = complete_schema(view)
        if schema.get("custom_init"):
            return None
        locator = Locator(schema)
        try:
            places = [
                locator.places((Step("field", name),))[0] for name in view.__pydantic_fields__
            ]
        except ExpressionError:  # it is stored as a serializer makes it
            return None
        same = [
            _without_default(place) == _without_default(location.place)
            for place, location in zip(places, locations, strict=True)
        ]
        return cls(view, places, field_types) if all(same) else None

    def load(self, rows: Sequence[Sequence[bytes]]) -> list[Any]:
        """Make the models.

        Args:
            rows: For each document, the JSON texts of the fields.

        Raises:
            pydantic.ValidationError: A value does not validate.
        """
        one = self._object
        text = b"[" + b",".join([one % tuple(row) for row in rows]) + b"]"
        if not text.isascii():
            text = restore_nul(text)
        loaded: list[Any] = self._validator.validate_json(text, strict=True)
        return loaded


def _without_default(place: Place) -> Any:
    schema = place.schema
    return schema["schema"] if schema["type"] == "default" else schema
