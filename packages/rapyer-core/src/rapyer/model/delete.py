"""Deleting documents."""

from __future__ import annotations

from rapyer.base import BaseRedisModel, RedisModelMeta, channel_of, key_to_write, mark_deleted
from rapyer.keys import KeyLike
from rapyer.traffic import documents


class DeleteMixin(BaseRedisModel, metaclass=RedisModelMeta):
    """`delete` and `delete_by_key`."""

    async def delete(self) -> bool:
        """Delete the document of this instance. One round trip.

        The instance keeps its values and its primary key; saving it again creates a new document.
        A Version is not compared, and is reset to 0.

        Returns:
            Whether the document existed.

        Raises:
            KeyChangedError: The primary key has changed since the instance was loaded or saved.
            WrongTypeError: The key holds a Redis type other than a JSON document; it is kept.
            OutcomeUnknownError: The reply was lost; the write may or may not have been applied.
            NotConnectedError: rapyer has not been told where Redis is.
        """
        key = key_to_write(self)
        deleted = await documents.delete_document(
            channel_of(type(self)), key, self.__rapyer_policies__,
            is_indexed=self.__rapyer_is_indexed__,
        )  # fmt: skip
        mark_deleted(self, key)
        return deleted

    @classmethod
    async def delete_by_key(cls, key: KeyLike) -> bool:
        """Delete a document without loading it. One round trip.

        Args:
            key: A primary key or a whole Redis key, as for `get`.

        Returns:
            Whether the document existed.

        Raises:
            InvalidKeyError: The value cannot be a primary key of this model.
            WrongModelError: The key belongs to another registered model.
            WrongTypeError: The key holds a Redis type other than a JSON document; it is kept.
            OutcomeUnknownError: The reply was lost; the write may or may not have been applied.
            NotConnectedError: rapyer has not been told where Redis is.
        """
        redis_key = cls.__rapyer_identity__.resolve(key)
        return await documents.delete_document(
            channel_of(cls), redis_key, cls.__rapyer_policies__,
            is_indexed=cls.__rapyer_is_indexed__,
        )  # fmt: skip
