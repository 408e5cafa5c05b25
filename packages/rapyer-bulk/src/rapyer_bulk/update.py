"""Update many documents: the same fields of all, fields of each, or changes of instances."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple, TypeAlias

from pydantic import ValidationError
from rapyer.base import BaseRedisModel
from rapyer.errors import DocumentGoneError, RapyerError
from rapyer.progress import Progress, Reporter
from rapyer.traffic.channel import Argument
from rapyer.traffic.updates import Update, Write
from rapyer.traffic.versions import ANY
from rapyer.writing import ChangesWrite, update_by_key, version_path_of

from rapyer_bulk.calls import Destination, Reply
from rapyer_bulk.chunks import Chunk, Load, Packer
from rapyer_bulk.flight import Flight
from rapyer_bulk.inputs import Many, check_count, check_many, total_of
from rapyer_bulk.refusals import refusal
from rapyer_bulk.results import CODES, BulkResult
from rapyer_bulk.scripts import UPDATE
from rapyer_bulk.targets import Item, Resolver, Targets

#: Values by path, by the text of a path, or by name as in keyword arguments.
Fields: TypeAlias = Mapping[Any, Any]
#: Documents in one chunk by default: the server starts on the first chunks while the others are
#: being made.
UPDATE_CHUNK: Final = 250
_UPDATED: Final = b"u"
#: The arguments of `bulk_update` that may share their names with fields, with their defaults.
DEFAULTS: Final[Mapping[str, object]] = {
    "chunk_size": UPDATE_CHUNK,
    "progress": None,
    "raise_on_error": True,
}


class _Row(NamedTuple):
    """What is written to a document.

    Attributes:
        update: The values.
        size: How many bytes they take.
        path: The path of the Version; empty if there is none.
        expected: What the Version has to be.
    """

    update: Update
    size: int
    path: str = ""
    expected: str = ""

    @classmethod
    def of(cls, writes: Sequence[Write], path: str, expected: str) -> _Row:
        """Make a row from values and the expected Version."""
        update = Update(writes)
        size = sum(len(one) for one in update.arguments if isinstance(one, str | bytes))
        return cls(update, size, path, expected)


class _Values:
    """What is written: the same to all documents, or something different to each.

    Args:
        each: The fields of each key; None if all have the same.
        values: The values for all keys.
        fields: The same by name.
    """

    def __init__(
        self, each: Mapping[Any, Fields] | None, values: Fields | None, fields: Mapping[str, Any]
    ) -> None:
        self._each, self._values, self._fields = each, values, fields
        self._for_all: dict[type[BaseRedisModel], _Row] = {}

    def row_for(self, model: type[BaseRedisModel], item: object) -> _Row:
        """Return what is written to the document of a key.

        Raises:
            pydantic.ValidationError, RapyerError: The values cannot be written.
            TypeError: There are no values.
        """
        row = self._for_all.get(model)
        if row is not None:
            return row
        values, fields = self._values, self._fields
        if self._each is not None:
            given = self._each[item]
            if not given or _mapping_of(given) is None:
                raise TypeError(
                    f"bulk_update was given {given!r} for {item!r}. Give a mapping of fields to "
                    "values for each key."
                )
            fields = {name: value for name, value in given.items() if _is_name(name)}
            values = {path: value for path, value in given.items() if not _is_name(path)}
        elif values is None and not fields:
            raise TypeError(
                "bulk_update was given keys but nothing to update. Give at least one field."
            )
        path = version_path_of(model)
        row = _Row.of(update_by_key(model, values, fields), path, ANY if path else "")
        if self._each is None:
            self._for_all[model] = row
        return row

    @property
    def may_fail(self) -> bool:
        """Whether values that cannot be written concern only a single key."""
        return self._each is not None

    def refuse_instance(self, instance: BaseRedisModel) -> None:
        """Reject an instance given together with fields.

        Raises:
            TypeError: There are fields.
        """
        if self._values is not None or self._fields or self._each is not None:
            raise TypeError(
                f"bulk_update was given fields for {instance!r}. Give its key instead, or set the "
                "fields on the instances and give only the instances."
            )


class UpdateLoad(Load):
    """Documents of one model that are ready to be updated.

    Args:
        targets: The documents.
        values: What is written to them.

    Attributes:
        rows: What is written to each; None if nothing is to be written.
        writes: The writes of instances, by their positions.
    """

    def __init__(self, targets: Targets, values: _Values) -> None:
        super().__init__(targets)
        self._model = targets.model
        self.rows: list[_Row | None] = []
        self.writes: dict[int, ChangesWrite] = {}
        for place, item in enumerate(targets.items):
            self.rows.append(None if place in self.failures else self._row(place, item, values))
        self.sizes = [0 if row is None else row.size for row in self.rows]

    def _row(self, place: int, item: object, values: _Values) -> _Row | None:
        try:
            if isinstance(item, BaseRedisModel):
                values.refuse_instance(item)
                return self._row_of_changes(place, ChangesWrite(item))
            return values.row_for(self._model, item)
        except (RapyerError, ValidationError) as exc:
            if not (isinstance(item, BaseRedisModel) or values.may_fail):
                raise
            self.failures[place] = exc
            return None

    def _row_of_changes(self, place: int, write: ChangesWrite) -> _Row | None:
        if not write.writes:
            return None
        self.writes[place] = write
        return _Row.of(write.writes, version_path_of(type(write.instance)), write.expected)


class UpdateChunk(Chunk[UpdateLoad]):
    """Documents that are updated in one atomic step."""

    operation = UPDATE

    def __init__(self, destination: Destination) -> None:
        super().__init__(destination)
        self._rows: list[_Row | None] = []

    def _call(self, places: Sequence[int]) -> tuple[Sequence[int], Sequence[Argument]] | None:
        if not self._rows:
            shares = self.shares
            self._rows = [row for load, first, last, _ in shares for row in load.rows[first:last]]
        sent, rows = list[int](), list[_Row]()
        for place in self.unsent(places):
            row = self._rows[place]
            if row is None:
                self.part.codes[place] = CODES["unchanged"]
            else:
                sent.append(place)
                rows.append(row)
        return (sent, [*_arguments(rows)]) if rows else None

    def _take(self, places: Sequence[int], reply: Reply) -> None:
        self.note(places, reply)
        for share in self.shares:
            writes = share.load.writes
            for place in self.places_with(share, _UPDATED, places) if writes else ():
                writes[place].done()

    def note_refusal(self, place: int, text: str) -> None:
        """Note why the script refused a key."""
        key, row = self.keys[place], self._rows[place]
        error = row.update.refusal(key, text) if row is not None else None
        error = error or refusal(key, text)
        if isinstance(error, DocumentGoneError):
            self.part.codes[place] = CODES["missing"]
        else:
            self.part.fail(place, error)


def _arguments(rows: Sequence[_Row]) -> Iterator[Argument]:
    """Yield the arguments of the script: each list of values once, and what it needs per key."""
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
    resolve: Resolver,
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
            "bulk_update was given both a mapping and fields. Give the fields of each key in the "
            "mapping, or give keys and the fields for all of them."
        )
    reporter = Reporter(progress, total_of(items), "updating")
    flight = Flight("bulk_update", reporter, raise_on_error=raise_on_error)
    written = _Values(each, values, fields)
    if each is None and (values is not None or fields):
        written.row_for(resolve.model, None)  # which raises what is wrong with them
    packer = Packer(flight, partial(UpdateLoad, values=written), UpdateChunk, chunk_size)
    return await flight.run(packer.pack_all(items, resolve.groups))


def refuse_shadowing(model: type[BaseRedisModel], given: Mapping[str, object]) -> None:
    """Reject an argument that could be meant as the value of a field with its name.

    Raises:
        TypeError: It could.
    """
    for name, value in given.items():
        if name in model.__pydantic_fields__ and value != DEFAULTS[name]:
            raise TypeError(
                f"{name}={value!r} is an argument of bulk_update, and {name!r} is also a field of "
                f"{model.__name__}. Set the fields in a mapping, bulk_update(keys, "
                f"{{{model.__name__}.{name}: value}}); with a mapping, {name}= is the argument."
            )


def _mapping_of(items: object) -> Mapping[Any, Fields] | None:
    mapping: Any = items
    return mapping if isinstance(items, Mapping) else None


def _is_name(name: object) -> bool:
    return isinstance(name, str) and name.isidentifier()
