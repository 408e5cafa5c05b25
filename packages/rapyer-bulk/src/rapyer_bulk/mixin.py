"""The operations on many models of one kind: the methods that every model has."""

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
        """Write many documents, in chunks that are atomic.

            await User.bulk_insert(users)
            await User.bulk_insert(read_lines(), mode="skip", progress=True)

        Instances are read as they are sent. A chunk is one round trip, several are under way at the
        same time, and nobody sees a part of one. Each instance is checked as `save` does, before
        its chunk is sent. What cannot be written is left out and reported, the others are written.

        Args:
            instances: Those of the model: a list, an iterable or an async iterable of any length.
            mode: What happens where a document is already: `"replace"` writes over it, `"insert"`
                reports it as failed, `"skip"` passes over it.
            chunk_size: Instances in one chunk at most; fewer where they have more than 8 MiB.
            transaction: Whether all is one atomic step, in which everything is written or nothing.
                All instances are in memory then, and the server does nothing else meanwhile:
                some 2 us a document. They have 128 MiB at most.
            progress: Called with the number of instances that are done, and of all (None where that
                is not known), after each chunk; `True` shows a bar where the standard error is a
                terminal.
            raise_on_error: Whether instances that failed are raised as `BulkError` in the end;
                otherwise they are in the result alone.

        Returns:
            What became of each key: `inserted`, `replaced`, `skipped`, `failed` (with
            `UnstorableValueError`, `KeyExistsError`, `WrongTypeError`, `ConflictError`,
            `KeyChangedError` or what a policy says) or `unwritten`.

        Raises:
            BulkError: Instances failed, or the server refused a chunk or was lost; `result` says
                what became of each key. It is a `BulkOutcomeUnknownError` where a reply was lost.
            TypeError: Something else than an instance was given. What was sent before is told by
                `result_of(error)`, as it is for a call that is cancelled and for an iterable that
                raises.
            ValueError: An argument cannot be; or one transaction has a key twice, or is too large.
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
        """Set some fields of many documents, in chunks that are atomic; the rest of them stays.

            await User.bulk_update(keys, age=3, profile__address__city="x")
            await User.bulk_update({"user:1": {"age": 3}, "user:2": {"profile.address.city": "x"}})
            await User.bulk_update(users)  # what was changed in them, with `track_changes = True`

        By keys it does what `aupdate_by_key` does with each of them, with instances what
        `save_changes` does. A chunk is one round trip. A document that is gone is reported as
        `missing`, and not created again.

        Args:
            items: Keys; a mapping of keys to the fields of each, by names, by paths or by their
                texts; or instances. An iterable or an async iterable of any length.
            values: For keys, values by paths or by their texts. A field that has the name of an
                argument is set this way.
            chunk_size: Documents in one chunk at most; fewer where the values have more than 8 MiB.
            progress: As for `bulk_insert`.
            raise_on_error: As for `bulk_insert`.
            fields: For keys, values by names.

        Returns:
            What became of each key: `updated`, `unchanged` (an instance in which nothing was
            changed), `missing`, or `failed` (with `PathNotFoundError`, `ConflictError`,
            `ValidationError`, `WrongTypeError`, `InvalidKeyError` or what else `aupdate_by_key` and
            `save_changes` raise).

        Raises:
            BulkError: Keys failed, or the server refused a chunk or was lost.
            pydantic.ValidationError: The values for all keys do not validate. Nothing was written.
            InvalidPathError, ExpressionError, InvalidKeyError: A name leads to nothing that can be
                set in all keys. Nothing was written.
            TypeError: Nothing was given to set, or an instance together with fields, or one of
                another model: what was sent before is told by `result_of(error)`. Or the model has
                a field with the name of an argument that was given, and there are no `values`
                to tell which one is meant.
            ValueError: An argument cannot be.
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
        """Delete many documents, in chunks that are atomic.

            await User.bulk_delete(["user:1", "user:2", "user:3"])

        A chunk is one round trip: `UNLINK`, in a script that spares keys of other types.

        Args:
            items: Keys or instances: an iterable or an async iterable of any length.
            chunk_size: Keys in one chunk at most.
            progress: As for `bulk_insert`.
            raise_on_error: As for `bulk_insert`.

        Returns:
            What became of each key: `deleted`, `missing`, or `failed` (with `WrongTypeError`,
            `InvalidKeyError`, `WrongModelError`, `KeyChangedError` or what a policy says).

        Raises:
            BulkError: Keys failed, or the server refused a chunk or was lost.
            TypeError: An instance is one of another model. What was sent before is told by
                `result_of(error)`.
            ValueError: An argument cannot be.
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
        """Read many documents: `JSON.MGET`. One round trip a chunk, several under way at once.

        One more for those of a chunk that are not there, of which the type of the key is asked.

        Args:
            keys: Primary keys or whole Redis keys, as for `get`; one may be given several times.
            missing: What happens where no document is: `"raise"`, `"skip"` leaves it out, `"none"`
                has None in its place.
            chunk_size: Keys in one command at most.

        Returns:
            New instances, in the order of the keys.

        Raises:
            KeyNotFoundError: Documents are not there; `key` is the first of them.
            CorruptDocumentError: A document does not validate.
            WrongTypeError: A key holds another Redis type than a JSON document.
            InvalidKeyError: A value cannot be a primary key of this model.
            WrongModelError: It is the key of another registered model.
            TypeError, ValueError: An argument cannot be.
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
        """Read many documents one after the other, in bounded memory.

            async for user in User.bulk_stream(keys):
                ...

        Documents are read ahead: `JSON.MGET` of as many keys as have 8 MiB together, after the
        sizes of those before. Each is one round trip.

        Args:
            keys: Keys as for `bulk_get`: an iterable or an async iterable of any length.
            missing: As for `bulk_get`.
            chunk_size: Keys in one command at most.

        Returns:
            New instances, in the order of the keys. Close it (`contextlib.aclosing`) where you do
            not read it to the end.

        Raises:
            TypeError, ValueError: An argument cannot be.
            RapyerError: As `bulk_get`, when the document in question is reached.
        """
        check_many(keys, "keys")
        check_reading(missing, chunk_size)
        return stream(keys, Resolver(cls), missing=missing, chunk_size=chunk_size)

    @classmethod
    async def bulk_exists(
        cls, keys: Many[KeyLike], /, *, chunk_size: int = READ_CHUNK
    ) -> list[bool]:
        """Say which documents are there. One round trip a chunk, several under way at once.

        Args:
            keys: Keys as for `bulk_get`.
            chunk_size: Keys in one command at most.

        Returns:
            Whether a document is at each key, in the order of the keys.

        Raises:
            WrongTypeError: A key holds another Redis type than a JSON document.
            InvalidKeyError, WrongModelError, NotConnectedError: As `bulk_get` raises them.
            TypeError, ValueError: An argument cannot be.
        """
        return await exists(keys, Resolver(cls), chunk_size=chunk_size)
