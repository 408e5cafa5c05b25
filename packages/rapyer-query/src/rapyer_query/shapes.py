"""What is made from the documents that a query finds: models, views of them, tuples of values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import BaseModel, ValidationError
from rapyer.base import BaseRedisModel, field_types_of, locations_of
from rapyer.errors import CorruptDocumentError, ExpressionError, UnaddressableKeyError
from rapyer.expr.evaluate import getter_of
from rapyer.expr.paths import Path, is_path
from rapyer.expr.values import Value, is_value
from rapyer.guards import is_array
from rapyer.keys import RedisKey
from rapyer.rows import RowReader, ViewReader

from rapyer_query.commands import DOCUMENT, Load

if TYPE_CHECKING:
    from rapyer.locations import Location


class Shape(Protocol):
    """What is made from documents."""

    @property
    def load(self) -> Load:
        """What is requested of each document, if it is not needed as a whole."""
        ...

    def of_instance(self, instance: Any, /) -> Any:
        """Make the result from an instance of the model."""
        ...


class ModelShape:
    """Documents as instances of their model."""

    load = DOCUMENT

    def of_instance(self, instance: Any, /) -> Any:
        """Return the instance."""
        return instance


class ValuesShape:
    """Documents as tuples of some values of each.

    Args:
        model: The model.
        paths: The paths of the values, or the expressions they are calculated from.
        make: Makes the result from the values.
    """

    def __init__(
        self,
        model: type[BaseRedisModel],
        paths: Sequence[Value[Any]],
        make: Callable[[tuple[Any, ...]], Any] | None = None,
    ) -> None:
        self._model = model
        places = [locations_of(model).at(path) for path in paths if is_path(path)]
        self._locations: list[Location] = places
        self._is_calculated = len(places) < len(paths)
        self._getters = [getter_of(path) for path in paths]
        self._make = make

    def of_instance(self, instance: Any, /) -> Any:
        """Make the result from an instance of the model."""
        return self._made(tuple([get(instance) for get in self._getters]))

    def _made(self, values: tuple[Any, ...]) -> Any:
        return values if self._make is None else self._make(values)

    @cached_property
    def load(self) -> Load:
        """What is requested of each document; all of it if no path leads to a value."""
        try:
            if self._is_calculated or any(location.rest for location in self._locations):
                return DOCUMENT
            return Load.of_paths([location.json_path for location in self._locations])
        except UnaddressableKeyError:
            return DOCUMENT

    @cached_property
    def _reader(self) -> RowReader:
        return RowReader(self._locations)

    @cached_property
    def _defaults(self) -> list[Callable[[], Any] | None]:
        """Defaults for documents without a part, if they are unambiguous."""
        return [_default_of(location) for location in self._locations]

    def of_matches(self, rows: Sequence[Sequence[bytes]]) -> list[Any]:
        """Make the results from what paths lead to.

        Args:
            rows: For each document, the JSON arrays of what each path leads to.

        Returns:
            For each document, the result; `LACKING` if only the whole document tells a value.

        Raises:
            pydantic.ValidationError: A value does not validate.
        """
        loaded = self._reader.load(rows)
        if self._make is None:
            try:
                return [tuple([match[0] for match in row]) for row in loaded]
            except IndexError:  # a document lacks something
                pass
        return [self._of_row(row) for row in loaded]

    def _of_row(self, row: Sequence[list[Any]]) -> Any:
        values: list[Any] = []
        for match, default in zip(row, self._defaults, strict=True):
            if match:
                values.append(match[0])
            elif default is not None:
                values.append(default())
            else:
                return LACKING
        return self._made(tuple(values))


def _default_of(location: Location) -> Callable[[], Any] | None:
    """Return what makes the value of a place without a part in the reply; None if it is unknown.

    Either the document lacks the field, or it has an empty list: the server sends no part for
    either (RediSearch 2.10, dialect 3).
    """
    place = location.place
    if len(location.places) > 1 or not place.has_static_default:
        return None
    default = location.default(place)
    is_of_scalars = location.scalar is not None
    is_empty = is_array(default) and not default
    return partial(location.default, place) if is_of_scalars or is_empty else None


class ViewShape(ValuesShape):
    """Documents as models that have some of their fields.

    Args:
        model: The model.
        view: The view.
        paths: Its fields.
    """

    def __init__(
        self, model: type[BaseRedisModel], view: type[BaseModel], paths: Sequence[Path[Any]]
    ) -> None:
        names = tuple(view.__pydantic_fields__)

        def make(values: tuple[Any, ...]) -> BaseModel:
            given = dict(zip(names, values, strict=True))
            return view.model_validate(given, from_attributes=True, by_name=True)

        super().__init__(model, paths, make)
        self._view = view

    @cached_property
    def _of_texts(self) -> ViewReader | None:
        return ViewReader.of(self._view, self._locations, field_types_of(self._model))

    def of_matches(self, rows: Sequence[Sequence[bytes]]) -> list[Any]:
        """Make the results from what paths lead to; see `ValuesShape.of_matches`."""
        reader = self._of_texts
        # missing values get the defaults of the model, which the view may not know
        if reader is None or any(b"[]" in row for row in rows):
            return super().of_matches(rows)
        return reader.load([[match[1:-1] for match in row] for row in rows])


class Lacking:
    """Stands for the result of a document that lacks something on the way to a value."""


LACKING = Lacking()


def view_of(model: type[BaseRedisModel], view: type[BaseModel]) -> ViewShape:
    """Make the shape of a view: any pydantic model whose fields are among those of the model.

    Raises:
        ExpressionError: It has other fields.
    """
    root: Any = model
    paths: list[Path[Any]] = []
    for name in view.__pydantic_fields__:
        path = getattr(root, name, None) if name in model.__pydantic_fields__ else None
        if not is_path(path):
            fields = ", ".join(model.__pydantic_fields__)
            raise ExpressionError(
                f"{view.__name__}.{name} is not a field of {model.__name__}, which has {fields}. "
                "Give a view whose fields have these names."
            )
        paths.append(path)
    if not paths:
        raise ExpressionError(f"{view.__name__} has no fields. Use .keys() instead.")
    return ViewShape(model, view, paths)


def value_in(model: type[BaseRedisModel], given: object) -> Value[Any]:
    """Return a value as it is, or for the text of a path; see `path_in`."""
    return given if is_value(given) else path_in(model, given)


def path_in(model: type[BaseRedisModel], given: object) -> Path[Any]:
    """Return the path that a path or its text stands for.

    Raises:
        ExpressionError: It is neither.
        InvalidPathError: The text leads nowhere.
    """
    if isinstance(given, str):
        return locations_of(model).resolve(given)
    if not is_path(given):
        raise ExpressionError(
            f"{given!r} is not a field of {model.__name__}. Give one, such as "
            f"{model.__name__}.{next(iter(model.__pydantic_fields__), '<field>')}, or its path as "
            "a string."
        )
    return given


def redis_key(model: type[BaseRedisModel], key: bytes) -> RedisKey:
    """Return a key as text.

    Raises:
        CorruptDocumentError: It is not text.
    """
    try:
        return RedisKey(key.decode())
    except UnicodeDecodeError as exc:
        raise CorruptDocumentError(
            f"the key {key!r} of a document of {model.__name__} is not valid UTF-8. Store the "
            "document under another key.",
            key=repr(key),
        ) from exc


def corrupt(
    model: type[BaseRedisModel], key: str, raw: bytes, error: ValidationError
) -> CorruptDocumentError:
    """Make the error for a document with a value that does not validate."""
    return CorruptDocumentError(
        f"the requested values of the document at {key!r} do not validate for {model.__name__}: "
        f"{error}\nCorrect the document, or skip such documents with .on_corrupt('skip').",
        key=key,
        raw=raw,
    )
