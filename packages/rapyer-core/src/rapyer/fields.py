"""What you declare the fields of a model with: `Field`, `Mapped`, `MappedOptional`, `Key`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from difflib import get_close_matches
from inspect import signature
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Final,
    Generic,
    Literal,
    TypedDict,
    cast,
    get_args,
    overload,
)

import pydantic
from pydantic import BaseModel, GetCoreSchemaHandler
from pydantic.fields import Deprecated
from pydantic.types import Discriminator
from pydantic_core import CoreSchema
from typing_extensions import TypeVar, Unpack

from rapyer.errors import ModelDefinitionError
from rapyer.indexed import IndexOptions, Text, Vector
from rapyer.keys import check_text_pk

if TYPE_CHECKING:
    from rapyer.base import EmbeddedModel
    from rapyer.paths import (
        DictPath,
        FieldPath,
        GeoPath,
        Items,
        K,
        KeyedPath,
        ListPath,
        ModelListPath,
        TuplePath,
    )
    from rapyer.types.geo import GeoPoint

T = TypeVar("T")
V = TypeVar("V")
E = TypeVar("E", bound="EmbeddedModel")


#: Field options of similar libraries, and how to say the same here.
_ELSEWHERE: Final[Mapping[str, str]] = {
    "primary_key": "Annotate the field as the key: `id: Key[str]`.",
    "unique": "Only the primary key is unique: annotate the field `Key[str]`.",
    "full_text_search": "Write text=True, with `rapyer[query]`.",
    "vector_options": "Write vector=Vector(...), with `rapyer[query]`.",
    "nullable": "Annotate the field `str | None`.",
}
#: Options that pydantic handles itself: it still accepts some, and names the remedy for the rest.
_OF_OLD_PYDANTIC: Final = frozenset(
    {"const", "min_items", "max_items", "unique_items", "allow_mutation", "regex", "include"}
)


class FieldOptions(TypedDict, total=False):
    """The other options that `Field` accepts; each as in `pydantic.Field`."""

    alias_priority: int | None
    validation_alias: str | pydantic.AliasPath | pydantic.AliasChoices | None
    serialization_alias: str | None
    title: str | None
    description: str | None
    examples: list[Any] | None
    exclude: bool | None
    discriminator: str | Discriminator | None
    deprecated: Deprecated | str | bool | None
    json_schema_extra: dict[str, Any] | Callable[[dict[str, Any]], None] | None
    frozen: bool | None
    validate_default: bool | None
    repr: bool
    pattern: str | None
    strict: bool | None
    gt: Any
    ge: Any
    lt: Any
    le: Any
    multiple_of: float | None
    allow_inf_nan: bool | None
    max_digits: int | None
    decimal_places: int | None
    min_length: int | None
    max_length: int | None
    union_mode: Literal["smart", "left_to_right"]
    fail_fast: bool | None


def Field(  # noqa: N802 - the name that pydantic's users know
    default: Any = ...,
    *,
    default_factory: Callable[[], Any] | Callable[[dict[str, Any]], Any] | None = None,
    alias: str | None = None,
    index: bool | None = None,
    index_keys: Iterable[str] = (),
    sortable: bool = False,
    text: bool | Text = False,
    vector: Vector | None = None,
    **options: Unpack[FieldOptions],
) -> Any:
    """Declare a field: its default, its name in the document, its constraints, its index.

    Args:
        default: The value of the field when none is given. Without it and without
            `default_factory` the field is required.
        default_factory: Makes that value, anew for each instance.
        alias: The name of the field in the constructor and in the stored document.
        index: Whether queries can find documents by this field and by what is below it. If not
            given, rapyer-query indexes everything that can be indexed, unless `Config.index`
            says otherwise.
        index_keys: Keys of a dict that are indexed individually, so that conditions on them are
            answered exactly: `counts: dict[str, int] = Field(index_keys=["a", "b"])`.
        sortable: Whether the index also keeps the value of each document, so that the server
            sorts by it without reading documents. This indexes the field. Without it, queries
            can still sort by the field, but more slowly.
        text: Whether the words of the text are indexed as well, for `matches` and `search`; a
            `Text` says how. Comparisons of the whole text remain as exact as without it.
        vector: How a list of numbers is indexed as a vector, for `nearest` and `within_distance`.
        options: Constraints and descriptive texts, each as in `pydantic.Field`.

    Returns:
        What to assign to the field in the class body. It is typed as `Any`, so that it can
        follow any annotation, including `Mapped[int]`. `pydantic.Field` works in the same
        places.

    Raises:
        TypeError: The index options contradict each other or have the wrong type, or an option
            does not exist for fields.
    """
    given: dict[str, Any] = dict(options)
    _refuse_unknown_options(given)
    if default_factory is not None:
        given["default_factory"] = default_factory
    if default is not ...:
        given["default"] = default
    if alias is not None:
        given["alias"] = alias
    field = pydantic.Field(**given)
    keys = _keys_to_index(index_keys)
    if sortable and index is False:
        raise TypeError(
            "Field has index=False and sortable=True. A sortable field must be indexed."
        )
    words: Any = Text() if text is True else text or None
    near: Any = vector
    for name, known, kind in (("text", words, Text), ("vector", near, Vector)):
        if known is not None and not isinstance(known, kind):
            raise TypeError(f"{name} is {known!r}. Give a {kind.__name__}(...).")
    if index is False and (words is not None or vector is not None):
        what = "vector=..." if words is None else "text=True"
        raise TypeError(f"Field has index=False and {what}. A searchable field must be indexed.")
    if index is not None or keys or sortable or words is not None:
        is_wanted = True if sortable or words is not None else index
        field.metadata.append(IndexOptions(is_wanted, keys, sortable, words))
    if vector is not None:
        field.metadata.append(vector)
    return field


def _refuse_unknown_options(given: Iterable[str]) -> None:
    """Refuse options that pydantic would keep for a JSON schema and everybody else would ignore."""
    for name in given:
        if name in FieldOptions.__annotations__ or name in _OF_OLD_PYDANTIC:
            continue
        named = {*signature(pydantic.Field).parameters, *signature(Field).parameters}
        known = sorted(named - {"extra", "options"} | {*FieldOptions.__annotations__})
        if name not in known:
            near = get_close_matches(name, known, n=1)
            remedy = (
                f"Did you mean {near[0]!r}?"
                if near
                else "Use json_schema_extra for other settings."
            )
            raise TypeError(f"Field has no option {name!r}. {_ELSEWHERE.get(name, remedy)}")


def _keys_to_index(keys: Iterable[str]) -> tuple[str, ...]:
    if isinstance(keys, str):
        raise TypeError(f"index_keys is {keys!r}. Give a list of keys.")
    given = tuple(keys)
    others = [key for key in cast("tuple[object, ...]", given) if not isinstance(key, str)]
    if others:
        raise TypeError(
            f"index_keys has {others[0]!r}, which is not a string. Give keys as strings."
        )
    # the order of a set differs between processes
    return tuple(sorted(given)) if isinstance(keys, AbstractSet) else given


class KeyMarker:
    """Marks the field that holds the primary key: the metadata that `Key[...]` leaves."""

    __slots__ = ()

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return check_text_pk(handler(source))

    def __repr__(self) -> str:
        return "Key"


class VersionMarker:
    """Marks the field that counts writes: the metadata that `Version` leaves."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Version"


