"""The traffic layer: lost replies, coalesced reads, scripts and access policies."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from pathlib import Path

import pytest
from proxy import cut_after, proxy_before
from rapyer import (
    AtomicRedisModel,
    Key,
    KeyNotFoundError,
    OutcomeUnknownError,
    WrongTypeError,
    init_rapyer,
)
from rapyer.base import channel_of
from rapyer.plugin import hookimpl
from rapyer.testing import use_plugins
from rapyer.traffic.policies import AccessPolicy
from rapyer.traffic.scripts import Operation, compose
from redis.asyncio import Redis
from redis.exceptions import ConnectionError, ResponseError, TimeoutError


class Doc(AtomicRedisModel):
    id: Key[str]
    n: int = 0


@pytest.fixture(autouse=True)
def _connected(server) -> None:
    """rapyer is connected to the test server."""


async def calls_of(redis: Redis) -> dict[str, int]:
    """How often each command was called since the statistics were reset."""
    stats = await redis.info("commandstats")
    return {name.removeprefix("cmdstat_"): stat["calls"] for name, stat in stats.items()}


# -- replies that do not come ---------------------------------------------------------------------


@asynccontextmanager
async def proxy_that_cuts(redis_url: str, directory: Path, command: bytes) -> AsyncIterator[str]:
    """Stand before the server; cut the connection after `command` was carried out."""
    async with proxy_before(redis_url, directory) as proxy:
        proxy.arm(cut_after, containing=command, always=True)
        yield proxy.url


@pytest.mark.parametrize("as_client", [False, True])
async def test_a_write_whose_reply_is_lost_is_reported_and_never_repeated(
    redis_url, redis, tmp_path, as_client
):
    async with proxy_that_cuts(redis_url, tmp_path, b"NUMINCRBY") as url:
        client = Redis(unix_socket_path=url.removeprefix("unix://"))  # it repeats ten times itself
        async with init_rapyer(client if as_client else url):
            await Doc(id="1").save()
            with pytest.raises(OutcomeUnknownError, match=r"JSON\.NUMINCRBY was sent") as caught:
                await channel_of(Doc).execute("JSON.NUMINCRBY", "doc:1", "$.n", "1", writes=True)
            assert isinstance(caught.value, ConnectionError)
            assert isinstance(caught.value.__cause__, ConnectionError)
            assert (await Doc.get("1")).n == 1, "applied once"
        await client.aclose()


@pytest.mark.parametrize(
    ("command", "write"),
    [
        (b"JSON.SET", lambda: Doc(id="1", n=5).save()),
        (b"JSON.SET", lambda: Doc.get_or_create(Doc(id="2", n=5))),
        (b"doc:1", lambda: Doc.delete_by_key("1")),  # by a script, where there are indexes
    ],
)
async def test_every_write_with_a_lost_reply_says_that_its_outcome_is_unknown(
    redis_url, tmp_path, command, write
):
    await Doc(id="1").save()
    async with proxy_that_cuts(redis_url, tmp_path, command) as url, init_rapyer(url):
        with pytest.raises(OutcomeUnknownError, match="may or may not have been executed"):
            await write()


async def test_a_read_with_a_lost_reply_is_redis_py_s_own_error(redis_url, tmp_path):
    async with proxy_that_cuts(redis_url, tmp_path, b"JSON.GET") as url, init_rapyer(url):
        with pytest.raises(ConnectionError) as caught:
            await Doc.get("1")
        assert not isinstance(caught.value, OutcomeUnknownError)


async def test_a_write_that_takes_too_long_is_a_time_out_of_unknown_outcome(redis_url, redis):
    async with init_rapyer(f"{redis_url}?socket_timeout=0.05"):
        await Doc(id="1").save()
        await redis.execute_command("CLIENT", "PAUSE", "200", "ALL")
        with pytest.raises(OutcomeUnknownError) as caught:
            await Doc(id="1", n=5).save()
        assert isinstance(caught.value, TimeoutError)
        await asyncio.sleep(0.3)


# -- coalescing -----------------------------------------------------------------------------------


async def test_gets_of_one_turn_are_one_command_with_each_key_once(redis):
    docs = await asyncio.gather(*(Doc(id=str(n), n=n).save() for n in range(50)))
    await redis.config_resetstat()
    read = await asyncio.gather(*(Doc.get(str(n % 50)) for n in range(200)))
    assert read == docs * 4
    assert len({id(doc) for doc in read}) == 200, "callers share an instance"
    calls = await calls_of(redis)
    assert calls["json.mget"] == 1
    assert "json.get" not in calls


async def test_at_most_500_keys_travel_in_one_command(redis):
    docs = await asyncio.gather(*(Doc(id=str(n), n=n).save() for n in range(1201)))
    await redis.config_resetstat()
    assert await asyncio.gather(*(Doc.get(str(n)) for n in range(1201))) == docs
    assert (await calls_of(redis))["json.mget"] == 3


async def test_missing_keys_and_keys_of_other_types_are_told_apart_for_each_caller(redis):
    await Doc(id="there").save()
    await redis.set("doc:text", "x")
    results = await asyncio.gather(
        Doc.get("there"),
        Doc.get("gone"),
        Doc.get("text"),
        Doc.get("gone", default=None),
        Doc.get("text", default=None),
        return_exceptions=True,
    )
    assert results[0] == Doc(id="there")
    assert isinstance(results[1], KeyNotFoundError)
    assert isinstance(results[2], WrongTypeError)
    assert results[3] is None
    assert isinstance(results[4], WrongTypeError)


@pytest.mark.parametrize("turns", range(5))
@pytest.mark.parametrize("cancelled", range(6))
async def test_a_cancelled_caller_disturbs_no_other(cancelled, turns):
    docs = await asyncio.gather(*(Doc(id=str(n), n=n).save() for n in range(6)))
    calls = [asyncio.create_task(Doc.get(str(n))) for n in range(6)]
    for _ in range(turns):
        await asyncio.sleep(0)
    calls[cancelled].cancel()
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(results.pop(cancelled), asyncio.CancelledError)
    assert results == docs[:cancelled] + docs[cancelled + 1 :]


async def test_when_all_callers_are_cancelled_nothing_is_left(redis):
    await Doc(id="1").save()
    calls = [asyncio.create_task(Doc.get("1")) for _ in range(5)]
    await asyncio.sleep(0)
    for call in calls:
        call.cancel()
    assert all(
        isinstance(result, asyncio.CancelledError)
        for result in await asyncio.gather(*calls, return_exceptions=True)
    )
    assert await Doc.get("1") == Doc(id="1")


async def test_a_command_that_fails_fails_for_every_caller(redis_url, tmp_path):
    async with proxy_that_cuts(redis_url, tmp_path, b"JSON.MGET") as url, init_rapyer(url):
        results = await asyncio.gather(*(Doc.get(str(n)) for n in range(5)), return_exceptions=True)
        assert all(isinstance(result, ConnectionError) for result in results)
        assert len({id(result) for result in results}) == 5, "callers share an error"


async def test_a_lone_get_is_one_native_command(redis):
    await Doc(id="1").save()
    await redis.config_resetstat()
    await Doc.get("1")
    calls = await calls_of(redis)
    assert calls.pop("json.get") == 1
    assert calls.keys() <= {"info", "config|resetstat"}


# -- access policies ------------------------------------------------------------------------------

EXPIRE = AccessPolicy(
    name="expire",
    check="""
    if not redis.acl_check_cmd('PEXPIRE', key, arg[1]) then
        return redis.error_reply('NOPERM the policy may not PEXPIRE')
    end
    """,
    apply="if access ~= 'delete' then redis.call('PEXPIRE', key, arg[1]) end",
    arity=1,
    arguments=lambda: (60_000,),
)
JOURNAL = AccessPolicy(
    name="journal",
    check="""
    local kind = redis.call('TYPE', 'journal').ok
    if kind ~= 'none' and kind ~= 'stream' then
        return redis.error_reply('WRONGTYPE the journal is no stream')
    end
    if access == 'read' and redis.call('EXISTS', 'hidden:' .. key) == 1 then return false end
    if redis.call('EXISTS', 'locked:' .. key) == 1 then
        return redis.error_reply('LOCKED ' .. key)
    end
    """,
    apply="redis.call('XADD', 'journal', '*', 'key', key, 'access', access, arg[1], arg[2])",
    arity=2,
    arguments=lambda: ("colour", "blue"),
)


class Policed:
    """A plugin that gives all models one policy."""

    RAPYER_API_VERSION = 1

    def __init__(self, policy: AccessPolicy) -> None:
        self.policy = policy

    @hookimpl
    def rapyer_access_policy(self) -> AccessPolicy:
        return self.policy


with use_plugins(expire=Policed(EXPIRE), journal=Policed(JOURNAL)) as host:

    class Watched(host.AtomicRedisModel):
        id: Key[str]
        n: int = 0


async def journal(redis: Redis) -> list[tuple[str, str]]:
    entries = await redis.xrange("journal")
    return [(entry[b"key"].decode(), entry[b"access"].decode()) for _, entry in entries]


async def test_policies_run_in_the_same_round_trip_for_every_operation(redis):
    watched = Watched(id="1")
    assert await watched.save() is watched
    assert await watched.save(only_if="absent") is False
    assert await Watched.get("1") == watched
    assert await Watched.exists("1")
    assert await Watched.get_or_create(Watched(id="1", n=5)) == (watched, False)
    assert await Watched.get_or_create(Watched(id="2")) == (Watched(id="2"), True)
    assert await watched.delete()
    assert not await watched.delete()
    assert await journal(redis) == [
        ("watched:1", "write"),
        ("watched:1", "read"),
        ("watched:1", "read"),
        ("watched:2", "write"),
        ("watched:1", "delete"),
    ]
    assert 0 < await redis.pttl("watched:2") <= 60_000


async def test_an_operation_with_policies_is_one_command(redis):
    watched = await Watched(id="1").save()
    await watched.load()
    await redis.config_resetstat()
    await watched.load()
    calls = await calls_of(redis)
    assert calls["evalsha"] == 1
    assert "eval" not in calls


async def test_coalesced_gets_apply_the_policies_to_each_key_once(redis):
    docs = await asyncio.gather(*(Watched(id=str(n)).save() for n in range(20)))
    await redis.delete("journal")
    await redis.config_resetstat()
    assert await asyncio.gather(*(Watched.get(str(n % 20)) for n in range(40))) == docs * 2
    assert (await calls_of(redis))["evalsha"] == 1
    assert sorted(await journal(redis)) == sorted((doc.key, "read") for doc in docs)


_asking: ContextVar[str] = ContextVar("asking")
OWNED = AccessPolicy(
    name="owned",
    check="""
    if access == 'read' and redis.call('HGET', 'owner', key) ~= arg[1] then return false end
    """,
    apply="redis.call('RPUSH', 'reads', arg[1] .. ' ' .. key)",
    arity=1,
    arguments=lambda: (_asking.get(),),
)


async def test_a_policy_is_asked_in_the_context_of_each_caller_also_when_reads_are_gathered(redis):
    with use_plugins(Policed(OWNED)) as host:

        class Owned(host.AtomicRedisModel):
            id: Key[str]

    for name, owner in (("a", "alice"), ("b", "bob"), ("c", "bob")):
        await redis.hset("owner", f"owned:{name}", owner)
        await redis.execute_command("JSON.SET", f"owned:{name}", "$", json.dumps({"id": name}))

    async def get(who: str, name: str) -> object:
        _asking.set(who)
        return await Owned.get(name, default=None)

    asked = [("alice", "a"), ("bob", "a"), ("bob", "b"), ("bob", "c"), ("alice", "b")]
    await redis.config_resetstat()
    found = await asyncio.gather(*(get(*one) for one in asked))
    assert [doc and doc.id for doc in found] == ["a", None, "b", "c", None]
    assert (await calls_of(redis))["evalsha"] <= 4, "what is alike travels together"
    reads = [entry.decode() for entry in await redis.lrange("reads", 0, -1)]
    assert sorted(reads) == ["alice owned:a", "bob owned:b", "bob owned:c"]


async def test_get_or_create_neither_reads_nor_replaces_what_a_policy_hides(redis):
    await Watched(id="1", n=5).save()
    await redis.set("hidden:watched:1", "x")
    with pytest.raises(
        KeyNotFoundError, match="exists, but counts as missing for an access policy"
    ):
        await Watched.get_or_create(Watched(id="1"))
    await redis.delete("hidden:watched:1")
    assert (await Watched.get("1")).n == 5


async def test_a_key_that_a_policy_calls_missing_is_missing_for_reads(redis):
    await Watched(id="1").save()
    await Watched(id="2").save()
    await redis.set("hidden:watched:1", "x")
    results = await asyncio.gather(Watched.get("1", default=None), Watched.get("2"))
    assert results == [None, Watched(id="2")]
    assert not await Watched.exists("1")
    assert ("watched:1", "read") not in await journal(redis)


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (("SET", "journal", "x"), "the journal is no stream"),
        (("SET", "locked:watched:1", "x"), "LOCKED watched:1"),
    ],
)
async def test_an_operation_that_a_policy_aborts_changes_nothing(redis, prepare, message):
    await Watched(id="1").save()
    before = await redis.execute_command("JSON.GET", "watched:1")
    await redis.delete("journal")
    await redis.execute_command(*prepare)
    for operation in (
        Watched(id="1", n=5).save,
        Watched(id="1").delete,
        Watched(id="1").load,
        lambda: Watched.get_or_create(Watched(id="1")),
    ):
        with pytest.raises(ResponseError, match=message):
            await operation()
    assert await redis.execute_command("JSON.GET", "watched:1") == before
    assert await redis.type("journal") in (b"none", b"string")


async def test_an_operation_that_fails_applies_nothing(redis):
    await redis.set("watched:1", "text")
    for operation in (
        lambda: Watched(id="1").save(),
        lambda: Watched.get("1"),
        lambda: Watched.delete_by_key("1"),
        lambda: Watched.exists("1"),
        lambda: Watched.get_or_create(Watched(id="1")),
    ):
        with pytest.raises(WrongTypeError, match="holds a string"):
            await operation()
    assert await redis.ttl("watched:1") == -1
    assert await redis.exists("journal") == 0


async def test_scripts_that_the_server_has_lost_are_not_noticed(redis):
    watched = Watched(id="1")
    for operation in (
        watched.save,
        watched.load,
        watched.exists,
        lambda: Watched.get_or_create(watched),
        watched.delete,
    ) * 2:
        await redis.script_flush()
        await operation()
    assert len(await journal(redis)) == 8


async def test_a_policy_with_the_wrong_number_of_arguments_is_named():
    policy = AccessPolicy("miscounted", arity=2, arguments=lambda: (1,))
    with use_plugins(Policed(policy)) as host:

        class Wrong(host.AtomicRedisModel):
            id: Key[str]

    with pytest.raises(
        ValueError,
        match=r"policy 'miscounted' returned \(1,\) as its arguments, but has an arity of 2",
    ):
        await Wrong(id="1").save()


def test_an_operation_and_a_set_of_policies_are_one_script():
    operation = Operation("noop", "return 1", writes=False)
    assert compose(operation, (EXPIRE, JOURNAL)) is compose(operation, (EXPIRE, JOURNAL))
    assert compose(operation, (EXPIRE,)).sha != compose(operation, (JOURNAL,)).sha


COUNTING = Operation(
    "counting",
    "return library(KEYS[1], arg[1])",
    writes=True,
    library="""
    local made = 0
    return function(key, by)
        made = made + 1
        redis.call('INCRBY', key, by)
        return made
    end
    """,
)


@pytest.mark.parametrize("policies", [(), (JOURNAL,)])
async def test_an_operation_with_a_library_is_kept_as_a_function(redis, policies):
    await redis.function_flush()
    channel = channel_of(Doc)
    assert [await channel.run(COUNTING, policies, ("n",), ("5",)) for _ in range(3)] == [1, 2, 3]
    await redis.function_flush()
    assert await channel.run(COUNTING, policies, ("n",), ("5",)) == 1
    assert await redis.get("n") == b"20"
    assert len(await redis.function_list("rapyer_counting_*")) == 1


async def test_a_function_that_is_loaded_by_several_at_once_is_loaded_once(redis):
    await redis.function_flush()
    channel = channel_of(Doc)
    await asyncio.gather(*(channel.run(COUNTING, (), ("n",), ("1",)) for _ in range(50)))
    assert await redis.get("n") == b"50"


async def test_where_functions_are_not_permitted_a_library_is_made_with_each_call(redis):
    channel = channel_of(Doc)
    await redis.execute_command("ACL", "SETUSER", "default", "-function", "-fcall")
    try:
        replies = [await channel.run(COUNTING, (), ("n",), ("1",)) for _ in range(3)]
    finally:
        await redis.execute_command("ACL", "SETUSER", "default", "+@all")
    assert replies == [1, 1, 1]
    assert await redis.get("n") == b"3"


async def test_a_model_without_policies_and_index_runs_no_script(alone, redis):
    with use_plugins() as host:

        class Bare(host.AtomicRedisModel):
            id: Key[str]

    await redis.config_resetstat()
    bare = await Bare(id="1").save()
    await bare.load()
    await bare.exists()
    await bare.delete()
    assert not {"eval", "evalsha"} & (await calls_of(redis)).keys()


KILLED = """
import asyncio, os, random, signal, sys, time
from rapyer import AtomicRedisModel, Key, init_rapyer
from rapyer.base import channel_of
from rapyer.traffic.policies import AccessPolicy
from rapyer.traffic.values import increase

