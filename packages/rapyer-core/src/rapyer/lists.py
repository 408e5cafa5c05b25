"""Operations on lists in documents by key: validating and dumping elements, reading results."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from rapyer.assignments import location_to_write, validated_alone
from rapyer.errors import CorruptDocumentError, UnstorableValueError
from rapyer.plain import around_empty, not_plain, plain_schema
from rapyer.traffic.arrays import ArrayInDocument, ArrayPlace, Done
from rapyer.traffic.documents import Dump

if TYPE_CHECKING:
    from rapyer.base import BaseRedisModel
    from rapyer.locations import Location
    from rapyer.traffic.addresses import DocumentAt

#: A float as JSON that has the same value as an integer.
_WHOLE_FLOAT: Final = re.compile(rb"-?\d+\.0")


class ListOperations:
    """The operations on the list that a path leads to.

    Args:
        model: The model.
        path: The path.

    Raises:
        ExpressionError: It is not a list with individually writable elements, or is frozen.
        InvalidKeyError: The field is the primary key.
    """

    __slots__ = ("_element", "_model", "_place")

    def __init__(self, model: type[BaseRedisModel], path: Any) -> None:
        location = location_to_write(model, path)
        schema = plain_schema(location, "list")
        if schema is None:
            what = "not a list whose elements can be written individually: it is a set or a tuple"
            raise not_plain(model, path, what)
        self._model, self._element = model, location_to_write(model, path[0])
        self._place = ArrayPlace(
            location.json_path,
            around_empty(location, []),
            schema.get("min_length") or 0,
            schema.get("max_length") or 0,
            location.text,
        )

    def elements(self, values: Iterable[Any]) -> list[tuple[Any, Dump]]:
        """Validate elements, and make what is sent for them.

        Raises:
            pydantic.ValidationError: An element does not validate.
            UnstorableValueError: JSON or the server cannot hold an element exactly.
        """
        return [self._element_of(value) for value in values]

    async def insert(
        self, document: DocumentAt, dumps: Sequence[Dump], index: int | None = None
    ) -> Done:
        """Insert elements before an index, or at the end; return the new number of elements."""
        return await self._array(document).insert(dumps, index)

    async def set_item(self, document: DocumentAt, index: int, dump: Dump) -> Done:
        """Replace an element; return its index counted from the start."""
        return await self._array(document).set_item(index, dump)

    async def pop(self, document: DocumentAt, index: int) -> Done:
        """Remove an element and give its text."""
        return await self._array(document).pop(index)

    async def remove(self, document: DocumentAt, value: Any) -> Done:
        """Remove the first element with the same stored form as a value; give where it was.

        Raises:
            ValueError: There is no such element.
            UnstorableValueError: It must not be removed; or no text stands for the value on the
                server.
        """
        _, (text, corrections) = self._element_of(value)
        if corrections:
            raise UnstorableValueError(
                f"the server cannot represent {value!r}, so it cannot search for it in "
                f"{self._place.name}. Remove it by its index, or under a lock.",
                path=self._place.name,
                value=value,
            )
        texts = [text]
        if _WHOLE_FLOAT.fullmatch(text):  # others may have written it without the point
            texts.append(text[:-2])
        done = await self._array(document).remove(texts)
        if done is None:
            raise ValueError(
                f"{value!r} is not in {self._place.name} of {document.key!r}. Nothing was changed."
            )
        return done

    async def remove_range(self, document: DocumentAt, start: int, stop: int | None) -> Done:
        """Remove the elements of a slice; return how many."""
        return await self._array(document).remove_range(start, stop)

    async def length(self, document: DocumentAt) -> int:
        """Return how many elements there are."""
        return await self._array(document).length()

    def text(self, values: Iterable[Any]) -> bytes:
        """Return valid elements as the JSON text of a list, for readers other than the server."""
        return b"[%b]" % b",".join(map(self._element.codec.text, values))

    def read(self, key: str, text: bytes) -> Any:
        """Make an element from the text that was removed from the document at a key.

        Raises:
            CorruptDocumentError: It does not validate; the text is the `raw` of the error.
        """
        return read_taken(self._element, self._place.name, key, text)

    def _array(self, document: DocumentAt) -> ArrayInDocument:
        return ArrayInDocument(document, self._place)

    def _element_of(self, value: Any) -> tuple[Any, Dump]:
        element = self._element
        valid = validated_alone(self._model, element, value)
        text = element.codec.text(valid, checked=type(valid) is not element.scalar)
        return valid, element.codec.spell(valid, text)


def read_taken(location: Location, name: str, key: str, text: bytes) -> Any:
    """Make a value from the text that was removed from a document.

    Args:
        location: Where it was.
        name: What it was removed from, for messages.
        key: The whole Redis key.
        text: The text, as the server has it.

    Raises:
        CorruptDocumentError: It does not validate; the text is the `raw` of the error.
    """
    try:
        return location.codec.load(text)
    except ValidationError as exc:
        raise CorruptDocumentError(
            f"the value removed from {name} of {key!r} does not validate: {exc}\n"
            "It is no longer in the document; `raw` of this error has its JSON.",
            key=key,
            raw=text,
        ) from exc
