"""The Redis type of dicts."""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterator, Mapping, ValuesView
from typing import TYPE_CHECKING, Any, SupportsIndex, TypeVar, overload

from rapyer.baseline import Patch
from rapyer.dicts import DictOperations
from rapyer.expr.steps import key_step
from rapyer.guards import plain_type
from rapyer.reading import REQUIRED
from rapyer.redis_types.place import Place, is_kept
from rapyer.redis_types.value import RedisValue, bound_container, is_changed, note_changes
from rapyer.redis_types.writes import PlacedWrite

if TYPE_CHECKING:
    from typing import Self

    from rapyer.paths import DictPath
    from rapyer.redis_types.binding import Binder

V = TypeVar("V")
D = TypeVar("D")

# bypasses the methods that bind values
_dict: Any = dict
_get: Callable[[dict[Any, Any], Any], Any] = _dict.__getitem__
_set: Callable[[dict[Any, Any], Any, Any], None] = _dict.__setitem__
_pop: Callable[[dict[Any, Any], Any, Any], Any] = _dict.pop
_update: Callable[[dict[Any, Any], dict[Any, Any]], None] = _dict.update
_clear: Callable[[dict[Any, Any]], None] = _dict.clear
_copy: Callable[[dict[Any, Any]], dict[Any, Any]] = _dict.copy


class RedisDict(dict[str, V], RedisValue[dict[str, V]], plain=dict):
    """A `dict` with atomic operations: `await user.counts.aset_item("a", 1)`.

    They do what the dict methods do, to the dict in Redis. Then they change the instance in the
    same way, whose other entries stay as they are.
    """

    async def aset_item(self, name: str, value: V) -> None:
        """Set one entry: `JSON.SET`. One round trip.

        If the document lacks the dict, it takes three more.

        Args:
            name: The key of the entry.
            value: Its value.

        Raises:
            pydantic.ValidationError, UnstorableValueError, UnaddressableKeyError: As `aupdate`.
            RapyerError: As for all Redis types.
        """
        await self.aupdate({name: value})

    async def aupdate(self, values: Mapping[str, V] | None = None, /, **more: V) -> None:
        """Set entries, all of them or none. One round trip.

        If the document lacks the dict, it takes two more, and three more for one entry.

        Args:
            values: The entries.
            more: Further entries.

        Raises:
            pydantic.ValidationError: An entry does not validate.
            UnstorableValueError: There is no room for all of them, or the server cannot hold a
                value exactly.
            UnaddressableKeyError: No path on the server leads to a key.
            RapyerError: As for all Redis types.
        """
        async with PlacedWrite(self) as write:
            operations = write.operations(DictOperations)
            made = await operations.update(write.document, {**(values or {}), **more})
            if made:
                write.done()
                for one in self._dicts(write.place):
                    for name, valid, _ in made:
                        _set(one, name, valid)
                _remember(write.place, {name: text for name, _, text in made})

    async def adel_item(self, name: str) -> None:
        """Remove the entry `name`. One round trip.

        Raises:
            KeyError: Redis has no such entry; nothing was changed.
            UnstorableValueError: The dict has only as many entries as its min_length requires.
            UnaddressableKeyError: No path on the server leads to the key.
            RapyerError: As for all Redis types.
        """
        async with PlacedWrite(self) as write:
            operations = write.operations(DictOperations)
            if await operations.pop(write.document, name) is None:
                raise KeyError(name)
            self._take(write, name)

    @overload
    async def apop(self, name: str) -> V: ...
    @overload
    async def apop(self, name: str, default: D) -> V | D: ...
    async def apop(self, name: str, default: Any = REQUIRED) -> Any:
        """Remove an entry, and return its value. One round trip.

        Args:
            name: The key of the entry.
            default: What is returned if Redis has no such entry.

        Raises:
            KeyError: Redis has no such entry, and no `default` was given; nothing was changed.
            CorruptDocumentError: The value does not validate. It has been removed, and is the `raw`
                of the error.
            UnstorableValueError, UnaddressableKeyError, RapyerError: As `adel_item`.
        """
        async with PlacedWrite(self) as write:
            operations = write.operations(DictOperations)
            text = await operations.pop(write.document, name)
            if text is not None:
                self._take(write, name)
                return operations.read(write.document.key, name, text)
        if default is REQUIRED:
            raise KeyError(name)
        return default

    async def apopitem(self) -> tuple[str, V]:
        """Remove the last entry in Redis, and return it. One round trip.

        When an entry is removed, the last entry takes its place, so the last entry need not be the
        one that was set last.

        Raises:
            KeyError: The dict in Redis is empty.
            CorruptDocumentError, UnstorableValueError, RapyerError: As `apop`.
            UnaddressableKeyError: No path leads to the last entry.
        """
        async with PlacedWrite(self) as write:
            operations = write.operations(DictOperations)
            taken = await operations.pop_item(write.document)
            if taken is None:
                raise KeyError(f"apopitem(): {write.place.location.text} is empty")
            name: str = taken[0]
            self._take(write, name)
            return name, operations.read(write.document.key, *taken)

    async def aclear(self) -> int:
        """Remove all entries. One round trip.

        Returns:
            How many entries Redis had.

        Raises:
            UnstorableValueError: The dict has a min_length.
            RapyerError: As for all Redis types.
        """
        async with PlacedWrite(self) as write:
            count = await write.operations(DictOperations).clear(write.document)
            if count:
                write.done()
            # even if others were faster: the instance may still have what they removed
            place = write.place
            for one in self._dicts(place):
                _clear(one)
            place.remember(lambda: [Patch(place.location.names, b"{}")])
        return count

    async def alen(self) -> int:
        """Count the entries that Redis has. One round trip; the instance stays as it is.

        Raises:
            RapyerError: As for all Redis types.
        """
        place = self.__rapyer_place__
        return await place.operations(DictOperations).length(place.to_read())

    # -- the implementation -----------------------------------------------------------------------

    def _dicts(self, place: Place) -> list[dict[Any, Any]]:
        """Return this dict, and the one that the instance holds now."""
        held: Any = place.held()
        return [self, held] if plain_type(held) is dict and held is not self else [self]

    def _take(self, write: PlacedWrite, name: str) -> None:
        write.done()
        for one in self._dicts(write.place):
            _pop(one, name, None)
        _remember(write.place, {name: None})

    def __rapyer_take__(self, read: dict[str, Any]) -> None:
        """Adopt the entries in Redis, unless Python's own methods have changed the dict."""
        if not is_changed(self):
            _clear(self)
            _update(self, read)

    def _took_over(self, place: Place) -> None:
        held: Any = place.held()
        if plain_type(held) is dict and held is not self:
            _clear(self)
            _update(self, _copy(held))
            place.put(self)
        self.__rapyer_changed__ = 0

    @classmethod
    def __rapyer_bind__(cls, value: dict[str, Any], place: Place, elements: Binder | None) -> Any:
        kind = cls if elements is None else BindingDict
        return bound_container(kind, value, _copy, place, elements)

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        return dict, (_copy(self),)

    if TYPE_CHECKING:

        @overload
        def __get__(self, instance: None, owner: Any) -> DictPath[V]: ...
        @overload
        def __get__(self, instance: object, owner: Any) -> Self: ...
        def __get__(self, instance: object | None, owner: Any) -> Any: ...
        def __set__(self, instance: object, value: dict[str, V]) -> None: ...


