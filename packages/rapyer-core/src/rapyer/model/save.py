"""Writing whole documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, overload

from redis.exceptions import ResponseError

from rapyer.base import BaseRedisModel, RedisModelMeta, channel_of, key_to_write, mark_stored
from rapyer.traffic import documents

if TYPE_CHECKING:
    from rapyer.traffic.documents import Condition


class SaveMixin(BaseRedisModel, metaclass=RedisModelMeta):
    """`save`."""

    @overload
    async def save(self) -> Self: ...
    @overload
    async def save(self, *, only_if: Condition) -> bool: ...
    async def save(self, *, only_if: Condition | None = None) -> Self | bool:
        """Write the whole document, over the one that may be there: `JSON.SET`.

        Everything in the document is replaced, what others wrote to it meanwhile as well.
        One round trip.

        Args:
            only_if: `"absent"` writes only where there is no document yet, `"present"` only over
                one that is there; both are decided by the server.

        Returns:
            The instance itself; with `only_if`, whether it was written.

        Raises:
            UnstorableValueError: The document could not be read back, because a value that was
                assigned does not validate; or JSON or the server cannot hold a value exactly.
                Nothing was written.
            KeyChangedError: The primary key was changed since the instance was loaded or saved.
            WrongTypeError: The key holds another Redis type than a JSON document.
            OutcomeUnknownError: The reply was lost; the write may have been carried out or not.
            NotConnectedError: rapyer was not told where Redis is.
        """
        key = key_to_write(self)
        codec = self.__rapyer_codec__
        dump = codec.dump(self, checked=True)
        try:
            written = await documents.set_document(
                channel_of(type(self)), key, dump, only_if, self.__rapyer_policies__
            )
        except ResponseError as exc:
            if (fault := codec.fault_of(self)) is not None:
                raise fault from exc
            raise
        if written:
            mark_stored(self, key)
        return self if only_if is None else written
