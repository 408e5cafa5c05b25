"""Times to live: options, the expiry itself, the grace period, and clients that die."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import pickle
import random
import signal
import sys
import time
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapyer import (
    AtomicRedisModel,
    ConflictError,
    Field,
    Key,
    KeyNotFoundError,
    ModelDefinitionError,
    OptionError,
    RedisInt,
    Version,
    WrongTypeError,
    init_rapyer,
)
from rapyer.base import BaseRedisModel
from rapyer.errors import PluginError
from rapyer.plugin import AccessPolicy, extends, hookimpl
from rapyer.testing import use_plugins
from rapyer_bulk import plugin as bulk_plugin
from rapyer_query import plugin as query_plugin
from rapyer_ttl import ModelExpiredError, allow_expired
from rapyer_ttl import plugin as ttl_plugin
from rapyer_ttl.durations import milliseconds
from redis.exceptions import NoPermissionError

HOUR = 3600_000


class Session(AtomicRedisModel):
    id: Key[str]
    name: str = ""
    score: RedisInt = Field(default=0)

    class Config:
        prefix = "ttl:session"
        ttl = "1h"
        ttl_postpone_on_access = True
        ttl_grace_period = timedelta(hours=1)


class Simple(AtomicRedisModel):
    id: Key[str]
    name: str = ""

    class Config:
        prefix = "ttl:simple"
        ttl = 3600


class Free(AtomicRedisModel):
    id: Key[str]
    name: str = ""

    class Config:
        prefix = "ttl:free"


class Lazy(AtomicRedisModel):
    id: Key[str]

    class Config:
        prefix = "ttl:lazy"
        ttl_postpone_on_access = True


async def expire(redis: Any, one: AtomicRedisModel) -> None:
    """Let the time of a document be over, and its grace period half so."""
    await redis.pexpire(one.key, HOUR // 2)


# -- lengths of time ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (3600, HOUR), (0.5, 500), (timedelta(hours=1), HOUR), ("1h", HOUR), ("2h30m", 9_000_000),
        ("90s", 90_000), ("250ms", 250), ("1d 12h", 129_600_000), ("1.5m", 90_000),
        (" 1w ", 604_800_000),
        (timedelta(microseconds=1500), 2),
    ],
)  # fmt: skip
def test_lengths_of_time(written, expected):
    assert milliseconds(written) == expected


@given(
    st.lists(
        st.tuples(st.integers(1, 99), st.sampled_from(["ms", "s", "m", "h", "d", "w"])), min_size=1
    )
)
def test_a_text_is_the_sum_of_its_parts(parts):
    units = {"ms": 1, "s": 1000, "m": 60_000, "h": HOUR, "d": 24 * HOUR, "w": 168 * HOUR}
    text = "".join(f"{number}{unit}" for number, unit in parts)
    assert milliseconds(text) == sum(number * units[unit] for number, unit in parts)


@pytest.mark.parametrize(
    "written",
    [
        0,
        -1,
        0.0001,
        "",
        "h",
        "1",
        "1x",
        "1h x",
        "-1h",
        "1h-",
        float("nan"),
        float("inf"),
        10**13,
        "99999999w",
    ],
)
def test_what_is_no_length_of_time_is_refused(written):
    with pytest.raises(ValueError, match="is no"):
        milliseconds(written)


# -- options --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"ttl": 0}, "is not a time between 1 ms"),
        ({"ttl": -5}, "is not a time"),
        ({"ttl": "soon"}, "is not a string of numbers with units"),
        ({"ttl": True}, "is not a valid value for this option"),
        ({"ttl": 60, "ttl_refresh_interval": 5}, "nothing that postpones"),
        (
            {"ttl": 60, "ttl_postpone_on_write": True, "ttl_refresh_interval": 60},
            "would expire before",
        ),
        ({"ttl": 60, "ttl_grace_period": -1}, "is not a time"),
        ({"ttl": 60, "ttl_postpone_on_access": 1}, "valid boolean"),
        ({"ttl_postpone": True}, "Did you mean"),
    ],
)  # fmt: skip
def test_options_that_cannot_be_are_refused_when_the_class_is_made(options, reason):
    with pytest.raises((OptionError, ModelDefinitionError), match=reason):

        class Wrong(AtomicRedisModel):
            id: Key[str]
            Config = type("Config", (), options)


async def test_a_model_without_a_ttl_takes_that_of_init_rapyer(redis, redis_url):
    async with init_rapyer(redis_url):
        for call in (Lazy(id="1").save(), Lazy.get("1"), Lazy.get_ttl_by_key("1")):
            with pytest.raises(
                (OptionError, KeyNotFoundError), match=r"init_rapyer\(url, ttl=|no document"
            ):
                await call
        assert not await redis.exists("ttl:lazy:1")
    async with init_rapyer(redis_url, ttl="10m"):
        one = await Lazy(id="1").save()
        assert await one.get_ttl() == pytest.approx(600, abs=1)
        await redis.pexpire(one.key, 1000)
        await Lazy.get("1")
        assert await one.get_ttl() == pytest.approx(600, abs=1)
        assert await Simple(id="1").save()
        assert await Simple.get_ttl_by_key("1") == pytest.approx(3600, abs=1)
    with pytest.raises(ModelDefinitionError, match="would expire before"):

        class Odd(AtomicRedisModel):
            id: Key[str]

            class Config:
                prefix = "ttl:odd"
                ttl = 5
                ttl_postpone_on_write = True
                ttl_refresh_interval = 6


async def test_a_subclass_can_have_none(server, redis):
    class Forever(Simple):
        class Config(Simple.Config):
            prefix = "ttl:forever"
            ttl = None

    class Endless(Session):
        class Config(Session.Config):
            prefix = "ttl:endless"
            ttl = None

    for model in (Forever, Endless):
        one = await model(id="1").save()
        assert await redis.pttl(one.key) == -1
        assert await model.get("1") == one


# -- the expiry itself ----------------------------------------------------------------------------


@pytest.mark.parametrize("model", [Session, Simple, Free])
async def test_the_expiry_is_asked_for_and_set(server, redis, model):
    one = await model(id="1").save()
    grace = HOUR if model is Session else 0
    await one.set_ttl("10m")
    assert 600_000 + grace - 1000 < await redis.pttl(one.key) <= 600_000 + grace
    assert await one.get_ttl() == pytest.approx(600, abs=1)
    assert await model.get_ttl_by_key("1") == pytest.approx(600, abs=1)
    assert await one.postpone_ttl(by=60) == pytest.approx(660, abs=1)
    assert await model.postpone_ttl_by_key("1", timedelta(minutes=1)) == pytest.approx(720, abs=1)
    assert await one.persist()
    assert not await model.persist_by_key("1")
    assert await one.get_ttl() is None
    assert await one.postpone_ttl(by=5) is None
    await one.save()
    await model.get("1")
    assert await redis.pttl(one.key) == -1
    await model.set_ttl_by_key("1", 5.5)
    assert await one.get_ttl() == pytest.approx(5.5, abs=0.5)
    if model is Free:
        with pytest.raises(OptionError, match="no lifetime is configured for Free"):
            await one.postpone_ttl()
        with pytest.raises(OptionError, match=r"Await set_ttl\(5\) after save"):
            await one.save(ttl=5)
        return
    assert await one.postpone_ttl() == pytest.approx(3600, abs=1)
    await one.set_ttl("10h")
    assert await one.postpone_ttl() == pytest.approx(36_000, abs=1)  # never shorter
    await model.get("1")
    await one.save()
    assert await one.get_ttl() == pytest.approx(36_000, abs=1)
    assert await one.save(ttl="1m") is one
    assert await one.get_ttl() == pytest.approx(60, abs=1)
    assert await one.save(ttl="2m", only_if="present")
    assert await one.get_ttl() == pytest.approx(120, abs=1)
    await one.persist()
    await one.save(ttl=5)
    assert await one.get_ttl() == pytest.approx(5, abs=1)
    assert await model(id="2").save(only_if="absent", ttl=7)
    assert await model.get_ttl_by_key("2") == pytest.approx(7, abs=1)


async def test_what_is_not_there_is_said(server, redis):
    one = Session(id="9")
    await redis.set("ttl:session:8", "x")
    for call in ("get_ttl", "postpone_ttl", "persist"):
        with pytest.raises(KeyNotFoundError):
            await getattr(one, call)()
        with pytest.raises(WrongTypeError):
            await getattr(Session, f"{call}_by_key")("8")
    with pytest.raises(KeyNotFoundError):
        await one.set_ttl(5)
    for wrong in (0, -1, "x", 10**400):
        with pytest.raises(ValueError, match=f"^{wrong!r} is not a .* Give seconds"):
            await one.set_ttl(wrong)
        with pytest.raises(ValueError, match=f"^{wrong!r} is no"):
            await one.save(ttl=wrong)
    with pytest.raises(TypeError, match="is not a duration"):
        await one.set_ttl(None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "time_of_fifty", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, 50))]
)
async def test_a_document_lives_as_long_as_it_is_said_in_real_time(server, redis, time_of_fifty):
    class Short(AtomicRedisModel):
        id: Key[str]

        class Config:
            prefix = "ttl:short"
            ttl = 0.4
            ttl_postpone_on_access = True

    await Short(id="1").save()
    started = time.monotonic()
    while time.monotonic() - started < 1:
        assert await Short.get("1")
        await asyncio.sleep(0.02)
    deadline = time.monotonic() + 5
    while await redis.exists("ttl:short:1"):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    assert await Short.get("1", None) is None


# -- grace ----------------------------------------------------------------------------------------


async def test_an_expired_document_is_told_and_can_be_had_back(server, redis):
    one = await Session(id="1", name="Ada").save()
    await expire(redis, one)
    with pytest.raises(ModelExpiredError, match="allow_expired=True") as caught:
        await Session.get("1")
    assert isinstance(caught.value, KeyNotFoundError)
    assert caught.value.model == one
    assert caught.value.key == one.key
    assert await Session.get("1", None) is None
    assert await Session.get("1", allow_expired=True) == one
    assert await Session.get("1", None, allow_expired=True) == one
    assert await Session.get("2", None, allow_expired=True) is None
    with pytest.raises(KeyNotFoundError) as missing:
        await Session.get("2")
    assert not isinstance(missing.value, ModelExpiredError)
    assert await redis.pttl(one.key) <= HOUR // 2  # nobody has postponed it
    for call in (one.load(), one.get_ttl(), one.set_ttl(5), one.persist(), one.score.aincrease(1)):
        with pytest.raises(KeyNotFoundError):
            await call
    assert await caught.value.model.postpone_ttl() == pytest.approx(3600, abs=1)
    assert await Session.get("1") == one


async def test_a_block_takes_expired_documents_for_what_they_are(server, redis):
    for number in range(6):
        one = await Session(id=str(number), name="x").save()
        if number % 2:
            await expire(redis, one)
    found = Session.find(Session.name == "x").sort(Session.id)
    assert [one.id for one in await found.to_list()] == ["0", "2", "4"]
    assert [one.id for one in await found.skip(1).limit(1).to_list()] == ["2"]
    assert await found.count() == 3
    assert (
        await Session.bulk_get([str(n) for n in range(6)], missing="skip") == await found.to_list()
    )
    assert await Session.find(Session.id == "1").exists() is False
    with allow_expired():
        assert [one.id for one in await found.to_list()] == ["0", "1", "2", "3", "4", "5"]
        assert await found.count() == 6
        assert len(await Session.bulk_get([str(n) for n in range(6)])) == 6
        assert await Session.exists("1")
        await Session.aupdate_by_key("1", name="y")
        await (await Session.get("5")).save()
    for number in (1, 3):  # neither a look nor a partial write lets them live again
        assert await redis.pttl(f"ttl:session:{number}") <= HOUR // 2
    assert await Session.get_ttl_by_key("5")
    await Session.delete_by_key("5")
    assert await found.update(name="z") == 3
    assert await Session.find(Session.name == "z").delete() == 3
    assert not await redis.exists("ttl:session:0")
    assert await redis.exists("ttl:session:3")
    assert await Session.delete_by_key("3")
    assert not await redis.exists("ttl:session:3")


async def test_a_save_writes_over_an_expired_document(server, redis):
    one = await Session(id="1", name="old").save()
    for write in (
        lambda: one.save(),
        lambda: Session(id="1", name="new").save(only_if="absent"),
        lambda: Session.get_or_create(Session(id="1", name="new")),
        lambda: Session.bulk_insert([Session(id="1", name="new")], mode="insert"),
    ):
        await expire(redis, one)
        assert await write()
        assert await one.get_ttl() == pytest.approx(3600, abs=1)
    assert (await Session.get("1")).name == "new"
    await expire(redis, one)
    assert await one.save(only_if="present") is False
    assert (await Session.get("1", allow_expired=True)).name == "new"


async def test_a_new_instance_with_a_version_does_not_write_over_one(server, redis):
    class Counted(AtomicRedisModel):
        id: Key[str]
        revision: Version

        class Config:
            prefix = "ttl:counted"
            ttl = 3600
            ttl_grace_period = 3600

    one = await Counted(id="1").save()
    await expire(redis, one)
    with pytest.raises(ConflictError):
        await Counted(id="1").save()
    again = await Counted.get("1", allow_expired=True)
    await again.save()
    assert (await Counted.get("1")).revision == 2


async def test_a_document_that_was_made_meanwhile_is_given_and_not_called_expired(server, redis):
    """Somebody fills a cache while others read it."""

    async def fill() -> None:
        for _ in range(150):
            await Session(id="1").save()
            await redis.delete("ttl:session:1")

    async def read() -> int:
        found = 0
        for _ in range(200):
            with contextlib.suppress(KeyNotFoundError):
                try:
                    found += (await Session.get("1")).id == "1"
                except ModelExpiredError:
                    pytest.fail("nothing has expired")
        return found

    _, *found = await asyncio.gather(fill(), *(read() for _ in range(8)))
    assert sum(found) > 0


@pytest.mark.parametrize("skip", [0, 1, 3, 7])
async def test_every_end_of_a_query_counts_what_is_left(server, redis, skip):
    for number in range(20):
        one = await Session(id=f"{number:02}", name="x").save()
        if number % 2 == 0:
            await expire(redis, one)
    left = [f"{number:02}" for number in range(1, 20, 2)]
    query = Session.find(Session.name == "x").sort(Session.id).skip(skip).limit(4)
    expected = left[skip : skip + 4]
    assert [one.id for one in await query.to_list()] == expected
    assert await query.keys() == [f"ttl:session:{number}" for number in expected]
    assert await query.count() == len(expected)
    assert await query.exists() is bool(expected)
    assert await query.update(name="y") == len(expected)
    assert [
        one.id for one in await Session.find(Session.name == "y").sort(Session.id).to_list()
    ] == expected
    assert await Session.find(Session.name == "y").sort(Session.id).skip(1).limit(
        2
    ).delete() == len(expected[1:3])
    gone = [number for number in left if not await redis.exists(f"ttl:session:{number}")]
    assert gone == expected[1:3]


async def test_a_key_of_another_type_is_told_as_such(server, redis):
    await redis.set("ttl:session:1", "x", px=HOUR // 2)
    for call in (
        Session.exists("1"), Session.aupdate_by_key("1", name="x"), Session(id="1").save(),
        Session.get("1"), Session.score.increase("1", 1),
    ):  # fmt: skip
        with pytest.raises(WrongTypeError):
            await call
    assert await redis.get("ttl:session:1") == b"x"


def test_the_error_of_an_expired_document_travels():
    error = ModelExpiredError("it has expired", key="ttl:session:1", model=Session(id="1"))
    for other in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert (str(other), other.key, other.model) == (str(error), error.key, error.model)


# -- others ---------------------------------------------------------------------------------------


async def test_who_may_not_set_an_expiry_writes_nothing(redis, redis_url):
    await redis.execute_command(
        "ACL", "SETUSER", "few", "reset", "on", ">pw", "~*", "+@all", "-pexpire"
    )
    async with init_rapyer(redis_url.replace("unix://", "unix://few:pw@")):
        with pytest.raises(NoPermissionError, match="PEXPIRE"):
            await Simple(id="1").save()
        assert await Free(id="1").save()
    assert not await redis.exists("ttl:simple:1")
    await redis.execute_command("ACL", "DELUSER", "few")


async def test_it_works_beside_plugins_of_others_and_without_those_of_the_project(redis, redis_url):
    class Noting:
        RAPYER_API_VERSION = 1

        @hookimpl
        def rapyer_access_policy(self, model):
            return AccessPolicy("noting", apply="redis.call('INCR', 'noted:' .. access)")

    with use_plugins(ttl_plugin, Noting()) as alone:

        class Other(alone.AtomicRedisModel):
            id: Key[str]

            class Config:
                prefix = "ttl:other"
                ttl = 60

        assert not hasattr(Other, "find")
        async with init_rapyer(redis_url):
            one: Any = await Other(id="1").save()
            await Other.get("1")
            assert await one.get_ttl() == pytest.approx(60, abs=1)
    assert (await redis.get("noted:write"), await redis.get("noted:read")) == (b"1", b"1")


async def test_several_plugins_extend_one_operation(redis, redis_url):
    class Noted(BaseRedisModel):
        @extends
        async def save(self, *, note: str = "", **others: Any) -> Any:
            notes.append(note)
            core: Any = super()
            return await core.save(**others)

    class Plugin:
        RAPYER_API_VERSION = 1

        @hookimpl
        def rapyer_register_mixins(self, register):
            register(Noted)

    for plugins in ((ttl_plugin, Plugin()), (Plugin(), ttl_plugin)):
        notes: list[str] = []
        with use_plugins(*plugins) as host:

            class Doc(host.AtomicRedisModel):
                id: Key[str]

                class Config:
                    prefix = "ttl:extended"
                    ttl = 60

            async with init_rapyer(redis_url):
                one: Any = await Doc(id="1").save(ttl=5, note="seen")
                assert await one.get_ttl() == pytest.approx(5, abs=1)
                with pytest.raises(TypeError, match="tttl"):
                    await one.save(tttl=5)
        assert notes[0] == "seen"


async def test_what_a_policy_does_not_let_be_written_is_left_out_of_many(redis, redis_url):
    class Guarding:
        RAPYER_API_VERSION = 1

        @hookimpl
        def rapyer_access_policy(self, model):
            guard = "if access == 'write' and string.find(key, 'fixed') then return false end"
            return AccessPolicy("guarding", check=guard)

    with use_plugins(Guarding(), bulk_plugin, query_plugin) as host:

        class Doc(host.AtomicRedisModel):
            id: Key[str]
            name: str = ""

            class Config:
                prefix = "ttl:guarded"

        async with init_rapyer(redis_url):
            for name in ("a", "fixed"):
                await Doc(id=name, name="x").save()
            with pytest.raises(KeyNotFoundError, match="ttl:guarded:fixed"):
                await Doc.aupdate_by_key("fixed", name="y")
            result = await Doc.bulk_update(["a", "fixed"], name="y")
            assert (result.updated, result.missing) == (1, 1)
            assert await Doc.find(Doc.name.in_(["x", "y"])).update(name="z") == 1
            assert (await Doc.get("fixed")).name == "x"
            await Doc.find().delete()


def test_an_extension_of_what_is_none_of_cores_is_refused():
    class Wrong(BaseRedisModel):
        @extends
        async def nothing(self) -> None: ...

    class Plugin:
        RAPYER_API_VERSION = 1

        @hookimpl
        def rapyer_register_mixins(self, register):
            register(Wrong)

    with (
        pytest.raises(PluginError, match="core has no such operation"),
        use_plugins(Plugin()) as host,
    ):
        _ = host.AtomicRedisModel


async def test_models_without_a_ttl_send_bare_commands(server, redis):
    await Free(id="1").save()
    await Simple(id="1").save()
    before = (await redis.info("commandstats")).get("cmdstat_evalsha", {}).get("calls", 0)
    await Free(id="1").save()
    await Free.get("1")
    await Simple.get("1")  # which no read postpones
    after = (await redis.info("commandstats")).get("cmdstat_evalsha", {}).get("calls", 0)
    assert after == before


PROGRAM = """
import asyncio, sys
from rapyer import AtomicRedisModel, Field, Key, RedisInt, init_rapyer

