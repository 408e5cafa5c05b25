"""The bulk operations for models of all kinds, resolving each key to its model."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any, Literal, overload

from rapyer.base import BaseRedisModel
from rapyer.progress import Progress

from rapyer_bulk.delete import DELETE_CHUNK, delete
from rapyer_bulk.inputs import Many, check_many
from rapyer_bulk.insert import INSERT_CHUNK, InsertMode, insert
from rapyer_bulk.reading import READ_CHUNK, Missing, check_reading, exists, get, stream
from rapyer_bulk.results import BulkResult
from rapyer_bulk.targets import AnyResolver
from rapyer_bulk.update import UPDATE_CHUNK, update


async def bulk_insert(
    models: Many[BaseRedisModel],
    *,
    mode: InsertMode = "replace",
    chunk_size: int = INSERT_CHUNK,
    transaction: bool = False,
    progress: Progress = None,
    raise_on_error: bool = True,
) -> BulkResult:
    """Write instances of any models, as `User.bulk_insert` does for one model.

    Models on the same server with the same plugin policies share their chunks; with
    `transaction=True` this has to hold for all of them. A chunk is one round trip.

    Args:
        models: The instances: a list, an iterable or an async iterable of any length.
        mode: What happens if a document already exists: `"replace"`, `"insert"` or `"skip"`.
        chunk_size: Instances in one chunk at most; fewer if they exceed 8 MiB.
        transaction: Whether everything is one atomic step.
        progress: Called with the number of instances done and the total; or True for a bar.
        raise_on_error: Whether failed instances raise a `BulkError` at the end.

    Returns:
        What became of each key.

    Raises:
        BulkError: Instances failed, or the server refused a chunk or was lost.
        TypeError: Something other than an instance was given.
        ValueError: An argument is invalid; or a transaction has a key twice, or is too large.
        NotConnectedError: rapyer was not told where Redis is.
    """
    return await insert(
        models, BaseRedisModel, mode=mode, chunk_size=chunk_size, transaction=transaction,
        progress=progress, raise_on_error=raise_on_error,
    )  # fmt: skip


async def bulk_update(
    models: Many[BaseRedisModel],
    *,
    chunk_size: int = UPDATE_CHUNK,
    progress: Progress = None,
    raise_on_error: bool = True,
) -> BulkResult:
    """Write the changes of instances of any models, as `User.bulk_update` does.

    A chunk is one round trip.

    Args:
        models: The instances, of models with `track_changes = True`: an iterable or an async
            iterable of any length.
        chunk_size: Documents in one chunk at most; fewer if the values exceed 8 MiB.
        progress: As for `bulk_insert`.
        raise_on_error: As for `bulk_insert`.

    Returns:
        What became of each key.

    Raises:
        BulkError: Keys failed, or the server refused a chunk or was lost.
        WrongModelError: Something other than an instance was given. `result_of(error)` tells what
            was sent before.
        TypeError, ValueError: An argument is invalid.
        NotConnectedError: rapyer was not told where Redis is.
    """
    return await update(
        models, AnyResolver(), None, {}, chunk_size=chunk_size, progress=progress,
        raise_on_error=raise_on_error,
    )  # fmt: skip


async def bulk_delete(
    items: Many[str | BaseRedisModel],
    *,
    chunk_size: int = DELETE_CHUNK,
    progress: Progress = None,
    raise_on_error: bool = True,
) -> BulkResult:
    """Delete documents of any models, by whole keys or instances, as `User.bulk_delete` does.

    A chunk is one round trip.

    Args:
        items: Whole keys or instances: an iterable or an async iterable of any length.
        chunk_size: Keys in one chunk at most.
        progress: As for `bulk_insert`.
        raise_on_error: As for `bulk_insert`.

    Returns:
        What became of each key.

    Raises:
        BulkError: Keys failed, or the server refused a chunk or was lost.
        WrongModelError: A text is not the key of any model of this process. `result_of(error)`
            tells what was sent before.
        TypeError, ValueError: An argument is invalid.
        NotConnectedError: rapyer was not told where Redis is.
    """
    return await delete(
        items,
        AnyResolver(),
        chunk_size=chunk_size,
        progress=progress,
        raise_on_error=raise_on_error,
    )


@overload
async def bulk_get(
    keys: Many[str], *, missing: Literal["raise", "skip"] = "raise", chunk_size: int = READ_CHUNK
) -> list[BaseRedisModel]: ...
@overload
async def bulk_get(
    keys: Many[str], *, missing: Literal["none"], chunk_size: int = READ_CHUNK
) -> list[BaseRedisModel | None]: ...
async def bulk_get(
    keys: Many[str], *, missing: Missing = "raise", chunk_size: int = READ_CHUNK
) -> list[Any]:
    """Read documents of any models by their whole keys, as `User.bulk_get` does: `JSON.MGET`.

    One round trip per chunk, and one more if some of its documents do not exist.

    Args:
        keys: Whole Redis keys; a key may be given several times.
        missing: What to do if there is no document: `"raise"`, `"skip"` or `"none"`.
        chunk_size: Keys in one command at most.

    Returns:
        New instances, in the order of the keys.

    Raises:
        WrongModelError: A text is not the key of any model of this process.
        KeyNotFoundError: Documents do not exist; `key` is the first of them.
        TypeError, ValueError: An argument is invalid.
        RapyerError: As for `User.bulk_get`.
    """
    return await get(keys, AnyResolver(), missing=missing, chunk_size=chunk_size)


@overload
def bulk_stream(
    keys: Many[str], *, missing: Literal["raise", "skip"] = "raise", chunk_size: int = READ_CHUNK
) -> AsyncGenerator[BaseRedisModel]: ...
@overload
def bulk_stream(
    keys: Many[str], *, missing: Literal["none"], chunk_size: int = READ_CHUNK
) -> AsyncGenerator[BaseRedisModel | None]: ...
def bulk_stream(
    keys: Many[str], *, missing: Missing = "raise", chunk_size: int = READ_CHUNK
) -> AsyncGenerator[Any]:
    """Read documents of any models one by one, as `User.bulk_stream` does.

    One round trip for each `JSON.MGET`; these read ahead.

    Args:
        keys: Whole Redis keys: an iterable or an async iterable of any length.
        missing: What to do if there is no document: `"raise"`, `"skip"` or `"none"`.
        chunk_size: Keys in one command at most.

    Returns:
        New instances, in the order of the keys. Close it (`contextlib.aclosing`) if you do not read
        it to the end.

    Raises:
        TypeError, ValueError: An argument is invalid.
        WrongModelError: A text is not the key of any model of this process.
        KeyNotFoundError: A document does not exist.
        RapyerError: As for `User.bulk_get`, when the document in question is reached.
    """
    check_many(keys, "keys")
    check_reading(missing, chunk_size)
    return stream(keys, AnyResolver(), missing=missing, chunk_size=chunk_size)


async def bulk_exists(keys: Many[str], *, chunk_size: int = READ_CHUNK) -> list[bool]:
    """Return which documents of any models exist, as `User.bulk_exists` does.

    One round trip per chunk.

    Args:
        keys: Whole Redis keys.
        chunk_size: Keys in one command at most.

    Returns:
        Whether a document exists at each key, in the order of the keys.

    Raises:
        WrongModelError: A text is not the key of any model of this process.
        TypeError, ValueError: An argument is invalid.
        RapyerError: As for `User.bulk_exists`.
    """
    return await exists(keys, AnyResolver(), chunk_size=chunk_size)
