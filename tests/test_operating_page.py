"""docs/operating.md: its examples run, and what it says of time-outs, memory and restarts is so."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from pages import Page
from rapyer import (
    AtomicRedisModel,
    Field,
    Key,
    KeyNotFoundError,
    LockLostError,
    Mapped,
    OutcomeUnknownError,
    init_rapyer,
)
from rapyer.base import channel_of
from rapyer.testing import use_plugins
from rapyer.traffic.source import RedisSource
from rapyer_embedded import Server
from rapyer_query import QueryTimeoutError
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

PAGE = Page("docs/operating.md")
BLOCKS = PAGE.blocks("python")
FILES = {block.title: block.text for block in BLOCKS if block.title}
#: The blocks that are parts of an application, whose names follow from one another.
PARTS = [number for number, block in enumerate(BLOCKS) if not block.title]


class Doc(AtomicRedisModel):
    id: Key[int]
    number: Mapped[int] = Field(default=0)
    text: Mapped[str] = Field(default="")

    class Config:
        prefix = "operating:doc"


class Session(AtomicRedisModel):
    id: Key[int]
    text: Mapped[str] = Field(default="")

    class Config:
        prefix = "operating:session"
        ttl = 3600


@pytest.fixture
def failing() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture
def project(tmp_path, monkeypatch):
    for name, code in FILES.items():
        (tmp_path / name).write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in FILES:
        sys.modules.pop(name.removesuffix(".py"), None)


@pytest.fixture
def page(project):
    """The names of all blocks of the page without a file, in models of their own."""
    names = PAGE.names()
    with use_plugins(installed=True):
        for number in PARTS:
            PAGE.run(names, only=number)
        yield names


@contextmanager
def hanging(server: Server, patience: float = 0.2) -> Iterator[None]:
    """Stop a server, and let commands take so many seconds; else, machines may be slow."""
    channel = channel_of(Doc)
    before, channel._timeout = channel._timeout, patience
    server.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        server.process.send_signal(signal.SIGCONT)
        channel._timeout = before


async def each(*keys: str) -> AsyncIterator[str]:
    for key in keys:
        yield key


# -- the examples ---------------------------------------------------------------------------------


async def test_a_call_is_repeated_until_the_server_is_there_again(page, failing):
    product = page["Product"]
    async with init_rapyer(failing.url):
        await product(sku="mug").save()
        failing.process.kill()
        failing.process.wait()
        with pytest.raises(RedisConnectionError):
            await product.exists("mug")
        call = asyncio.create_task(page["patiently"](lambda: product(sku="mug", stock=3).save()))
        await asyncio.to_thread(failing.restart)
        assert (await call).stock == 3
        assert (await product.get("mug")).stock == 3


async def test_a_server_that_stays_away_is_told_after_the_last_pause(page, failing):
    product, pauses = page["Product"], []

    async def no_time(seconds: float) -> None:
        pauses.append(seconds)

    page["asyncio"] = SimpleNamespace(sleep=no_time)
    async with init_rapyer(failing.url):
        failing.process.kill()
        failing.process.wait()
        with pytest.raises(RedisConnectionError):
            await page["patiently"](lambda: product.exists("mug"))
    assert len(pauses) == 7


async def test_a_write_of_unknown_outcome_is_not_repeated(page, failing):
    product, calls = page["Product"], 0

    async def save():
        nonlocal calls
        calls += 1
        await product(sku="mug").save()

    async with init_rapyer(failing.url):
        await product(sku="mug").save()
        with hanging(failing), pytest.raises(OutcomeUnknownError):
            await page["patiently"](save)
    assert calls == 1


async def test_a_sale_is_one_however_often_it_is_called(page, redis_url, redis):
    product = page["Product"]
    async with init_rapyer(redis_url):
        await product(sku="mug", stock=5).save()
        for sale in ("1", "2", "1", "1"):
            await page["sell"]("mug", sale)
        assert (await product.get("mug")).stock == 3


async def test_documents_go_out_as_lines_and_come_back(page, redis_url, redis, capsys):
    product = page["Product"]
    async with init_rapyer(redis_url):
        mug = await product(sku="mug", stock=5, sales=["1"]).save()
        lines = [line async for line in page["lines_of"](each("mug", "nobody"))]
        await mug.delete()
        await page["read_back"](each(*lines))
        assert await product.get("mug") == mug
    assert capsys.readouterr().out == "BulkResult(inserted=1)\n"


async def test_health_and_metrics_say_what_is(page, failing):
    product = page["Product"]
    async with init_rapyer(failing.url):
        assert await page["is_ready"]()
        await product(sku="mug").save()
        assert await product.find().count() == 1
        await product.stock.set("mug", 2)
        async with Redis.from_url(failing.url) as redis:
            await redis.json().set("product:bad", "$", {"sku": "bad", "stock": "many"})
        metrics = await page["metrics"]()
        assert (metrics["documents"], metrics["not taken"], metrics["progress"]) == (1, 1, 1)
        with hanging(failing):
            assert not await page["is_ready"]()


# -- the script that rewrites documents -----------------------------------------------------------


def run(project: Path, url: str, *before: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", *before, "migrate.py"], cwd=project, check=False, text=True,
        env={**os.environ, "RAPYER_REDIS_URL": url}, capture_output=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


async def test_the_script_splits_each_name_once_and_again_what_was_changed_since(
    project, redis, redis_url
):
    for n in range(2500):
        await redis.json().set(f"customer:{n}", "$", {"id": str(n), "name": f"Ada {n}"})
    await redis.set("customer:other", "of another type")
    measured = ("-m", "coverage", "run", f"--include={project}/*")
    assert run(project, redis_url, *measured) == "2500 customers were not split\n"
    PAGE.take_over(project / ".coverage")
    stored = await redis.json().get("customer:7")
    assert stored == {"id": "7", "name": "Ada 7", "first": "Ada", "last": "7"}
    assert run(project, redis_url) == "0 customers were not split\n"
    await redis.json().set("customer:7", "$.name", "Ada King Lovelace")  # by a process of before
    await redis.json().set("customer:8", "$", {"id": "8", "first": "Bob", "last": "Moon"})  # later
    assert run(project, redis_url) == "1 customers were not split\n"
    stored = await redis.json().get("customer:7")
    assert (stored["first"], stored["last"]) == ("Ada King", "Lovelace")
    assert await redis.json().get("customer:8") == {"id": "8", "first": "Bob", "last": "Moon"}


async def test_the_script_leaves_alone_what_others_change_or_delete_meanwhile(
    project, redis, redis_url
):
    with use_plugins(installed=True):
        import migrate

        async with init_rapyer(redis_url):
            await redis.json().set("customer:1", "$", {"id": "1", "name": "Bob Moon"})
            await migrate.write("1", "Ada Lovelace")
            assert await redis.json().get("customer:1") == {"id": "1", "name": "Bob Moon"}
            await migrate.write("2", "Ada Lovelace")
            assert not await redis.exists("customer:2")
            await migrate.write("1", "Bob Moon")
            stored = await redis.json().get("customer:1")
            assert stored == {"id": "1", "name": "Bob Moon", "first": "Bob", "last": "Moon"}


async def test_documents_that_a_model_would_not_read_are_named(page, redis, redis_url):
    await redis.json().set("customer:1", "$", {"id": "1", "name": "Ada"})
    await redis.json().set("customer:2", "$", {"id": "2", "name": 5})
    async with init_rapyer(redis_url):
        (fault,) = await page["unreadable"](each("customer:1", "customer:2", "customer:3"))
    assert "'customer:2'" in fault
    assert "name" in fault


# -- connections ----------------------------------------------------------------------------------


def parameters() -> list[str]:
    table = PAGE.text.partition("What a URL takes behind the `?`")[2].partition("## Time-outs")[0]
    firsts = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    return [name for first in firsts for name in re.findall("`(.*?)`", first)]


async def test_a_url_takes_the_parameters_of_the_page_and_no_others():
    values = {"client_name": "shop", "socket_keepalive": "true", "decode_responses": "true"}
    names = [name for name in parameters() if not name.startswith("ssl_")]
    of_tls = set(parameters()).difference(names)
    assert (len(names), len(of_tls)) == (10, 4)
    with Server(port=0) as server:
        for name in names:
            async with init_rapyer(f"{server.url}?{name}={values.get(name, '3')}"):
                await Doc(id=1).save()
    for name in of_tls:
        assert RedisSource.of(f"rediss://localhost?{name}=none")
    with pytest.raises(ValueError, match="redis-py does not know"):
        init_rapyer("redis://localhost?tiemout=3")


async def test_callers_wait_for_a_connection_as_long_as_it_takes(failing):
    """Ten callers of one connection: each has its turn, and its own time-out."""
    async with init_rapyer(f"{failing.url}?max_connections=1"):
        await Doc(id=1).save()
        started = asyncio.get_running_loop().time()
        with hanging(failing, patience=0.1):
            calls = (Doc.number.increase(1, 1) for _ in range(10))
            errors = await asyncio.gather(*calls, return_exceptions=True)
        assert all(isinstance(error, RedisTimeoutError) for error in errors)
        assert asyncio.get_running_loop().time() - started > 0.9


async def test_a_client_can_say_that_nothing_times_out(redis_url, redis):
    async with Redis.from_url(redis_url, socket_timeout=None) as client, init_rapyer(client):
        assert channel_of(Doc)._timeout is None
    async with init_rapyer(redis_url):
        assert channel_of(Doc)._timeout == 5


# -- time-outs ------------------------------------------------------------------------------------


async def test_a_server_that_cannot_be_reached_in_time_was_sent_nothing():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}?socket_timeout=0.1"
        with pytest.raises(RedisTimeoutError, match="did not accept a connection") as caught:
            await init_rapyer(url)
    assert not isinstance(caught.value, OutcomeUnknownError)


async def test_what_hangs_is_told_by_the_errors_of_the_page(failing):
    async with init_rapyer(failing.url):
        doc = await Doc(id=1).save()
        assert await Doc.find(Doc.number == 0).count() == 1
        with hanging(failing), pytest.raises(RedisTimeoutError) as caught:
            await Doc.find(Doc.number == 0).timeout(60).to_list()
        assert not isinstance(caught.value, (OutcomeUnknownError, QueryTimeoutError))
        await doc.load()
        with hanging(failing), pytest.raises(RedisTimeoutError) as caught:
            await Doc.get(1)
        assert not isinstance(caught.value, OutcomeUnknownError)
        await doc.load()
        with hanging(failing), pytest.raises(RedisTimeoutError) as caught:
            await doc.save()
        assert isinstance(caught.value, OutcomeUnknownError)
        await doc.load()
        with hanging(failing, patience=60), pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(0.1):
                await doc.save()
        assert not isinstance(caught.value, (OutcomeUnknownError, RedisTimeoutError))


@pytest.mark.parametrize("on_timeout", ["RETURN", "FAIL"])
async def test_a_query_is_never_cut_whatever_the_server_does_when_its_time_is_over(
    on_timeout, failing
):
    async with init_rapyer(failing.url), Redis.from_url(failing.url) as redis:
        await Doc.bulk_insert(Doc(id=n, text=f"x{n}") for n in range(20_000))
        query = Doc.find(Doc.text.contains("7"))
        number = sum("7" in str(n) for n in range(20_000))
        await redis.execute_command("FT.CONFIG", "SET", "ON_TIMEOUT", on_timeout)
        await redis.execute_command("FT.CONFIG", "SET", "TIMEOUT", 1)
        assert len(await query.to_list()) == number
        assert await query.count() == number
        with pytest.raises(QueryTimeoutError):
            await query.timeout(0.001).to_list()


async def save_for_ever(doc: Doc) -> None:
    while True:
        await doc.save()


async def test_while_a_script_of_others_runs_calls_are_refused_as_busy(failing):
    async with init_rapyer(failing.url), Redis.from_url(failing.url) as redis:
        doc = await Doc(id=1).save()
        await redis.config_set("busy-reply-threshold", 1)
        endless = asyncio.create_task(redis.eval("while true do end", 0))
        async with asyncio.timeout(10):
            with pytest.raises(ResponseError, match=r"^BUSY"):
                await save_for_ever(doc)
        async with Redis.from_url(failing.url) as other:
            await other.script_kill()
        with pytest.raises(ResponseError, match="killed"):
            await endless
        await doc.save()


# -- restarts and memory --------------------------------------------------------------------------


async def test_after_a_restart_everything_goes_on_by_itself(tmp_path):
    with Server(directory=tmp_path) as server:
        async with init_rapyer(server.url):
            await Doc.bulk_insert(Doc(id=n) for n in range(1000))
            await asyncio.gather(*(Doc.number.increase(n, 1) for n in range(30)))
            assert await Doc.find(Doc.number == 1).count() == 30
            await asyncio.to_thread(server.restart)
            await asyncio.gather(*(Doc.number.increase(n, 1) for n in range(30)))
            assert await Doc.find(Doc.number == 2).count() == 30


@pytest.mark.parametrize("keeps", [True, False])
async def test_a_lock_survives_a_restart_with_a_log_and_is_lost_without(keeps, tmp_path):
    with Server(directory=tmp_path if keeps else None) as server:
        async with init_rapyer(server.url):

            async def block():
                async with Doc.lock_by_key(1) as fresh:
                    fresh.number = 5
                    await asyncio.to_thread(server.restart)
                    await Doc.get_or_create(Doc(id=1))

            await Doc(id=1).save()
            if keeps:
                await block()
            else:
                with pytest.raises(LockLostError):
                    await block()
            assert (await Doc.get(1)).number == (5 if keeps else 0)


@pytest.mark.parametrize("policy", ["noeviction", "allkeys-lru", "volatile-lru"])
async def test_a_full_server_does_what_its_policy_says(policy, failing):
    async with init_rapyer(failing.url), Redis.from_url(failing.url) as redis:
        await Doc(id=0).save()
        await Session.bulk_insert(Session(id=n, text="x" * 100) for n in range(500))
        assert await Doc.find().count() == 1
        used = (await redis.info("memory"))["used_memory"]
        await redis.config_set("maxmemory-policy", policy)
        await redis.config_set("maxmemory", used + 1_000_000)
        error: Exception | None = None
        number = 0
        while error is None and number < 20_000:
            number += 1
            try:
                await Doc(id=number, text="x" * 1000).save()
            except OutOfMemoryError as caught:
                error = caught
        sessions = [await Session.exists(n) for n in range(500)]
        documents = number if error else number + 1
        if policy == "allkeys-lru":
            assert error is None
            with pytest.raises(KeyNotFoundError):
                await Doc.get(1)
            assert 0 < await Doc.find().count() < documents
        else:
            assert error is not None
            assert await Doc.find().count() == documents
        assert all(sessions) == (policy == "noeviction")