def marked_fields(model: type[BaseModel], marker: type, name: str, why: str) -> list[str]:
    """Name the fields of a model that are annotated with a marker.

    Args:
        model: The model.
        marker: The class that the annotation leaves in the metadata of the field.
        name: What the annotation is called.
        why: Why it cannot be inside another annotation, for messages.

    Raises:
        ModelDefinitionError: It is inside another annotation, where it marks no field.
    """
    found: list[str] = []
    for field_name, field in model.__pydantic_fields__.items():
        if any(isinstance(part, marker) for part in field.metadata):
            found.append(field_name)
        elif _contains(field.annotation, marker):
            raise ModelDefinitionError(
                f"{model.__name__}.{field_name} has a {name} inside {field.annotation!r}. {why}: "
                f"annotate the field {name} itself, without anything around it."
            )
    return found


def _contains(annotation: Any, marker: type) -> bool:
    """Return whether a marker is anywhere inside an annotation: in a union, a list or an alias."""
    if isinstance(annotation, marker):
        return True
    aliased = getattr(annotation, "__value__", None)  # of a `type` statement, or its backport
    if aliased is not None:
        return _contains(aliased, marker)
    parts = (*get_args(annotation), *getattr(annotation, "__metadata__", ()))
    return any(_contains(part, marker) for part in parts)


def _unparametrized(name: str) -> ModelDefinitionError:
    return ModelDefinitionError(f"{name} needs the type of the field's values: {name}[str].")