class Simple(AtomicRedisModel):
    id: Key[str]
    name: str = ""
    score: RedisInt = Field(default=0)
    class Config:
        prefix = "ttl:killed"
        ttl = 3600

async def main(url):
    async with init_rapyer(url):
        number = 0
        while True:
            number += 1
            made = [Simple(id=f"{number}-{n}") for n in range(20)]
            await asyncio.gather(*(one.save() for one in made[:5]))
            await Simple.bulk_insert(made[5:])
            await asyncio.gather(*(one.aupdate(name="x") for one in made))
            await asyncio.gather(*(one.score.aincrease(1) for one in made))
            await Simple.find(Simple.name == "x").update(name="y")
            print("+", flush=True)

asyncio.run(main(sys.argv[1]))
"""


async def test_a_client_that_is_killed_leaves_no_document_without_an_expiry(
    server, redis, redis_url, tmp_path
):
    (path := tmp_path / "write.py").write_text(PROGRAM)
    for _ in range(4):
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(path), redis_url, stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        await process.stdout.readline()
        await asyncio.sleep(random.uniform(0, 0.2))
        process.send_signal(signal.SIGKILL)
        await process.wait()
    keys = await redis.keys("ttl:killed:*")
    assert len(keys) > 60
    assert [key for key in keys if await redis.pttl(key) < 0] == []
