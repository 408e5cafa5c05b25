"""Passwords are in no message, no repr, no log and no output, however badly a URL was written."""

from __future__ import annotations

import asyncio
import logging
import os
import traceback
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import product

import pytest
from pydantic import RedisDsn, SecretStr, TypeAdapter
from rapyer import (
    AtomicRedisModel,
    Key,
    ModelDefinitionError,
    NotConnectedError,
    OutcomeUnknownError,
    init_rapyer,
    teardown_rapyer,
)
from rapyer.__main__ import main
from rapyer.traffic.source import RedisSource
from rapyer.traffic.urls import without_secrets
from rapyer_embedded import Server
from redis.asyncio import Redis
from redis.exceptions import RedisError

#: Both parts of the password: a careless URL is cut between them.
PARTS = ("hunter", "moonlight")
#: URLs that name no server that answers, and those that are none: the password is in each.
BAD = [
    "redis://ann:hunter-moonlight@127.0.0.1:1",
    "redis://ann:hunter?moonlight@127.0.0.1:1",
    "redis://ann:hunter/moonlight@127.0.0.1:1",
    "redis://ann:hunter#moonlight@127.0.0.1:1",
    "redis://ann:hunter@moonlight@127.0.0.1:1",
    "redis://ann:hunter://moonlight@127.0.0.1:1",
    "redis://ann:hunter-moonlight",
    "redis://ann:hunter-moonlight@127.0.0.1:port",
    "redis://ann:hunter-moonlight@127.0.0.1:99999",
    "redis://[ann:hunter-moonlight@127.0.0.1:1",
    "redis://127.0.0.1:1?password=hunter-moonlight",
    "redis://127.0.0.1:1?password=hunter@moonlight",
    "redis://127.0.0.1:x?password=hunter-moonlight",
    "redis://127.0.0.1:1?pasword=hunter-moonlight",
    "redis://ann:hunter-moonlight@127.0.0.1:1?max_connections=0",
    "redis://127.0.0.1:1/?db=hunter-moonlight",
    "rediss://ann:hunter-moonlight@127.0.0.1:1?ssl_keyfile=/nowhere",
    "unix://ann:hunter-moonlight@/nowhere.sock",
    "http://ann:hunter-moonlight@127.0.0.1:1",
    "redis+cluster://ann:hunter-moonlight@127.0.0.1:1,127.0.0.1:2",
    "redis+cluster://ann:hunter?moonlight@127.0.0.1:1",
    "redis+cluster://ann:hunter/moonlight@127.0.0.1:1",
    "redis+cluster://ann:hunter,moonlight@127.0.0.1:1",
    "redis+cluster://ann:hunter-moonlight@127.0.0.1:port",
    "redis+cluster://ann:hunter-moonlight@127.0.0.1:1/3",
    "redis+sentinel://ann:hunter-moonlight@127.0.0.1:1",
    "redis+sentinel://ann:hunter#moonlight@127.0.0.1:1/service",
    "redis+sentinel://ann:hunter/moonlight@127.0.0.1:1/service",
    "ann:hunter-moonlight@127.0.0.1:1",
    "redis:ann:hunter-moonlight",
]


#: Sentinels that do not answer are asked for some seconds, so that these are tried once.
SLOW = [
    "redis+sentinel://ann:hunter-moonlight@127.0.0.1:1/service",
    "redis+sentinel://127.0.0.1:1/service?sentinel_password=hunter-moonlight",
]


def leaks(text: str) -> list[str]:
    return [part for part in PARTS if part in text]


def told(error: BaseException) -> str:
    """All that is printed of an error: its causes, and their notes, too; not the lines of code."""
    lines = traceback.format_exception(error)
    return "".join(line for line in lines if not line.startswith('  File "'))


async def by_init(url: str) -> None:
    await init_rapyer(url)


async def by_environment(url: str) -> None:
    os.environ["RAPYER_REDIS_URL"] = url

    class Named(AtomicRedisModel):
        n: int = 0

    await Named().save()


async def by_option(url: str) -> None:
    class Placed(AtomicRedisModel):
        n: int = 0

        class Config:
            redis = url

    await Placed().save()


@pytest.mark.parametrize(
    ("road", "url"),
    [*product([by_init, by_environment, by_option], BAD), (by_init, SLOW[0]), (by_option, SLOW[1])],
)
async def test_a_url_that_fails_is_told_without_its_password(
    monkeypatch, caplog, road: Callable[[str], Awaitable[None]], url
):
    monkeypatch.setenv("RAPYER_REDIS_URL", "")  # is put back when the test ends
    caplog.set_level(logging.DEBUG)
    kinds = (ValueError, RedisError, NotConnectedError, ModelDefinitionError, OSError)
    try:
        with pytest.raises(kinds) as caught:
            await road(url)
    finally:
        await teardown_rapyer()
    assert not leaks(told(caught.value)), told(caught.value)
    assert not leaks(caplog.text), caplog.text


