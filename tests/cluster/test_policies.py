"""Access policies with keys of their own, on a cluster."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from cluster_nodes import owner_of, slot_of
from rapyer import CrossSlotError, Key, Mapped, PluginError
from rapyer.base import channel_of
from rapyer.plugin import AccessPolicy, hookimpl, key_beside
from rapyer.testing import check_plugin_with_server, use_plugins
from redis import Redis
from redis.exceptions import ResponseError


class Noting:
    """A plugin whose policy has a key beside each document."""

    RAPYER_API_VERSION = 1

    def __init__(self, own: str) -> None:
        self._own = own

    @hookimpl
    def rapyer_access_policy(self):
        return AccessPolicy(
            "noting",
            check=f"redis.call('TYPE', {self._own})",
            apply=f"redis.call('INCR', {self._own})",
        )


BESIDE = Noting("key_beside('noting:', key)")
ANYWHERE = Noting("'noting:' .. key")


async def test_a_key_beside_a_document_is_in_its_slot(cluster):
    with use_plugins(BESIDE) as host:

        class Beside(host.AtomicRedisModel):
            id: Key[str]

    names = [*(str(number) for number in range(20)), "{acme}1", "{acme}2", "{", "é"]
    models: list[Any] = [await Beside(id=name).save() for name in names]
    assert await asyncio.gather(*(Beside.get(name) for name in names)) == models
    for model in models:
        noted = key_beside("noting:", model.key)
        assert slot_of(noted) == slot_of(model.key)
        assert await channel_of(Beside).execute("GET", noted) == b"2"


async def test_every_road_of_writing_finds_it(cluster):
    with use_plugins(BESIDE, installed=True) as host:

        class Road(host.AtomicRedisModel):
            id: Key[int]
            number: Mapped[int] = 0

    ids = list(range(20))
    await Road.bulk_insert([Road(id=one) for one in ids])
    await Road.bulk_update(ids, number=1)
    await asyncio.gather(*(Road.number.increase(one, 1) for one in ids))
    for one in ids:
        async with Road.pipeline_for(one) as p:
            p.number += 1
        async with Road.lock_by_key(one) as held:
            held.number += 1
    assert await Road.find(Road.number == 4).update({Road.number: 5}) == 20
    keys = [key_beside("noting:", Road.key_of(one)) for one in ids]
    counts = [int(await channel_of(Road).execute("GET", key)) for key in keys]
    assert min(counts) >= 6
    assert (await Road.bulk_delete(ids)).counts == {"deleted": 20}


async def test_the_contract_of_plugins_is_asked_on_a_cluster_too(nodes):
    async def check_often(plugin):
        for _ in range(5):  # a key may be on the node of the document by chance
            await check_plugin_with_server(plugin, nodes.cluster_url)

    await check_often(BESIDE)
    with pytest.raises(PluginError, match="Make the keys of a policy with key_beside"):
        await check_often(ANYWHERE)


async def test_any_other_key_is_where_the_document_has_a_hash_tag(cluster):
    with use_plugins(ANYWHERE) as host:

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


@pytest.mark.parametrize(
    ("plugin", "ending", "remedy"),
    [
        (ANYWHERE, "", r"Make the keys of a policy with key_beside\(prefix, key\)"),
        (BESIDE, "}", "without '}'"),
    ],
)
async def test_where_it_is_elsewhere_the_check_is_refused_and_nothing_is_written(
    cluster, plugin, ending, remedy
):
    with use_plugins(plugin) as host:

        class Untagged(host.AtomicRedisModel):
            id: Key[str]

    models: list[Any] = [Untagged(id=f"{number}{ending}") for number in range(20)]
    outcomes = await asyncio.gather(*(model.save() for model in models), return_exceptions=True)
    refused = {
        model.key: outcome
        for model, outcome in zip(models, outcomes, strict=True)
        if isinstance(outcome, BaseException)
    }
    assert refused
    for key, outcome in refused.items():
        assert isinstance(outcome, CrossSlotError)
        assert isinstance(outcome, ResponseError)
        assert outcome.value == key
        assert re.search(f"the access policy 'noting' used .*{re.escape(repr(key))}", str(outcome))
        assert re.search(remedy, str(outcome))
    written = {key for server in cluster.primaries for key in keys_of(server)}
    assert {model.key for model in models} - {*refused} == written - {
        f"noting:{model.key}" for model in models
    }


def keys_of(server) -> list[str]:
    with Redis.from_url(server.url, decode_responses=True) as client:
        return client.keys()
