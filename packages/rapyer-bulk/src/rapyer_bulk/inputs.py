"""Read the items given to a call: lists, iterables and async iterables of any length."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Sequence, Sized
from itertools import islice
from typing import Final, TypeAlias, TypeVar

from rapyer.base import BaseRedisModel

T = TypeVar("T")

#: Many items, read as they are sent.
Many: TypeAlias = Iterable[T] | AsyncIterable[T]

#: How many items are prepared together at most, and at first.
_MOST_AHEAD: Final = 100
_FIRST_AHEAD: Final = 8
#: The largest factor by which the batch size grows from one batch to the next.
_GROWTH: Final = 4


def check_many(items: object, what: str) -> None:
    """Check that a call was given many items.

    Raises:
        TypeError: It was given a single item, or something else.
    """
    is_one = isinstance(items, str | bytes | BaseRedisModel)
    if is_one or not isinstance(items, Iterable | AsyncIterable):
        raise TypeError(f"{items!r} was given where {what} are expected. Give a list of them.")


def check_count(name: str, value: object) -> None:
    """Check that a value is a valid number of items.

    Raises:
        ValueError: It is less than 1, or not an integer.
    """
    if type(value) is not int or value < 1:
        raise ValueError(f"{name} is {value!r}. Give an integer of at least 1.")


def total_of(items: object) -> int | None:
    """Return the number of items if it is known before they are read."""
    return len(items) if isinstance(items, Sized) else None


class Pace:
    """How many documents to take at a time, so that documents of any size stay within bounds.

    Args:
        most: How many at most.
        first: How many while nothing is known about their sizes.
        limit: How many bytes they may have, judging by earlier documents.

    Attributes:
        number: How many to take now.
    """

    __slots__ = ("_limit", "_most", "number")

    def __init__(self, most: int, first: int, limit: int) -> None:
        self._most, self._limit = most, limit
        self.number = min(most, first)

    def learn(self, sizes: Sequence[int]) -> None:
        """Take the sizes of documents, in bytes, into account."""
        if sizes:
            fitting = self._limit * len(sizes) // max(1, sum(sizes))
            self.number = max(1, min(self._most, fitting, _GROWTH * self.number))


def pace_of_reading_ahead(most: int, limit: int) -> Pace:
    """Return the pace for reading items that are prepared together."""
    return Pace(min(most, _MOST_AHEAD), _FIRST_AHEAD, limit)


async def read_ahead(items: Many[T], number: Callable[[], int]) -> AsyncGenerator[list[T]]:
    """Yield items in batches as they arrive; on an error, first those that came before it.

    Args:
        items: The items.
        number: Returns the size of the next batch.
    """
    batch = list[T]()
    try:
        if isinstance(items, Iterable):
            source = iter(items)
            while True:
                batch.extend(islice(source, number()))  # keeps what came before an error
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
