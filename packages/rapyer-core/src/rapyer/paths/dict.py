"""The paths of dicts, with Python's dict operations on documents by key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from rapyer.dicts import DictOperations
from rapyer.owners import model_with_documents
from rapyer.paths.field import FieldPath, register_kind
from rapyer.reading import REQUIRED

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from rapyer.base import EmbeddedModel
    from rapyer.keys import KeyLike
    from rapyer.paths.list import ListPath

V = TypeVar("V")
K = TypeVar("K", int, "UUID")
D = TypeVar("D")
E = TypeVar("E", bound="EmbeddedModel")


class DictPath(FieldPath[dict[str, V]], Generic[V]):
    """The place of a dict: `User.counts`.

    Offers Python's dict operations by key. Each is atomic and does not load the document. The value
    of an entry has its own path, `User.counts["a"]`. If a document lacks a field that is empty by
    default, the field counts as an empty dict. All operations take a primary key or a whole Redis
    key as `key`, and raise what `set` raises in addition to their own errors.
    """

    __slots__ = ()

    async def update(self, key: KeyLike, values: Mapping[str, V]) -> None:
        """Set `values` in the dict in the document at a key, all or none. One round trip.

        If the document lacks the dict, it takes two more, and three more for one entry.

        Raises:
            PathNotFoundError: The dict is not there.
            UnstorableValueError: There is no room for all of them.
            RapyerError, pydantic.ValidationError: As `set`.
        """
        await self._dict.update(self._document(key), values)

    async def set_item(self, key: KeyLike, name: str, value: V) -> None:
        """Set one entry of the dict in the document at a key: `JSON.SET`. One round trip.

        If the document lacks the dict, it takes three more.

        Args:
            key: A primary key or a whole Redis key.
            name: The key of the entry.
            value: Its value.

        Raises:
            PathNotFoundError: The dict is not there.
            UnstorableValueError: There is no room for it.
            RapyerError, pydantic.ValidationError: As `set`.
        """
        await self._dict.update(self._document(key), {name: value})

    async def del_item(self, key: KeyLike, name: str) -> None:
        """Remove the entry `name` from the dict in the document at a key. One round trip.

        Raises:
            KeyError: There is no such entry; nothing was changed.
            UnstorableValueError: The dict has only as many entries as its min_length requires.
            RapyerError: As `set`.
        """
        if await self._dict.pop(self._document(key), name) is None:
            raise KeyError(name)

    @overload
    async def pop(self, key: KeyLike, name: str) -> V: ...
    @overload
    async def pop(self, key: KeyLike, name: str, default: D) -> V | D: ...
    async def pop(self, key: KeyLike, name: str, default: Any = REQUIRED) -> Any:
        """Remove an entry from the dict in the document at a key, and return its value.

        One round trip.

        Args:
            key: A primary key or a whole Redis key, as for `get` of the model.
            name: The key of the entry.
            default: What is returned if there is no such entry.

        Raises:
            KeyError: There is no such entry, and no `default` was given; nothing was changed.
            CorruptDocumentError: Its value does not validate. It has been removed, and is the `raw`
                of the error.
            UnstorableValueError: The dict has only as many entries as its min_length requires.
            RapyerError: As `set`.
        """
        operations, document = self._dict, self._document(key)
        text = await operations.pop(document, name)
        if text is not None:
            return operations.read(document.key, name, text)
        if default is REQUIRED:
            raise KeyError(name)
        return default

    async def popitem(self, key: KeyLike) -> tuple[str, V]:
        """Remove the last entry from the dict in the document at a key, and return it.

        This is the last entry in the server's order. When an entry is removed, the last entry takes
        its place, so the last entry need not be the one that was set last. One round trip.

        Raises:
            KeyError: The dict is empty.
            UnaddressableKeyError: No path leads to the last entry.
            RapyerError: As `pop`.
        """
        operations, document = self._dict, self._document(key)
        taken = await operations.pop_item(document)
        if taken is None:
            raise KeyError(f"popitem(): {self!r} of {key!r} is empty")
        return taken[0], operations.read(document.key, *taken)

    async def clear(self, key: KeyLike) -> int:
        """Remove all entries from the dict in the document at a key. One round trip.

        Returns:
            How many entries there were.

        Raises:
            UnstorableValueError: The dict has a min_length.
            RapyerError: As `set`.
        """
        return await self._dict.clear(self._document(key))

    async def len(self, key: KeyLike) -> int:
        """Count the entries of the dict in the document at a key. One round trip.

        Raises:
            RapyerError: As `get`.
        """
        return await self._dict.length(self._document(key))

    @property
    def _dict(self) -> DictOperations:
        return model_with_documents(self).__rapyer_locations__.kept(DictOperations, self)

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
            """Return the path of the value of a key, whatever characters the key contains."""


register_kind("dict", DictPath)

if TYPE_CHECKING:  # a finer kind for type checkers; at run time it is the class above

    class KeyedPath(FieldPath[dict[K, V]], Generic[K, V]):
        """The place of a dict whose keys are integers or UUIDs."""

        def __getitem__(self, key: K) -> FieldPath[V]:
            """Return the path of the value of a key."""
            ...
