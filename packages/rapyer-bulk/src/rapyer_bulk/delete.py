"""Deleting many documents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rapyer.base import BaseRedisModel, mark_deleted
from rapyer.keys import RedisKey
from rapyer.progress import Progress, Reporter
from rapyer.traffic.channel import Argument

from rapyer_bulk.calls import Reply
from rapyer_bulk.chunks import Chunk, Load, Packer
from rapyer_bulk.flight import Flight
from rapyer_bulk.inputs import Many, check_count, check_many, total_of
from rapyer_bulk.results import BulkResult
from rapyer_bulk.scripts import DELETE
from rapyer_bulk.targets import Item, Resolver, Targets

#: Keys in one chunk by default: the server starts on the first chunks while the others are being
#: made.
DELETE_CHUNK: Final = 200
_GONE: Final = b"dm"


class DeleteLoad(Load):
    """Documents of one model to be deleted.

    Args:
        targets: The documents.
    """

    def __init__(self, targets: Targets) -> None:
        super().__init__(targets)
        self.instances: dict[int, BaseRedisModel] = {}
        if not targets.are_keys:
            self.instances = {
                place: item
                for place, item in enumerate(targets.items)
                if isinstance(item, BaseRedisModel)
            }


class DeleteChunk(Chunk[DeleteLoad]):
    """Documents that are deleted in one atomic step."""

    operation = DELETE

    def _call(self, places: Sequence[int]) -> tuple[Sequence[int], Sequence[Argument]] | None:
        places = self.unsent(places)  # all but keys of other types
        return (places, ()) if places else None

    def _take(self, places: Sequence[int], reply: Reply) -> None:
        self.note(places, reply)
        for share in self.shares:
            instances = share.load.instances
            for place in self.places_with(share, _GONE, places) if instances else ():
                if place in instances:
                    mark_deleted(instances[place], RedisKey(share.load.keys[place]))


async def delete(
    items: Many[Item],
    resolve: Resolver,
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
    packer = Packer(flight, DeleteLoad, DeleteChunk, chunk_size)
    return await flight.run(packer.pack_all(items, resolve.groups))
