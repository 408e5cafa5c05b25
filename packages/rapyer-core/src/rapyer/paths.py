"""Paths with the operations that they have on documents by key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, cast, overload

from typing_extensions import TypeVar as DefaultTypeVar

from rapyer.assignments import location_to_write, make_write, validated_alone
from rapyer.counting import NumberOperations
from rapyer.dicts import DictOperations
from rapyer.errors import ExpressionError
from rapyer.expr.annotations import element_of, members_of, value_of
from rapyer.expr.paths import Path
from rapyer.lists import ListOperations
from rapyer.owners import channel_of, model_with_documents
from rapyer.reading import REQUIRED, read_fields
from rapyer.traffic.updates import update_document
from rapyer.versions import policies_by_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from uuid import UUID

    from rapyer.base import EmbeddedModel
    from rapyer.keys import KeyLike
    from rapyer.traffic.channel import Channel

T = DefaultTypeVar("T", default=Any)
V = TypeVar("V")
D = TypeVar("D")
N = TypeVar("N", int, float)
K = TypeVar("K", int, "UUID")
Items = TypeVar("Items", bound="tuple[Any, ...]")
E = TypeVar("E", bound="EmbeddedModel")
V_co = TypeVar("V_co", covariant=True)


class Readable(Protocol[V_co]):
    """What can be read from documents, to type checkers: a path, or an embedded model as one.

    The class of an embedded model is what they see in place of the path that leads to it.
    """

    if TYPE_CHECKING:

        def __rapyer_value__(self) -> V_co:
            """Have the type of the value. It is there for type checkers only."""
            ...


class FieldPath(Path[T]):
    """A place in the documents of a model, as access to the class gives it: `User.address.city`.

    It builds conditions (`User.age > 18`), and reads and writes the value by key, without loading
    the rest of the document. A field with the name of one of its methods is reached by
    `User.address["get"]`.
    """

    __slots__ = ()

    if TYPE_CHECKING:

        def __rapyer_value__(self) -> T: ...

    @classmethod
    def _class_for(cls, annotation: Any) -> type[Path[Any]]:
        members = members_of(annotation)
        if any(value_of(member) is not None for member in members):
            return DictPath
        return ListPath if any(element_of(member) is not None for member in members) else FieldPath

    @overload
    async def get(self, key: KeyLike) -> T: ...
    @overload
    async def get(self, key: KeyLike, default: D) -> T | D: ...
    async def get(self, key: KeyLike, default: Any = REQUIRED) -> Any:
        """Read the value from the document at a key: `JSON.GET key path`. One round trip.

        A declared field that the document lacks has its static default, as if the document was
        loaded; to find that out takes a second round trip.

        Args:
            key: A primary key or a whole Redis key, as for `get` of the model.
            default: What is returned where the document or the value is not there.

        Raises:
            KeyNotFoundError: No document is there, and no `default` was given.
            PathNotFoundError: The document has no such key or index, lacks a field without a static
                default, or has null on the way; and no `default` was given.
            CorruptDocumentError: The value does not validate; pydantic's error is the cause.
            UnaddressableKeyError: A key on the way has no spelling on the server.
            WrongTypeError: The key holds another Redis type than a JSON document.
            NotConnectedError: rapyer was not told where Redis is.
        """
        model = model_with_documents(self)
        redis_key = model.__rapyer_identity__.resolve(key)
        ((value,),) = await read_fields(model, channel_of(model), (redis_key,), (self,), default)
        return value

    async def set(self, key: KeyLike, value: T) -> None:
        """Set the value in the document at a key: `JSON.SET key path value`. One round trip.

        It is validated as its assignment to the field would be, before anything is sent; but not
        what is around it, which is not at hand: validators of a model, and those that look at other
        fields. What is on the way there has to be there; a key of a dict is added, up to its
        max_length, an element of a list is not.

        Args:
            key: A primary key or a whole Redis key, as for `get` of the model.
            value: The value.

        Raises:
            pydantic.ValidationError: The value, or a key on the way, does not validate.
            KeyNotFoundError: No document is there.
            PathNotFoundError: Something on the way is not there or is null, or the index is out of
                range.
            UnstorableValueError: JSON or the server cannot hold the value exactly.
            UnaddressableKeyError: A key on the way has no spelling on the server.
            WrongTypeError: The key holds another Redis type than a JSON document.
            ExpressionError: It is the primary key, is frozen, is another field in each model of a
                union, is the Version, or has a validator that looks at other fields.
            OutcomeUnknownError: The reply was lost; the write may have been carried out or not.
            NotConnectedError: rapyer was not told where Redis is.
        """
        model = model_with_documents(self)
        location = location_to_write(model, self)
        redis_key = model.__rapyer_identity__.resolve(key)
        write, _ = make_write(location, validated_alone(model, location, value))
        await update_document(channel_of(model), redis_key, (write,), policies_by_key(model))

    async def increase(self: FieldPath[N], key: KeyLike, amount: N) -> N:
        """Add to the number in the document at a key, atomically. One round trip.

        Fields of `int` and `float` are added to; `amount` may be negative. What the field says of
        its values (`ge`, `gt`, `le`, `lt`) holds for what comes of it. A document that lacks the
        field has its default.

        Returns:
            What the number is then.

        Raises:
            NumberOverflowError: It would leave the range of 64 bits, or of doubles; it was not
                changed.
            pydantic.ValidationError: It would leave the bounds of the field; it was not changed.
            UnstorableValueError: No text stands for the amount on the server: one in a thousand of
                those with 16 or 17 digits.
            TypeError: The amount is no number.
            RapyerError: As `set`.
        """
        model = model_with_documents(self)
        number = model.__rapyer_locations__.kept(NumberOperations, self)
        found = await number.increase(channel_of(model), key, amount)
        return cast("N", found)


class ListPath(FieldPath[list[V]], Generic[V]):
    """The place of a list, a set or a tuple: `User.tags`.

    Lists have the operations of Python's by key, each of which is atomic, without loading the
    document. Elements are validated as `set` does; a field that a document lacks and that is empty
    by default is an empty list. They raise what `set` raises, and what stands there beside.
    """

    __slots__ = ()

    async def append(self, key: KeyLike, value: V) -> int:
        """Put an element at the end of the list in the document at a key. One round trip.

        Returns:
            How many elements there are then.

        Raises:
            UnstorableValueError: The list has as many elements as its max_length lets it have.
            RapyerError, pydantic.ValidationError: As `set`.
        """
        return await self._list.insert(self._channel, key, [value])

    async def extend(self, key: KeyLike, values: Iterable[V]) -> int:
        """Put elements at the end of the list in the document at a key, all of them or none.

        Returns:
            How many elements there are then. One round trip.

        Raises:
            UnstorableValueError: There is no room for all of them.
            RapyerError, pydantic.ValidationError: As `set`.
        """
        return await self._list.insert(self._channel, key, values)

    async def insert(self, key: KeyLike, index: int, value: V) -> int:
        """Put an element before an index, as `list.insert` does: one out of range is an end.

        Returns:
            How many elements there are then. One round trip.

        Raises:
            UnstorableValueError: There is no room for it.
            RapyerError, pydantic.ValidationError: As `set`.
        """
        return await self._list.insert(self._channel, key, [value], _index(index))

    async def pop(self, key: KeyLike, index: int = -1) -> V:
        """Take an element out of the list in the document at a key, and give it. One round trip.

        Raises:
            IndexError: There is no such element; nothing was changed.
            CorruptDocumentError: It does not validate. It was taken out, and is the `raw` of the
                error.
            UnstorableValueError: The list has as few elements as its min_length lets it have.
            RapyerError: As `set`.
        """
        return cast("V", await self._list.pop(self._channel, key, _index(index)))

    async def remove_range(self, key: KeyLike, start: int = 0, stop: int | None = None) -> int:
        """Take out the elements that the slice `[start:stop]` has. One round trip.

        Returns:
            How many there were.

        Raises:
            UnstorableValueError: Fewer would be left than min_length says.
            RapyerError: As `set`.
        """
        return await self._list.remove_range(
            self._channel, key, _index(start), None if stop is None else _index(stop)
        )

    async def clear(self, key: KeyLike) -> int:
        """Take out all elements; see `remove_range`."""
        return await self._list.remove_range(self._channel, key, 0, None)

    @property
    def _list(self) -> ListOperations:
        return model_with_documents(self).__rapyer_locations__.kept(ListOperations, self)

    @property
    def _channel(self) -> Channel:
        return channel_of(model_with_documents(self))

    if TYPE_CHECKING:

        @overload
        def __getitem__(self: ListPath[E], index: int) -> type[E]: ...  # type: ignore[overload-overlap] # as Mapped does
        @overload
        def __getitem__(self: ListPath[list[D]], index: int) -> ListPath[D]: ...
        @overload
        def __getitem__(self: ListPath[dict[str, D]], index: int) -> DictPath[D]: ...
        @overload
        def __getitem__(self, index: int) -> FieldPath[V]: ...
        def __getitem__(self, index: int) -> Any:
            """Give the path of the element at an index; a negative one counts from the end."""


class DictPath(FieldPath[dict[str, V]], Generic[V]):
    """The place of a dict: `User.counts`.

    Dicts have operations of Python's by key, each of which is atomic, without loading the document;
    an entry is set by its own path, `User.counts["a"].set(key, 1)`. A field that a document lacks
    and that is empty by default is an empty dict to those that take entries out. They raise what
    `set` raises, and what stands there beside.
    """

    __slots__ = ()

    async def update(self, key: KeyLike, values: Mapping[str, V]) -> None:
        """Set entries of the dict in the document at a key, all of them or none. One round trip.

        Raises:
            PathNotFoundError: The dict is not there.
            UnstorableValueError: There is no room for all of them.
            RapyerError, pydantic.ValidationError: As `set`.
        """
        await self._dict.update(self._channel, key, values)

    @overload
    async def pop(self, key: KeyLike, name: str) -> V: ...
    @overload
    async def pop(self, key: KeyLike, name: str, default: D) -> V | D: ...
    async def pop(self, key: KeyLike, name: str, default: Any = REQUIRED) -> Any:
        """Take an entry out of the dict in the document at a key, and give its value.

        One round trip.

        Args:
            key: A primary key or a whole Redis key, as for `get` of the model.
            name: The key of the entry.
            default: What is returned where there is none.

        Raises:
            KeyError: There is none, and no `default` was given; nothing was changed.
            CorruptDocumentError: Its value does not validate. It was taken out, and is the `raw` of
                the error.
            UnstorableValueError: The dict has as few entries as its min_length lets it have.
            RapyerError: As `set`.
        """
        found = await self._dict.pop(self._channel, key, name)
        if found:
            return found[0]
        if default is REQUIRED:
            raise KeyError(name)
        return default

    async def popitem(self, key: KeyLike) -> tuple[str, V]:
        """Take the last entry out of the dict in the document at a key, and give it.

        It is the last one as the server has them: where an entry was taken out before, the last one
        took its place, so that it need not be the one that was set last. One round trip.

        Raises:
            KeyError: The dict is empty.
            UnaddressableKeyError: No path leads to the last entry.
            RapyerError: As `pop`.
        """
        found = await self._dict.pop_item(self._channel, key)
        if found is None:
            raise KeyError(f"popitem(): {self!r} of {key!r} is empty")
        return found

    async def clear(self, key: KeyLike) -> int:
        """Take all entries out. One round trip.

        Returns:
            How many there were.

        Raises:
            UnstorableValueError: The dict has a min_length.
            RapyerError: As `set`.
        """
        return await self._dict.clear(self._channel, key)

    @property
    def _dict(self) -> DictOperations:
        return model_with_documents(self).__rapyer_locations__.kept(DictOperations, self)

    @property
    def _channel(self) -> Channel:
        return channel_of(model_with_documents(self))

    if TYPE_CHECKING:

        @overload
        def __getitem__(self: DictPath[E], key: str) -> type[E]: ...  # type: ignore[overload-overlap] # as Mapped does
        @overload
        def __getitem__(self: DictPath[list[D]], key: str) -> ListPath[D]: ...
        @overload
        def __getitem__(self: DictPath[dict[str, D]], key: str) -> DictPath[D]: ...
        @overload
        def __getitem__(self, key: str) -> FieldPath[V]: ...
        def __getitem__(self, key: str) -> Any:
            """Give the path of the value of a key, whatever characters that has."""


if TYPE_CHECKING:  # finer kinds for type checkers; at run time they are the two above

    class ModelListPath(ListPath[E], Generic[E]):
        """The place of a list of embedded models, whose fields are those of each element.

        Their types are not known here, nor whether there is such a field.
        """

        def __getattr__(self, name: str) -> FieldPath[Any]: ...

    class TuplePath(FieldPath[Items], Generic[Items]):
        """The place of a tuple."""

        def __getitem__(self, index: int) -> FieldPath[Any]:
            """Give the path of the element at an index."""
            ...

    class KeyedPath(FieldPath[dict[K, V]], Generic[K, V]):
        """The place of a dict whose keys are integers or UUIDs."""

        def __getitem__(self, key: K) -> FieldPath[V]:
            """Give the path of the value of a key."""
            ...


def col(value: V) -> FieldPath[V]:
    """Tell type checkers that a plainly annotated field is a path on the class: `col(User.age)`.

    At run time it gives its argument back.

    Raises:
        ExpressionError: It is no path.
    """
    if not isinstance(value, FieldPath):
        raise ExpressionError(
            f"col was given {value!r}. Give a field of a class, such as User.age."
        )
    return cast("FieldPath[V]", value)


def _index(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{value!r} is no index of a list. Give a whole number.")
    return value
