"""The Redis type of lists."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, SupportsIndex, TypeVar, cast, overload

from rapyer.baseline import Patch, Splice
from rapyer.errors import CorruptDocumentError
from rapyer.expr.steps import Step
from rapyer.guards import is_list
from rapyer.lists import ListOperations
from rapyer.paths.list import whole
from rapyer.redis_types.place import Place, is_kept
from rapyer.redis_types.value import RedisValue, bound_container, is_changed, note_changes
from rapyer.redis_types.writes import PlacedWrite
from rapyer.traffic.arrays import Done

if TYPE_CHECKING:
    from typing import Self

    from rapyer.base import EmbeddedModel
    from rapyer.paths import ListPath, ModelListPath
    from rapyer.redis_types.binding import Binder
    from rapyer.traffic.documents import Dump

T = TypeVar("T")
E = TypeVar("E", bound="EmbeddedModel")

# bypasses the methods that note changes and bind elements
_list: Any = list
_get: Callable[[list[Any], Any], Any] = _list.__getitem__
_set: Callable[[list[Any], Any, Any], None] = _list.__setitem__
_delete: Callable[[list[Any], Any], None] = _list.__delitem__
_copy: Callable[[list[Any]], list[Any]] = _list.copy


class _Change(NamedTuple):
    """How Redis has changed its list, when an instance has the list from before the change.

    Attributes:
        start: The index of the first element removed or, if none was removed, inserted.
        stop: The index after the last element removed.
        new: The elements that were inserted there.
        from_end: Whether the caller counted from the end.
        taken: The elements that were removed, as far as they are known.
    """

    start: int
    stop: int
    new: Sequence[Any] = ()
    from_end: bool = False
    taken: Sequence[Any] = ()

    def apply(self, elements: list[Any], before: int) -> bool:
        """Change a list in the same way, unless it has other elements there than Redis had.

        Args:
            elements: The list.
            before: How many elements Redis had.
        """
        shift = len(elements) - before if self.from_end else 0
        # next to elements that Python has added, what was removed may be where it was
        for by in dict.fromkeys((shift, 0)) if self.taken else (shift,):
            span = slice(max(0, self.start + by), max(0, self.stop + by))
            found = _get(elements, span)
            if len(found) == self.stop - self.start and (not self.taken or found == self.taken):
                _set(elements, span, self.new)
                return True
        return False


class RedisList(list[T], RedisValue[list[T]], plain=list):
    """A `list` with atomic operations: `await user.tags.aappend("x")`.

    They do what the list methods do, to the list in Redis: an index is an index there. Then they
    change the instance in the same way. If the instance had a list of another length, or another
    element to remove, because others have written, the list is read again, which takes a second
    round trip. But what was assigned, or changed by Python's own methods, is only in the instance
    and stays there until it is saved.
    """

    async def aappend(self, value: T) -> int:
        """Append `value`: `JSON.ARRAPPEND`. One round trip.

        If the document lacks the list, it takes a second one.

        Returns:
            The new number of elements in Redis.

        Raises:
            pydantic.ValidationError: It does not validate.
            UnstorableValueError: The list already has as many elements as its max_length allows, or
                the server cannot hold the value exactly.
            RapyerError: As for all Redis types.
        """
        return await self._insert([value], None)

    async def aextend(self, values: Iterable[T]) -> int:
        """Append `values`, all of them or none: `JSON.ARRAPPEND`. One round trip.

        If the document lacks the list, it takes a second one.

        Returns:
            The new number of elements in Redis.

        Raises:
            pydantic.ValidationError, UnstorableValueError, RapyerError: As `aappend`.
        """
        return await self._insert(values, None)

    async def ainsert(self, index: SupportsIndex, value: T) -> int:
        """Insert an element before an index. One round trip.

        Args:
            index: The index; one out of range means the nearest end.
            value: The element.

        Returns:
            The new number of elements in Redis.

        Raises:
            TypeError: The index is not an integer.
            pydantic.ValidationError, UnstorableValueError, RapyerError: As `aappend`.
        """
        return await self._insert([value], whole(index))

    async def apop(self, index: SupportsIndex = -1) -> T:
        """Remove the last element, or the one at `index`, and return it. One round trip.

        Raises:
            IndexError: Redis has no such element; nothing was changed.
            TypeError: The index is not an integer.
            CorruptDocumentError: The element does not validate. It has been removed, and is the
                `raw` of the error.
            UnstorableValueError: The list has only as many elements as its min_length requires.
            RapyerError: As for all Redis types.
        """
        at = whole(index)
        async with PlacedWrite(self) as write:
            operations = write.operations(ListOperations)
            done = await operations.pop(write.document, at)
            start = at + done.before if at < 0 else at
            change = _Change(start, start + 1, from_end=at < 0)
            try:
                popped = operations.read(write.document.key, done.result)
            except CorruptDocumentError:
                self._follow(write, done, change)
                raise
            self._follow(write, done, change._replace(taken=[popped]))
        return cast("T", popped)

    async def aremove(self, value: T) -> None:
        """Remove the first element with the same stored form as `value`. One round trip.

        Raises:
            ValueError: Redis has no such element; nothing was changed.
            pydantic.ValidationError: The value does not validate.
            UnstorableValueError: The list has only as many elements as its min_length requires; or
                no text stands for the value on the server.
            RapyerError: As for all Redis types.
        """
        async with PlacedWrite(self) as write:
            operations = write.operations(ListOperations)
            ((valid, _),) = operations.elements([value])
            done = await operations.remove(write.document, value)
            at: int = done.result
            self._follow(write, done, _Change(at, at + 1, taken=[valid]))

    async def aremove_range(
        self, start: SupportsIndex = 0, stop: SupportsIndex | None = None
    ) -> int:
        """Remove the elements in the slice `[start:stop]`. One round trip.

        Args:
            start: The index of the first element.
            stop: The index after the last element; None for all that follow.

        Returns:
            How many elements were removed.

        Raises:
            TypeError: An index is not an integer.
            UnstorableValueError: Fewer elements than min_length would be left.
            RapyerError: As for all Redis types.
        """
        first, end = whole(start), None if stop is None else whole(stop)
        async with PlacedWrite(self) as write:
            operations = write.operations(ListOperations)
            done = await operations.remove_range(write.document, first, end)
            begin, behind, _ = slice(first, end).indices(done.before)
            change = _Change(begin, max(begin, behind), from_end=first < 0)
            self._follow(write, done, change)
        return cast("int", done.result)

    async def aclear(self) -> int:
        """Remove all elements. One round trip.

        Returns:
            How many elements Redis had.

        Raises:
            UnstorableValueError: The list has a min_length.
            RapyerError: As for all Redis types.
        """
        return await self.aremove_range()

    async def aset_item(self, index: SupportsIndex, value: T) -> None:
        """Replace the element at an index. One round trip.

        Args:
            index: The index; a negative one counts from the end.
            value: The new element.

        Raises:
            IndexError: Redis has no such element; nothing was changed.
            TypeError: The index is not an integer.
            pydantic.ValidationError: The value does not validate.
            UnstorableValueError: The server cannot hold it exactly.
            RapyerError: As for all Redis types.
        """
        at = whole(index)
        async with PlacedWrite(self) as write:
            operations = write.operations(ListOperations)
            ((valid, dump),) = operations.elements([value])
            done = await operations.set_item(write.document, at, dump)
            start: int = done.result
            self._follow(write, done, _Change(start, start + 1, [valid], from_end=at < 0))

    async def alen(self) -> int:
        """Count the elements that Redis has. One round trip; the instance stays as it is.

        Raises:
            RapyerError: As for all Redis types.
        """
        place = self.__rapyer_place__
        return await place.operations(ListOperations).length(place.to_read())

    # -- the implementation -----------------------------------------------------------------------

    async def _insert(self, values: Iterable[Any], index: int | None) -> int:
        async with PlacedWrite(self) as write:
            operations = write.operations(ListOperations)
            made = operations.elements(values)
            dumps: list[Dump] = [dump for _, dump in made]
            done = await operations.insert(write.document, dumps, index)
            at = done.before if index is None else slice(index, None).indices(done.before)[0]
            valid = [value for value, _ in made]
            change = _Change(at, at, valid, from_end=index is None or index < 0)
            self._follow(write, done, change)
        return cast("int", done.result)

    def _follow(self, write: PlacedWrite, done: Done, change: _Change) -> None:
        """Apply to the instance what was done to the document, and remember it."""
        if change.start == change.stop and not change.new:  # nothing was written
            if len(self) != done.before and not is_changed(self):
                write.read_anew()
            return
        write.done()
        place = write.place
        held: Any = place.held()
        stale = False
        # the instance may have been given another list in the meantime
        for one in [self, held] if is_list(held) and held is not self else [self]:
            can_follow = is_changed(one) or len(one) == done.before
            if not (can_follow and change.apply(one, done.before)) and not is_changed(one):
                stale = True
        if stale:
            write.read_anew()
        else:
            place.remember(lambda: [_patch(place, done, change)])

    def __rapyer_take__(self, read: list[Any]) -> None:
        """Adopt the elements in Redis, unless Python's own methods have changed the list."""
        if not is_changed(self):
            _set(self, slice(None), read)

    def _took_over(self, place: Place) -> None:
        held: Any = place.held()
        if is_list(held) and held is not self:
            _set(self, slice(None), _copy(held))
            place.put(self)
        self.__rapyer_changed__ = 0

    @classmethod
    def __rapyer_bind__(cls, value: list[Any], place: Place, elements: Binder | None) -> Any:
        kind = cls if elements is None else BindingList
        return bound_container(kind, value, _copy, place, elements)

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        return list, (_copy(self),)

    if TYPE_CHECKING:

        @overload
        def __get__(self: RedisList[E], instance: None, owner: Any) -> ModelListPath[E]: ...
        @overload
        def __get__(self, instance: None, owner: Any) -> ListPath[T]: ...
        @overload
        def __get__(self, instance: object, owner: Any) -> Self: ...
        def __get__(self, instance: object | None, owner: Any) -> Any: ...
        def __set__(self, instance: object, value: list[T]) -> None: ...


