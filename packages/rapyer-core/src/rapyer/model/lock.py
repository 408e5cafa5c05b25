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
        """Hold a lock on the document of this instance while a block runs.

            async with user.lock("profile") as fresh:
                fresh.visits += 1

        The block is given a fresh instance, read in the step in which the lock was taken. When it
        ends, one step makes sure that the lock is still held, writes what was changed in the fresh
        instance and nothing else, as `save_changes` does, and gives the lock back. This instance
        stays as it is. When the block raises, or has deleted the document, nothing is written. Two
        round trips, one before the block and one after it, and the waiting.

        It keeps out those who ask for the same lock, and nobody else: what is written without it
        is written.

        Args:
            name: Tells locks on one document apart.
            lease: Seconds for which the lock holds, if the process dies. It is renewed three times
                in that time as long as the block runs.
            wait: Seconds to wait for somebody else who has it; 0 tries once, None waits without
                limit. Who gives it back wakes one who waits.

        Raises:
            KeyNotFoundError: The document is gone.
            CorruptDocumentError: The document does not validate.
            LockTimeoutError: Somebody else has the lock for longer than `wait`.
            LockLostError: The lock was lost while the block ran; nothing was written.
            LockError: The task holds it already, or no key can be in the slot of the document.
            KeyChangedError: The primary key was changed since the instance was loaded or saved.
            ConflictError: The model has a Version, and somebody wrote without the lock.
            UnstorableValueError, PathNotFoundError, ExpressionError: As `save_changes` raises them.
            OutcomeUnknownError: A reply was lost: the changes may have been written or not.
            NotConnectedError: rapyer was not told where Redis is.
        """
        return DocumentLock(type(self), key_to_write(self), name, lease=lease, wait=wait)

    @classmethod
    def lock_by_key(
        cls, key: KeyLike, name: str = "default", *, lease: float = 10.0, wait: float | None = None
    ) -> DocumentLock[Self]:
        """Hold a lock on the document at a key while a block runs; see `lock`.

        Two round trips, one before the block and one after it, and the waiting.

            async with User.lock_by_key("123", "profile") as user:
                user.visits += 1

        Args:
            key: A primary key or a whole Redis key, as for `get`.
            name: Tells locks on one document apart.
            lease: Seconds for which the lock holds, if the process dies.
            wait: Seconds to wait for somebody else who has it.

        Raises:
            InvalidKeyError: The value cannot be a primary key of this model.
            WrongModelError: It is the key of another registered model.
            RapyerError: As `lock`.
        """
        redis_key = cls.__rapyer_identity__.resolve(key)
        return DocumentLock(cls, redis_key, name, lease=lease, wait=wait)
