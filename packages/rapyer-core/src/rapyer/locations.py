"""Where the paths of a model lead in its documents, worked out once for each path."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pydantic import BaseModel, ValidationError
from pydantic_core import CoreSchema, SchemaValidator, core_schema, to_json

from rapyer._pydantic import build_validator
from rapyer.errors import ExpressionError, UnstorableValueError
from rapyer.expr.jsonpath import render_path
from rapyer.expr.parse import resolve
from rapyer.expr.paths import Path, model_of, steps_of
from rapyer.expr.steps import EACH, Step
from rapyer.traffic.updates import Target
from rapyer.types.codec import Codec, complete_schema
from rapyer.types.locate import Locator, Place, looks_around
from rapyer.types.places import PlaceValues, ValuesOfPlaces
from rapyer.types.schema import STORAGE_CONFIG
from rapyer.types.text import restore_nul

if TYPE_CHECKING:
    from rapyer.types.registry import FieldTypes

V = TypeVar("V")

#: How many locations, and how many ways to read several, are kept for a model.
_KEPT = 1024
#: The schema of keys that may be any text.
_TEXT: Mapping[str, Any] = {"type": "str"}
_SCALARS: Mapping[str, type] = {"int": int, "str": str, "bool": bool}
#: What a validator raises if it does not find the other fields.
VALIDATOR_ERRORS = (AttributeError, LookupError, TypeError)


class Location:
    """What a path of a model leads to.

    Attributes:
        text: The path as it is written in Python, for messages.
        steps: The steps of the path, as far as every valid document has the same places for them.
        places: What each of these steps leads to.
        rest: The steps after them. Only the value there tells what these lead to: into the models
            of a union that differ in a field.
        values: What handles the values.
        kept: What has been worked out about it, by what has made that.
    """

    def __init__(
        self, text: str, steps: tuple[Step, ...], places: Sequence[Place], values: ValuesOfPlaces
    ) -> None:
        self.text = text
        end = next((end for end, place in enumerate(places) if place.depends), len(places))
        self.steps, self.rest = steps[:end], steps[end:]
        self.places: Sequence[Place] = places[:end]
        self._places_of_rest = places[end:]
        self._values_of = values
        self.values = values.of(self.place)
        self.kept: dict[object, Any] = {}

    @property
    def place(self) -> Place:
        """What the path as a whole leads to."""
        return self.places[-1]

    @cached_property
    def stored_steps(self) -> tuple[str | int, ...]:
        """The keys and indexes along the path, as they are in documents."""
        return tuple(place.stored for place in self.places)

    @cached_property
    def json_path(self) -> str:
        """The path as the server reads it; see `render_path` for what it can be used for.

        Raises:
            UnaddressableKeyError: A key along the path has no spelling.
        """
        return render_path(self.stored_steps)

    @property
    def whole_path(self) -> str:
        """The path with the rest of its steps, for messages."""
        return self.json_path + render_path(place.name for place in self._places_of_rest)[1:]

    @cached_property
    def reply_name(self) -> str:
        """The path as it appears in the reply to `JSON.GET`, once U+0000 is restored there."""
        return render_path(self.names)

    @cached_property
    def target(self) -> Target:
        """Where the server writes a value for this place.

        Raises:
            UnaddressableKeyError: A key along the path has no spelling.
        """
        return Target.of(self.stored_steps)

    @cached_property
    def names(self) -> tuple[str | int, ...]:
        """The keys and indexes along the path, except for U+0000 in them."""
        return tuple(place.name for place in self.places)

    @cached_property
    def around(self) -> list[str]:
        """The path of the document, and those of everything along the path."""
        return [render_path(self.stored_steps[:end]) for end in range(len(self.places) + 1)]

    @cached_property
    def codec(self) -> Codec:
        """What dumps values for this place."""
        return self.values.codec.named(self.text, len(self.steps))

    @cached_property
    def guard(self) -> int | None:
        """How many steps lead to the outermost value around this one that has rules about it.

        A validator of a model is such a rule, and so is the length of a dict; 0 stands for the
        document. None if a value that is valid on its own is valid where it is.
        """
        return next((end for end, place in enumerate(self.places) if place.guarded), None)

    @cached_property
    def scalar(self) -> type | None:
        """The type of the values, if they are plain scalars that JSON has; otherwise None."""
        schema = self.place.schema
        while schema["type"] in ("default", "nullable") and "serialization" not in schema:
            schema = schema["schema"]
        return None if "serialization" in schema else _SCALARS.get(schema["type"])

    @cached_property
    def looks_around(self) -> bool:
        """Whether a validator of the value is told about the other fields of its model."""
        return looks_around(self.place.schema)

    def validate(self, value: Any) -> Any:
        """Validate a value as its assignment to the field would, and return the field's value.

        Raises:
            pydantic.ValidationError: The value, or a key along the path, does not validate.
            ExpressionError: Validation of its dict changes a key along the path.
        """
        if self._has_keys:
            self.check_keys()
        try:
            return self.values.validator.validate_python(value)
        except VALIDATOR_ERRORS as exc:
            raise of_validators(exc, (self,)) from exc

    def read(self, text: bytes) -> Any:
        """Make a value from its JSON text, without what is around it.

        Raises:
            pydantic.ValidationError: It does not validate.
            ExpressionError: A validator looks at other fields.
        """
        try:
            return self.codec.read(text)
        except VALIDATOR_ERRORS as exc:
            raise of_validators(exc, (self,)) from exc

    def check_keys(self) -> None:
        """Validate the dict keys along the path; see `validate` for the errors.

        Raises:
            UnstorableValueError: A key would not be read back from its name in JSON.
        """
        for step, place in zip(self.steps, self.places, strict=True):
            if place.keys is not None and not (place.keys == _TEXT and type(step.value) is str):
                of_keys = replace(place, schema=place.keys, keys=None)
                key = self._values_of.of(of_keys).validator.validate_python(step.value)
                if key != step.value:
                    raise ExpressionError(
                        f"{self.text} has the key {step.value!r}, but its dict stores that key as "
                        f"{key!r}. Give {key!r}."
                    )
                if place.keys["type"] != "str":
                    self._read_key(step, place)

    def key_named(self, name: str) -> Any:
        """Return the key that the last step stands for, by its name in JSON; else give the name."""
        with suppress(ValidationError):
            reader = self._values_of.key_reader(self.place)
            (key,) = reader.validate_json(to_json({name: None}), strict=True)
            return key
        return name

    def _read_key(self, step: Step, place: Place) -> None:
        """Make sure that a key is read back from its name in JSON."""
        reader = self._values_of.key_reader(place)
        with suppress(ValidationError):
            (key,) = reader.validate_json(to_json({step.stored_key: None}), strict=True)
            if key == step.value:
                return
        raise UnstorableValueError(
            f"{self.text} cannot be stored: the key {step.value!r} cannot be restored from "
            f"{step.stored_key!r}, its name in JSON.",
            path=self.text,
            value=step.value,
        )

    @cached_property
    def _has_keys(self) -> bool:
        return any(place.keys is not None for place in self.places)

    def values_of(self, place: Place) -> PlaceValues:
        """Return what handles the values of a place below, such as the elements of a set."""
        return self._values_of.of(place)

    def default(self, place: Place) -> Any:
        """Return the value that a document without a field along the path is read with."""
        return self._values_of.of(place).default()


def of_validators(error: Exception, locations: Iterable[Location]) -> ExpressionError:
    """Turn an error in a validator of the model into one about validating a value on its own."""
    names = ", ".join(location.text for location in locations)
    return ExpressionError(
        f"a validator raised {error!r} for {names}. A path validates its value on its own, without "
        "the other fields of the model (`info.data` is None): load and save the document."
    )


class Reader:
    """Loads what `JSON.GET` gives for one path, or for several.

    Args:
        locations: Where the paths lead.
    """

    def __init__(self, locations: Sequence[Location]) -> None:
        self.locations = locations
        self._names = [location.reply_name for location in locations]
        unique = {location.json_path: location for location in locations}
        self.json_paths = tuple(unique)
        self._is_single = len(unique) == 1
        #: Whether a value still has to be found inside one that is loaded.
        self.goes_on = any(location.rest for location in locations)
        first = locations[0]
        if self._is_single:
            self._validator = first.values.matches
            return
        fields = {
            location.reply_name: core_schema.typed_dict_field(with_config(location, first))
            for location in unique.values()
        }
        schema = first.values.stored(core_schema.typed_dict_schema(fields))
        settings = {**first.place.config, "title": first.text, **STORAGE_CONFIG}
        self._validator = build_validator(schema, cast("core_schema.CoreConfig", settings))

    def load(self, reply: bytes) -> list[list[Any]]:
        """Return the matches of each path, in the order of the paths: none, or one.

        Raises:
            pydantic.ValidationError: A value does not validate.
        """
        if not reply.isascii():
            reply = restore_nul(reply)
        try:
            loaded = self._validator.validate_json(reply, strict=True)
        except VALIDATOR_ERRORS as exc:
            raise of_validators(exc, self.locations) from exc
        if self._is_single:
            return [loaded] * len(self._names)
        return [loaded[name] for name in self._names]


def with_config(location: Location, first: Location) -> CoreSchema:
    """Return the schema of a path's matches, for use among those with another path's settings."""
    if location.place.config == first.place.config:
        return location.values.schema_of_matches
    validator = location.values.matches
    # settings belong to a whole validator: this one receives its part as JSON again
    return core_schema.no_info_plain_validator_function(
        lambda matches: validator.validate_json(to_json(matches), strict=True)
    )


class Locations:
    """The locations of the paths of one model.

    Args:
        model: The model; it may still have unresolved annotations.
        root: Its path without steps.
        field_types: The types whose values have a stored form of their own.

    Attributes:
        root: The path without steps.
    """

    def __init__(self, model: type[BaseModel], root: Path[Any], field_types: FieldTypes) -> None:
        self._model = model
        self.root = root
        self._field_types = field_types
        self.reset()

    def reset(self) -> None:
        """Forget everything, because the annotations of the model were resolved again."""
        self._locator: Locator | None = None
        self._locations: dict[tuple[Step, ...], Location] = {}
        self._readers: dict[tuple[tuple[Step, ...], ...], Reader] = {}
        self._texts: dict[str, Path[Any]] = {}
        #: What was worked out for the places that a call names, by their names: as many as there
        #: are such calls in the code of the application.
        self.named: dict[Any, Any] = {}
        #: What validates single fields of models that documents consist of.
        self.of_fields: dict[type[BaseModel], SchemaValidator] = {}

    def at(self, path: Path[Any]) -> Location:
        """Return where a path leads.

        Raises:
            ExpressionError: The path belongs to another model, leads to many values, or to nothing
                that documents have.
        """
        steps = steps_of(path)
        location = self._locations.get(steps)
        if location is None or not issubclass(self._model, model_of(path)):
            self._refuse(path)
            return self.behind(steps)
        return location

    def kept(self, make: Callable[[Any, Path[Any]], V], path: Path[Any]) -> V:
        """Return what is worked out about a path, once: what `make` gives for model and path.

        Raises:
            ExpressionError: As for `at`.
        """
        kept = self.at(path).kept
        known: V | None = kept.get(make)
        if known is None:
            known = kept[make] = make(self._model, path)
        return known

    def behind(self, steps: tuple[Step, ...]) -> Location:
        """Return where steps lead; at least one step, and none of them to each element.

        Raises:
            ExpressionError: They lead to nothing that documents have.
        """
        location = self._locations.get(steps)
        if location is None:
            name, locator = self._model.__name__, self.locator
            text = name + "".join(map(str, steps))
            location = Location(text, steps, locator.places(steps), self._values)
            _keep(self._locations, steps, location)
        return location

    @property
    def locator(self) -> Locator:
        """What follows paths through the schema of the model."""
        if self._locator is None:
            self._locator = Locator(complete_schema(self._model))
            self._values = ValuesOfPlaces(self._model.__name__, self._locator, self._field_types)
        return self._locator

    def reader(self, paths: Sequence[Path[Any]]) -> Reader:
        """Return what loads the values of some paths; see `at` for the errors."""
        key = tuple(map(steps_of, paths))
        reader = self._readers.get(key)
        if reader is None or not all(issubclass(self._model, model_of(path)) for path in paths):
            reader = Reader([self.at(path) for path in paths])
            _keep(self._readers, key, reader)
        return reader

    def resolve(self, text: object) -> Path[Any]:
        """Return the path that a text names.

        Raises:
            InvalidPathError: It is not a path, or leads nowhere in the model.
        """
        path = self._texts.get(text) if isinstance(text, str) else None
        if path is None:
            complete_schema(self._model)
            path = resolve(self.root, text)
            _keep(self._texts, text, path)
        return path

    def _refuse(self, path: Path[Any]) -> None:
        if not issubclass(model := self._model, model_of(path)):
            raise ExpressionError(f"{path!r} is not a path of {model.__name__}. Start it there.")
        if EACH in steps_of(path):
            raise ExpressionError(
                f"{path!r} stands for the values of all elements of a list, but only one value can "
                "be read or written at a time. Give an index."
            )
        if not steps_of(path):
            raise ExpressionError(f"{path!r} is a whole document. Use get(key) and save().")


def _keep(cache: dict[Any, Any], key: Any, value: Any) -> None:
    if len(cache) >= _KEPT:  # indexes and dict keys come from users
        cache.clear()
    cache[key] = value
