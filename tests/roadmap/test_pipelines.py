"""The roadmap's chapter "Enhanced Pipeline Support for All Types": its example, word for word."""

from __future__ import annotations

from typing import Any

import pytest
from rapyer import AtomicRedisModel, Field, Key, RedisInt, RedisList, RedisStr


class TypedModel(AtomicRedisModel):
    id: Key[str]
    score: RedisInt = Field(default=0)
    name: RedisStr = Field(default="")
    tags: RedisList[str] = Field(default_factory=list)


class PlainModel(AtomicRedisModel):
    id: Key[str]
    score: int = 0
    name: str = ""
    tags: list[str] = []


@pytest.mark.parametrize("kind", [TypedModel, PlainModel])
async def test_the_example(server, redis, kind: Any):
    model = await kind(id="1", score=5, name="Ada", tags=["old"]).save()
    # others write meanwhile, of which the instance knows nothing
    await kind.score.increase("1", 100)
    await kind.tags.append("1", "theirs")

    # fmt: off
    async with model.pipeline() as p:
        p.score += 10        # RedisInt - syncs to Redis
        p.name += " (Pro)"   # RedisStr - syncs to Redis
        p.tags.append("new") # RedisList - already works
        # All changes applied atomically
    # fmt: on

    stored = await kind.get("1")
    assert (stored.score, stored.name, stored.tags) == (115, "Ada (Pro)", ["old", "theirs", "new"])
    assert model == stored
    assert isinstance(model.score, int)
    assert await redis.json().get(model.key) == {
        "id": "1",
        "score": 115,
        "name": "Ada (Pro)",
        "tags": ["old", "theirs", "new"],
    }
    await model.save()  # what the instance is, is what the document is
    assert await kind.get("1") == stored
