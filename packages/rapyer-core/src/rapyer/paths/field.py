"""The paths of fields, with the operations that all paths have on documents by key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, cast, overload

from typing_extensions import TypeVar as DefaultTypeVar

from rapyer.assignments import location_to_write, make_write, validated_alone
from rapyer.counting import NumberOperations
from rapyer.errors import ExpressionError
from rapyer.expr.annotations import element_of, members_of, value_of
from rapyer.expr.paths import Path
from rapyer.owners import channel_of, document_at, model_with_documents
from rapyer.reading import REQUIRED, read_fields
from rapyer.shifting import ShiftOperations
from rapyer.texts import TextOperations
from rapyer.traffic.updates import update_document
from rapyer.types.geo import GeoPoint
from rapyer.versions import policies_by_key

if TYPE_CHECKING:
    from datetime import date, datetime, timedelta

    from rapyer.keys import KeyLike
    from rapyer.traffic.addresses import DocumentAt

T = DefaultTypeVar("T", default=Any)
V = TypeVar("V")
D = TypeVar("D")
N = TypeVar("N", int, float)
V_co = TypeVar("V_co", covariant=True)

#: The kinds of paths that lead to containers, which derive from the class below.
_kinds: dict[Literal["list", "dict", "geo"], type[Path[Any]]] = {}


def register_kind(name: Literal["list", "dict", "geo"], kind: type[Path[Any]]) -> None:
    """Register the class of the paths to lists, to dicts, or to places."""
    _kinds[name] = kind


class Readable(Protocol[V_co]):
    """What can be read from documents, for type checkers: a path, or an embedded model as one.

    Type checkers see the class of an embedded model in place of the path that leads to it.
    """

    if TYPE_CHECKING:

        def __rapyer_value__(self) -> V_co:
            """Has the type of the value. It exists for type checkers only."""
            ...


class Selectable(Protocol[V_co]):
    """What queries can select, for type checkers: what is readable, or calculated from it."""

    if TYPE_CHECKING:

        def __rapyer_selected__(self) -> V_co:
            """Has the type of the value. It exists for type checkers only."""
            ...


class FieldPath(Path[T]):
    """A place in the documents of a model, as accessed on the class: `User.address.city`.

    It builds conditions (`User.age > 18`), and reads and writes the value by key without loading
    the rest of the document. If a field has the name of one of these methods, use
    `User.address["get"]` to reach it.
    """

    __slots__ = ()

    if TYPE_CHECKING:

        def __rapyer_value__(self) -> T: ...

    @classmethod
    def _class_for(cls, annotation: Any) -> type[Path[Any]]:
        members = members_of(annotation)
        if any(value_of(member) is not None for member in members):
            return _kinds["dict"]
        if any(member is GeoPoint for member in members):
            return _kinds["geo"]
        is_list = any(element_of(member) is not None for member in members)
        return _kinds["list"] if is_list else FieldPath

    @overload
    async def get(self, key: KeyLike) -> T: ...
    @overload
    async def get(self, key: KeyLike, default: D) -> T | D: ...
    async def get(self, key: KeyLike, default: Any = REQUIRED) -> Any:
        """Read the value from the document at a key: `JSON.GET key path`. One round trip.

        A declared field that the document lacks has its static default, as if the document were
        loaded; finding that out takes a second round trip.

        Args:
            key: A primary key or a whole Redis key, as for `get` of the model.
            default: What is returned if the document or the value is not there.

        Raises:
            KeyNotFoundError: There is no such document, and no `default` was given.
            PathNotFoundError: The document has no such key or index, lacks a field without a static
                default, or has null along the path; and no `default` was given.
            CorruptDocumentError: The value does not validate; pydantic's error is the cause.
            ExpressionError: The path belongs to a model without documents, or leads to many values.
            InvalidKeyError: `key` cannot be a key of this model.
            UnaddressableKeyError: A key along the path cannot be spelled on the server.
            WrongTypeError: The key holds a Redis type other than a JSON document.
            NotConnectedError: rapyer has not been told where Redis is.
        """
        model = model_with_documents(self)
        redis_key = model.__rapyer_identity__.resolve(key)
        ((value,),) = await read_fields(model, channel_of(model), (redis_key,), (self,), default)
        return value

    async def set(self, key: KeyLike, value: T) -> None:
        """Set the value in the document at a key: `JSON.SET key path value`. One round trip.

        The value is validated as its assignment to the field would be, before anything is sent. The
        values around it are not known, so validators of a model, and validators that look at other
        fields, are not run. Everything along the path has to exist. A dict key is added, up to the
        dict's max_length; a list element is not.

        Args:
            key: A primary key or a whole Redis key, as for `get` of the model.
            value: The value.

        Raises:
            pydantic.ValidationError: The value, or a key along the path, does not validate.
            KeyNotFoundError: There is no such document.
            InvalidKeyError: `key` cannot be a key of this model.
            PathNotFoundError: Something along the path is missing or null, or the index is out of
                range.
            UnstorableValueError: JSON or the server cannot hold the value exactly.
            UnaddressableKeyError: A key along the path cannot be spelled on the server.
            WrongTypeError: The key holds a Redis type other than a JSON document.
            ExpressionError: The field is the primary key, is frozen, is a different field in each
                model of a union, is the Version, or has a validator that looks at other fields; or
                the path belongs to a model without documents, or leads to many values.
            OutcomeUnknownError: The reply was lost; the write may or may not have been applied.
            NotConnectedError: rapyer has not been told where Redis is.
        """
        model = model_with_documents(self)
        location = location_to_write(model, self)
        redis_key = model.__rapyer_identity__.resolve(key)
        write, _ = make_write(location, validated_alone(model, location, value))
        await update_document(channel_of(model), redis_key, (write,), policies_by_key(model))

    async def increase(self: FieldPath[N], key: KeyLike, amount: N) -> N:
        """Add to the number in the document at a key, atomically. One round trip.

        Works for fields of `int` and `float`; `amount` may be negative. The result has to satisfy
        the field's constraints (`ge`, `gt`, `le`, `lt`). If a document lacks the field, its default
        is used.

        Returns:
            The new number.

        Raises:
            NumberOverflowError: It would leave the range of 64 bits, or of doubles; it was not
                changed.
            pydantic.ValidationError: It would leave the bounds of the field; it was not changed.
            UnstorableValueError: No text stands for the amount on the server; this affects one in a
                thousand amounts of 16 or 17 digits.
            TypeError: The amount is not a number.
            RapyerError: As `set`.
        """
        number = model_with_documents(self).__rapyer_locations__.kept(NumberOperations, self)
        return cast("N", await number.increase(self._document(key), amount))

    @overload
    async def append(self: FieldPath[str], key: KeyLike, value: str) -> int: ...
    @overload
    async def append(self: FieldPath[bytes], key: KeyLike, value: bytes) -> int: ...
    async def append(self, key: KeyLike, value: Any) -> int:
        """Append `value` to the text, or to the bytes, in the document at a key. One round trip.

        The field's max_length applies. If a document lacks the field, its default is used; for a
        text that takes a second round trip.

        Returns:
            The new length in bytes; for a text, the length of its stored form in UTF-8.

        Raises:
            UnstorableValueError: It would be longer than its max_length; it was not changed.
            TypeError: The value is of another type.
            RapyerError: As `set`.
        """
        text = model_with_documents(self).__rapyer_locations__.kept(TextOperations, self)
        size, _ = await text.append(self._document(key), value)
        return size

    @overload
    async def shift(self: FieldPath[datetime], key: KeyLike, span: timedelta) -> datetime: ...
    @overload
    async def shift(self: FieldPath[date], key: KeyLike, span: timedelta) -> date: ...
    @overload
    async def shift(self: FieldPath[timedelta], key: KeyLike, span: timedelta) -> timedelta: ...
    async def shift(self, key: KeyLike, span: timedelta) -> Any:
        """Move the datetime, date or timedelta in the document at a key. One round trip.

        A datetime keeps its microseconds, its offset, and whether it has one; a date is moved by a
        `span` of whole days. If a document lacks the field, its default is used.

        Returns:
            The new value.

        Raises:
            NumberOverflowError: It would leave the years 1 to 9999; or, for a timedelta, the 64
                bits of its microseconds. It was not changed.
            ValueError: A date was to be moved by a fraction of a day.
            TypeError: The span is not a timedelta.
            RapyerError: As `set`.
        """
        moment = model_with_documents(self).__rapyer_locations__.kept(ShiftOperations, self)
        return await moment.shift(self._document(key), span)

    def _document(self, key: KeyLike) -> DocumentAt:
        return document_at(model_with_documents(self), key)


def col(value: V) -> FieldPath[V]:
    """Tell type checkers that a plainly annotated field is a path on the class: `col(User.age)`.

    At run time it gives `value` back.

    Raises:
        ExpressionError: It is not a path.
    """
    if not isinstance(value, FieldPath):
        raise ExpressionError(
            f"col was given {value!r}. Give a field of a class, such as User.age."
        )
    return cast("FieldPath[V]", value)
