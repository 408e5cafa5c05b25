"""How programs run on a server: functions, scripts, rights, memory, protocols, clients."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

import pytest
from rapyer import init_rapyer
from rapyer_pipeline.interpreter import PARTS, RUN
from redis.exceptions import NoPermissionError, OutOfMemoryError

from tests.pipeline.models import Counted, Everything, run

ROOT = Path(__file__).parents[2]


def _increase(p: Any) -> None:
    p.stock += 1


def _url_of(redis_url: str, user: str) -> str:
    separator = "&" if "?" in redis_url else "?"
    return f"{redis_url}{separator}username={user}&password=x"


async def test_the_server_holds_one_library_however_many_programs_run(server, redis):
    await redis.function_flush()
    stored = await Counted().save()
    for number in range(300):  # more than the interpreter keeps compiled

        def program(p: Any, number: int = number) -> None:
            for _ in range(number % 40):
                p.stock += number

        await run(stored.pipeline(), program)
    libraries = await redis.function_list("rapyer_*")
    assert len(libraries) == 1
    found = await Counted.get(stored.key)
    assert found.stock == sum(number * (number % 40) for number in range(300))


async def test_a_program_goes_on_after_functions_were_flushed(server, redis):
    stored = await Counted().save()
    await run(stored.pipeline(), _increase)
    await redis.function_flush()
    await redis.script_flush()
    await run(stored.pipeline(), _increase)
    assert (await Counted.get(stored.key)).stock == 2


@pytest.mark.parametrize("right", ["-function|load", "-function", "-fcall"])
async def test_without_the_right_to_functions_programs_are_scripts(redis_url, redis, right):
    await redis.execute_command("ACL", "SETUSER", "scripts", "on", ">x", "~*", "+@all", right)
    await redis.function_flush()
    try:
        async with init_rapyer(_url_of(redis_url, "scripts")):
            stored = await Counted().save()
            for _ in range(3):
                await run(stored.pipeline(), _increase)
            assert (await Counted.get(stored.key)).stock == 3
            assert stored.stock == 3
        assert await redis.function_list("rapyer_*") == []
    finally:
        await redis.execute_command("ACL", "DELUSER", "scripts")


@pytest.mark.parametrize("command", ["json.merge", "json.mset", "json.arrappend"])
async def test_where_one_command_is_not_permitted_nothing_is_written(redis_url, redis, command):
    await redis.execute_command("ACL", "SETUSER", "few", "on", ">x", "~*", "+@all", f"-{command}")

    def program(p: Any) -> None:
        p.number += 1
        if command != "json.merge":  # what a merge does not do
            p.second = None
            p.items[0].qty = 5
            p.tags.append("x")

    try:
        async with init_rapyer(_url_of(redis_url, "few")):
            stored = await Everything().save()
            before = await redis.execute_command("JSON.GET", stored.key)
            with pytest.raises(NoPermissionError):
                await run(stored.pipeline(), program)
            assert await redis.execute_command("JSON.GET", stored.key) == before
    finally:
        await redis.execute_command("ACL", "DELUSER", "few")


async def test_without_memory_nothing_is_written(server, redis):
    stored = await Everything().save()
    before = await redis.execute_command("JSON.GET", stored.key)
    await run(stored.pipeline(), lambda p: p.tags.append("x"))
    before = await redis.execute_command("JSON.GET", stored.key)
    await redis.config_set("maxmemory", "1")
    try:
        with pytest.raises(OutOfMemoryError):
            await run(stored.pipeline(), lambda p: p.tags.append("x"))
    finally:
        await redis.config_set("maxmemory", "0")
    assert await redis.execute_command("JSON.GET", stored.key) == before


async def test_it_is_the_same_with_resp3(redis_url, redis):
    separator = "&" if "?" in redis_url else "?"
    async with init_rapyer(f"{redis_url}{separator}protocol=3"):
        stored = await Everything().save()

        def program(p: Any) -> None:
            p.number += 1
            p.flag = True
            p.tags.append("x")
            for item in p.items:
                item.expired.if_true(lambda item=item: p.items.remove(item))
            p.counts["new"] = p.number
            p.maybe = None

        async with stored.pipeline() as p:
            program(p)
            last = p.numbers.pop()
        assert last.value == 2
        assert stored == await Everything.get(stored.key)
        assert [item.name for item in stored.items] == ["item 1", "item 3"]


CLIENT = """
import asyncio, sys
from rapyer import init_rapyer
from rapyer_pipeline import PipelineAborted
from tests.pipeline.models import Counted

async def buy(key):
    try:
        async with Counted.pipeline_for(key) as p:
            p.require(p.stock > 0, "sold out")
            p.stock -= 1
    except PipelineAborted:
        return 0
    return 1

async def main(url, key):
    async with init_rapyer(url):
        print(sum(await asyncio.gather(*(buy(key) for _ in range(100)))))

asyncio.run(main(*sys.argv[1:]))
"""


async def test_two_clients_sell_exactly_the_stock(server, redis_url):
    stored = await Counted(stock=77).save()
    clients = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", CLIENT, redis_url, str(stored.key), stdout=PIPE, cwd=ROOT
        )
        for _ in range(2)
    ]
    outputs = [await client.communicate() for client in clients]
    assert sum(int(output) for output, _ in outputs) == 77
    assert (await Counted.get(stored.key)).stock == 0


async def test_a_program_is_one_round_trip_and_reads_no_list_that_it_appends_to(server, redis):
    stored = await Everything(tags=[f"tag {number}" for number in range(5000)]).save()
    await run(stored.pipeline(), lambda p: p.tags.append("first"))
    await redis.config_resetstat()
    await run(Everything.pipeline_for(stored.key), lambda p: p.tags.append("second"))
    stats = await redis.info("commandstats")
    calls = {name.removeprefix("cmdstat_").lower(): one["calls"] for name, one in stats.items()}
    assert calls.pop("fcall") == 1
    assert set(calls) - {"info", "config|resetstat"} == {
        "json.type", "json.arrlen", "json.arrappend",
    }  # fmt: skip


def test_the_interpreter_is_put_together_of_its_parts():
    assert all(f"{part} = (function()" in RUN.library for part in PARTS)
