"""What the paths of dicts do with documents by key: entries taken out, and read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic_core import from_json, to_json

from rapyer.assignments import location_to_write, make_write, places_of, validated
from rapyer.errors import CorruptDocumentError, ExpressionError
from rapyer.expr.jsonpath import render_path
from rapyer.expr.paths import steps_of
from rapyer.expr.steps import Step
from rapyer.lists import object_around, plain_schema
from rapyer.traffic.objects import ObjectInDocument, ObjectPlace
from rapyer.traffic.updates import update_document
from rapyer.types.text import restore_nul
from rapyer.versions import policies_by_key

if TYPE_CHECKING:
    from rapyer.base import BaseRedisModel
    from rapyer.keys import KeyLike
    from rapyer.locations import Location
    from rapyer.traffic.channel import Channel


class DictOperations:
    """The operations on the dict that a path leads to.

    Args:
        model: The model.
        path: The path.

    Raises:
        ExpressionError: It is no dict whose entries can be written one by one, or is frozen.
        InvalidKeyError: It is the primary key.
    """

    __slots__ = ("_model", "_path", "_place")

    def __init__(self, model: type[BaseRedisModel], path: Any) -> None:
        location = location_to_write(model, path)
        schema = plain_schema(location, "dict")
        if schema is None:
            raise ExpressionError(
                f"{path!r} is no dict whose entries are written one by one: its keys are declared, "
                "or it has a validator or a serializer of its own. Write it as a whole, under a "
                f"lock: `async with {model.__name__}.lock_by_key(key) as fresh:`."
            )
        self._model, self._path = model, path
        self._place = ObjectPlace(
            location.json_path,
            object_around(location, {}),
            schema.get("min_length") or 0,
            location.text,
        )

    async def update(self, channel: Channel, key: KeyLike, values: Mapping[Any, Any]) -> None:
        """Set entries, all of them or none."""
        redis_key = self._model.__rapyer_identity__.resolve(key)
        if values:
            by_path = {self._path[name]: value for name, value in values.items()}
            places, given = places_of(self._model, by_path, {})
            valid = validated(self._model, places, given)
            writes = [make_write(*one)[0] for one in zip(places.locations, valid, strict=True)]
            await update_document(channel, redis_key, writes, policies_by_key(self._model))

    async def pop(self, channel: Channel, key: KeyLike, name: Any) -> tuple[Any, ...]:
        """Take an entry out and give its value; nothing where there is none."""
        entry = location_to_write(self._model, self._path[name])
        found = self._object(channel, key)
        text = await found.pop(render_path((entry.stored_steps[-1],))[1:])
        return () if text is None else (self._read(entry, found.key, text),)

    async def pop_item(self, channel: Channel, key: KeyLike) -> tuple[Any, Any] | None:
        """Take the entry of the last key out and give it; None where there is none."""
        found = self._object(channel, key)
        taken = await found.pop_item()
        if taken is None:
            return None
        name: str = from_json(restore_nul(to_json(taken[0].decode())))
        steps = (*steps_of(self._path), Step("key", name, name))
        entry = self._model.__rapyer_locations__.behind(steps)
        return entry.key_named(name), self._read(entry, found.key, taken[1])

    async def clear(self, channel: Channel, key: KeyLike) -> int:
        """Take all entries out; give how many there were."""
        return await self._object(channel, key).clear()

    def _object(self, channel: Channel, key: KeyLike) -> ObjectInDocument:
        model = self._model
        redis_key = model.__rapyer_identity__.resolve(key)
        return ObjectInDocument(channel, redis_key, self._place, policies_by_key(model))

    def _read(self, entry: Location, key: str, text: bytes) -> Any:
        try:
            return entry.codec.load(text)
        except ValidationError as exc:
            raise CorruptDocumentError(
                f"what was taken out of {self._place.name} of {key!r} does not validate: {exc}\n"
                "It is not in the document any more; `raw` of this error has its JSON.",
                key=key,
                raw=text,
            ) from exc
