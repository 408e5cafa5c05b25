"""What a user of the server has to be allowed, and what one with few rights cannot reach."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import rapyer_bulk.plugin
import rapyer_pipeline.plugin
import rapyer_ttl.plugin
from rapyer import AtomicRedisModel, Field, Key, Mapped, RapyerError, Version, init_rapyer
from rapyer.commands.checks import CORE_COMMANDS
from rapyer_query.doctor import QUERY_COMMANDS
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError, ResponseError

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/security.md").read_text()
#: What each package needs, by the table of the page.
NEEDED = {
    package: commands.replace("`", "").replace("\\|", "|").split()
    for package, commands in re.findall(r"^\| `(rapyer-[a-z]+)` \| (`.+`) \|$", PAGE, re.MULTILINE)
}


#: What each package has `python -m rapyer doctor` ask for.
ASKED = {
    "rapyer-core": CORE_COMMANDS,
    "rapyer-bulk": rapyer_bulk.plugin.COMMANDS,
    "rapyer-pipeline": rapyer_pipeline.plugin.COMMANDS,
    "rapyer-query": QUERY_COMMANDS,
    "rapyer-ttl": rapyer_ttl.plugin.COMMANDS,
}


def test_doctor_asks_for_the_commands_of_the_page():
    assert {package: {*commands} for package, commands in ASKED.items()} == {
        package: {*commands} for package, commands in NEEDED.items()
    }


class Mine(AtomicRedisModel):
    id: Key[str]
    text: Mapped[str] = Field(default="")
    n: Mapped[int] = 0
    numbers: Mapped[list[int]] = Field(default_factory=list)
    counts: Mapped[dict[str, int]] = Field(default_factory=dict)
    seen: Mapped[datetime] = datetime(2020, 1, 1)
    revision: Version = Field(default=0)

    class Config:
        prefix = "security:mine"


class Lasting(Mine):
    class Config(Mine.Config):
        prefix = "security:lasting"
        ttl = 1000
        ttl_postpone_on_access = True


class Foreign(AtomicRedisModel):
    id: Key[str]
    text: Mapped[str] = Field(default="")

    class Config:
        prefix = "security:foreign"


async def use_core(model: Any) -> None:
    one = await model.get("1")
    await one.load()
    await model.get_or_create(model(id="2"))
    await model(id="3").save(only_if="absent")
    await one.aupdate(n=2, text="x")
    await model.aupdate_by_key("1", n=3)
    await model.n.increase("1", 1)
    await model.text.append("1", "x")
    await model.seen.shift("1", timedelta(1))
    numbers, counts = model.numbers, model.counts
    await numbers.extend("1", [1, 2, 3, 4])
    await numbers.insert("1", 1, 1)
    await numbers.pop("1", 0)
    await numbers.remove("1", 3)
    await numbers.set_item("1", 0, 5)
    await numbers.remove_range("1", 1, 2)
    await numbers.len("1")
    await numbers.clear("1")
    await counts.update("1", {"a": 1, "b": 2, "c": 3})
    await counts.set_item("1", "a", 2)
    await counts.pop("1", "a")
    await counts.del_item("1", "b")
    await counts.popitem("1")
    await counts.len("1")
    await counts.clear("1")
    await model.extract_many(["1", "2"], model.n)
    await asyncio.gather(model.get("1"), model.get("2"), model.exists("1"))
    await model.delete_by_key("3")


async def use_locks(model: Any) -> None:
    async def change() -> None:
        async with model.lock_by_key("1", wait=20) as one:
            one.n += 1
            await asyncio.sleep(0.01)

    await asyncio.gather(*(change() for _ in range(3)))


async def use_bulk(model: Any) -> None:
    some = [model(id=str(n)) for n in range(10, 20)]
    await model.bulk_insert(some)
    await model.bulk_update([one.key for one in some], n=2)
    await model.bulk_insert([model(id="20")], mode="insert")
    await model.bulk_insert([model(id="21"), model(id="22")], transaction=True)
    assert await model.bulk_exists(["10", "nobody"]) == [True, False]
    assert len(await model.bulk_get([one.key for one in some])) == 10
    assert (await model.bulk_delete([one.key for one in some])).deleted == 10


async def use_pipeline(model: Any) -> None:
    async with model.pipeline_for("1") as p:
        p.n += 1
        p.text += "x"
        p.numbers.append(3)
        p.counts["a"] = 1
        (p.n > 1).if_true(lambda: p.counts.pop("a"))


async def use_query(model: Any) -> None:
    adults = model.find(model.n >= 0)
    await model.find(model.text.startswith("ab")).to_list()
    assert await adults.count() == len(await adults.keys()) == len(await adults.to_list())
    await adults.sort(model.n).limit(1).to_list()
    await adults.explain()
    await adults.sum(model.n)
    await adults.update(text="y")
    await model.find(model.text < "z").scan().to_list()
    await model.find(model.n == 99).delete()
    await model.index.rebuild()
    await model.index.drop()


async def use_ttl(model: Any) -> None:
    await model.set_ttl_by_key("1", 50)
    await model.get_ttl_by_key("1")
    await model.postpone_ttl_by_key("1", by=50)
    await model.persist_by_key("1")


USES: dict[str, list[Callable[[Any], Awaitable[None]]]] = {
    "rapyer-core": [use_core, use_locks],
    "rapyer-bulk": [use_bulk],
    "rapyer-pipeline": [use_pipeline],
    "rapyer-query": [use_query],
    "rapyer-ttl": [use_ttl],
}


def url_of(redis_url: str, user: str) -> str:
    return f"{redis_url}{'&' if '?' in redis_url else '?'}username={user}&password=pw"


@pytest.fixture
async def as_user(redis_url, redis) -> AsyncIterator[Callable[..., Awaitable[str]]]:
    """Makes the one user of a test, and gives its URL."""

    async def make(*rules: str) -> str:
        await redis.execute_command("ACL", "SETUSER", "few", "reset", "on", ">pw", *rules)
        return url_of(redis_url, "few")

    await redis.execute_command("SCRIPT", "FLUSH")
    await redis.execute_command("FUNCTION", "FLUSH")
    yield make
    await redis.execute_command("ACL", "DELUSER", "few")


@pytest.mark.parametrize("package", USES)
async def test_what_the_page_names_is_enough_for_a_package(redis_url, redis, as_user, package):
    allowed = {*NEEDED["rapyer-core"], *NEEDED[package]}
    for model in (Lasting,) if package == "rapyer-ttl" else (Mine, Lasting):
        extra = NEEDED["rapyer-ttl"] if model is Lasting else []
        await redis.flushdb()
        async with init_rapyer(redis_url):
            await model(id="1").save()
        rules = [f"+{one.lower()}" for one in {*allowed, *extra}]
        prefix = model.__rapyer_identity__.prefix
        keys = (f"~{prefix}:*", f"~rapyer:{prefix}:*", f"~rapyer:lock*:{{{prefix}:*")
        url = await as_user(*keys, *rules)
        async with init_rapyer(url):
            for use in USES[package]:
                await use(model)


def test_the_page_names_every_command_that_sources_call():
    for package, commands in NEEDED.items():
        named = {*commands, *NEEDED["rapyer-core"]}
        # what an application sends; the page says by itself what tools for the shell do
        files = (ROOT / f"packages/{package}/src").rglob("*.py")
        sources = [file for file in files if "commands" not in file.parts]
        sources += (ROOT / f"packages/{package}/src").rglob("*.lua")
        called: set[str] = set()
        for source in sources:
            text = source.read_text()
            called |= {*re.findall(r"redis\.p?call\(\s*['\"]([A-Z._]+)['\"]", text)}
            modules = "JSON|FT" if package == "rapyer-query" else "JSON"
            called |= {*re.findall(rf"[\"']((?:{modules})\.[A-Z_]+)[\"']", text)}
        assert called <= named, (package, called - named)


async def test_a_user_of_one_model_can_neither_read_nor_change_documents_of_another(
    redis_url, redis, as_user
):
    async with init_rapyer(redis_url):
        await Foreign(id="1", text="secret").save()
        await Foreign.find().keys()  # makes the index
    before = await redis.execute_command("JSON.GET", "security:foreign:1")
    url = await as_user("~security:mine:*", "~rapyer:*", "+@all", "-@admin")
    roads: dict[str, Callable[[], Any]] = {
        "get": lambda: Foreign.get("1"),
        "path": lambda: Foreign.text.get("1"),
        "extract": lambda: Foreign.extract("1", Foreign.text),
        "bulk_get": lambda: Foreign.bulk_get(["1"]),
        "save": lambda: Foreign(id="1", text="mine").save(),
        "aupdate": lambda: Foreign.aupdate_by_key("1", text="mine"),
        "append": lambda: Foreign.text.append("1", "mine"),
        "bulk_insert": lambda: Foreign.bulk_insert([Foreign(id="1", text="mine")]),
        "bulk_update": lambda: Foreign.bulk_update(["1"], text="mine"),
        "bulk_delete": lambda: Foreign.bulk_delete(["1"]),
        "delete": lambda: Foreign.delete_by_key("1"),
        "pipeline": lambda: _append(Foreign),
        "update by query": lambda: Foreign.find(Foreign.text == "secret").update(text="mine"),
        "delete by query": lambda: Foreign.find(Foreign.text == "secret").delete(),
        "scan": lambda: Foreign.find().scan().delete(),
    }
    async with init_rapyer(url):
        for name, road in roads.items():
            with pytest.raises((NoPermissionError, ResponseError, RapyerError)) as caught:
                await road()
            assert "secret" not in str(caught.value), name
    assert await redis.execute_command("JSON.GET", "security:foreign:1") == before


async def _append(model: Any) -> None:
    async with model.pipeline_for("1") as p:
        p.text += "mine"


async def test_a_search_needs_the_name_of_the_index_and_not_the_keys_of_its_documents(
    redis_url, redis, as_user
):
    """The limit that the page names."""
    async with init_rapyer(redis_url):
        await Foreign(id="1", text="secret").save()
        await Foreign.find().keys()
        (index,) = await redis.execute_command("FT._LIST")
    rules = ("~security:mine:*", "~rapyer:security:mine:*", "+@all", "-@dangerous")
    schema = ("ON", "JSON", "PREFIX", 1, "security:foreign:", "SCHEMA", "$.text", "AS", "t", "TAG")
    client = Redis.from_url(await as_user(*rules, "-ft.create", "-ft.alter"), protocol=2)
    try:
        for refused in (
            ("JSON.GET", "security:foreign:1"),
            ("FT.SEARCH", index, "*"),
            ("FT.AGGREGATE", index, "*", "LOAD", 1, "$"),
            ("FT.ALIASADD", "rapyer:security:mine:x", index),
            ("FT.CREATE", "rapyer:security:mine:x", *schema),
        ):
            with pytest.raises(NoPermissionError):
                await client.execute_command(*refused)
        await as_user(*rules)
        await client.aclose()
        await client.execute_command("FT.CREATE", "rapyer:security:mine:x", *schema)
        async with asyncio.timeout(20):
            found: Any = [0]
            while not found[0]:  # it is built in the background
                found = await client.execute_command("FT.SEARCH", "rapyer:security:mine:x", "*")
        assert b"secret" in found[2][1]
    finally:
        await client.aclose()
