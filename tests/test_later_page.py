"""docs/later.md: what it says to do instead works."""

from __future__ import annotations

import asyncio

import pytest
from pages import Page
from rapyer import CorruptDocumentError, init_rapyer
from rapyer.testing import use_plugins
from rapyer_embedded import Server
from redis.asyncio import Redis
from redis.exceptions import ReadOnlyError

PAGE = Page("docs/later.md")


@pytest.fixture
def page():
    """The names of the page; each test connects as it needs."""
    with use_plugins(installed=True):
        yield PAGE.run()


@pytest.fixture
async def books(page, redis, redis_url):
    async with init_rapyer(redis_url):
        for id, country in (("ada", "GB"), ("knut", "NO")):
            await page["Author"](id=id, country=country).save()
        made = [
            page["Book"](isbn=str(n), title=f"Book {n}", author=("ada", "knut")[n % 2], stock=5)
            for n in range(4)
        ]
        await page["Book"].bulk_insert(made)
        yield made


async def test_references_are_followed_for_many_at_once_and_by_queries(page, books):
    pairs = await page["with_authors"](books)
    assert [(book.isbn, author.id) for book, author in pairs] == [
        ("0", "ada"), ("1", "knut"), ("2", "ada"), ("3", "knut"),
    ]  # fmt: skip
    assert {book.isbn for book in await page["books_from"]("NO")} == {"1", "3"}
    book, author = page["Book"], page["Author"]
    await author.delete_by_key("ada")
    assert await book.find(book.author == "ada").exists()


async def test_a_value_of_a_second_field_is_taken_once(page, books):
    one = page["Book"](isbn="8", title="New", author="ada")
    other = page["Book"](isbn="9", title="New", author="knut")
    taken = await asyncio.gather(page["add"](one), page["add"](other))
    assert sorted(taken) == [False, True]
    found = page["Book"].find(page["Book"].title == "New")
    winner = (one, other)[taken.index(True)]
    assert await found.to_list() == [winner]
    await winner.delete()  # as if the process had died before it was written
    assert [await page["add"](book) for book in (one, other)] == taken
    assert await found.to_list() == [winner]


def test_a_program_without_a_loop_calls_from_any_thread(page, redis_url, monkeypatch):
    monkeypatch.setenv("RAPYER_REDIS_URL", redis_url)
    book, run = page["Book"], page["Background"]()
    try:
        run(book(isbn="1", title="Book", author="ada").save())
        assert run(book.get("1")).title == "Book"

        async def in_another_thread():
            return await asyncio.to_thread(lambda: run(book.stock.increase("1", 2)))

        assert asyncio.run(in_another_thread()) == 2
    finally:
        run.close()


async def test_a_script_of_one_s_own_changes_a_document(page, books, redis):
    await page["take"](redis, books[1], 2)
    assert await page["Book"].stock.get("1") == 3
    await page["take"](redis, books[1], 7)
    with pytest.raises(CorruptDocumentError):  # no bound is kept
        await page["Book"].get("1")


async def test_redis_tells_of_each_write_whoever_makes_it(page, books, redis):
    book, told = page["Book"], []
    listening = aiter(page["changes"](redis))
    first = asyncio.ensure_future(anext(listening))
    async with asyncio.timeout(10):
        while not (await redis.pubsub_numpat()):
            await asyncio.sleep(0.01)
        await book.stock.increase("1", 1)
        await book.find(book.author == "ada").update(stock=3)
        told.append(await first)
        told += [await anext(listening) for _ in range(2)]
    await listening.aclose()
    await redis.config_set("notify-keyspace-events", "")
    assert told[0] == ("book:1", "json.numincrby")
    assert {key for key, _ in told[1:]} == {"book:0", "book:2"}


async def test_a_process_that_only_reads_can_name_a_replica(page):
    book = page["Book"]
    with Server(port=0) as primary, Server(port=0) as replica:
        async with init_rapyer(primary.url):
            await book(isbn="1", title="Book", author="ada").save()
            assert await book.find(book.title == "Book").count() == 1
        async with Redis.from_url(replica.url) as redis, asyncio.timeout(30):
            await redis.replicaof("127.0.0.1", primary.url.rpartition(":")[2].partition("/")[0])
            while (await redis.info("replication"))["master_link_status"] != "up":
                await asyncio.sleep(0.05)
        async with init_rapyer(replica.url):
            one = await book.get("1")
            assert await book.find(book.title == "Book").to_list() == [one]
            with pytest.raises(ReadOnlyError):
                await one.save()
