"""Locking documents."""

from __future__ import annotations

from typing import Self

from rapyer.base import BaseRedisModel, RedisModelMeta, key_to_write
from rapyer.keys import KeyLike
from rapyer.locks import DocumentLock


class LockMixin(BaseRedisModel, metaclass=RedisModelMeta):
    """`lock` and `lock_by_key`."""

    def lock(
        self, name: str = "default", *, lease: float = 10.0, wait: float | None = None
    ) -> DocumentLock[Self]:
        """Hold a lock on this instance's document while a block runs.

            async with user.lock("profile") as fresh:
                fresh.visits += 1

        The block receives a fresh instance, read in the same step that takes the lock. When the
        block ends, one step checks that the lock is still held, writes only what has changed in the
        fresh instance, as `save_changes` does, and releases the lock. This instance stays as it is.
        If the block raises, or has deleted the document, nothing is written. Two round trips, one
        before the block and one after it, plus the wait for the lock.

        The lock excludes only those who ask for the same lock. Writes that do not take it still go
        through.

        Args:
            name: Distinguishes several locks on one document.
            lease: Seconds that the lock holds if the process dies. It is renewed three times per
                lease as long as the block runs.
            wait: Seconds to wait for another holder; 0 tries once, None waits without limit.
                Releasing a lock wakes one of those waiting.

        Raises:
            KeyNotFoundError: The document is gone.
            CorruptDocumentError: The document does not validate.
            LockTimeoutError: Another holder kept the lock for longer than `wait`.
            LockLostError: The lock was lost while the block ran; nothing was written.
            LockError: The task already holds it, or no key can be in the slot of the document.
            KeyChangedError: The primary key has changed since the instance was loaded or saved.
            ConflictError: The model has a Version, and somebody wrote without the lock.
            UnstorableValueError, PathNotFoundError, ExpressionError: As for `save_changes`.
            OutcomeUnknownError: A reply was lost; the changes may or may not have been written.
            NotConnectedError: rapyer has not been told where Redis is.
        """
        return DocumentLock(type(self), key_to_write(self), name, lease=lease, wait=wait)

    @classmethod
    def lock_by_key(
        cls, key: KeyLike, name: str = "default", *, lease: float = 10.0, wait: float | None = None
    ) -> DocumentLock[Self]:
        """Hold a lock on the document at a key while a block runs; see `lock`.

        Two round trips, one before the block and one after it, plus the wait for the lock.

            async with User.lock_by_key("123", "profile") as user:
                user.visits += 1

        Args:
            key: A primary key or a whole Redis key, as for `get`.
            name: Distinguishes several locks on one document.
            lease: Seconds that the lock holds if the process dies.
            wait: Seconds to wait for another holder.

        Raises:
            InvalidKeyError: The value cannot be a primary key of this model.
            WrongModelError: The key belongs to another registered model.
            RapyerError: As `lock`.
        """
        redis_key = cls.__rapyer_identity__.resolve(key)
        return DocumentLock(cls, redis_key, name, lease=lease, wait=wait)
