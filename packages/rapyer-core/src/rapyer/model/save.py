"""Writing whole documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, overload

from redis.exceptions import ResponseError

from rapyer.base import BaseRedisModel, RedisModelMeta, channel_of
from rapyer.traffic import documents
from rapyer.writing import DocumentWrite

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
                one that is there; both are decided by the server. With `"absent"` versions are not
                compared: there is none.

        Returns:
            The instance itself; with `only_if`, whether it was written.

        Raises:
            UnstorableValueError: The document could not be read back, because a value that was
                assigned does not validate; or JSON or the server cannot hold a value exactly.
                Nothing was written.
            ConflictError: The model has a Version, and the document another one than the instance;
                or the instance is new, and there is a document; or its document is gone.
            KeyChangedError: The primary key was changed since the instance was loaded or saved.
            WrongTypeError: The key holds another Redis type than a JSON document.
            OutcomeUnknownError: The reply was lost; the write may have been carried out or not.
            NotConnectedError: rapyer was not told where Redis is.
        """
        write = DocumentWrite(self, compares=only_if != "absent")
        try:
            written = await documents.set_document(
                channel_of(type(self)), write.key, write.dump, only_if, write.policies
            )
        except ResponseError as exc:
            if (fault := write.fault()) is not None:
                raise fault from exc
            raise
        if written:
            write.done()
        return self if only_if is None else written
