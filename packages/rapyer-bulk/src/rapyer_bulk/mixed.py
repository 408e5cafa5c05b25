"""The operations for models of all kinds, each key resolved to its model."""

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
    """Write instances of any models, as `User.bulk_insert` does with those of one.

    Models on one server for which plugins do the same share their chunks. With `transaction=True`
    all have to be such.
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
    """Write what was changed in instances of any models, as `User.bulk_update` does."""
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

    Raises:
        WrongModelError: A text is the key of no model of this process.
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
    """Read documents of any models by their whole keys, as `User.bulk_get` does.

    Raises:
        WrongModelError: A text is the key of no model of this process.
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
    """Read documents of any models one after the other, as `User.bulk_stream` does.

    Raises:
        WrongModelError: A text is the key of no model of this process.
    """
    check_many(keys, "keys")
    check_reading(missing, chunk_size)
    return stream(keys, AnyResolver(), missing=missing, chunk_size=chunk_size)


async def bulk_exists(keys: Many[str], *, chunk_size: int = READ_CHUNK) -> list[bool]:
    """Say which documents of any models are there, as `User.bulk_exists` does.

    Raises:
        WrongModelError: A text is the key of no model of this process.
    """
    return await exists(keys, AnyResolver(), chunk_size=chunk_size)
