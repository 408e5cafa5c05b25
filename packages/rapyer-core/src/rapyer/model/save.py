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
        """Write the whole document, over any existing one: `JSON.SET`.

        Everything in the document is replaced, including what others have written to it in the
        meantime. One round trip.

        Args:
            only_if: `"absent"` writes only if there is no document yet, `"present"` only if there
                is one; the server decides both. With `"absent"`, versions are not compared, because
                there is none to compare.

        Returns:
            The instance itself; with `only_if`, whether it was written.

        Raises:
            UnstorableValueError: The document could not be read back, because an assigned value
                does not validate; or JSON or the server cannot hold a value exactly. Nothing was
                written.
            ConflictError: The model has a Version, and the stored one differs from the instance's;
                or the instance is new, and there is a document; or its document is gone.
            KeyChangedError: The primary key has changed since the instance was loaded or saved.
            WrongTypeError: The key holds a Redis type other than a JSON document.
            OutcomeUnknownError: The reply was lost; the write may or may not have been applied.
            NotConnectedError: rapyer has not been told where Redis is.
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
