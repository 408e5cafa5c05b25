"""Checking whether a document exists."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import ClassVar, Protocol, overload

from rapyer.base import BaseRedisModel, RedisModelMeta, channel_of, key_to_write
from rapyer.keys import KeyLike, RedisKey
from rapyer.traffic import documents


class ExistsByKey(Protocol):
    """`User.exists`: whether a document is stored under a key."""

    def __call__(self, key: KeyLike) -> Awaitable[bool]:
        """Ask the server."""
        ...


class ExistsInstance(Protocol):
    """`user.exists`: whether the document of an instance is stored."""

    def __call__(self) -> Awaitable[bool]:
        """Ask the server."""
        ...


class _Exists:
    """`exists`: takes a key on the class, and none on an instance."""

    @overload
    def __get__(self, instance: None, owner: type[BaseRedisModel]) -> ExistsByKey: ...
    @overload
    def __get__(self, instance: BaseRedisModel, owner: type[BaseRedisModel]) -> ExistsInstance: ...
    def __get__(
        self, instance: BaseRedisModel | None, owner: type[BaseRedisModel]
    ) -> ExistsByKey | ExistsInstance:
        if instance is None:

            def exists_by_key(key: KeyLike) -> Awaitable[bool]:
                return _exists(owner, owner.__rapyer_identity__.resolve(key))

            return exists_by_key

        def exists() -> Awaitable[bool]:
            return _exists(owner, key_to_write(instance))

        return exists


async def _exists(model: type[BaseRedisModel], key: RedisKey) -> bool:
    return await documents.document_exists(channel_of(model), key, model.__rapyer_read_policies__)


class ExistsMixin(BaseRedisModel, metaclass=RedisModelMeta):
    """`exists`."""

    exists: ClassVar[_Exists] = _Exists()
    """Whether a document is stored: `await User.exists(key)`, `await user.exists()`.

    `JSON.TYPE`, one round trip. Raises `WrongTypeError` if the key holds another Redis type, and,
    for invalid keys, whatever `get` (with a key) or `load` (without one) raises.
    """
