"""Access policies with keys of their own, on a cluster."""

from __future__ import annotations

import asyncio
from typing import Any

from cluster_nodes import owner_of, slot_of
from rapyer import Key
from rapyer.plugin import AccessPolicy, hookimpl
from rapyer.testing import use_plugins
from redis import Redis
from redis.exceptions import ResponseError


class Noting:
    """A plugin whose policy has a key beside each document."""

    RAPYER_API_VERSION = 1

    @hookimpl
    def rapyer_access_policy(self):
        return AccessPolicy(
            "noting",
            check="redis.call('TYPE', 'noting:' .. key)",
            apply="redis.call('INCR', 'noting:' .. key)",
        )


async def test_a_key_beside_a_document_with_a_hash_tag_is_in_its_slot(cluster):
    with use_plugins(Noting()) as host:

        class Tagged(host.AtomicRedisModel):
            id: Key[int]

            class Config:
                hash_tag = "shop"

    models: list[Any] = [await Tagged(id=number).save() for number in range(20)]
    assert {slot_of(f"noting:{model.key}") for model in models} == {slot_of("{shop}")}
    owner = owner_of(cluster, slot_of("{shop}"))
    assert [len(keys_of(server)) for server in cluster.primaries] == [
        40 if server is owner else 0 for server in cluster.primaries
    ]


async def test_without_one_the_check_is_refused_and_nothing_is_written(cluster):
    with use_plugins(Noting()) as host:

        class Untagged(host.AtomicRedisModel):
            id: Key[int]

    models: list[Any] = [Untagged(id=number) for number in range(20)]
    outcomes = await asyncio.gather(*(model.save() for model in models), return_exceptions=True)
    refused = {
        model.key
        for model, outcome in zip(models, outcomes, strict=True)
        if isinstance(outcome, ResponseError) and "non local key" in str(outcome)
    }
    assert refused
    written = {key for server in cluster.primaries for key in keys_of(server)}
    assert {model.key for model in models} - refused == written - {
        f"noting:{model.key}" for model in models
    }


def keys_of(server) -> list[str]:
    with Redis.from_url(server.url, decode_responses=True) as client:
        return client.keys()
