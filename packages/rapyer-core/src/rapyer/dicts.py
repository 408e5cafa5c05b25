"""Operations on dicts in documents by key: removing entries, and reading them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json, to_json

from rapyer.assignments import location_to_write, make_write, places_of, validated
from rapyer.errors import PathNotFoundError
from rapyer.expr.jsonpath import render_path
from rapyer.expr.paths import steps_of
from rapyer.expr.steps import Step, key_step
from rapyer.lists import read_taken
from rapyer.plain import around_empty, not_plain, plain_schema
from rapyer.traffic.objects import ObjectInDocument, ObjectPlace
from rapyer.traffic.updates import Write, update_document
from rapyer.types.text import restore_nul

if TYPE_CHECKING:
    from rapyer.base import BaseRedisModel
    from rapyer.locations import Location
    from rapyer.traffic.addresses import DocumentAt


class DictOperations:
    """The operations on the dict that a path leads to.

    Args:
        model: The model.
        path: The path.

    Raises:
        ExpressionError: It is not a dict with individually writable entries, or is frozen.
        InvalidKeyError: The field is the primary key.
    """

    __slots__ = ("_has_text_keys", "_model", "_path", "_place", "_steps")

    def __init__(self, model: type[BaseRedisModel], path: Any) -> None:
        location = location_to_write(model, path)
        schema = plain_schema(location, "dict")
        if schema is None:
            what = "not a dict whose entries can be written individually: its keys are declared"
            raise not_plain(model, path, what)
        self._model, self._path, self._steps = model, path, steps_of(path)
        self._has_text_keys = schema.get("keys_schema") == {"type": "str"}
        self._place = ObjectPlace(
            location.json_path,
            around_empty(location, {}),
            schema.get("min_length") or 0,
            location.text,
        )

    async def update(
        self, document: DocumentAt, values: Mapping[Any, Any]
    ) -> list[tuple[Any, Any, bytes]]:
        """Set entries, all of them or none; return them as they are set, and the JSON of each."""
        if not values:
            return []
        locations, given = self._entries(values)
        valid = validated(self._model, locations, given)
        made = [make_write(*one) for one in zip(locations, valid, strict=True)]
        await self._write(document, [write for write, _ in made])
        names = [location.steps[-1].value for location in locations]
        texts = [text for _, text in made]
        return list(zip(names, valid, texts, strict=True))

    async def _write(self, document: DocumentAt, writes: Sequence[Write]) -> None:
        channel, key, policies = document
        try:
            await update_document(channel, key, writes, policies)
        except PathNotFoundError:
            if not self._place.around:
                raise
            # a document that lacks the dict is read as if it had an empty one, so it may have one
            await channel.execute("JSON.SET", key, self._place.path, "{}", "NX", writes=True)
            await update_document(channel, key, writes, policies)

    def _entries(self, values: Mapping[Any, Any]) -> tuple[Sequence[Location], Iterable[Any]]:
        """Return where entries are to be written, and the values for them."""
        if self._has_text_keys:  # these are taken as given, and all differ
            return [self._entry(name) for name in values], values.values()
        by_path = {self._path[name]: value for name, value in values.items()}
        places, given = places_of(self._model, by_path, {})
        return places.locations, given

    def _entry(self, name: Any) -> Location:
        if self._has_text_keys and type(name) is str:
            return self._model.__rapyer_locations__.behind((*self._steps, key_step(name)))
        return location_to_write(self._model, self._path[name])

    async def pop(self, document: DocumentAt, name: Any) -> bytes | None:
        """Remove an entry and give the text of its value; None if there is none."""
        entry = self._entry(name)
        step = render_path((entry.stored_steps[-1],))[1:]
        return await self._object(document).pop(step)

    async def pop_item(self, document: DocumentAt) -> tuple[Any, bytes] | None:
        """Remove the entry with the last key; return key and text; None if there is none."""
        taken = await self._object(document).pop_item()
        if taken is None:
            return None
        name: str = from_json(restore_nul(to_json(taken[0].decode())))
        steps = (*self._steps, Step("key", name, name))
        return self._model.__rapyer_locations__.behind(steps).key_named(name), taken[1]

    async def clear(self, document: DocumentAt) -> int:
        """Remove all entries; return how many there were."""
        return await self._object(document).clear()

    async def length(self, document: DocumentAt) -> int:
        """Return how many entries there are."""
        return await self._object(document).length()

    def read(self, key: str, name: Any, text: bytes) -> Any:
        """Make the value of an entry from the text that was removed from the document at a key.

        Raises:
            CorruptDocumentError: It does not validate; the text is the `raw` of the error.
        """
        steps = (*self._steps, key_step(name))
        entry = self._model.__rapyer_locations__.behind(steps)
        return read_taken(entry, self._place.name, key, text)

    def _object(self, document: DocumentAt) -> ObjectInDocument:
        return ObjectInDocument(document, self._place)
