"""Operations on texts and bytes in documents by key: appending to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from rapyer.assignments import location_to_write
from rapyer.expr.text import stored_text
from rapyer.plain import around_default, not_plain, plain_schema
from rapyer.traffic.texts import TextInDocument, TextPlace

if TYPE_CHECKING:
    from rapyer.base import BaseRedisModel
    from rapyer.traffic.addresses import DocumentAt

#: What a schema may say about a text that can be appended to.
_KNOWN: Final = frozenset({"type", "metadata", "ref", "strict", "min_length", "max_length"})


class TextOperations:
    """The operations on the text, or the bytes, that a path leads to.

    Args:
        model: The model.
        path: The path.

    Raises:
        ExpressionError: It is not one that can be appended to, or is frozen.
        InvalidKeyError: The field is the primary key.
    """

    __slots__ = ("_codec", "_kind", "_place")

    def __init__(self, model: type[BaseRedisModel], path: Any) -> None:
        location = location_to_write(model, path)
        schema = plain_schema(location, "str") or plain_schema(location, "bytes")
        if schema is None or not schema.keys() <= _KNOWN:
            what = (
                "not a str or bytes that can be appended to: it is of another type, has a pattern"
            )
            raise not_plain(model, path, what)
        self._kind: type[str | bytes] = str if schema["type"] == "str" else bytes
        self._codec = location.codec
        around, default = around_default(location)
        most: int = schema.get("max_length") or 0
        self._place = TextPlace(location.json_path, around, default, most, location.text)

    async def append(
        self, document: DocumentAt, added: Any, *, reads_up_to: int = 0
    ) -> tuple[int, Any]:
        """Append; return the new size in bytes; for a text, that of its stored form in UTF-8.

        Args:
            document: Where it is.
            added: What is appended.
            reads_up_to: Up to which size the result is read in the same step.

        Returns:
            The size, and the result; None instead of the result if it was not read.

        Raises:
            TypeError: What is appended is of another type.
            UnstorableValueError: There is no room for it, or the server cannot hold it.
        """
        if not isinstance(added, self._kind):
            raise TypeError(
                f"{added!r} cannot be appended to {self._place.name}. Give {self._kind.__name__}."
            )
        text = TextInDocument(document, self._place, reads_up_to)
        if self._kind is bytes:
            size, found = await text.append_bytes(cast("bytes", added))
        else:
            size, found = await text.append(self._dump(cast("str", added)))
        return size, None if found is None else self._codec.load(found)

    def size(self, value: Any) -> int:
        """Return the size of a value, as `append` gives it."""
        return len(value) if self._kind is bytes else len(stored_text(value).encode())

    def _dump(self, value: str) -> bytes:
        return self._codec.dump(str.__str__(value))[0]