note_changes(
    RedisDict, dict,
    "clear", "pop", "popitem", "setdefault", "update", "__delitem__", "__ior__", "__setitem__",
)  # fmt: skip


def _remember(place: Place, texts: Mapping[str, bytes | None]) -> None:
    names = place.location.names
    place.remember(lambda: [Patch((*names, name), text) for name, text in texts.items()])


class BindingDict(RedisDict[V], plain=dict):
    """A dict whose values are of Redis types, or models with such fields, bound by their key."""

    __rapyer_elements__: Binder

    def _bound(self, name: str, value: Any) -> Any:
        bound = self.__rapyer_elements__.bind(value, self.__rapyer_place__.step(key_step(name)))
        if bound is not value and is_kept(bound):
            _set(self, name, bound)
        return bound

    def __getitem__(self, name: str) -> Any:
        return self._bound(name, _get(self, name))

    def get(self, name: str, default: Any = None) -> Any:
        """Return the value of a key, bound to its place, as `dict.get` does."""
        return self[name] if name in self else default  # noqa: SIM401 - it would call itself

    def setdefault(self, name: str, default: Any = None) -> Any:
        """Return the value of a key, set to a default if missing, as `dict.setdefault` does."""
        super().setdefault(name, default)
        return self[name]

    def values(self) -> Any:
        """Return a view of the values, each bound to its place."""
        return _Values(self)

    def items(self) -> Any:
        """Return a view of the keys with their values, each bound to its place."""
        return _Items(self)


class _Values(ValuesView[Any]):
    def __init__(self, mapping: BindingDict[Any]) -> None:
        super().__init__(mapping)
        self._dict = mapping

    def __reversed__(self) -> Iterator[Any]:
        return (self._dict[name] for name in reversed(self._dict))


class _Items(ItemsView[Any, Any]):
    def __init__(self, mapping: BindingDict[Any]) -> None:
        super().__init__(mapping)
        self._dict = mapping

    def __reversed__(self) -> Iterator[tuple[Any, Any]]:
        return ((name, self._dict[name]) for name in reversed(self._dict))
