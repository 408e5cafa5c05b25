"""What the paths of lists do with documents by key: elements validated and dumped, results read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from rapyer.assignments import location_to_write, validated_alone
from rapyer.errors import CorruptDocumentError, ExpressionError
from rapyer.traffic.arrays import ArrayInDocument, ArrayPlace
from rapyer.traffic.documents import Dump
from rapyer.versions import policies_by_key

if TYPE_CHECKING:
    from rapyer.base import BaseRedisModel
    from rapyer.keys import KeyLike
    from rapyer.locations import Location
    from rapyer.traffic.channel import Channel

Schema = Mapping[str, Any]

#: What may stand around the schema of a list without having a say about its elements.
_AROUND: Final = frozenset({"default", "nullable"})


class ListOperations:
    """The operations on the list that a path leads to.

    Args:
        model: The model.
        path: The path.

    Raises:
        ExpressionError: It is no list whose elements can be written one by one, or is frozen.
        InvalidKeyError: It is the primary key.
    """

    __slots__ = ("_element", "_model", "_place")

    def __init__(self, model: type[BaseRedisModel], path: Any) -> None:
        location = location_to_write(model, path)
        schema = plain_schema(location, "list")
        if schema is None:
            raise ExpressionError(
                f"{path!r} is no list whose elements are written one by one: it is a set or a "
                "tuple, or has a validator or a serializer of its own. Write it as a whole, under "
                f"a lock: `async with {model.__name__}.lock_by_key(key) as fresh:`."
            )
        self._model, self._element = model, location_to_write(model, path[0])
        self._place = ArrayPlace(
            location.json_path,
            object_around(location, []),
            schema.get("min_length") or 0,
            schema.get("max_length") or 0,
            location.text,
        )

    async def insert(
        self, channel: Channel, key: KeyLike, values: Iterable[Any], index: int | None = None
    ) -> int:
        """Put elements before an index, or at the end; give how many there are then."""
        dumps = [self._dump(value) for value in values]
        return await self._array(channel, key).insert(dumps, index)

    async def pop(self, channel: Channel, key: KeyLike, index: int) -> Any:
        """Take an element out and give it."""
        array = self._array(channel, key)
        text = await array.pop(index)
        try:
            return self._element.codec.load(text)
        except ValidationError as exc:
            raise CorruptDocumentError(
                f"what was taken out of {self._place.name} of {array.key!r} does not validate: "
                f"{exc}\nIt is not in the document any more; `raw` of this error has its JSON.",
                key=array.key,
                raw=text,
            ) from exc

    async def remove_range(
        self, channel: Channel, key: KeyLike, start: int, stop: int | None
    ) -> int:
        """Take out the elements of a slice; give how many."""
        return await self._array(channel, key).remove_range(start, stop)

    def _array(self, channel: Channel, key: KeyLike) -> ArrayInDocument:
        model = self._model
        redis_key = model.__rapyer_identity__.resolve(key)
        return ArrayInDocument(channel, redis_key, self._place, policies_by_key(model))

    def _dump(self, value: Any) -> Dump:
        element = self._element
        valid = validated_alone(self._model, element, value)
        text = element.codec.text(valid, checked=type(valid) is not element.scalar)
        return element.codec.spell(valid, text)


def plain_schema(location: Location, kind: str) -> Schema | None:
    """Give the schema of a list or a dict that has no rules but a length; None for all else."""
    schema: Schema = location.place.schema
    while schema["type"] in _AROUND and "serialization" not in schema:
        schema = schema["schema"]
    return schema if schema["type"] == kind and "serialization" not in schema else None


def object_around(location: Location, nothing: object) -> str:
    """Give the path of the object around a field that documents may lack, and then is empty."""
    place = location.place
    if not (place.is_field and place.has_static_default):
        return ""
    default = location.default(place)
    is_empty = type(default) is type(nothing) and default == nothing
    return location.around[-2] if is_empty else ""
