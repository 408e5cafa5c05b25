"""Reading what a call was given: lists, iterables and async iterables of any length."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Sequence, Sized
from itertools import islice
from typing import Final, TypeAlias, TypeVar

from rapyer.base import BaseRedisModel

T = TypeVar("T")

#: Many of something, read as they are sent.
Many: TypeAlias = Iterable[T] | AsyncIterable[T]

#: How many items are made ready together at most, and at first.
_MOST_AHEAD: Final = 100
_FIRST_AHEAD: Final = 8
#: How much more is taken after a look at what was taken before.
_GROWTH: Final = 4


def check_many(items: object, what: str) -> None:
    """Check that a call was given many of something.

    Raises:
        TypeError: It was given one of them, or something else.
    """
    is_one = isinstance(items, str | bytes | BaseRedisModel)
    if is_one or not isinstance(items, Iterable | AsyncIterable):
        raise TypeError(f"{items!r} was given where {what} are expected. Give a list of them.")


def check_count(name: str, value: object) -> None:
    """Check that a number of items is one.

    Raises:
        ValueError: It is less than 1, or no integer.
    """
    if type(value) is not int or value < 1:
        raise ValueError(f"{name} is {value!r}. Give an integer from 1 on.")


def total_of(items: object) -> int | None:
    """Give how many items there are, where that is known before they are read."""
    return len(items) if isinstance(items, Sized) else None


class Pace:
    """How many documents are taken at once, so that those of any size stay within bounds.

    Args:
        most: How many at most.
        first: How many as long as nothing is known of their sizes.
        limit: How many bytes they may have, as far as those before tell.

    Attributes:
        number: How many are taken now.
    """

    __slots__ = ("_limit", "_most", "number")

    def __init__(self, most: int, first: int, limit: int) -> None:
        self._most, self._limit = most, limit
        self.number = min(most, first)

    def learn(self, sizes: Sequence[int]) -> None:
        """Take into account how many bytes documents have."""
        if sizes:
            fitting = self._limit * len(sizes) // max(1, sum(sizes))
            self.number = max(1, min(self._most, fitting, _GROWTH * self.number))


def pace_of_reading_ahead(most: int, limit: int) -> Pace:
    """Give the pace at which items are read that are made ready together."""
    return Pace(min(most, _MOST_AHEAD), _FIRST_AHEAD, limit)


async def read_ahead(items: Many[T], number: Callable[[], int]) -> AsyncGenerator[list[T]]:
    """Give items as they come, some at a time; where they end with an error, those before it.

    Args:
        items: The items.
        number: Says how many are given next.
    """
    batch = list[T]()
    try:
        if isinstance(items, Iterable):
            source = iter(items)
            while True:
                batch.extend(islice(source, number()))  # what came before an error is in it
                if not batch:
                    return
                yield batch
                batch = list[T]()
        async for item in items:
            batch.append(item)
            if len(batch) >= number():
                yield batch
                batch = list[T]()
    except Exception:
        if batch:
            yield batch
        raise
    if batch:
        yield batch
