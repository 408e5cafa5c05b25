"""Access policies of plugins apply to every key of a bulk operation, in the same round trip."""

from __future__ import annotations

import json
from contextvars import ContextVar

import pytest
import rapyer_bulk.plugin
from bulk_models import is_sent
from rapyer import Key, init_rapyer
from rapyer.plugin import AccessPolicy, hookimpl
from rapyer.testing import record_commands, use_plugins
from rapyer_bulk import BulkOutcomeUnknownError
from redis.exceptions import ResponseError

_actor: ContextVar[str] = ContextVar("actor", default="nobody")

LOGGING = AccessPolicy(
    "logging",
    check="""
    if string.find(key, 'locked') and access ~= 'read' then
        return redis.error_reply('LOCKED ' .. key)
    end
    if string.find(key, 'broken') and access ~= 'read' then return nothing.there end
    if string.find(key, 'hidden') and access == 'read' then return false end
    """,
    apply="redis.call('RPUSH', 'log', access .. ' ' .. key .. ' ' .. arg[1])",
    arity=1,
    arguments=lambda: (_actor.get(),),
)


class Logging:
    RAPYER_API_VERSION = 1

    @hookimpl
    def rapyer_access_policy(self, model):
        return LOGGING


@pytest.fixture
async def page(redis_url, redis):
    with use_plugins(rapyer_bulk.plugin, Logging()) as host:

        class Page(host.AtomicRedisModel):
            id: Key[str]
            text: str = ""

        async with init_rapyer(redis_url):
            yield Page


async def log(redis):
    entries = [entry.decode() for entry in await redis.lrange("log", 0, -1)]
    await redis.delete("log")
    return entries


async def test_every_key_is_passed_to_the_policies_in_one_round_trip(page, redis, redis_url):
    _actor.set("ada")
    pages = [page(id=pk) for pk in "abc"]
    async with record_commands(redis_url) as sent:
        await page.bulk_insert(pages)
        await page.bulk_update([*"ab"], text="x")
        await page.bulk_get([*"ac"])
        await page.bulk_exists([*"ac"])
        await page.bulk_delete([*"bcx"])
    assert [one.name for one in sent if is_sent(one)] == ["EVALSHA"] * 5
    assert await log(redis) == [
        *(f"write page:{pk} ada" for pk in "abcab"),
        *(f"read page:{pk} ada" for pk in "ac"),
        *(f"delete page:{pk} ada" for pk in "bc"),
    ]


@pytest.mark.parametrize("name", ["locked", "broken"])
async def test_a_key_that_a_policy_refuses_does_not_lose_the_others(page, redis, name):
    await redis.execute_command("JSON.SET", f"page:{name}", "$", json.dumps({"id": name}))
    keys = ["a", name, "b"]
    written = await page.bulk_insert([page(id=pk) for pk in keys], raise_on_error=False)
    assert [entry.outcome for entry in written] == ["inserted", "failed", "inserted"]
    assert isinstance(written[1].error, ResponseError)
    updated = await page.bulk_update(keys, text="x", raise_on_error=False)
    assert [entry.outcome for entry in updated] == ["updated", "failed", "updated"]
    deleted = await page.bulk_delete(keys, raise_on_error=False)
    assert [entry.outcome for entry in deleted] == ["deleted", "failed", "deleted"]
    assert await redis.exists(f"page:{name}")
    assert not [entry for entry in await log(redis) if name in entry]


async def test_policies_are_asked_before_anything_is_said_of_a_key(page, redis):
    result = await page.bulk_delete(["locked"], raise_on_error=False)
    assert result.counts == {"failed": 1}
    await redis.execute_command("JSON.SET", "page:locked", "$", '{"id": "locked"}')
    for mode in ("skip", "insert"):
        result = await page.bulk_insert([page(id="locked")], mode=mode, raise_on_error=False)
        assert "LOCKED" in str(result[0].error)


async def test_a_policy_that_fails_afterwards_leaves_the_outcome_unknown(page, redis):
    await redis.set("log", "no list")
    with pytest.raises(BulkOutcomeUnknownError) as caught:
        await page.bulk_insert([page(id="a"), page(id="b")])
    assert caught.value.result.counts == {"unknown": 2}
    assert await redis.exists("page:a", "page:b") == 2


async def test_thousands_of_keys_pass_a_policy_in_one_chunk(page):
    await page.bulk_insert([page(id=str(number)) for number in range(9000)], chunk_size=9000)
    keys = [str(number) for number in range(9000)]
    assert len(await page.bulk_get(keys, chunk_size=9000)) == 9000
    assert all(await page.bulk_exists(keys, chunk_size=9000))
    assert (await page.bulk_delete(keys, chunk_size=9000)).deleted == 9000


async def test_a_transaction_in_which_a_policy_refuses_a_key_writes_nothing(page, redis):
    pages = [page(id="a"), page(id="locked")]
    result = await page.bulk_insert(pages, transaction=True, raise_on_error=False)
    assert result.counts == {"failed": 1, "unwritten": 1}
    assert await redis.keys() == []


async def test_a_document_that_counts_as_missing_is_missing(page):
    await page.bulk_insert([page(id="hidden"), page(id="seen")])
    keys = ["hidden", "seen"]
    assert [one.id for one in await page.bulk_get(keys, missing="skip")] == ["seen"]
    assert await page.bulk_exists(keys) == [False, True]
