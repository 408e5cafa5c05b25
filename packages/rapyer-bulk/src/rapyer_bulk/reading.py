"""Read many documents, in the order in which they are requested."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from contextlib import aclosing
from typing import Any, Final, Literal, TypeAlias, TypeVar, get_args

from rapyer.errors import CorruptDocumentError, KeyNotFoundError
from rapyer.keys import KeyLike, RedisKey
from rapyer.loading import all_loaded, loaded, not_found
from rapyer.traffic.coalescing import Outcome
from rapyer.traffic.documents import get_documents
from rapyer.traffic.groups import for_groups

from rapyer_bulk.calls import Destination, run_for_keys
from rapyer_bulk.flight import IN_FLIGHT
from rapyer_bulk.inputs import Many, Pace, check_count, check_many, read_ahead
from rapyer_bulk.refusals import refusal
from rapyer_bulk.scripts import EXISTS
from rapyer_bulk.targets import Resolver, Target

A = TypeVar("A")

Missing: TypeAlias = Literal["raise", "skip", "none"]
"""What to do if there is no document: `"raise"`, `"skip"` leaves it out, `"none"` puts None in its
place."""

_THERE: Final = ord("e")
#: Keys in one command by default.
READ_CHUNK: Final = 500
#: Keys in one command at most: scripts pass them on in one call, which takes a few more.
_MOST: Final = 5000
#: Bytes of documents that a stream has in flight, judging by the sizes of earlier ones.
_STREAM_BYTES: Final = 8 * 1024 * 1024
#: Keys in the first command of a stream, before anything is known about sizes.
_FIRST_CHUNK: Final = 50


async def get(
    keys: Many[KeyLike], resolve: Resolver, *, missing: Missing, chunk_size: int
) -> list[Any]:
    """Read many documents; see `BulkMixin.bulk_get`."""
    check_many(keys, "keys")
    check_reading(missing, chunk_size)
    found: list[Any] = []
    absent: list[Target] = []
    reading = _read(_chunks_of(keys, resolve, lambda: min(chunk_size, _MOST)), _documents_of)
    async with aclosing(reading) as chunks:
        async for targets, outcomes in chunks:
            for target, made in zip(targets, _made(targets, outcomes), strict=True):
                if isinstance(made, Exception):
                    raise made
                if made is not None or missing == "none":
                    found.append(made)
                elif missing == "raise":
                    absent.append(target)
    if absent:
        raise _missing(absent, len(found) + len(absent))
    return found


async def stream(
    keys: Many[KeyLike], resolve: Resolver, *, missing: Missing, chunk_size: int
) -> AsyncGenerator[Any]:
    """Read many documents in bounded memory; see `BulkMixin.bulk_stream`."""
    pace = Pace(min(chunk_size, _MOST), _FIRST_CHUNK, _STREAM_BYTES // IN_FLIGHT)
    reading = _read(_chunks_of(keys, resolve, lambda: pace.number), _documents_of)
    async with aclosing(reading) as chunks:
        async for targets, outcomes in chunks:
            pace.learn([len(one) for one in outcomes if isinstance(one, bytes)])
            for target, made in zip(targets, _made(targets, outcomes), strict=True):
                if isinstance(made, Exception):
                    raise made
                if made is not None or missing == "none":
                    yield made
                elif missing == "raise":
                    raise not_found(target[1], RedisKey(target[0]))


def _made(targets: Sequence[Target], outcomes: Sequence[Outcome]) -> list[Any]:
    """Return for each document its instance, None if there is none, or the error about it."""
    made: list[Any] = [*outcomes]
    places: dict[Any, list[int]] = {}
    for place, outcome in enumerate(outcomes):
        if isinstance(outcome, bytes):
            places.setdefault(targets[place][1], []).append(place)
    for model, own in places.items():
        keys, raws = [RedisKey(targets[place][0]) for place in own], [made[place] for place in own]
        try:
            instances = all_loaded(model, keys, raws)
        except CorruptDocumentError:
            instances = [_loaded_or_error(model, *one) for one in zip(keys, raws, strict=True)]
        for place, instance in zip(own, instances, strict=True):
            made[place] = instance
    return made


def _loaded_or_error(model: Any, key: RedisKey, raw: bytes) -> Any:
    try:
        return loaded(model, key, raw)
    except CorruptDocumentError as exc:
        return exc


async def exists(keys: Many[KeyLike], resolve: Resolver, *, chunk_size: int) -> list[bool]:
    """Return which documents exist; see `BulkMixin.bulk_exists`."""
    check_many(keys, "keys")
    check_count("chunk_size", chunk_size)
    found: list[bool] = []
    reading = _read(_chunks_of(keys, resolve, lambda: min(chunk_size, _MOST)), _existence_of)
    async with aclosing(reading) as chunks:
        async for _, flags in chunks:
            found += flags
    return found


def check_reading(missing: object, chunk_size: object) -> None:
    """Check the settings of a read.

    Raises:
        ValueError: A setting is invalid.
    """
    check_count("chunk_size", chunk_size)
    if missing not in get_args(Missing):
        raise ValueError(f"missing is {missing!r}. Give 'raise', 'skip' or 'none'.")


async def _chunks_of(
    keys: Many[KeyLike], resolve: Resolver, number: Callable[[], int]
) -> AsyncGenerator[list[Target]]:
    """Yield what keys stand for, in batches that are read by one command each."""
    targets: list[Target] = []
    async with aclosing(read_ahead(keys, number)) as batches:
        try:
            async for batch in batches:
                targets += resolve(batch)
                while len(targets) >= number():
                    chunk, targets = targets[: number()], targets[number() :]
                    yield chunk
        except Exception:
            if targets:
                yield targets  # so that earlier keys are read before this is raised
            raise
    if targets:
        yield targets


async def _read(
    chunks: AsyncGenerator[list[Target]],
    fetch: Callable[[Sequence[Target]], Coroutine[Any, Any, Sequence[A]]],
) -> AsyncGenerator[tuple[list[Target], Sequence[A]]]:
    """Read chunks, several at a time, and yield them in order."""
    under_way: deque[tuple[list[Target], asyncio.Task[Sequence[A]]]] = deque()
    failure: Exception | None = None
    try:
        async with aclosing(chunks):
            try:
                async for targets in chunks:
                    under_way.append((targets, asyncio.create_task(fetch(targets))))
                    await asyncio.sleep(0)  # so that it is sent before work on others
                    if len(under_way) == IN_FLIGHT:
                        first, task = under_way.popleft()
                        yield first, await task
            except Exception as exc:  # noqa: BLE001 - raised after the results of earlier keys
                failure = exc
            while under_way:
                targets, task = under_way.popleft()
                yield targets, await task
        if failure is not None:
            raise failure
    finally:
        for _, task in under_way:
            task.cancel()
        await asyncio.gather(*(task for _, task in under_way), return_exceptions=True)


async def _by_destination(
    targets: Sequence[Target],
    fetch: Callable[[Destination, Sequence[str]], Awaitable[Sequence[A]]],
) -> Sequence[A]:
    """Read what targets stand for, grouped by destination."""
    keys = [target[0] for target in targets]
    models = {target[1] for target in targets}
    if len(models) == 1:
        return await fetch(Destination.to_read(models.pop()), keys)
    places: dict[Destination, list[int]] = {}
    of_model = {model: Destination.to_read(model) for model in models}
    for place, target in enumerate(targets):
        places.setdefault(of_model[target[1]], []).append(place)
    parts = await asyncio.gather(
        *(fetch(destination, [keys[place] for place in own]) for destination, own in places.items())
    )
    found = {
        place: outcome
        for own, outcomes in zip(places.values(), parts, strict=True)
        for place, outcome in zip(own, outcomes, strict=True)
    }
    return [found[place] for place in range(len(targets))]


async def _documents_of(targets: Sequence[Target]) -> Sequence[Outcome]:
    return await _by_destination(targets, _documents)


async def _documents(destination: Destination, keys: Sequence[str]) -> Sequence[Outcome]:
    return await get_documents(destination.channel, keys, destination.policies)


async def _existence_of(targets: Sequence[Target]) -> Sequence[bool]:
    return await _by_destination(targets, _existence)


async def _existence(destination: Destination, keys: Sequence[str]) -> Sequence[bool]:
    async def ask(own: Sequence[str]) -> Sequence[bool]:
        reply = await run_for_keys(destination, EXISTS, own)
        for place, text in reply.refusals.items():
            raise refusal(own[place], text)
        return [code == _THERE for code in reply.codes]

    return await for_groups(destination.channel, keys, ask)


def _missing(absent: Sequence[Target], number: int) -> KeyNotFoundError:
    """Make the error for keys without a document; it names the first of them."""
    shown = ", ".join(repr(str(target[0])) for target in absent[:3])
    more = f" and {len(absent) - 3} more" if len(absent) > 3 else ""
    return KeyNotFoundError(
        f"{len(absent)} of {number} documents do not exist: {shown}{more}. They were never saved, "
        "were deleted or have expired. Give missing='skip' to leave them out, or missing='none' "
        "for None in their place.",
        key=absent[0][0],
    )
