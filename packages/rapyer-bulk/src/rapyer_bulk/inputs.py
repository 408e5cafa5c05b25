"""Reading what a call was given: lists, iterables and async iterables of any length."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sized
from itertools import islice
from typing import Final, TypeAlias, TypeVar

from rapyer.base import BaseRedisModel

T = TypeVar("T")

#: Many of something, read as they are sent.
Many: TypeAlias = Iterable[T] | AsyncIterable[T]

#: How many items are read ahead, whose instances are in memory beside those that are sent.
_AHEAD: Final = 100


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


async def read_ahead(items: Many[T], most: int) -> AsyncIterator[list[T]]:
    """Give items as they come, some at a time.

    Args:
        items: The items.
        most: How many at most; fewer are read for the sake of memory.
    """
    number, batch = min(most, _AHEAD), list[T]()
    if isinstance(items, Iterable):
        source = iter(items)
        while batch := list(islice(source, number)):
            yield batch
        return
    async for item in items:
        batch.append(item)
        if len(batch) == number:
            yield batch
            batch = []
    if batch:
        yield batch
