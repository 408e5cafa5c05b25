"""Operations of values of one instance, of which several may be under way at the same time.

Their replies need not come in the order in which Redis has carried them out: they travel over
several connections. So where operations on one value, or on a value and its part, overlap, the last
one to end reads that value anew. The same is done where an operation finds that the instance had
another list than Redis.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

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

#: What is under way, by the `id` of the instance, which it keeps alive.
_under_way: dict[int, list[UnderWay]] = {}


class UnderWay:
    """An operation of a value, from its start until the instance has followed.

    Args:
        value: The value.

    Attributes:
        place: Where it stood at the start: it may be bound elsewhere meanwhile.

    Raises:
        DetachedValueError: It is not known which document the value is part of.
    """

    __slots__ = ("_id", "_value", "_wanted", "place")

    def __init__(self, value: RedisValue[Any]) -> None:
        self.place: Place = value.__rapyer_place__
        self._value = value
        self._id = id(self.place.document)
        self._wanted: tuple[Step, ...] | None = None  # the steps to what is to be read anew

    def read_anew(self) -> None:
        """Have the value read anew at the end."""
        self._want(self.place.steps)

    def _want(self, steps: tuple[Step, ...]) -> None:
        if self._wanted is None or len(steps) < len(self._wanted):
            self._wanted = steps

    async def __aenter__(self) -> Self:
        others = _under_way.setdefault(self._id, [])
        mine = self.place.steps
        for other in others:
            theirs = other.place.steps
            if _is_within(mine, theirs):
                outer = min(mine, theirs, key=len)
                self._want(outer)
                other._want(outer)
        others.append(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        others = _under_way[self._id]
        others.remove(self)
        if not others:
            del _under_way[self._id]
        if self._wanted is None:
            return
        for other in others:
            if _is_within(self._wanted, other.place.steps):
                other._want(self._wanted)
                return
        if error is None:
            await self._follow(self._wanted)
        elif isinstance(error, Exception):
            with suppress(RapyerError):  # the first error says more
                await self._follow(self._wanted)

    async def _follow(self, steps: tuple[Step, ...]) -> None:
        place = self.place._replace(steps=steps)
        read = await place.read()
        own = self._value if steps == self.place.steps else None
        place.follow(read, own)


def _is_within(steps: tuple[Step, ...], others: tuple[Step, ...]) -> bool:
    """Say whether one of two places is, or is part of, the other."""
    return all(one == other for one, other in zip(steps, others, strict=False))


class PlacedWrite(UnderWay):
    """A write of a value to the document that it is part of.

    Args:
        value: The value.

    Attributes:
        document: Where the write goes.

    Raises:
        DetachedValueError: It is not known which document the value is part of.
        KeyChangedError: The primary key was changed since the instance was loaded or saved.
        UnstorableValueError: The Version of the instance is no version.
    """

    __slots__ = ("_write", "document")

    def __init__(self, value: RedisValue[Any]) -> None:
        super().__init__(value)
        root = self.place.document
        key = key_to_write(root)
        self._write = WriteOfInstance(root, key)
        self.document = DocumentAt(channel_of(type(root)), key, self._write.policies)

    def operations(self, make: Callable[[type[BaseRedisModel], Path[Any]], Made]) -> Made:
        """Give what the operation is done by."""
        return self.place.operations(make)

    def done(self) -> None:
        """Let the instance have the Version that its document has now."""
        self._write.done()