@pytest.mark.parametrize(
    "where",
    [
        b"redis://ann:hunter-moonlight@h",
        TypeAdapter(RedisDsn).validate_python("redis://ann:hunter-moonlight@h"),
        SecretStr("redis://ann:hunter-moonlight@h"),
        ["redis://ann:hunter-moonlight@h"],
    ],
    ids=lambda where: type(where).__name__,
)
def test_what_is_no_text_is_told_by_its_type(where):
    with pytest.raises(ValueError, match=type(where).__name__) as caught:
        init_rapyer(where)
    assert not leaks(told(caught.value))
    config = {"redis": where}
    with pytest.raises(ModelDefinitionError) as caught_too:
        type("Wrong", (AtomicRedisModel,), {"Config": config, "__module__": __name__})
    assert not leaks(told(caught_too.value))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://ann:pw@redis.local:6379/0?password=x", "redis://redis.local:6379/0"),
        ("rediss://:pw@[::1]:6379", "rediss://[::1]:6379"),
        ("unix://ann:pw@/run/redis.sock?db=1", "unix:///run/redis.sock"),
        ("localhost:6379", "localhost:6379"),
        ("redis+cluster://ann:pw@a:1,b:2", "redis+cluster://a:1,b:2"),
        ("redis+sentinel://:pw@a:1,b:2/mine/0?x=y", "redis+sentinel://a:1,b:2/mine/0"),
    ],
)
def test_where_the_server_is_can_still_be_told(url, shown):
    assert without_secrets(url) == shown


@pytest.fixture
def guarded():
    with Server(password="hunter-moonlight") as server:
        yield server


async def test_reprs_of_what_holds_a_password_do_not_show_it(guarded):
    client = Redis.from_url(guarded.url)

    class Own(AtomicRedisModel):
        n: int = 0

        class Config:
            redis = client

    source = RedisSource.of(guarded.url)
    async with init_rapyer(guarded.url) as info:
        await Own(n=1).save()
        channel = source.channel()
        for shown in (guarded, info, source, channel, Own, Own(n=1), Own.n, init_rapyer):
            assert not leaks(f"{shown!r}{shown}"), shown
        await channel.close()
    await client.aclose()
    with pytest.warns(RuntimeWarning, match="was dropped") as warned:
        init_rapyer(guarded.url)
    assert not leaks(" ".join(str(one.message) for one in warned))


class Waiting(AtomicRedisModel):
    id: Key[str]

    class Config:
        prefix = "security:waiting"


async def test_a_write_of_unknown_outcome_names_the_server_without_its_password(guarded):
    url = f"{guarded.url}{'&' if '?' in guarded.url else '?'}socket_timeout=0.3"
    async with init_rapyer(url):
        await Waiting(id="1").save()
        admin = Redis.from_url(guarded.url)
        await admin.execute_command("CLIENT", "PAUSE", "1000", "WRITE")
        with pytest.raises(OutcomeUnknownError) as caught:
            await Waiting(id="1").save()
        await admin.execute_command("CLIENT", "UNPAUSE")
        await admin.aclose()
    text = told(caught.value)
    assert "did not answer" in text
    assert not leaks(text)


async def test_a_wrong_password_is_refused_without_being_repeated(guarded):
    url = guarded.url.replace("moonlight", "sunlight")
    with pytest.raises(RedisError) as caught:
        await init_rapyer(url)
    await teardown_rapyer()
    assert not leaks(told(caught.value))
    assert "sunlight" not in told(caught.value)


@pytest.mark.parametrize("url", BAD)
@pytest.mark.parametrize(
    "arguments",
    [
        ["plugins"],
        ["index", "list"],
        ["index", "list", "--redis", "URL"],
        ["doctor"],
        ["doctor", "--redis", "URL"],
        ["inspect", "x:1", "--redis", "URL", "--json"],
    ],
)
def test_the_command_line_does_not_print_the_password(monkeypatch, capfd, arguments, url):
    monkeypatch.setenv("RAPYER_REDIS_URL", url)
    with suppress(SystemExit):
        main([url if one == "URL" else one for one in arguments])
    printed = "".join(capfd.readouterr())
    assert printed
    assert not leaks(printed), printed
    asyncio.run(teardown_rapyer())
