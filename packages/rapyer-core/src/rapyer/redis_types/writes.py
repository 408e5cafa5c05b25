"""Operations on values of one instance, of which several may be in progress at the same time.

Their replies need not arrive in the order in which Redis has executed them, because they travel
over several connections. So if operations on one value, or on a value and its part, overlap, the
last one to end reads that value again. The same happens if an operation finds that the instance
had another list than Redis.
"""

from __future__ import annotations

from asyncio import Lock
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from redis.exceptions import RedisError

from rapyer.errors import RapyerError
from rapyer.memory import key_to_write
from rapyer.owners import channel_of
from rapyer.traffic.addresses import DocumentAt
from rapyer.versions import WriteOfInstance

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from rapyer.base import BaseRedisModel
    from rapyer.expr.paths import Path
    from rapyer.expr.steps import Step
    from rapyer.redis_types.place import Place
    from rapyer.redis_types.value import RedisValue

Made = TypeVar("Made")


class _Operations(list["UnderWay"]):
    """The operations of one instance that are in progress.

    Attributes:
        turn: Serializes the operations of an instance with a Version: each has to know the Version
            that the operation before it has made.
    """

    def __init__(self) -> None:
        super().__init__()
        self.turn = Lock()


#: What is in progress, by the `id` of the instance, which it keeps alive.
_under_way: dict[int, _Operations] = {}


class UnderWay:
    """An operation on a value, from its start until the instance has been updated.

    Args:
        value: The value.

    Attributes:
        place: Where the value was at the start; it may be bound elsewhere in the meantime.

    Raises:
        DetachedValueError: It is not known which document the value is part of.
    """

    __slots__ = ("_has_turn", "_id", "_value", "_wanted", "place")

    def __init__(self, value: RedisValue[Any]) -> None:
        self.place: Place = value.__rapyer_place__
        self._value = value
        self._id = id(self.place.document)
        self._has_turn = False
        self._wanted: tuple[Step, ...] | None = None  # the steps to what has to be read again

    def read_anew(self) -> None:
        """Request that the value is read again at the end."""
        self._want(self.place.steps)

    def _want(self, steps: tuple[Step, ...]) -> None:
        if self._wanted is None or len(steps) < len(self._wanted):
            self._wanted = steps

    async def __aenter__(self) -> Self:
        others = _under_way.get(self._id)
        if others is None:
            others = _under_way[self._id] = _Operations()
        mine = self.place.steps
        for other in others:
            theirs = other.place.steps
            if _is_within(mine, theirs):
                outer = min(mine, theirs, key=len)
                self._want(outer)
                other._want(outer)
        others.append(self)
        if type(self.place.document).__rapyer_version__ is not None:
            try:
                await others.turn.acquire()
            except BaseException:
                self._leave()
                raise
            self._has_turn = True
        return self

    def _leave(self) -> _Operations:
        others = _under_way[self._id]
        others.remove(self)
        if not others:
            del _under_way[self._id]
        return others

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        others = self._leave()
        if self._has_turn:
            others.turn.release()
        if self._wanted is None:
            return
        for other in others:
            if _is_within(self._wanted, other.place.steps):
                other._want(self._wanted)
                return
        if error is None or isinstance(error, Exception):
            # what was done is done, and its result has to be returned: if it cannot be read, the
            # instance stays as it was, and the next operation finds out
            with suppress(RapyerError, RedisError):
                await self._follow(self._wanted)

    async def _follow(self, steps: tuple[Step, ...]) -> None:
        place = self.place._replace(steps=steps)
        read = await place.read()
        own = self._value if steps == self.place.steps else None
        place.follow(read, own)


def _is_within(steps: tuple[Step, ...], others: tuple[Step, ...]) -> bool:
    """Return whether one of two places is, or is part of, the other."""
    return all(one == other for one, other in zip(steps, others, strict=False))


class PlacedWrite(UnderWay):
    """A write of a value to the document that it is part of.

    Args:
        value: The value.

    Attributes:
        document: Where the write goes.

    Raises:
        DetachedValueError: It is not known which document the value is part of.
        KeyChangedError: The primary key has changed since the instance was loaded or saved.
        UnstorableValueError: The instance's Version is not a valid version.
    """

    __slots__ = ("_write", "document")

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        try:
            root = self.place.document
            key = key_to_write(root)
            self._write = WriteOfInstance(root, key)
            self.document = DocumentAt(channel_of(type(root)), key, self._write.policies)
        except BaseException as exc:
            await super().__aexit__(type(exc), exc, None)
            raise
        return self

    def operations(self, make: Callable[[type[BaseRedisModel], Path[Any]], Made]) -> Made:
        """Return what carries out the operation."""
        return self.place.operations(make)

    def done(self) -> None:
        """Return the instance the Version that its document has now."""
        self._write.done()