COUNT = AccessPolicy("count", apply="redis.call('INCR', 'applied')")

class Killed(AtomicRedisModel):
    id: Key[str]
    n: int = 0

async def work(url):
    async with init_rapyer(url):
        channel = channel_of(Killed)
        while True:
            await asyncio.gather(
                *(increase(channel, "killed:1", "$.n", b"1", (COUNT,)) for _ in range(5))
            )

rng = random.Random(11)
for _ in range(int(sys.argv[2])):
    child = os.fork()
    if child == 0:
        asyncio.run(work(sys.argv[1]))
    time.sleep(rng.uniform(0.03, 0.12))  # the child connects, and is in the middle of its work
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
"""


@pytest.mark.parametrize("kills", [5, pytest.param(100, marks=pytest.mark.slow)])
async def test_a_client_killed_at_any_moment_leaves_both_effects_or_none(redis_url, redis, kills):
    await redis.execute_command("JSON.SET", "killed:1", "$", '{"id":"1","n":0}')
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, redis_url, str(kills)
    )
    assert await process.wait() == 0
    n = json.loads(await redis.execute_command("JSON.GET", "killed:1", "$.n"))[0]
    applied = int(await redis.get("applied") or 0)
    assert n == applied
    assert applied > 0, "no child came to its work"
