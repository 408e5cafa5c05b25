"""The bulk methods of every model, for many models of one kind."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import Any, Literal, Self, overload

from rapyer.base import BaseRedisModel, RedisModelMeta
from rapyer.keys import KeyLike
from rapyer.progress import Progress

from rapyer_bulk.delete import DELETE_CHUNK, delete
from rapyer_bulk.inputs import Many, check_many
from rapyer_bulk.insert import INSERT_CHUNK, InsertMode, insert
from rapyer_bulk.reading import READ_CHUNK, Missing, check_reading, exists, get, stream
from rapyer_bulk.results import BulkResult
from rapyer_bulk.targets import Resolver
from rapyer_bulk.update import UPDATE_CHUNK, Fields, refuse_shadowing, update


class BulkMixin(BaseRedisModel, metaclass=RedisModelMeta):
    """`bulk_insert`, `bulk_update`, `bulk_delete`, `bulk_get`, `bulk_stream`, `bulk_exists`."""

    @classmethod
    async def bulk_insert(
        cls,
        instances: Many[Self],
        /,
        *,
        mode: InsertMode = "replace",
        chunk_size: int = INSERT_CHUNK,
        transaction: bool = False,
        progress: Progress = None,
        raise_on_error: bool = True,
    ) -> BulkResult:
        """Write many documents in atomic chunks.

            await User.bulk_insert(users)
            await User.bulk_insert(read_lines(), mode="skip", progress=True)

        Instances are read as they are sent. A chunk is one round trip; several are in flight at a
        time, and nobody sees a part of one. Each instance is checked as by `save` before its chunk
        is sent. Instances that cannot be written are left out and reported; the others are written.

        Args:
            instances: Instances of the model: a list, an iterable or an async iterable of any
                length.
            mode: What happens if a document already exists: `"replace"` overwrites it, `"insert"`
                reports it as failed, `"skip"` skips it.
            chunk_size: Instances in one chunk at most; fewer if they exceed 8 MiB.
            transaction: Whether everything is one atomic step that writes all instances or nothing.
                It holds all instances in memory, 128 MiB at most, and the server does nothing else
                meanwhile: about 2 us per document.
            progress: Called after each chunk with the number of instances done and the total (None
                if unknown); `True` shows a bar if standard error is a terminal.
            raise_on_error: Whether failed instances raise a `BulkError` at the end; otherwise only
                the result reports them.

        Returns:
            What became of each key: `inserted`, `replaced`, `skipped`, `failed` (with
            `UnstorableValueError`, `KeyExistsError`, `WrongTypeError`, `ConflictError`,
            `KeyChangedError` or an error of a policy) or `unwritten`.

        Raises:
            BulkError: Instances failed, or the server refused a chunk or was lost; `result` tells
                what became of each key. It is a `BulkOutcomeUnknownError` if a reply was lost.
            TypeError: Something other than an instance was given. `result_of(error)` tells what was
                sent before, as it does for a call that is cancelled and for an iterable that
                raises.
            ValueError: An argument is invalid; or a transaction has a key twice, or is too large.
            NotConnectedError: rapyer was not told where Redis is.
        """
        return await insert(
            instances, cls, mode=mode, chunk_size=chunk_size, transaction=transaction,
            progress=progress, raise_on_error=raise_on_error,
        )  # fmt: skip

    @overload
    @classmethod
    async def bulk_update(
        cls,
        items: Many[KeyLike] | Mapping[KeyLike, Fields] | Many[Self],
        values: Fields | None = None,
        /,
        *,
        chunk_size: int = UPDATE_CHUNK,
        progress: Progress = None,
        raise_on_error: bool = True,
    ) -> BulkResult: ...
    @overload
    @classmethod
    async def bulk_update(
        cls,
        items: Many[KeyLike],
        values: Fields | None = None,
        /,
        *,
        chunk_size: int = UPDATE_CHUNK,
        progress: Progress = None,
        raise_on_error: bool = True,
        **fields: Any,
    ) -> BulkResult: ...
    @classmethod
    async def bulk_update(
        cls,
        items: Any,
        values: Fields | None = None,
        /,
        *,
        chunk_size: int = UPDATE_CHUNK,
        progress: Progress = None,
        raise_on_error: bool = True,
        **fields: Any,
    ) -> BulkResult:
        """Set some fields of many documents in atomic chunks; their other fields stay.

            await User.bulk_update(keys, age=3, profile__address__city="x")
            await User.bulk_update({"user:1": {"age": 3}, "user:2": {"profile.address.city": "x"}})
            await User.bulk_update(users)  # what was changed in them, with `track_changes = True`

        With keys it does what `aupdate_by_key` does for each of them, with instances what
        `save_changes` does. A chunk is one round trip. A document that no longer exists is reported
        as `missing` and not created again.

        Args:
            items: Keys; a mapping of keys to the fields of each, by name, by path or by the text of
                a path; or instances. An iterable or an async iterable of any length.
            values: For keys, values by path or by the text of a path. Use this for a field with the
                same name as an argument.
            chunk_size: Documents in one chunk at most; fewer if the values exceed 8 MiB.
            progress: As for `bulk_insert`.
            raise_on_error: As for `bulk_insert`.
            fields: For keys, values by name.

        Returns:
            What became of each key: `updated`, `unchanged` (an instance without changes),
            `missing`, or `failed` (with `PathNotFoundError`, `ConflictError`, `ValidationError`,
            `WrongTypeError`, `InvalidKeyError` or any other error of `aupdate_by_key` and
            `save_changes`).

        Raises:
            BulkError: Keys failed, or the server refused a chunk or was lost.
            pydantic.ValidationError: The values for all keys do not validate. Nothing was written.
            InvalidPathError, ExpressionError, InvalidKeyError: A name leads to nothing that can be
                set in all keys. Nothing was written.
            TypeError: There was nothing to set, or an instance was given together with fields, or
                an instance of another model: `result_of(error)` tells what was sent before. Or the
                model has a field with the name of an argument that was given, and there are no
                `values` to tell which one is meant.
            ValueError: An argument is invalid.
            NotConnectedError: rapyer was not told where Redis is.
        """
        given = {"chunk_size": chunk_size, "progress": progress, "raise_on_error": raise_on_error}
        if values is None:
            refuse_shadowing(cls, given)
        return await update(
            items, Resolver(cls), values, fields, chunk_size=chunk_size, progress=progress,
            raise_on_error=raise_on_error,
        )  # fmt: skip

    @classmethod
    async def bulk_delete(
        cls,
        items: Many[KeyLike] | Many[Self] | Many[KeyLike | Self],
        /,
        *,
        chunk_size: int = DELETE_CHUNK,
        progress: Progress = None,
        raise_on_error: bool = True,
    ) -> BulkResult:
        """Delete many documents in atomic chunks.

            await User.bulk_delete(["user:1", "user:2", "user:3"])

        A chunk is one round trip: `UNLINK`, in a script that spares keys of other types.

        Args:
            items: Keys or instances: an iterable or an async iterable of any length.
            chunk_size: Keys in one chunk at most.
            progress: As for `bulk_insert`.
            raise_on_error: As for `bulk_insert`.

        Returns:
            What became of each key: `deleted`, `missing`, or `failed` (with `WrongTypeError`,
            `InvalidKeyError`, `WrongModelError`, `KeyChangedError` or an error of a policy).

        Raises:
            BulkError: Keys failed, or the server refused a chunk or was lost.
            TypeError: An instance belongs to another model. `result_of(error)` tells what was sent
                before.
            ValueError: An argument is invalid.
            NotConnectedError: rapyer was not told where Redis is.
        """
        return await delete(
            items, Resolver(cls), chunk_size=chunk_size, progress=progress,
            raise_on_error=raise_on_error,
        )  # fmt: skip

    @overload
    @classmethod
    async def bulk_get(
        cls,
        keys: Many[KeyLike],
        /,
        *,
        missing: Literal["raise", "skip"] = "raise",
        chunk_size: int = READ_CHUNK,
    ) -> list[Self]: ...
    @overload
    @classmethod
    async def bulk_get(
        cls, keys: Many[KeyLike], /, *, missing: Literal["none"], chunk_size: int = READ_CHUNK
    ) -> list[Self | None]: ...
    @classmethod
    async def bulk_get(
        cls, keys: Many[KeyLike], /, *, missing: Missing = "raise", chunk_size: int = READ_CHUNK
    ) -> list[Any]:
        """Read many documents: `JSON.MGET`. One round trip per chunk, several in flight at a time.

        One more for a chunk with keys that have no document, to ask for the types of those keys.

        Args:
            keys: Primary keys or whole Redis keys, as for `get`; a key may be given several times.
            missing: What to do if there is no document: `"raise"`, `"skip"` leaves it out, `"none"`
                puts None in its place.
            chunk_size: Keys in one command at most.

        Returns:
            New instances, in the order of the keys.

        Raises:
            KeyNotFoundError: Documents do not exist; `key` is the first of them.
            CorruptDocumentError: A document does not validate.
            WrongTypeError: A key holds a Redis type other than a JSON document.
            InvalidKeyError: A value cannot be a primary key of this model.
            WrongModelError: It is the key of another registered model.
            TypeError, ValueError: An argument is invalid.
            NotConnectedError: rapyer was not told where Redis is.
        """
        return await get(keys, Resolver(cls), missing=missing, chunk_size=chunk_size)

    @overload
    @classmethod
    def bulk_stream(
        cls,
        keys: Many[KeyLike],
        /,
        *,
        missing: Literal["raise", "skip"] = "raise",
        chunk_size: int = READ_CHUNK,
    ) -> AsyncGenerator[Self]: ...
    @overload
    @classmethod
    def bulk_stream(
        cls, keys: Many[KeyLike], /, *, missing: Literal["none"], chunk_size: int = READ_CHUNK
    ) -> AsyncGenerator[Self | None]: ...
    @classmethod
    def bulk_stream(
        cls, keys: Many[KeyLike], /, *, missing: Missing = "raise", chunk_size: int = READ_CHUNK
    ) -> AsyncGenerator[Any]:
        """Read many documents one by one, in bounded memory.

            async for user in User.bulk_stream(keys):
                ...

        Documents are read ahead with `JSON.MGET`, each time for as many keys as should hold 8 MiB
        together, judging by the sizes of earlier documents. Each command is one round trip.

        Args:
            keys: Keys as for `bulk_get`: an iterable or an async iterable of any length.
            missing: As for `bulk_get`.
            chunk_size: Keys in one command at most.

        Returns:
            New instances, in the order of the keys. Close it (`contextlib.aclosing`) if you do not
            read it to the end.

        Raises:
            TypeError, ValueError: An argument is invalid.
            RapyerError: As for `bulk_get`, when the document in question is reached.
        """
        check_many(keys, "keys")
        check_reading(missing, chunk_size)
        return stream(keys, Resolver(cls), missing=missing, chunk_size=chunk_size)

    @classmethod
    async def bulk_exists(
        cls, keys: Many[KeyLike], /, *, chunk_size: int = READ_CHUNK
    ) -> list[bool]:
        """Return which documents exist. One round trip per chunk, several in flight at a time.

        Args:
            keys: Keys as for `bulk_get`.
            chunk_size: Keys in one command at most.

        Returns:
            Whether a document exists at each key, in the order of the keys.

        Raises:
            WrongTypeError: A key holds a Redis type other than a JSON document.
            InvalidKeyError, WrongModelError, NotConnectedError: As for `bulk_get`.
            TypeError, ValueError: An argument is invalid.
        """
        return await exists(keys, Resolver(cls), chunk_size=chunk_size)
