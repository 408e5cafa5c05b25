"""The index of a model with many processes, processes that are killed, and servers that restart."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import tempfile
from asyncio.subprocess import PIPE, Process, create_subprocess_exec
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import index_versions as versions
import pytest
from rapyer import init_rapyer
from rapyer_embedded import Server
from rapyer_query import DroppedDocumentsWarning, IndexUnavailableError
from redis.asyncio import Redis

PREFIX = versions.PREFIX


@asynccontextmanager
async def process(
    url: str, version: str, retention: float, *actions: str
) -> AsyncIterator[Process]:
    """A process of a version; ended with the block."""
    program = [str(Path(versions.__file__)), url, version, str(retention), *actions]
    started = await create_subprocess_exec(
        sys.executable, "-W", "error", *program, stdin=PIPE, stdout=PIPE
    )
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
        await started.wait()


async def line_of(started: Process) -> Any:
    """What the process says next."""
    assert started.stdout is not None
    line = await started.stdout.readline()
    assert line, f"the process has ended with {await started.wait()}"
    return json.loads(line)


async def run(url: str, version: str, retention: float, *actions: str) -> list[Any]:
    """What a process of a version says, from its start to its end."""
    async with process(url, version, retention, *actions) as started:
        return [await line_of(started) for _ in range(len(actions) + 1)][1:]


async def fill(redis: Redis, number: int, first: int = 0) -> None:
    """Write documents as the first version does."""
    for start in range(first, first + number, 2000):
        async with redis.pipeline(transaction=False) as pipe:
            for n in range(start, min(start + 2000, first + number)):
                document = json.dumps({"id": n, "age": n, "name": f"name{n}"})
                pipe.execute_command("JSON.SET", f"{PREFIX}:{n}", "$", document)
            await pipe.execute()


async def names(redis: Redis) -> list[str]:
    """The indexes of the model."""
    found = [name.decode() for name in await redis.execute_command("FT._LIST")]
    return sorted(name for name in found if name.startswith(f"rapyer:{PREFIX}:"))


async def test_twenty_processes_that_start_at_once_make_one_index(redis_url, redis):
    await fill(redis, 3000)
    found = await asyncio.gather(*(run(redis_url, "first", 3600, "count") for _ in range(20)))
    assert found == [[3000]] * 20
    assert len(await names(redis)) == 1
    found = await asyncio.gather(*(run(redis_url, "renamed", 3600, "count") for _ in range(8)))
    assert found == [[3000]] * 8
    assert len(await names(redis)) == 2


async def test_one_process_queries_and_writes_while_others_deploy(redis_url, redis):
    """Added, removed, retyped and renamed fields; the versions of before go away meanwhile."""
    await fill(redis, 2000)
    model = versions.first(1)
    deployed = ["added", "removed", "retyped", "renamed", "added", "first"]
    rounds = 0

    async with init_rapyer(redis_url):
        assert await model.find(model.age >= 0).count() == 2000
        deploying = asyncio.create_task(deploy_all(redis_url, deployed))
        written = 2000
        while not deploying.done():
            await model(id=written, age=written, name="new").save()
            written += 1
            below = model.age < 9_000  # those of the other versions are above
            assert await model.find(below).count() == written
            assert await model.find(model.name == "new").count() == written - 2000
            assert await model.find(model.age == written - 1).exists()
            if rounds % 50 == 0:
                assert len(await model.find(below).keys()) == written
            rounds += 1
        await deploying
        assert await model.find(model.age >= 9_000).count() == len(deployed)
        assert rounds > 50
        # the others are gone: so are, in the end, their indexes
        for _ in range(100):
            if len(await names(redis)) == 1:
                break
            await asyncio.sleep(0.1)
        assert len(await names(redis)) == 1
        assert await model.find(model.age < 9_000).count() == written


async def deploy_all(url: str, deployed: list[str]) -> None:
    """Run a process of each version, one after the other."""
    for number, version in enumerate(deployed):
        actions = (f"save={10_000 + number}", "count", "wait")
        async with process(url, version, 1, *actions) as started:
            assert await line_of(started) == "ready"
            assert await line_of(started) == 10_000 + number
            assert await line_of(started) >= 2000
            await asyncio.sleep(0.3)


@pytest.mark.parametrize("moment", [0.0, 0.05, 0.15])
async def test_what_a_killed_process_has_begun_the_next_one_finishes(redis_url, redis, moment):
    await fill(redis, 20_000)
    for version, expected in (("first", 1), ("added", 2), ("renamed", 3)):
        async with process(redis_url, version, 3600, "count") as killed:
            assert await line_of(killed) == "ready"
            await asyncio.sleep(moment)
            killed.send_signal(signal.SIGKILL)
            await killed.wait()
        assert await run(redis_url, version, 3600, "count") == [20_000]
        assert len(await names(redis)) == expected


@pytest.mark.parametrize("moment", [0.02, 0.1])
async def test_what_a_killed_process_was_building_anew_is_dropped(redis_url, redis, moment):
    await fill(redis, 20_000)
    assert await run(redis_url, "first", 3600, "count") == [20_000]
    async with process(redis_url, "first", 3600, "rebuild") as killed:
        assert await line_of(killed) == "ready"
        await asyncio.sleep(moment)
        killed.send_signal(signal.SIGKILL)
        await killed.wait()
    assert await run(redis_url, "first", 3600, "count", "rebuild", "count") == [
        20_000,
        None,
        20_000,
    ]
    assert len(await names(redis)) == 1


@pytest.mark.parametrize("rights", ["+@all", "+@all -info"], ids=["all", "no INFO"])
async def test_a_server_that_has_restarted_is_waited_for(rights):
    """It loads its log, indexes the documents in the background, and answers with a part so far."""
    model = versions.first()
    with tempfile.TemporaryDirectory() as directory:
        async with Server(directory=directory) as server:
            client = Redis.from_url(server.url, protocol=2)
            await fill(client, 20_000)
            user = ("ACL", "SETUSER", "few", "on", ">pw", "~*", *rights.split())
            await client.execute_command(*user)
            async with init_rapyer(server.url.replace("unix://", "unix://few:pw@")):
                assert await model.find(model.age >= 0).count() == 20_000
                for ask, expected in (
                    (lambda: model.find(model.age >= 0).count(), 20_000),
                    (lambda: model.find(model.age >= 0).keys(), 20_000),
                    (lambda: model.find(model.name >= "").sort("age").to_list(), 20_000),
                    (lambda: model.find(model.age >= 0).update(name="x"), 20_000),
                    (lambda: model.find(model.age < 10_000).delete(), 10_000),
                ):
                    await asyncio.to_thread(server.restart)
                    await client.execute_command(*user)
                    answer = await ask()
                    number = answer if isinstance(answer, int) else len(answer)
                    assert number == expected
                assert await client.dbsize() == 10_001  # and the registry
            await client.aclose()


async def test_what_was_refused_is_told_of_also_after_a_restart():
    """The server counts from 0 again then."""
    model = versions.first()
    with tempfile.TemporaryDirectory() as directory:
        async with Server(directory=directory) as server:
            client = Redis.from_url(server.url, protocol=2)
            await fill(client, 20)
            async with init_rapyer(server.url):
                await model.index.ensure()
                for n in range(5):
                    await client.json().set(f"{PREFIX}:{n}", "$.age", "old")
                    await client.json().set(f"{PREFIX}:{n}", "$.age", n)
                assert (await model.index.status(scan=True)).failed_keys == ()
                await client.bgrewriteaof()
                while (await client.info("persistence"))["aof_rewrite_in_progress"]:
                    await asyncio.sleep(0.05)
                await asyncio.to_thread(server.restart)
                for n in range(3):
                    await client.json().set(f"{PREFIX}:{n}", "$.age", "old")
                with pytest.warns(DroppedDocumentsWarning, match="3 writes"):
                    assert await model.find().count() == 17
            await client.aclose()


ACLS = {
    "no FT.CREATE": "-ft.create",
    "no FT.DROPINDEX": "-ft.dropindex",
    "no FT._LIST": "-ft._list",
    "no HSET": "-hset",
    "no FT.ALTER": "-ft.alter",
    "no INFO": "-info",
    "nothing dangerous": "-@dangerous",
    "no keys": "-@keyspace",
    "only reads": "-@write +evalsha +eval",
}


@pytest.mark.parametrize("rule", ACLS.values(), ids=ACLS)
async def test_a_user_with_few_rights_is_answered_from_an_index_that_is_there(rule):
    model = versions.first()
    async with Server() as server:
        client = Redis.from_url(server.url, protocol=2)
        await fill(client, 100)
        async with init_rapyer(server.url):
            assert await model.find(model.age >= 0).count() == 100
        await client.execute_command(
            "ACL", "SETUSER", "few", "on", ">pw", "~*", "+@all", *rule.split()
        )
        async with init_rapyer(server.url.replace("unix://", "unix://few:pw@")):
            assert await model.find(model.age >= 10).count() == 90
            assert (await model.index.status()).documents == 100
        await client.aclose()


@pytest.mark.parametrize("rule", ["-ft._list", "-ft.create", "-ft.info", "-time", "-eval -evalsha"])
async def test_a_user_who_may_not_make_an_index_is_told(rule):
    model = versions.first()
    async with Server() as server:
        client = Redis.from_url(server.url, protocol=2)
        await fill(client, 100)
        await client.execute_command(
            "ACL", "SETUSER", "few", "on", ">pw", "~*", "+@all", *rule.split()
        )
        async with init_rapyer(server.url.replace("unix://", "unix://few:pw@")):
            with pytest.raises(IndexUnavailableError, match=r"cannot be created: .*\.scan\(\)"):
                await model.find(model.age >= 10).count()
            assert len(await names(client)) == 0
        await client.aclose()


async def test_a_user_who_may_not_take_over_an_index_makes_one():
    old, new = versions.first(1), versions.added()
    async with Server() as server:
        client = Redis.from_url(server.url, protocol=2)
        await fill(client, 100)
        async with init_rapyer(server.url):
            assert await old.find(old.age >= 0).count() == 100
        await asyncio.sleep(2.2)
        await client.execute_command(
            "ACL", "SETUSER", "few", "on", ">pw", "~*", "+@all", "-ft.alter"
        )
        async with init_rapyer(server.url.replace("unix://", "unix://few:pw@")):
            assert (await new.index.diff()).action == "alter"
            assert await new.find(new.level == 1).count() == 100
            assert len(await names(client)) == 2
        await client.aclose()
