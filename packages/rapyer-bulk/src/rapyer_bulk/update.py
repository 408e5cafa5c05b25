"""Updating many documents: the same fields of all, fields of each, or changes of instances."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from pydantic import ValidationError
from rapyer.base import BaseRedisModel
from rapyer.errors import DocumentGoneError, RapyerError
from rapyer.keys import KeyLike
from rapyer.traffic.channel import Argument
from rapyer.traffic.updates import Update
from rapyer.traffic.versions import ANY
from rapyer.writing import ChangesWrite, update_by_key

from rapyer_bulk.chunks import Chunk, Destination, Packer, run_for_keys
from rapyer_bulk.flight import Flight
from rapyer_bulk.inputs import Many, check_count, check_many, read_ahead, total_of
from rapyer_bulk.progress import Progress, Reporter
from rapyer_bulk.refusals import refusal
from rapyer_bulk.results import CODES, BulkResult
from rapyer_bulk.scripts import UPDATE
from rapyer_bulk.targets import Resolve, Target

#: Values by paths, by their texts, or by names as keyword arguments have them.
Fields: TypeAlias = Mapping[Any, Any]
_UPDATED: Final = CODES["updated"]


class _Row(NamedTuple):
    """What is written to one document.

    Attributes:
        update: The values.
        path: The path of the Version; empty where there is none.
        expected: What the Version has to be.
        write: The write of the instance, where one was given.
    """

    update: Update
    path: str
    expected: str
    write: ChangesWrite | None = None


class UpdateChunk(Chunk):
    """Documents that are updated in one atomic step."""

    def __init__(self, destination: Destination) -> None:
        super().__init__(destination)
        self._rows: dict[int, _Row] = {}
        self._unchanged: list[int] = []

    def add(self, target: Target, update: Update) -> None:
        """Add a document of which some fields are set."""
        version = target.model.__rapyer_version__
        row = _Row(update, version.path, ANY) if version is not None else _Row(update, "", "")
        self._add(target.key, row)

    def add_changes(self, write: ChangesWrite) -> None:
        """Add a document that gets what was changed in its instance."""
        if not write.writes:
            self._unchanged.append(len(self.keys))
            self.keys.append(write.key)
            return
        update = Update(write.writes)
        self._add(write.key, _Row(update, write.version.path, write.version.expected, write))

    def _add(self, key: str, row: _Row) -> None:
        self._rows[len(self.keys)] = row
        self.keys.append(key)
        self.size += sum(len(one) for one in row.update.arguments if isinstance(one, str | bytes))

    async def send(self) -> bytes:
        """Send the values."""
        part, rows = self.part, list(self._rows.values())
        for place in self._unchanged:
            part.codes[place] = CODES["unchanged"]
        if not rows:
            return b""
        keys = [self.keys[place] for place in self._rows]
        reply = await run_for_keys(self.destination, UPDATE, keys, *_arguments(rows))
        for place, row, code in zip(self._rows, rows, reply.codes, strict=True):
            part.codes[place] = code
            if code == _UPDATED and row.write is not None:
                row.write.done()
        places = list(self._rows)
        for index, text in reply.refusals.items():
            error = rows[index].update.refusal(keys[index], text) or refusal(keys[index], text)
            if isinstance(error, DocumentGoneError):
                part.codes[places[index]] = CODES["missing"]
            else:
                part.fail(places[index], error)
        return reply.server


def _arguments(rows: Sequence[_Row]) -> Iterator[Argument]:
    """Give what the script takes: each list of values once, and what it needs for each key."""
    numbers: dict[int, int] = {}
    updates: list[Update] = []
    for row in rows:
        if id(row.update) not in numbers:
            updates.append(row.update)
            numbers[id(row.update)] = len(updates)
    versioned = any(row.path for row in rows)
    yield len(updates)
    for update in updates:
        yield len(update.arguments)
        yield from update.arguments
    yield int(versioned)
    for row in rows:
        yield numbers[id(row.update)]
        if versioned:
            yield row.path
            yield row.expected


async def update(
    items: Many[KeyLike | BaseRedisModel],
    resolve: Resolve,
    values: Fields | None,
    fields: Mapping[str, Any],
    *,
    chunk_size: int,
    progress: Progress,
    raise_on_error: bool,
) -> BulkResult:
    """Update many documents; see `BulkMixin.bulk_update`."""
    check_many(items, "keys, a mapping of keys to fields, or instances")
    check_count("chunk_size", chunk_size)
    reporter = Reporter(progress, total_of(items), "updating")
    flight = Flight("bulk_update", reporter, raise_on_error=raise_on_error)
    packer = Packer(flight, UpdateChunk, chunk_size)
    each = _mapping_of(items)
    if each is not None and (values is not None or fields):
        raise TypeError(
            "bulk_update was given a mapping and fields beside it. Give the fields of each key in "
            "the mapping, or keys and the fields of all."
        )
    filler = _Filler(packer, resolve, each, values, fields)

    async def feed() -> None:
        async for batch in read_ahead(items, chunk_size):
            for item in batch:
                await filler.add(item)
        await packer.flush()

    return await flight.run(feed())


def _mapping_of(items: object) -> Mapping[Any, Fields] | None:
    mapping: Any = items
    return mapping if isinstance(items, Mapping) else None


class _Filler:
    """Puts what is to be written into chunks.

    Args:
        packer: Has the chunks.
        resolve: Finds out which document is meant.
        each: The fields of each key; None where all have the same.
        values: The values for all keys.
        fields: The same by names.
    """

    def __init__(
        self,
        packer: Packer[UpdateChunk],
        resolve: Resolve,
        each: Mapping[Any, Fields] | None,
        values: Fields | None,
        fields: Mapping[str, Any],
    ) -> None:
        self._packer, self._resolve, self._each = packer, resolve, each
        self._values, self._fields = values, fields
        self._for_all: dict[type[BaseRedisModel], Update] = {}

    async def add(self, item: KeyLike | BaseRedisModel) -> None:
        """Add a document.

        Raises:
            pydantic.ValidationError: The values for all keys do not validate.
            TypeError: An instance was given with fields, or a key without any.
        """
        target = self._resolve(item)
        chunk = await self._packer.chunk_for(target.model, target.key)
        if target.instance is not None:
            self._refuse_fields(target)
            try:
                chunk.add_changes(ChangesWrite(target.instance))
            except RapyerError as exc:
                chunk.add_failed(target.key, exc)
        elif self._each is None:
            chunk.add(target, self._update_for_all(target.model))
        else:
            try:
                chunk.add(target, _update_of(target.model, self._each[item]))
            except (RapyerError, ValidationError) as exc:
                chunk.add_failed(target.key, exc)
        await self._packer.send_if_full(chunk)

    def _update_for_all(self, model: type[BaseRedisModel]) -> Update:
        update = self._for_all.get(model)
        if update is None:
            update = Update(update_by_key(model, self._values, self._fields))
            self._for_all[model] = update
        return update

    def _refuse_fields(self, target: Target) -> None:
        if self._values is not None or self._fields or self._each is not None:
            raise TypeError(
                f"bulk_update was given fields for {target.instance!r}. Give its key instead; or "
                "set the fields in the instances, and give nothing but these."
            )


def _update_of(model: type[BaseRedisModel], given: Fields) -> Update:
    """Make what is sent of the fields of one key: names as of arguments, paths and their texts."""
    names = {name: value for name, value in given.items() if _is_name(name)}
    values = {path: value for path, value in given.items() if not _is_name(path)}
    return Update(update_by_key(model, values, names))


def _is_name(name: object) -> bool:
    return isinstance(name, str) and name.isidentifier()
