"""What queries give: all of it, in order, in parts, of documents that come and go."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic import Field as PydanticField
from rapyer import AtomicRedisModel, EmbeddedModel, Field, Key, Mapped, MappedOptional
from rapyer.errors import CorruptDocumentError
from rapyer_query import (
    MultipleResultsError,
    NoResultError,
    NotIndexedError,
    QueryTimeoutError,
)
from rapyer_query.index import ModelIndex
from rapyer_query.names import parse_name

pytestmark = pytest.mark.usefixtures("server")


class Address(EmbeddedModel):
    city: Mapped[str]
    zip: Mapped[int | None] = Field(default=None)


class Row(AtomicRedisModel):
    id: Key[int]
    number: Mapped[int]
    group: Mapped[int] = Field(default=0)
    name: Mapped[str] = Field(default="")
    tags: Mapped[list[str]]
    price: Mapped[Decimal] = Field(default=Decimal(0))
    home: MappedOptional[Address] = Field(default=None)
    flags: Mapped[list[bool]] = Field(default_factory=list)
    counts: Mapped[dict[str, int]] = Field(default_factory=dict)
    text: Mapped[str] = Field(default="x", alias="the text")

    class Config:
        prefix = "query:reading"


async def save(redis: Any, number: int, **more: str) -> None:
    """Write many documents, fast: pk and number are 0, 1, 2, ..."""
    await Row.find().count()
    for first in range(0, number, 10_000):
        async with redis.pipeline(transaction=False) as pipe:
            for n in range(first, min(number, first + 10_000)):
                members = {"id": n, "number": n, "group": n % 7, "name": f'"n{n % 1000}"'}
                members |= {"tags": '["a"]', **more}
                text = ",".join(f'"{name}":{value}' for name, value in members.items())
                pipe.execute_command("JSON.SET", f"query:reading:{n}", "$", f"{{{text}}}")
            await pipe.execute()


async def open_cursors(redis: Any) -> int:
    reply = await redis.execute_command("FT.INFO", ModelIndex.of(Row).name)
    statistics = dict(zip(reply[::2], reply[1::2], strict=True))[b"cursor_stats"]
    return int(dict(zip(statistics[::2], statistics[1::2], strict=True))[b"index_total"])


@pytest.mark.parametrize("number", [0, 1, 999, 1000, 1001, 2500])
async def test_all_documents_are_found_whatever_their_number(redis, number):
    await save(redis, number)
    expected = list(range(number))
    assert sorted(row.id for row in await Row.find().to_list()) == expected
    assert sorted([row.id async for row in Row.find(Row.number >= 0)]) == expected
    assert [row.id for row in await Row.find().sort(Row.number).to_list()] == expected
    assert sorted(int(key.rpartition(":")[2]) for key in await Row.find().keys()) == expected
    assert await Row.find().count() == number
    assert await Row.find().exists() is (number > 0)
    assert len(await Row.find(~Row.tags.contains("b")).values(Row.id).to_list()) == number
    assert await open_cursors(redis) == 0


async def test_120_000_matches_come_back_whole_and_sorted(redis):
    await save(redis, 120_000)
    found = await Row.find(Row.number >= 0).values(Row.number).to_list()
    assert {number for (number,) in found} == set(range(120_000))
    assert len(found) == await Row.find().count() == 120_000
    top = await Row.find().sort(Row.number.desc()).skip(119_990).to_list()
    assert [row.number for row in top] == list(range(9, -1, -1))
    assert [r.number for r in await Row.find().sort("number").skip(60_000).limit(3).to_list()] == [
        60_000, 60_001, 60_002,
    ]  # fmt: skip


async def test_three_fields_put_20_000_rows_in_one_order(redis):
    await save(redis, 20_000)
    query = Row.find().sort(Row.group.desc(), Row.name, Row.number.desc())
    expected = sorted(range(20_000), key=lambda n: (-(n % 7), f"n{n % 1000}", -n))
    assert [pk for (pk,) in await query.values(Row.id).to_list()] == expected
    for skip, limit in ((0, 10), (9_999, 1_002), (19_990, 100), (30_000, 5)):
        window = await query.skip(skip).limit(limit).to_list()
        assert [row.id for row in window] == expected[skip : skip + limit]
        assert await query.skip(skip).limit(limit).count() == len(window)


async def test_one_first_and_find_one(redis):
    await save(redis, 3)
    assert (await Row.find(Row.number == 1).one()).id == 1
    assert (await Row.find().sort(Row.number.desc()).first()).id == 2  # type: ignore[union-attr]
    assert await Row.find(Row.number > 5).first() is None
    assert await Row.find_one(Row.number > 5) is None
    assert await Row.find_one(Row.number == 2, Row.group == 2) == await Row.get(2)
    with pytest.raises(
        NoResultError, match=r"Row\.find\(Row\.number > 5\)\.limit\(2\) found|found n"
    ):
        await Row.find(Row.number > 5).one()
    with pytest.raises(MultipleResultsError, match="found more than one document"):
        await Row.find().one()
    assert await Row.find().limit(0).first() is None
    assert await Row.find().limit(0).exists() is False


async def test_documents_are_as_get_gives_them_and_know_where_they_are_stored(redis):
    await save(redis, 2)
    found = await Row.find(Row.number == 1).one()
    assert type(found) is Row
    assert found == await Row.get(1)
    found.name = "changed"
    await found.save()
    assert (await Row.get(1)).name == "changed"


# -- parts of documents ---------------------------------------------------------------------------


class View(BaseModel):
    name: str
    tags: list[str]
    text: str = PydanticField(default="no", alias="another name")


class CityView(BaseModel):
    city: str


class Loose(BaseModel):
    number: float
    home: CityView | None


async def test_views_and_values_are_those_of_the_documents():
    await Row(
        id=1, number=2**53 + 1, name="a\0b\"'\\", tags=["x", "\0"],
        home=Address(city="Oslo", zip=7), counts={"a b": 3}, **{"the text": "é\ufdd0"},
    ).save()  # fmt: skip
    await Row(id=2, number=1, tags=[], home=None).save()
    ordered = Row.find().sort(Row.id)
    views = await ordered.project(View).to_list()
    assert views == [
        View(name="a\0b\"'\\", tags=["x", "\0"], **{"another name": "é\ufdd0"}),
        View(name="", tags=[], **{"another name": "x"}),
    ]
    loose = await ordered.project(Loose).to_list()
    assert loose[0] == Loose(number=float(2**53 + 1), home=CityView(city="Oslo"))
    assert loose[1] == Loose(number=1.0, home=None)
    values = ordered.values(Row.number, Row.home.city, Row.counts["a b"], "tags[0]", "home.zip")
    assert await values.to_list() == [
        (2**53 + 1, "Oslo", 3, "x", 7), (1, None, None, None, None),
    ]  # fmt: skip
    assert await values.first() == (2**53 + 1, "Oslo", 3, "x", 7)
    assert [pk async for (pk,) in ordered.values(Row.id)] == [1, 2]


async def test_values_that_a_document_lacks_are_those_that_it_is_loaded_with(redis):
    await redis.json().set("query:reading:1", "$", {"id": 1, "number": 5, "tags": []})
    found = await Row.find().values(Row.name, Row.price, Row.home, Row.tags, Row.flags).one()
    assert found == ("", Decimal(0), None, [], [])
    assert await Row.find().project(View).one() == View(name="", tags=[], **{"another name": "x"})


# -- documents that come and go -------------------------------------------------------------------


async def test_queries_hold_nothing_on_the_server(redis):
    await save(redis, 3000)
    iterations = [aiter(Row.find().sort(Row.number)) for _ in range(150)]
    assert {row.number for row in [await anext(one) for one in iterations]} == {0}
    for _ in range(130):  # an index has room for 128 cursors
        task = asyncio.create_task(Row.find(Row.number >= 0).to_list())
        await asyncio.sleep(0.0005)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        with suppress(QueryTimeoutError):
            await Row.find().timeout(0.0011).to_list()
    assert await open_cursors(redis) == 0
    assert [row.number async for row in iterations[-1]] == list(range(1, 3000))
    found = await asyncio.gather(*(Row.find().values(Row.id).to_list() for _ in range(10)))
    assert {len(rows) for rows in found} == {3000}


async def test_what_fits_into_a_page_takes_one_round_trip(redis):
    await save(redis, 3000)
    for ask in (
        Row.find().first, Row.find(Row.number > 3).limit(1000).to_list,
        Row.find().sort(Row.name).limit(7).keys, Row.find().values(Row.id).limit(500).to_list,
        Row.find(Row.number > 3).count, Row.find(Row.number > 2).exists,
    ):  # fmt: skip
        await ask()
        before = (await redis.info("stats"))["total_commands_processed"]
        await ask()
        sent = (await redis.info("stats"))["total_commands_processed"] - before - 1
        assert sent == (2 if "sort" in repr(ask.__self__) else 1), ask  # one more asks for doubts


async def test_there_may_be_any_number_of_orders(redis):
    await save(redis, 20)
    orders = [Row.group, Row.name.desc(), Row.number, Row.text, Row.home.city, Row.home.zip]
    query = Row.find().sort(*orders, *orders, Row.id)
    by_name = sorted(range(20), key=lambda n: f"n{n}", reverse=True)
    expected = sorted(by_name, key=lambda n: n % 7)
    assert [row.id for row in await query.to_list()] == expected


@pytest.mark.parametrize("written", ["$.group", "$.number", "$.name", "new documents"])
@pytest.mark.parametrize("condition", [Row.number >= 0, Row.name > ""], ids=repr)
async def test_documents_written_meanwhile_come_once_and_none_is_lost(redis, condition, written):
    """A cursor of the server would skip most of them."""
    await save(redis, 5000)
    is_over = False

    def command(n: int) -> tuple[str, ...]:
        if written == "new documents":
            text = f'{{"id":{n + 5000},"number":{n + 5000},"tags":["a"],"name":"n"}}'
            return "JSON.SET", f"query:reading:{n + 5000}", "$", text
        value = {"$.group": "9", "$.number": str(n)}.get(written, f'"n{n % 1000}"')
        return "JSON.SET", f"query:reading:{n}", written, value

    async def write() -> None:
        first = 0
        while not is_over:
            async with redis.pipeline(transaction=False) as pipe:
                for n in range(first, first + 100):
                    pipe.execute_command(*command(n % 5000))
                await pipe.execute()
            first += 100

    task = asyncio.create_task(write())
    seen = []
    async for row in Row.find(condition):
        seen.append(row.id)
        if len(seen) % 500 == 0:
            await asyncio.sleep(0.02)
    in_order = [row.id for row in await Row.find(condition).sort(Row.id).to_list()]
    is_over = True
    await task
    assert sorted(set(seen) & set(range(5000))) == list(range(5000))
    assert len(set(seen)) == len(seen)
    assert in_order == sorted(set(in_order))
    assert in_order[:5000] == list(range(5000))


async def test_documents_that_change_meanwhile_are_given_as_they_fulfil_the_condition(redis):
    await save(redis, 3000)
    seen = []
    async for row in Row.find(Row.group < 7).sort(Row.number):
        if not seen:
            await Row.find(Row.number >= 2990).update(group=9)
            await Row.find(Row.number.between(1500, 1509)).delete()
        seen.append(row.id)
    assert seen == [*range(1500), *range(1510, 2990)]


async def test_an_index_that_is_taken_away_is_made_again(redis):
    await save(redis, 1500)
    await redis.execute_command("FT.DROPINDEX", ModelIndex.of(Row).name)
    assert len(await Row.find().to_list()) == 1500
    await redis.flushdb()
    assert await Row.find().count() == 0
    await redis.flushdb()
    assert await Row.find(Row.number > 3).delete() == 0
    await redis.flushdb()
    assert (await Row.find(Row.number > 3).explain()).is_exact


async def test_an_index_that_is_taken_away_during_an_iteration_is_not_missed(redis):
    await save(redis, 2500)
    iteration = aiter(Row.find())
    await anext(iteration)
    await redis.execute_command("FT.DROPINDEX", ModelIndex.of(Row).name)
    assert len([row async for row in iteration]) == 2499


async def test_keys_that_are_no_text_are_corrupt_documents(redis):
    await save(redis, 3)
    text = '{"id":7,"number":7,"tags":[]}'
    await redis.execute_command("JSON.SET", b"query:reading:\xff", "$", text)
    for ask in (Row.find().to_list, Row.find().keys, Row.find(Row.name < "z").to_list):
        with pytest.raises(CorruptDocumentError, match=r"is not valid UTF-8"):
            await ask()
    assert len(await Row.find().on_corrupt("skip").to_list()) == 3
    assert len(await Row.find().scan().on_corrupt("skip").sort(Row.price).to_list()) == 3


async def test_callers_that_start_together_make_one_index(redis):
    await redis.flushdb()
    for n in range(50):
        await Row(id=n, number=n, tags=[]).save()
    counts = await asyncio.gather(*(Row.find(Row.number >= 0).count() for _ in range(20)))
    assert counts == [50] * 20
    (name,) = await redis.execute_command("FT._LIST")
    found = parse_name(name.decode())
    assert found is not None
    assert found.alias == ModelIndex.of(Row).name


# -- corrupt documents ----------------------------------------------------------------------------


async def test_a_corrupt_document_is_an_error_or_is_skipped_and_logged(redis, caplog):
    await save(redis, 3)
    await redis.execute_command("JSON.DEL", "query:reading:1", "$.tags")
    await redis.execute_command("JSON.SET", "query:reading:2", "$.flags", '"no list"')
    for query in (Row.find(), Row.find().sort(Row.price), Row.find(Row.name > "")):
        with pytest.raises(
            CorruptDocumentError, match=r"query:reading:[12]' is not a valid Row"
        ) as caught:
            await query.to_list()
        assert caught.value.key.startswith("query:reading:")
        with caplog.at_level(logging.WARNING, "rapyer.query"):
            assert [row.id for row in await query.on_corrupt("skip").to_list()] == [0]
    assert "skipped a corrupt document" in caplog.text
    first = Row.find().sort(Row.number.desc()).on_corrupt("skip").limit(1)
    assert [row.id for row in await first.to_list()] == [0]
    with pytest.raises(CorruptDocumentError, match=r"\.on_corrupt\('skip'\)"):
        await Row.find().values(Row.flags).to_list()
    skipping = Row.find().values(Row.id, Row.flags).on_corrupt("skip")
    assert sorted(await skipping.to_list()) == [(0, []), (1, [])]


# -- what is not indexed --------------------------------------------------------------------------


async def test_a_condition_of_which_the_index_knows_nothing_asks_for_a_scan(redis):
    await save(redis, 3, flags="[true]")
    with pytest.raises(
        NotIndexedError, match=r"Row\.flags has no indexable form.*or use \.scan\(\)"
    ) as c:
        await Row.find(Row.flags.contains(True)).to_list()
    assert c.value.fields == ("Row.flags",)
    assert await Row.find(Row.flags.contains(True)).scan().count() == 3
    mixed = Row.find(Row.flags.contains(True), Row.number > 1)
    assert [row.id for row in await mixed.to_list()] == [2]


class Bare(AtomicRedisModel):
    id: Key[int]
    number: Mapped[int]
    inner: Mapped[Address] = Field(default=Address(city="x"), index=True)

    class Config:
        prefix = "query:reading-bare"
        index = False


async def test_a_model_may_index_nothing_but_what_it_names():
    for n in range(3):
        await Bare(id=n, number=n, inner=Address(city=f"c{n}")).save()
    assert {a.name for a in ModelIndex.of(Bare).attributes.all} == {"inner_city", "inner_zip"}
    assert [row.id for row in await Bare.find(Bare.inner.city == "c1").to_list()] == [1]
    with pytest.raises(NotIndexedError, match=r"Bare\.number is not indexed"):
        await Bare.find(Bare.number == 1).to_list()
    assert await Bare.find(Bare.number == 1).scan().count() == 1


# -- time -----------------------------------------------------------------------------------------


async def test_a_query_that_takes_too_long_is_an_error_and_never_a_part(redis):
    await save(redis, 60_000)
    query = Row.find(Row.number >= 0)
    asks: list[Any] = [
        query.to_list, query.keys, query.values(Row.id).to_list,
        query.sort(Row.name).to_list, query.where(Row.name > "").count,
    ]  # fmt: skip
    for ask in asks:
        slow = ask.__self__.timeout(0.002)
        with pytest.raises(QueryTimeoutError, match=r"exceeded its timeout of 0\.002") as c:
            await getattr(slow, ask.__name__)()
        assert c.value.seconds == 0.002
        assert isinstance(c.value, TimeoutError)
    with suppress(QueryTimeoutError):
        assert await query.timeout(0.001).count() == 60_000
    assert await query.timeout(60).count() == 60_000


async def test_explain_tells_what_is_asked_and_what_is_looked_at_again(redis):
    await save(redis, 1)
    exact = await Row.find(Row.number > 3).sort(Row.name).explain()
    assert (exact.query, exact.parameters) == ("@number:[($p0 +inf]", {"p0": "3"})
    assert (exact.is_exact, exact.checks, exact.sorts) == (True, "", "server")
    assert "NUMERIC" in exact.plan
    checked = await Row.find(Row.name < "b", Row.number > 3).sort(Row.price).explain()
    assert (checked.is_exact, checked.sorts) == (False, "python")
    assert str(checked).splitlines()[:4] == [
        f"index:   {ModelIndex.of(Row).name}",
        "query:   @number:[($p0 +inf]",
        "         $p0 = '3'",
        "checked: (Row.name < 'b') & (Row.number > 3)",
    ]
    nothing = await Row.find(Row.name.in_([])).explain()
    assert (nothing.query, nothing.plan) == ("", "")


async def test_a_query_of_nothing_finds_nothing(redis):
    await save(redis, 2)
    nothing = Row.find(Row.name.in_([]))
    assert await nothing.to_list() == await nothing.keys() == []
    assert (await nothing.count(), await nothing.exists(), await nothing.delete()) == (0, False, 0)
    assert await nothing.sort(Row.name).values(Row.id).to_list() == []
