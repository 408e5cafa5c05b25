"""Inserting many models."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias, get_args

from rapyer.base import BaseRedisModel
from rapyer.errors import InvalidKeyError, KeyChangedError, UnstorableValueError
from rapyer.traffic.channel import Argument
from rapyer.writing import DocumentWrite
from redis.exceptions import ResponseError

from rapyer_bulk.chunks import Chunk, Destination, Packer, run_for_keys
from rapyer_bulk.flight import Flight
from rapyer_bulk.inputs import Many, check_count, check_many, read_ahead, total_of
from rapyer_bulk.progress import Progress, Reporter
from rapyer_bulk.refusals import refusal
from rapyer_bulk.results import BulkResult
from rapyer_bulk.scripts import INSERT

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
        self._writes: dict[int, DocumentWrite] = {}

    def add(self, write: DocumentWrite) -> None:
        """Add a document."""
        self._writes[len(self.keys)] = write
        self.keys.append(write.key)
        self.size += len(write.dump[0])

    async def send(self) -> bytes:
        """Send the documents, and once more without those that the server would not take."""
        while True:
            if self._whole and self.part.errors:
                self._leave_unwritten()
            if not self._writes:
                return b""
            try:
                return await self._send(list(self._writes))
            except ResponseError as exc:
                faults = self._faults() if type(exc) is ResponseError else {}
                if not faults:
                    raise
                for place, fault in faults.items():
                    del self._writes[place]
                    self.part.fail(place, fault)

    async def _send(self, places: list[int]) -> bytes:
        writes = list(self._writes.values())
        arguments: list[Argument] = [write.dump[0] for write in writes]
        versioned = any(write.version.path for write in writes)
        if versioned:
            for write in writes:
                arguments += (write.version.path, write.version.expected)
        for place, write in enumerate(writes, start=1):
            for path, number in write.dump[1]:
                arguments += (place, path, number)
        keys = [write.key for write in writes]
        reply = await run_for_keys(
            self.destination, INSERT, keys, self._mode, int(self._whole), int(versioned), *arguments
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
            self.part.codes[place] = ord("n")
        self._writes.clear()


async def insert(
    users: Many[BaseRedisModel],
    of: type[BaseRedisModel],
    *,
    mode: InsertMode,
    chunk_size: int,
    transaction: bool,
    progress: Progress,
    raise_on_error: bool,
) -> BulkResult:
    """Write many documents; see `BulkMixin.bulk_insert`."""
    check_many(users, "instances")
    check_count("chunk_size", chunk_size)
    if mode not in get_args(InsertMode):
        raise ValueError(f"mode is {mode!r}. Give 'replace', 'insert' or 'skip'.")
    reporter = Reporter(progress, total_of(users), "inserting")
    flight = Flight("bulk_insert", reporter, raise_on_error=raise_on_error)
    packer = Packer(
        flight,
        lambda destination: InsertChunk(destination, mode, whole=transaction),
        None if transaction else chunk_size,
    )

    async def feed() -> None:
        async for batch in read_ahead(users, chunk_size):
            for instance in batch:
                await _add(packer, instance, of, compares=mode == "replace")
        await packer.flush()

    return await flight.run(feed())


async def _add(
    packer: Packer[InsertChunk],
    instance: BaseRedisModel,
    of: type[BaseRedisModel],
    *,
    compares: bool,
) -> None:
    if not isinstance(instance, of):
        raise TypeError(
            f"{of.__name__}.bulk_insert was given {instance!r}. Give instances of {of.__name__}."
        )
    key: str
    try:
        key = instance.key
    except InvalidKeyError as exc:
        key = str(exc.value)
        chunk = await packer.chunk_for(type(instance), key)
        chunk.add_failed(key, exc)
    else:
        # first the chunk: the same instance may be under way, and has another Version then
        chunk = await packer.chunk_for(type(instance), key)
        try:
            chunk.add(DocumentWrite(instance, compares=compares, counted=True))
        except (KeyChangedError, UnstorableValueError) as exc:
            chunk.add_failed(key, exc)
    await packer.send_if_full(chunk)
