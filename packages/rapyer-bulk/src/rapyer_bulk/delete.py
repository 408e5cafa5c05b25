"""Deleting many documents."""

from __future__ import annotations

from rapyer.base import BaseRedisModel, mark_deleted
from rapyer.keys import RedisKey

from rapyer_bulk.chunks import Chunk, Destination, Packer, run_for_keys
from rapyer_bulk.flight import Flight
from rapyer_bulk.inputs import Many, check_count, check_many, read_ahead, total_of
from rapyer_bulk.progress import Progress, Reporter
from rapyer_bulk.refusals import refusal
from rapyer_bulk.results import BulkResult
from rapyer_bulk.scripts import DELETE
from rapyer_bulk.targets import Item, Resolve, Target


class DeleteChunk(Chunk):
    """Documents that are deleted in one atomic step."""

    def __init__(self, destination: Destination) -> None:
        super().__init__(destination)
        self._instances: dict[int, BaseRedisModel] = {}

    def add(self, target: Target) -> None:
        """Add a document."""
        key, _, item = target
        if isinstance(item, BaseRedisModel):
            self._instances[len(self.keys)] = item
        self.keys.append(key)

    async def send(self) -> bytes:
        """Delete the documents, but for keys of other types."""
        part, keys = self.part, self.keys
        reply = await run_for_keys(self.destination, DELETE, keys)
        part.codes[:] = reply.codes
        for place, text in reply.refusals.items():
            part.fail(place, refusal(keys[place], text))
        for place, instance in self._instances.items():
            if place not in reply.refusals:
                mark_deleted(instance, RedisKey(keys[place]))
        return reply.server


async def delete(
    items: Many[Item],
    resolve: Resolve,
    *,
    chunk_size: int,
    progress: Progress,
    raise_on_error: bool,
) -> BulkResult:
    """Delete many documents; see `BulkMixin.bulk_delete`."""
    check_many(items, "keys or instances")
    check_count("chunk_size", chunk_size)
    reporter = Reporter(progress, total_of(items), "deleting")
    flight = Flight("bulk_delete", reporter, raise_on_error=raise_on_error)
    packer = Packer(flight, DeleteChunk, chunk_size)

    async def feed() -> None:
        async for batch in read_ahead(items, chunk_size):
            await packer.pack(resolve(batch))
        await packer.flush()

    return await flight.run(feed())
