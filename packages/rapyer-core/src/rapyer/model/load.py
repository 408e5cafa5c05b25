"""Reading whole documents."""

from __future__ import annotations

from typing import Any, Final, Self, TypeVar, overload

from redis.exceptions import ResponseError

from rapyer.base import BaseRedisModel, RedisModelMeta, channel_of, key_to_write, mark_stored
from rapyer.baseline import Baseline
from rapyer.keys import KeyLike
from rapyer.loading import loaded, not_found
from rapyer.memory import keeps_baseline, remember_baseline
from rapyer.traffic import documents
from rapyer.writing import DocumentWrite

D = TypeVar("D")


class _Required:
    """Stands for a default that was not given."""


_REQUIRED: Final = _Required()


class LoadMixin(BaseRedisModel, metaclass=RedisModelMeta):
    """`get`, `load` and `get_or_create`."""

    @overload
    @classmethod
    async def get(cls, key: KeyLike) -> Self: ...
    @overload
    @classmethod
    async def get(cls, key: KeyLike, default: D) -> Self | D: ...
    @classmethod
    async def get(cls, key: KeyLike, default: Any = _REQUIRED) -> Any:
        """Read a document as a new instance: `JSON.GET`. One round trip.

        Several that are awaited in the same turn of the event loop share one `JSON.MGET`. If one of
        these documents is missing, or if a document is missing and a plugin takes part in reads of
        the model, a second round trip asks what else the key holds.

        Args:
            key: A primary key or a whole Redis key. A text that starts with the model's own
                `prefix:` is a whole key; any other text is a primary key. Use `key_of` where that
                is not what you mean.
            default: What is returned if there is no such document.

        Raises:
            KeyNotFoundError: There is no such document, and no `default` was given.
            CorruptDocumentError: The document does not validate; pydantic's error is the cause.
            InvalidKeyError: The value cannot be a primary key of this model.
            WrongModelError: The key belongs to another registered model.
            WrongTypeError: The key holds a Redis type other than a JSON document.
            NotConnectedError: rapyer has not been told where Redis is.
        """
        redis_key = cls.__rapyer_identity__.resolve(key)
        raw = await documents.get_document(channel_of(cls), redis_key, cls.__rapyer_read_policies__)
        if raw is not None:
            return loaded(cls, redis_key, raw)
        if default is _REQUIRED:
            raise not_found(cls, redis_key)
        return default

    async def load(self) -> Self:
        """Read this instance's document again, into the instance: `JSON.GET`.

        All fields take the values of the document; private attributes stay as they are. If this
        fails, the instance is unchanged. One round trip.

        Returns:
            The instance itself.

        Raises:
            KeyNotFoundError: The document is gone.
            CorruptDocumentError: The document does not validate; pydantic's error is the cause.
            KeyChangedError: The primary key has changed since the instance was loaded or saved.
            WrongTypeError: The key holds a Redis type other than a JSON document.
            NotConnectedError: rapyer has not been told where Redis is.
        """
        cls, key = type(self), key_to_write(self)
        raw = await documents.get_document(channel_of(cls), key, cls.__rapyer_read_policies__)
        if raw is None:
            raise not_found(cls, key)
        fresh = loaded(cls, key, raw)
        # bypasses pydantic's assignment, which a frozen model refuses
        object.__setattr__(self, "__dict__", fresh.__dict__)
        object.__setattr__(self, "__pydantic_extra__", fresh.__pydantic_extra__)
        object.__setattr__(self, "__pydantic_fields_set__", fresh.__pydantic_fields_set__)
        keeps = keeps_baseline(self)
        mark_stored(self, key)
        if keeps:
            remember_baseline(self, Baseline.of_reply(raw))
        return self

    @classmethod
    async def get_or_create(cls, candidate: Self) -> tuple[Self, bool]:
        """Read the document at the candidate's key, or write the candidate if there is none.

        Two concurrent callers get the same document; one of them has created it.
        One round trip, as a transaction.

        Args:
            candidate: A new instance; it is written only if there is no document yet.

        Returns:
            The instance for the document, and whether it was created. If it was, the instance is
            the candidate itself.

        Raises:
            UnstorableValueError: The candidate cannot be stored.
            CorruptDocumentError: The existing document does not validate.
            TypeError: The candidate is an instance of another model.
            KeyChangedError: Its primary key has changed since it was loaded or saved.
            WrongTypeError: The key holds a Redis type other than a JSON document.
            OutcomeUnknownError: The reply was lost; the write may or may not have been applied.
            NotConnectedError: rapyer has not been told where Redis is.
        """
        write, model = DocumentWrite(candidate, compares=False), type(candidate)
        if not issubclass(model, cls):
            raise TypeError(
                f"{cls.__name__}.get_or_create was given a {model.__name__}. Call it on "
                f"{model.__name__}."
            )
        try:
            raw = await documents.create_or_get_document(
                channel_of(model), write.key, write.dump, write.policies
            )
        except ResponseError as exc:
            if (fault := write.fault()) is not None:
                raise fault from exc
            raise
        if raw is not None:
            return loaded(model, write.key, raw), False
        write.done()
        return candidate, True
