"""A collection that grows, and what it costs to ask it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import redis.asyncio as redis

from benchmarks.compare.documents import text, values
from benchmarks.compare.measure import Row, Run
from benchmarks.compare.works import GROWTH

_CHUNK = 1000
#: By the name of the candidate, megabytes.
Sizes = Mapping[int, Mapping[str, float]]


async def grow(run: Run, url: str, sizes: Iterable[int]) -> tuple[list[Row], Sizes]:
    """Ask each collection all works of growth; give also what the indexes take, by documents."""
    client: Any = redis.Redis.from_url(url, protocol=2)  # pyright: ignore[reportUnknownMemberType]
    rows: list[Row] = []
    megabytes: dict[int, dict[str, float]] = {}
    async with client:
        indexes = {
            name: (await worker.must(index="member"))["index"]
            for name, worker in run.workers.items()
        }
        have = 0
        for size in sorted(sizes):
            run.told(f"writing {size - have} documents")
            await _write(client, range(have, size))
            have = run.documents = size
            for worker in run.workers.values():
                await worker.must(members=size)
            rows += [await run.row(work) for work in GROWTH]
            megabytes[size] = {
                name: await _megabytes(client, index) for name, index in indexes.items()
            }
    return rows, megabytes


async def _write(client: Any, numbers: range) -> None:
    for first in range(numbers.start, numbers.stop, _CHUNK):
        triples: list[Any] = []
        for number in range(first, min(first + _CHUNK, numbers.stop)):
            triples += (f"compare:member:{number}", "$", text(values(number)))
        await client.execute_command("JSON.MSET", *triples)


async def _megabytes(client: Any, index: str) -> float:
    reply = await client.execute_command("FT.INFO", index)
    info = dict(zip(reply[::2], reply[1::2], strict=True))
    return float(info[b"total_index_memory_sz_mb"])