if TYPE_CHECKING:

    class Mapped(Generic[T]):
        """The annotation that gives type checkers exact types, like SQLAlchemy's.

        With `age: Mapped[int]`, `User.age` is a `FieldPath[int]` and `user.age` is an `int`. At run
        time it is the annotation `int`. Use `Field(default=...)` for a default.
        """

        @overload
        def __get__(self: Mapped[E], instance: None, owner: Any) -> type[E]: ...
        @overload
        def __get__(self: Mapped[list[E]], instance: None, owner: Any) -> ModelListPath[E]: ...
        @overload
        def __get__(self: Mapped[Items], instance: None, owner: Any) -> TuplePath[Items]: ...
        @overload
        def __get__(self: Mapped[GeoPoint], instance: None, owner: Any) -> GeoPath[GeoPoint]: ...
        @overload
        def __get__(
            self: Mapped[GeoPoint | None], instance: None, owner: Any
        ) -> GeoPath[GeoPoint | None]: ...
        @overload
        def __get__(self: Mapped[dict[K, V]], instance: None, owner: Any) -> KeyedPath[K, V]: ...
        @overload
        def __get__(self: Mapped[list[V]], instance: None, owner: Any) -> ListPath[V]: ...
        @overload
        def __get__(self: Mapped[dict[str, V]], instance: None, owner: Any) -> DictPath[V]: ...
        @overload
        def __get__(self, instance: None, owner: Any) -> FieldPath[T]: ...
        @overload
        def __get__(self, instance: object, owner: Any) -> T: ...
        def __get__(self, instance: object | None, owner: Any) -> Any: ...
        def __set__(self, instance: object, value: T) -> None: ...

    class MappedOptional(Generic[E]):
        """`Mapped` for a nested model or None: `home: MappedOptional[Address]`.

        `User.home.city` is a `FieldPath[str]`, and `user.home` is an `Address | None`.
        """

        @overload
        def __get__(self, instance: None, owner: Any) -> type[E]: ...
        @overload
        def __get__(self, instance: object, owner: Any) -> E | None: ...
        def __get__(self, instance: object | None, owner: Any) -> Any: ...
        def __set__(self, instance: object, value: E | None) -> None: ...

    class Key(Generic[T]):
        """The annotation of the field that holds the primary key: `id: Key[str]`.

        The type is `str`, `int` or `uuid.UUID`. A model has at most one such field; without one,
        each instance gets a random `pk`. `User.id` is a path and `user.id` a value, as with
        `Mapped`.
        """

        @overload
        def __get__(self, instance: None, owner: Any) -> FieldPath[T]: ...
        @overload
        def __get__(self, instance: object, owner: Any) -> T: ...
        def __get__(self, instance: object | None, owner: Any) -> Any: ...
        def __set__(self, instance: object, value: T) -> None: ...

    class Version:
        """The annotation of the field that counts writes: `revision: Version`.

        Every write by the library increments it in the same step. Writes from an instance (`save`,
        `aupdate`) first compare it, and raise `ConflictError` if somebody else was faster. A model
        has at most one such field. It is an `int`, 0 for an instance that was never saved; type
        checkers need `= Field(default=0)`.
        """

        @overload
        def __get__(self, instance: None, owner: Any) -> FieldPath[int]: ...
        @overload
        def __get__(self, instance: object, owner: Any) -> int: ...
        def __get__(self, instance: object | None, owner: Any) -> Any: ...
        def __set__(self, instance: object, value: int) -> None: ...

else:

    class _Annotation:
        """An annotation of ours that pydantic sees as another one."""

        @classmethod
        def __get_pydantic_core_schema__(cls, source, handler):
            raise _unparametrized(cls.__name__)

    class _MappedMarker:
        __slots__ = ()

        def __repr__(self):
            return "Mapped"

    class Mapped(_Annotation):
        """The annotation that gives type checkers exact types; at run time, the one inside it."""

        def __class_getitem__(cls, item):
            return Annotated[item, _MappedMarker()]

    class MappedOptional(_Annotation):
        """`Mapped` for a nested model or None; at run time, `Optional` of the one inside it."""

        def __class_getitem__(cls, item):
            return Annotated[item | None, _MappedMarker()]

    class Key(_Annotation):
        """The annotation of the primary key; at run time, the one inside it plus a marker."""

        def __class_getitem__(cls, item):
            return Annotated[item, KeyMarker()]

    Version = Annotated[int, VersionMarker(), Field(default=0, ge=0, lt=10**18, frozen=True)]
