"""Insert many models."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, partial
from typing import Final, Literal, TypeAlias, cast, get_args

from rapyer.base import BaseRedisModel
from rapyer.keys import RedisKey
from rapyer.progress import Progress, Reporter
from rapyer.traffic.channel import Argument
from rapyer.traffic.slots import slot_of_keys
from rapyer.writing import DocumentWrites
from redis.exceptions import ResponseError

from rapyer_bulk.calls import Destination, Reply
from rapyer_bulk.chunks import Chunk, Load, Packer
from rapyer_bulk.flight import Flight
from rapyer_bulk.inputs import Many, check_count, check_many, total_of
from rapyer_bulk.refusals import may_have_written
from rapyer_bulk.results import CODES, BulkResult
from rapyer_bulk.scripts import INSERT
from rapyer_bulk.targets import AnyResolver, Resolver, Targets

InsertMode: TypeAlias = Literal["replace", "insert", "skip"]
"""What happens if a document already exists: `"replace"` overwrites it, `"insert"` reports it as
failed, `"skip"` skips it."""

#: Instances in one chunk by default.
INSERT_CHUNK: Final = 1000
_WRITTEN: Final = b"ir"


#: Documents, the paths and expected values of versions, and increments of numbers.
_Prepared: TypeAlias = (
    "tuple[list[bytes], list[tuple[str, str]], dict[int, tuple[tuple[str, str], ...]]]"
)


class InsertLoad(Load):
    """Documents of one model that are ready to be written.

    Args:
        targets: The instances.
        compares: Whether the stored Version must be that of the instance.
    """

    def __init__(self, targets: Targets, *, compares: bool) -> None:
        super().__init__(targets)
        self.writes: DocumentWrites | None = None  # for items that do not identify documents
        if not targets.errors:
            keys = cast("Sequence[RedisKey]", targets.keys)
            self.writes = DocumentWrites(keys, targets.items, compares=compares)
            self.sizes = [*map(len, self.writes.dumps.documents)]
            self.failures = {**self.writes.dumps.failures}


class InsertChunk(Chunk[InsertLoad]):
    """Documents that are written in one atomic step.

    Args:
        destination: Where they go.
        mode: What happens if a document already exists.
        whole: Whether nothing is written unless everything is.
    """

    operation = INSERT

    def __init__(self, destination: Destination, mode: InsertMode, *, whole: bool) -> None:
        super().__init__(destination)
        self._mode, self._whole = mode, whole

    async def send(self) -> bytes | None:
        """Send the chunk; see `Chunk.send`.

        Raises:
            CrossSlotError: An all-or-nothing write spans several slots of a cluster.
        """
        if self._whole and self.channel.is_cluster:
            slot_of_keys(self.keys)
        return await super().send()

    async def _send(self, places: Sequence[int]) -> bytes | None:
        """Send the documents, and then once more without those that the server would not accept."""
        while True:
            if self._whole and self.part.errors:
                for place in self.unsent(places):
                    self.part.codes[place] = CODES["unwritten"]
                return None
            try:
                return await super()._send(places)
            except ResponseError as exc:
                if may_have_written(exc) or not self._note_faults(self.unsent(places)):
                    raise

    def _call(self, places: Sequence[int]) -> tuple[Sequence[int], Sequence[Argument]] | None:
        places = self.unsent(places)
        if not places:
            return None
        return places, [self._mode, int(self._whole), *self._arguments(places)]

    def _take(self, places: Sequence[int], reply: Reply) -> None:
        self.note(places, reply)
        for share in self.shares:
            if share.load.writes is not None:
                share.load.writes.done(self.places_with(share, _WRITTEN, places))

    def _arguments(self, places: Sequence[int]) -> list[Argument]:
        """Return the arguments of the script after its mode."""
        documents, versions, corrections = self._prepared
        versioned = any(versions[place][0] for place in places) if versions else False
        arguments: list[Argument] = [int(versioned)]
        arguments += [documents[place] for place in places]
        if versioned:
            arguments += [part for place in places for part in versions[place]]
        if corrections:
            for number, place in enumerate(places, start=1):
                for path, added_number in corrections.get(place, ()):
                    arguments += (number, path, added_number)
        return arguments

    @cached_property
    def _prepared(self) -> _Prepared:
        """What is sent for each key, by position; no versions if there are none."""
        documents: list[bytes] = []
        versions: list[tuple[str, str]] = []
        corrections: dict[int, tuple[tuple[str, str], ...]] = {}
        for load, first, last, start in self.shares:
            writes = load.writes
            if writes is None:
                documents += [b""] * (last - first)
                versions += [("", "")] * (last - first)
                continue
            documents += writes.dumps.documents[first:last]
            path = writes.version_path
            expected = writes.expected[first:last] if path else [""] * (last - first)
            versions += [(path, one) for one in expected]
            for place, added in writes.dumps.corrections.items():
                if first <= place < last:
                    corrections[start + place - first] = added
        return documents, versions if any(path for path, _ in versions) else [], corrections

    def _note_faults(self, places: Sequence[int]) -> bool:
        """Find documents that a server does not accept, whatever else is sent with them."""
        sent, found = set(places), False
        for load, first, last, start in self.shares:
            for place in range(first, last):
                own = start + place - first
                writes = load.writes if own in sent else None
                fault = writes.fault(place) if writes is not None else None
                if fault is not None:
                    self.part.fail(own, fault)
                    found = True
        return found


async def insert(
    instances: Many[BaseRedisModel],
    of: type[BaseRedisModel],
    *,
    mode: InsertMode,
    chunk_size: int,
    transaction: bool,
    progress: Progress,
    raise_on_error: bool,
) -> BulkResult:
    """Write many documents; see `BulkMixin.bulk_insert`."""
    check_many(instances, "instances")
    check_count("chunk_size", chunk_size)
    if mode not in get_args(InsertMode):
        raise ValueError(f"mode is {mode!r}. Give 'replace', 'insert' or 'skip'.")
    reporter = Reporter(progress, total_of(instances), "inserting")
    flight = Flight("bulk_insert", reporter, raise_on_error=raise_on_error)
    packer = Packer(
        flight,
        partial(InsertLoad, compares=mode == "replace"),
        partial(InsertChunk, mode=mode, whole=transaction),
        None if transaction else chunk_size,
    )
    resolve = AnyResolver() if of is BaseRedisModel else Resolver(of)

    def resolve_instances(batch: Sequence[BaseRedisModel]) -> Sequence[Targets]:
        for instance in batch:
            if not isinstance(instance, of):
                raise TypeError(
                    f"bulk_insert was given {instance!r}. Give instances of {of.__name__}."
                )
        return resolve.groups(batch)

    return await flight.run(packer.pack_all(instances, resolve_instances))
