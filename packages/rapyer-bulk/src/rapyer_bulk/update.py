"""Updating many documents: the same fields of all, fields of each, or changes of instances."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from pydantic import ValidationError
from rapyer.base import BaseRedisModel
from rapyer.errors import DocumentGoneError, RapyerError
from rapyer.traffic.channel import Argument
from rapyer.traffic.updates import Update, Write
from rapyer.traffic.versions import ANY
from rapyer.writing import ChangesWrite, update_by_key

from rapyer_bulk.chunks import Chunk, Destination, Packer, run_for_keys
from rapyer_bulk.flight import Flight
from rapyer_bulk.inputs import Many, check_count, check_many, read_ahead, total_of
from rapyer_bulk.progress import Progress, Reporter
from rapyer_bulk.refusals import refusal
from rapyer_bulk.results import CODES, BulkResult
from rapyer_bulk.scripts import UPDATE
from rapyer_bulk.targets import Item, Resolve, Target

#: Values by paths, by their texts, or by names as keyword arguments have them.
Fields: TypeAlias = Mapping[Any, Any]


class _Row(NamedTuple):
    """What is written to a document.

    Attributes:
        update: The values.
        size: How many bytes they are.
        path: The path of the Version; empty where there is none.
        expected: What the Version has to be.
    """

    update: Update
    size: int
    path: str = ""
    expected: str = ""

    @classmethod
    def of(cls, writes: Sequence[Write], path: str, expected: str) -> _Row:
        """Make one of values and what is expected of the Version."""
        update = Update(writes)
        size = sum(len(one) for one in update.arguments if isinstance(one, str | bytes))
        return cls(update, size, path, expected)


class _Values:
    """What is written: the same to all documents, or something to each.

    Args:
        each: The fields of each key; None where all have the same.
        values: The values for all keys.
        fields: The same by names.
    """

    def __init__(
        self, each: Mapping[Any, Fields] | None, values: Fields | None, fields: Mapping[str, Any]
    ) -> None:
        self._each, self._values, self._fields = each, values, fields
        self._for_all: dict[type[BaseRedisModel], _Row] = {}

    def row_for(self, model: type[BaseRedisModel], item: object) -> _Row:
        """Give what is written to the document of a key.

        Raises:
            pydantic.ValidationError, RapyerError: The values cannot be written.
            TypeError: There are none.
        """
        row = self._for_all.get(model)
        if row is not None:
            return row
        values, fields = self._values, self._fields
        if self._each is not None:
            given = self._each[item]
            if _mapping_of(given) is None:
                raise TypeError(
                    f"bulk_update was given {given!r} for {item!r}. Give a mapping of fields to "
                    "values for each key."
                )
            fields = {name: value for name, value in given.items() if _is_name(name)}
            values = {path: value for path, value in given.items() if not _is_name(path)}
        version = model.__rapyer_version__
        path, expected = (version.path, ANY) if version is not None else ("", "")
        row = _Row.of(update_by_key(model, values, fields), path, expected)
        if self._each is None:
            self._for_all[model] = row
        return row

    @property
    def may_fail(self) -> bool:
        """Whether values that cannot be written are those of one key alone."""
        return self._each is not None

    def refuse_instance(self, instance: BaseRedisModel) -> None:
        """Refuse an instance beside fields.

        Raises:
            TypeError: There are fields.
        """
        if self._values is not None or self._fields or self._each is not None:
            raise TypeError(
                f"bulk_update was given fields for {instance!r}. Give its key instead; or set the "
                "fields in the instances, and give nothing but these."
            )


class UpdateChunk(Chunk):
    """Documents that are updated in one atomic step.

    Args:
        destination: Where they are.
        values: What is written to them.
    """

    def __init__(self, destination: Destination, values: _Values) -> None:
        super().__init__(destination)
        self._values = values
        self._rows: dict[int, _Row] = {}
        self._writes: dict[int, ChangesWrite] = {}
        self._unchanged: list[int] = []

    def add(self, target: Target) -> None:
        """Add a document."""
        key, model, item = target
        try:
            if isinstance(item, BaseRedisModel):
                row = self._row_of_changes(item)
            else:
                row = self._values.row_for(model, item)
        except (RapyerError, ValidationError) as exc:
            if not (isinstance(item, BaseRedisModel) or self._values.may_fail):
                raise
            self.add_failed(key, exc)
            return
        if row is None:
            self._unchanged.append(len(self.keys))
        else:
            self._rows[len(self.keys)] = row
            self.size += row.size
        self.keys.append(key)

    def _row_of_changes(self, instance: BaseRedisModel) -> _Row | None:
        self._values.refuse_instance(instance)
        write = ChangesWrite(instance)
        if not write.writes:
            return None
        self._writes[len(self.keys)] = write
        version = write.version
        path, expected = (version.path, version.expected) if version is not None else ("", "")
        return _Row.of(write.writes, path, expected)

    async def send(self) -> bytes:
        """Send the values."""
        part, rows = self.part, list(self._rows.values())
        for place in self._unchanged:
            part.codes[place] = CODES["unchanged"]
        if not rows:
            return b""
        places = list(self._rows)
        keys = self.keys if len(places) == len(self.keys) else [self.keys[one] for one in places]
        reply = await run_for_keys(self.destination, UPDATE, keys, *_arguments(rows))
        for place, code in zip(places, reply.codes, strict=True):
            part.codes[place] = code
        for index, text in reply.refusals.items():
            error = rows[index].update.refusal(keys[index], text) or refusal(keys[index], text)
            if isinstance(error, DocumentGoneError):
                part.codes[places[index]] = CODES["missing"]
            else:
                part.fail(places[index], error)
        for place, write in self._writes.items():
            if part.codes[place] == CODES["updated"]:
                write.done()
        return reply.server


def _arguments(rows: Sequence[_Row]) -> Iterator[Argument]:
    """Give what the script takes: each list of values once, and what it needs for each key."""
    updates = {id(row.update): row.update for row in rows}
    numbers = {update: number for number, update in enumerate(updates, start=1)}
    versioned = any(row.path for row in rows)
    yield len(updates)
    for update in updates.values():
        yield len(update.arguments)
        yield from update.arguments
    yield int(versioned)
    if versioned or len(updates) > 1:
        for row in rows:
            if len(updates) > 1:
                yield numbers[id(row.update)]
            if versioned:
                yield from (row.path, row.expected)


async def update(
    items: Many[Item],
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
    each = _mapping_of(items)
    if each is not None and (values is not None or fields):
        raise TypeError(
            "bulk_update was given a mapping and fields beside it. Give the fields of each key in "
            "the mapping, or keys and the fields of all."
        )
    reporter = Reporter(progress, total_of(items), "updating")
    flight = Flight("bulk_update", reporter, raise_on_error=raise_on_error)
    written = _Values(each, values, fields)
    packer = Packer(flight, lambda destination: UpdateChunk(destination, written), chunk_size)

    async def feed() -> None:
        async for batch in read_ahead(items, chunk_size):
            await packer.pack(resolve(batch))
        await packer.flush()

    return await flight.run(feed())


def _mapping_of(items: object) -> Mapping[Any, Fields] | None:
    mapping: Any = items
    return mapping if isinstance(items, Mapping) else None


def _is_name(name: object) -> bool:
    return isinstance(name, str) and name.isidentifier()
