"""The paths of lists, with Python's list operations on documents by key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast, overload

from rapyer.lists import ListOperations
from rapyer.owners import model_with_documents
from rapyer.paths.field import FieldPath, register_kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rapyer.base import EmbeddedModel
    from rapyer.keys import KeyLike
    from rapyer.paths.dict import DictPath

V = TypeVar("V")
Items = TypeVar("Items", bound="tuple[Any, ...]")
D = TypeVar("D")
E = TypeVar("E", bound="EmbeddedModel")


class ListPath(FieldPath[list[V]], Generic[V]):
    """The place of a list, a set or a tuple: `User.tags`.

    Lists offer Python's list operations by key. Each is atomic and does not load the document.
    Elements are validated as by `set`. If a document lacks a field that is empty by default, the
    field counts as an empty list. All operations take a primary key or a whole Redis key as `key`,
    and raise what `set` raises in addition to their own errors.
    """

    __slots__ = ()

    async def append(self, key: KeyLike, value: V) -> int:  # type: ignore[override] # pyright: ignore[reportIncompatibleMethodOverride] # that of texts is for paths of text alone
        """Append `value` to the list in the document at a key. One round trip.

        `JSON.ARRAPPEND`; if the document lacks the list, it takes a second one.

        Returns:
            The new number of elements.

        Raises:
            UnstorableValueError: The list already has as many elements as its max_length allows.
            RapyerError, pydantic.ValidationError: As `set`.
        """
        return await self._inserted(key, [value], None)

    async def extend(self, key: KeyLike, values: Iterable[V]) -> int:
        """Append `values` to the list in the document at a key, all of them or none.

        `JSON.ARRAPPEND`: one round trip; if the document lacks the list, it takes a second one.

        Returns:
            The new number of elements.

        Raises:
            UnstorableValueError: There is no room for all of them.
            RapyerError, pydantic.ValidationError: As `set`.
        """
        return await self._inserted(key, values, None)

    async def insert(self, key: KeyLike, index: int, value: V) -> int:
        """Insert an element before an index, as `list.insert` does. One round trip.

        Args:
            key: A primary key or a whole Redis key.
            index: The index; one out of range means the nearest end.
            value: The element.

        Returns:
            The new number of elements.

        Raises:
            UnstorableValueError: There is no room for it.
            TypeError: The index is not an integer.
            RapyerError, pydantic.ValidationError: As `set`.
        """
        return await self._inserted(key, [value], whole(index))

    async def pop(self, key: KeyLike, index: int = -1) -> V:
        """Remove an element from the list in the document at a key, and return it. One round trip.

        It is the last element, or the one at `index`.

        Raises:
            IndexError: There is no such element; nothing was changed.
            TypeError: The index is not an integer.
            CorruptDocumentError: The element does not validate. It has been removed, and is the
                `raw` of the error.
            UnstorableValueError: The list has only as many elements as its min_length requires.
            RapyerError: As `set`.
        """
        operations, document = self._list, self._document(key)
        popped = await operations.pop(document, whole(index))
        return cast("V", operations.read(document.key, popped.result))

    async def remove_range(self, key: KeyLike, start: int = 0, stop: int | None = None) -> int:
        """Remove the elements in the slice `[start:stop]`. One round trip.

        Args:
            key: A primary key or a whole Redis key.
            start: The index of the first element.
            stop: The index after the last element; None for all that follow.

        Returns:
            How many elements were removed.

        Raises:
            UnstorableValueError: Fewer elements than min_length would be left.
            TypeError: An index is not an integer.
            RapyerError: As `set`.
        """
        end = None if stop is None else whole(stop)
        return await self._removed(key, whole(start), end)

    async def clear(self, key: KeyLike) -> int:
        """Remove all elements from the list in the document at a key. One round trip.

        Returns:
            How many elements there were.

        Raises:
            UnstorableValueError: The list has a min_length.
            RapyerError: As `set`.
        """
        return await self._removed(key, 0, None)

    async def remove(self, key: KeyLike, value: V) -> None:
        """Remove the first element that is stored the same way as `value`. One round trip.

        It is removed from the list in the document at a key. The server compares stored forms; for
        a model, that of all its fields. Some values that are equal in Python are stored
        differently: `Decimal("1.0")` and `Decimal("1.00")`, or one moment in two time zones.

        Raises:
            ValueError: There is no such element; nothing was changed.
            UnstorableValueError: The list has only as many elements as its min_length requires; or
                no text stands for the value on the server, as for one in a thousand floats of 17
                digits.
            RapyerError, pydantic.ValidationError: As `set`.
        """
        await self._list.remove(self._document(key), value)

    async def set_item(self, key: KeyLike, index: int, value: V) -> None:
        """Replace the element at an index. One round trip.

        Args:
            key: A primary key or a whole Redis key.
            index: The index; a negative one counts from the end.
            value: The new element.

        Raises:
            IndexError: There is no such element; nothing was changed.
            TypeError: The index is not an integer.
            RapyerError, pydantic.ValidationError: As `set`.
        """
        operations, document = self._list, self._document(key)
        ((_, dump),) = operations.elements([value])
        await operations.set_item(document, whole(index), dump)

    async def len(self, key: KeyLike) -> int:
        """Count the elements of the list in the document at a key. One round trip.

        Raises:
            RapyerError: As `get`.
        """
        return await self._list.length(self._document(key))

    async def _inserted(self, key: KeyLike, values: Iterable[V], index: int | None) -> int:
        operations, document = self._list, self._document(key)
        dumps = [dump for _, dump in operations.elements(values)]
        return cast("int", (await operations.insert(document, dumps, index)).result)

    async def _removed(self, key: KeyLike, start: int, stop: int | None) -> int:
        done = await self._list.remove_range(self._document(key), start, stop)
        return cast("int", done.result)

    @property
    def _list(self) -> ListOperations:
        return model_with_documents(self).__rapyer_locations__.kept(ListOperations, self)

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
            """Return the path of the element at an index; a negative one counts from the end."""


register_kind("list", ListPath)

if TYPE_CHECKING:  # finer kinds for type checkers; at run time they are the classes above

    class ModelListPath(ListPath[E], Generic[E]):
        """The place of a list of embedded models, whose fields are those of each element.

        Neither the types of these fields nor their existence are known here.
        """

        def __getattr__(self, name: str) -> FieldPath[Any]: ...

    class TuplePath(FieldPath[Items], Generic[Items]):
        """The place of a tuple."""

        def __getitem__(self, index: int) -> FieldPath[Any]:
            """Return the path of the element at an index."""
            ...


def whole(value: object) -> int:
    """Make sure that a list index is an integer."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{value!r} is not a list index. Give an integer.")
    return value
