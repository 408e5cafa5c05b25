"""Inserting many models."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, Literal, TypeAlias, get_args

from rapyer.base import BaseRedisModel, key_to_write
from rapyer.errors import InvalidKeyError, KeyChangedError, UnstorableValueError
from rapyer.keys import RedisKey
from rapyer.traffic.channel import Argument
from rapyer.writing import DocumentWrite
from redis.exceptions import ResponseError

from rapyer_bulk.chunks import Chunk, Destination, Packer, run_for_keys
from rapyer_bulk.flight import Flight
from rapyer_bulk.inputs import Many, check_count, check_many, read_ahead, total_of
from rapyer_bulk.progress import Progress, Reporter
from rapyer_bulk.refusals import refusal
from rapyer_bulk.results import CODES, BulkResult
from rapyer_bulk.scripts import INSERT
from rapyer_bulk.targets import Target

#: What happens where a document is already: it is replaced, reported as failed, or passed over.
InsertMode: TypeAlias = Literal["replace", "insert", "skip"]

_WRITTEN: Final = b"ir"


class InsertChunk(Chunk):
    """Documents that are written in one atomic step.

    Args:
        destination: Where they go.
        mode: What happens where a document is already.
        whole: Whether nothing is written unless everything is.
    """

    def __init__(self, destination: Destination, mode: InsertMode, *, whole: bool) -> None:
        super().__init__(destination)
        self._mode, self._whole = mode, whole
        self._compares = mode == "replace"
        self._writes: dict[int, DocumentWrite] = {}

    def add(self, target: Target) -> None:
        """Add a document."""
        key, _, item = target
        if isinstance(item, Exception):
            self.add_failed(key, item)
            return
        try:
            write = DocumentWrite(item, RedisKey(key), compares=self._compares, counted=True)
        except UnstorableValueError as exc:
            self.add_failed(key, exc)
            return
        self._writes[len(self.keys)] = write
        self.keys.append(key)
        self.size += len(write.dump[0])

    async def send(self) -> bytes:
        """Send the documents, and once more without those that the server would not take."""
        while True:
            if self._whole and self.part.errors:
                self._leave_unwritten()
            if not self._writes:
                return b""
            try:
                return await self._send(list(self._writes), list(self._writes.values()))
            except ResponseError as exc:
                faults = self._faults() if type(exc) is ResponseError else {}
                if not faults:
                    raise
                for place, fault in faults.items():
                    del self._writes[place]
                    self.part.fail(place, fault)

    async def _send(self, places: Sequence[int], writes: Sequence[DocumentWrite]) -> bytes:
        keys = [write.key for write in writes]
        reply = await run_for_keys(
            self.destination, INSERT, keys, self._mode, int(self._whole), *_arguments(writes)
        )
        part = self.part
        for place, write, code in zip(places, writes, reply.codes, strict=True):
            part.codes[place] = code
            if code in _WRITTEN:
                write.done()
        for index, text in reply.refusals.items():
            part.fail(places[index], refusal(keys[index], text))
        return reply.server

    def _faults(self) -> dict[int, UnstorableValueError]:
        """Find the documents that a server does not take whatever stands around them."""
        faults = {place: write.fault() for place, write in self._writes.items()}
        return {place: fault for place, fault in faults.items() if fault is not None}

    def _leave_unwritten(self) -> None:
        for place in self._writes:
            self.part.codes[place] = CODES["unwritten"]
        self._writes.clear()


def _arguments(writes: Sequence[DocumentWrite]) -> Iterator[Argument]:
    """Give what the script takes behind its mode."""
    versioned = any(write.version is not None for write in writes)
    yield int(versioned)
    dumps = [write.dump for write in writes]
    for document, _ in dumps:
        yield document
    if versioned:
        for write in writes:
            version = write.version
            yield from (version.path, version.expected) if version is not None else ("", "")
    for place, (_, corrections) in enumerate(dumps, start=1):
        for path, number in corrections:
            yield from (place, path, number)


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
        lambda destination: InsertChunk(destination, mode, whole=transaction),
        None if transaction else chunk_size,
    )

    async def feed() -> None:
        async for batch in read_ahead(instances, chunk_size):
            await packer.pack([_target(instance, of) for instance in batch])
        await packer.flush()

    return await flight.run(feed())


def _target(instance: BaseRedisModel, of: type[BaseRedisModel]) -> Target:
    """Give where an instance is written to; with the error in its place where it cannot be."""
    if not isinstance(instance, of):
        raise TypeError(
            f"{of.__name__}.bulk_insert was given {instance!r}. Give instances of {of.__name__}."
        )
    try:
        return key_to_write(instance), type(instance), instance
    except KeyChangedError as exc:
        return exc.current, type(instance), exc
    except InvalidKeyError as exc:
        return str(exc.value), type(instance), exc
