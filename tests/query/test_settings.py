"""Servers that are set otherwise: what would be cut is found whole, or is an error."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from rapyer import AtomicRedisModel, Field, Key, Mapped, init_rapyer
from rapyer.base import channel_of
from rapyer.errors import UnsupportedServerError
from rapyer_embedded import Server
from rapyer_query import IndexUnavailableError
from rapyer_query.settings import limits_of
from redis.asyncio import Redis
from without_search import without_search as without_search


class Word(AtomicRedisModel):
    id: Key[int]
    text: Mapped[str]
    number: Mapped[int] = Field(default=0)

    class Config:
        prefix = "query:settings"


@pytest.fixture(scope="module")
def other() -> Any:
    with Server(args=["--enable-debug-command", "yes"]) as server:
        yield server


@pytest_asyncio.fixture
async def client(other: Server) -> AsyncIterator[Redis]:
    """A client of a server of its own, which has settings as they come."""
    redis = Redis.from_url(other.url, protocol=2)
    await redis.flushall()
    for name, value in (("MAXEXPANSIONS", 200), ("TIMEOUT", 500), ("MAXSEARCHRESULTS", -1)):
        await redis.execute_command("FT.CONFIG", "SET", name, value)
    yield redis
    await redis.aclose()


async def save(redis: Any, number: int) -> None:
    await Word.find().count()
    async with redis.pipeline(transaction=False) as pipe:
        for n in range(number):
            text = f'{{"id":{n},"text":"word{n}","number":{n}}}'
            pipe.execute_command("JSON.SET", f"query:settings:{n}", "$", text)
        await pipe.execute()


async def test_a_server_that_looks_at_200_texts_is_told_to_look_at_all(other, client):
    async with init_rapyer(other.url):
        await save(client, 3000)
        assert (await Word.find(Word.text.startswith("word")).explain()).is_exact
        assert await Word.find(Word.text.startswith("word")).count() == 3000
        assert await Word.find(Word.text.contains("ord1")).count() == 1111
        assert await Word.find(~Word.text.endswith("7")).count() == 2700


async def test_a_server_that_may_not_be_told_is_not_trusted(other, client):
    await client.execute_command(
        "ACL", "SETUSER", "reader", "on", ">pw", "~*", "+@all", "-ft.config"
    )
    await client.execute_command("FT.CONFIG", "SET", "MAXEXPANSIONS", 200)
    url = other.url.replace("unix://", "unix://reader:pw@")
    async with init_rapyer(url):
        await save(client, 3000)
        found = await Word.find(Word.text.startswith("word")).explain()
        assert (found.is_exact, found.query) == (False, "*")
        assert await Word.find(Word.text.startswith("word")).count() == 3000
        assert len(await Word.find(Word.text.contains("ord1")).to_list()) == 1111
        assert await Word.find(~Word.text.endswith("7")).count() == 2700
        assert not (await limits_of(channel_of(Word))).expands_all


async def test_a_setting_that_somebody_sets_back_is_noticed(other, client):
    async with init_rapyer(other.url):
        await save(client, 3000)
        query = Word.find(Word.text.startswith("word"))
        assert await query.count() == 3000
        await client.execute_command("FT.CONFIG", "SET", "MAXEXPANSIONS", 200)
        assert await query.count() == 3000
        assert not (await query.explain()).is_exact
        assert len(await query.keys()) == 3000
    async with init_rapyer(other.url):
        assert await query.count() == 3000
        await client.execute_command("FT.CONFIG", "SET", "MAXEXPANSIONS", 200)
        assert await query.delete() == 3000


async def test_a_server_that_stops_after_a_millisecond_gives_everything(other, client):
    await client.execute_command("FT.CONFIG", "SET", "TIMEOUT", 1)
    async with init_rapyer(other.url):
        await save(client, 120_000)
        assert await Word.find(Word.number >= 0).count() == 120_000
        assert len(await Word.find().values(Word.id).to_list()) == 120_000
        assert len(await Word.find().sort(Word.text).keys()) == 120_000
        assert await Word.find(Word.number >= 60_000).delete() == 60_000


@pytest.mark.parametrize("name", ["MAXSEARCHRESULTS", "MAXAGGREGATERESULTS"])
async def test_a_server_that_gives_few_rows_gives_everything_or_an_error(other, client, name):
    await client.execute_command("FT.CONFIG", "SET", name, 100)
    try:
        async with init_rapyer(other.url):
            await save(client, 3000)
            assert len(await Word.find().to_list()) == 3000
            assert len(await Word.find().sort(Word.number).to_list()) == 3000
            assert len(await Word.find().sort(Word.number).skip(10).limit(500).to_list()) == 500
            assert await Word.find().count() == 3000
            assert await Word.find(Word.number >= 10).update(number=5) == 2990
            assert await Word.find(Word.number >= 0).delete() == 3000
    finally:
        await client.execute_command("FT.CONFIG", "SET", name, -1)


async def test_documents_that_expire_leave_no_gap(other, client):
    async with init_rapyer(other.url):
        await save(client, 30)
        await client.execute_command("DEBUG", "SET-ACTIVE-EXPIRE", "0")
        for n in range(0, 30, 2):
            await client.pexpire(f"query:settings:{n}", 1)
        await asyncio.sleep(0.02)
        first = await Word.find().sort(Word.number).limit(5).to_list()
        assert [word.id for word in first] == [1, 3, 5, 7, 9]
        assert len(await Word.find().limit(7).to_list()) == 7
        assert len(await Word.find().limit(7).keys()) == 7
        assert len(await Word.find().to_list()) == 15
        assert len(await Word.find(Word.text > "").limit(9).to_list()) == 9
        assert await Word.find(Word.number == 2).exists() is False
        assert await Word.find(Word.number <= 3).delete() == 2
        await client.execute_command("DEBUG", "SET-ACTIVE-EXPIRE", "1")


async def test_another_database_has_no_index_and_is_scanned(other, client):
    async with init_rapyer(f"{other.url}?db=1"):
        for n in range(3):
            await Word(id=n, text=f"word{n}").save()
        with pytest.raises(
            IndexUnavailableError, match=r"Indexes exist only in database 0.*\.scan\(\)"
        ):
            await Word.find().to_list()
        scanning = Word.find(Word.text.endswith("1")).scan()
        assert [word.id for word in await scanning.to_list()] == [1]
        assert await scanning.count() == 1
        assert str(await scanning.explain()).startswith("index:   none: all documents are read")
        everything = Word.find().scan().sort("-text")
        assert [pk for (pk,) in await everything.values(Word.id).to_list()] == [2, 1, 0]
        assert await everything.limit(1).update(number=7) == 1
        assert (await Word.get(2)).number == 7
        assert await scanning.delete() == 1
        assert await Word.find().scan().count() == 2


async def test_a_user_who_may_not_make_an_index_uses_one_that_is_there(other, client):
    await client.execute_command(
        "ACL", "SETUSER", "plain", "on", ">pw", "~*", "+@all", "-ft.create"
    )
    async with init_rapyer(other.url.replace("unix://", "unix://plain:pw@")):
        await Word(id=1, text="x").save()
        with pytest.raises(IndexUnavailableError, match=r"cannot be created: .*\.scan\(\)"):
            await Word.find(Word.text == "x").to_list()
        assert await Word.find(Word.text == "x").scan().count() == 1
    async with init_rapyer(other.url):
        assert await Word.find(Word.text == "x").count() == 1
    async with init_rapyer(other.url.replace("unix://", "unix://plain:pw@")):
        assert await Word.find(Word.text == "x").count() == 1


async def test_a_server_without_search_says_so_and_is_scanned(without_search):
    async with init_rapyer(without_search) as server:
        assert not server.has_search
        for n in range(5):
            await Word(id=n, text=f"word{n}").save()
        query = Word.find(Word.text > "word1")
        for ask in (query.to_list, query.count, query.exists, query.keys, query.delete):
            with pytest.raises(UnsupportedServerError, match=r"has no Search.*or call \.scan"):
                await ask()
        top = query.scan().sort("-id").limit(2)
        assert [word.id for word in await top.to_list()] == [4, 3]
        assert await top.values(Word.text).to_list() == [("word4",), ("word3",)]
        assert (await top.count(), await top.exists(), len(await top.keys())) == (2, True, 2)
        assert await top.update(number=7) == 2
        assert await Word.find(Word.number == 7).scan().delete() == 2
        assert await Word.find().scan().count() == 3