def _patch(place: Place, done: Done, change: _Change) -> Patch | Splice:
    """Return what has changed in the document, which may have lacked a list that was empty."""
    names, text = place.location.names, place.operations(ListOperations).text(change.new)
    return Splice(names, change.start, change.stop, text) if done.before else Patch(names, text)


note_changes(
    RedisList, list,
    "append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort",
    "__delitem__", "__iadd__", "__imul__", "__setitem__",
)  # fmt: skip


class BindingList(RedisList[T], plain=list):
    """A list whose elements are of Redis types, or models with such fields, bound by index."""

    __rapyer_elements__: Binder

    def _bound(self, index: int, element: Any) -> Any:
        step = Step("index", index)
        bound = self.__rapyer_elements__.bind(element, self.__rapyer_place__.step(step))
        if bound is not element and is_kept(bound):
            _set(self, index, bound)
        return bound

    def __getitem__(self, index: SupportsIndex | slice[Any, Any, Any]) -> Any:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        return self._bound(range(len(self))[index], _get(self, index))

    def __iter__(self) -> Iterator[T]:
        place = 0  # like that of a list, which may change during iteration
        while place < len(self):
            yield self[place]
            place += 1

    def __reversed__(self) -> Iterator[T]:
        for place in reversed(range(len(self))):
            if place < len(self):
                yield self[place]
