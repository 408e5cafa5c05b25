"""Traps of RedisJSON: paths that lead elsewhere, and answers that look like success."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from rapyer import (
    AtomicRedisModel,
    CorruptDocumentError,
    EmbeddedModel,
    Key,
    KeyNotFoundError,
    PathNotFoundError,
    RapyerError,
    RedisDict,
    RedisInt,
    RedisList,
    UnaddressableKeyError,
    UnstorableValueError,
    WrongTypeError,
)
from rapyer_pipeline import MissingValueError, ProgramFailedError

pytestmark = pytest.mark.usefixtures("server")


class Address(EmbeddedModel):
    city: str = ""


class Doc(AtomicRedisModel):
    id: Key[str]
    name: str = ""
    nick: str | None = None
    number: RedisInt = 0
    other: int = 0
    tags: RedisList[str] = []
    counts: RedisDict[int] = {}
    address: Address | None = None
    anything: Any = None

    class Config:
        prefix = "defects:documents"


async def pipeline(doc, record):
    """Run a program of one statement."""
    async with doc.pipeline() as p:
        record(p)


# -- places that are not there --------------------------------------------------------------------


@pytest.mark.parametrize("address", ["null", "absent"])
async def test_a_value_whose_parent_is_not_there_is_not_skipped(redis, raw, stored, trap, address):
    """JSON.SET and JSON.MSET say OK, write nothing there, and write the rest."""
    doc = await Doc(id="1").save()
    if address == "absent":
        await redis.execute_command("JSON.DEL", doc.key, "$.address")
    before = await stored(doc.key)
    words = (doc.key, "$.name", '"x"', doc.key, "$.address.city", '"Rome"')
    trap(await raw("JSON.MSET", *words) == b"OK" and (await stored(doc.key))["name"] == "x")
    await redis.execute_command("JSON.SET", doc.key, "$.name", '""')
    for write in (
        lambda: doc.aupdate({Doc.address.city: "Rome"}, name="x"),
        lambda: Doc.aupdate_by_key("1", name="x", address__city="Rome"),
        lambda: Doc.address.city.set("1", "Rome"),
        lambda: pipeline(doc, lambda p: p.address.city.set("Rome")),
        lambda: Doc.find(Doc.number == 0).update({Doc.address.city: "Rome"}, name="x"),
    ):
        with pytest.raises((PathNotFoundError, ProgramFailedError)):
            await write()
        assert await stored(doc.key) == before


@pytest.mark.parametrize("index", [-3, -100])
async def test_a_negative_index_out_of_range_is_not_the_first_element(stored, raw, trap, index):
    doc = await Doc(id="1", tags=["a", "b"]).save()
    trap(json.loads(await raw("JSON.GET", doc.key, f"$.tags[{index}]")) == ["a"])
    with pytest.raises(PathNotFoundError):
        await Doc.tags[index].get("1")
    for write in (
        lambda: Doc.tags[index].set("1", "x"),
        lambda: doc.aupdate({Doc.tags[index]: "x"}),
        lambda: doc.tags.aset_item(index, "x"),
        lambda: doc.tags.apop(index),
        lambda: pipeline(doc, lambda p: p.tags[index].set("x")),
    ):
        with pytest.raises((PathNotFoundError, IndexError, MissingValueError)):
            await write()
    assert (await stored(doc.key))["tags"] == doc.tags == ["a", "b"]
    assert await Doc.find(Doc.tags[index] == "a").count() == 0


async def test_a_positive_index_out_of_range_is_one_error_for_reads_and_writes(raw, trap):
    """It reads as nothing, and is an error of the server's own when it is written."""
    doc = await Doc(id="1", tags=["a", "b"]).save()
    trap(await raw("JSON.GET", doc.key, "$.tags[2]") == b"[]")
    trap(isinstance(await raw("JSON.SET", doc.key, "$.tags[2]", '"x"'), Exception))
    with pytest.raises(PathNotFoundError):
        await Doc.tags[2].get("1")
    with pytest.raises(PathNotFoundError):
        await Doc.tags[2].set("1", "x")
    assert await Doc.tags[2].get("1", default=None) is None


# -- values of another type -----------------------------------------------------------------------

ON_ANOTHER_TYPE = {
    "increase": lambda doc: Doc.number.increase("1", 1),
    "aincrease": lambda doc: doc.number.aincrease(1),
    "append": lambda doc: Doc.tags.append("1", "x"),
    "aappend": lambda doc: doc.tags.aappend("x"),
    "pop": lambda doc: Doc.tags.pop("1"),
    "len": lambda doc: Doc.tags.len("1"),
    "set_item": lambda doc: Doc.counts.set_item("1", "a", 1),
    "get": lambda doc: Doc.number.get("1"),
    "pipeline": lambda doc: pipeline(doc, lambda p: p.number.set(p.number + 1)),
    "pipeline with a list": lambda doc: pipeline(doc, lambda p: p.tags.append("x")),
}


@pytest.mark.parametrize("operation", ON_ANOTHER_TYPE)
async def test_an_operation_on_a_value_of_another_type_is_no_success(
    put, raw, stored, trap, operation
):
    """`JSON.NUMINCRBY key $.name 1` on a text answers `[null]`, and so do its like."""
    doc = await Doc(id="1", tags=["a"]).save()
    wrong = {"number": "text", "tags": "text", "counts": 3}
    for field, value in wrong.items():
        await put(doc.key, f"$.{field}", value)
    before = await stored(doc.key)
    trap(await raw("JSON.NUMINCRBY", doc.key, "$.number", 1) == b"[null]")
    with pytest.raises((RapyerError, TypeError)):
        await ON_ANOTHER_TYPE[operation](doc)
    assert await stored(doc.key) == before


async def test_a_key_of_another_type_is_not_taken_for_a_missing_one(redis, raw, trap):
    """JSON.MGET answers null for both."""
    await Doc(id="1").save()
    await redis.set("defects:documents:text", "x")
    trap(
        await raw("JSON.MGET", "defects:documents:text", "defects:documents:gone", "$")
        == [None] * 2
    )
    found = await asyncio.gather(
        *(Doc.get(key) for key in ("1", "text", "gone")), return_exceptions=True
    )
    assert [type(one) for one in found] == [Doc, WrongTypeError, KeyNotFoundError]
    with pytest.raises(WrongTypeError):
        await Doc.bulk_get(["1", "text"], missing="none")
    assert await redis.get("defects:documents:text") == b"x"


# -- keys of dicts --------------------------------------------------------------------------------

KEYS = ['"', 'say "x"', "'", "it's", "\n", "\t", "\x01", "\x7f", "é", "🔑", "\u2028", "]", "a\0b"]


@pytest.mark.parametrize("key", KEYS)
async def test_a_key_in_quotes_is_the_same_for_reading_updating_and_creating(
    stored, raw, trap, key
):
    r"""`$["m"]["\""]` reads the key `"`, and writes another one, `\"`."""
    doc = await Doc(id="1").save()
    await Doc.counts[key].set("1", 1)
    await Doc.counts[key].increase("1", 1)
    assert await Doc.counts[key].get("1") == 2
    assert (await Doc.get("1")).counts == {key: 2}
    async with doc.pipeline() as p:
        p.counts[key] += 1
    await doc.counts.adel_item(key)
    assert (await stored(doc.key))["counts"] == {}
    if key == '"':
        await raw("JSON.SET", "raw", "$", "{}")
        await raw("JSON.SET", "raw", r'$["\""]', "1")
        trap(await stored("raw") == {r"\"": 1})


@pytest.mark.parametrize("key", ["a\\b", "\"'", " a"])
async def test_a_key_that_no_path_leads_to_is_refused_in_paths_and_kept_in_documents(stored, key):
    doc = await Doc(id="1", counts={key: 1, "a": 2}).save()
    assert (await Doc.get("1")).counts == {key: 1, "a": 2}
    for use in (
        lambda: Doc.counts[key].get("1"),
        lambda: Doc.counts[key].set("1", 5),
        lambda: doc.counts.aset_item(key, 5),
        lambda: doc.aupdate({Doc.counts[key]: 5}),
        lambda: pipeline(doc, lambda p: p.counts.pop(key)),
    ):
        message = "no path can address the key|has no path for the key"
        with pytest.raises((UnaddressableKeyError, ProgramFailedError), match=message):
            await use()
    assert (await stored(doc.key))["counts"] == {key: 1, "a": 2}


# -- null, depth, several values ------------------------------------------------------------------


async def test_none_is_stored_and_deletes_nothing(stored, raw, trap):
    """JSON.MERGE deletes what it is given as null."""
    await raw("JSON.SET", "raw", "$", '{"a":1}')
    await raw("JSON.MERGE", "raw", "$", '{"a":null}')
    trap(await stored("raw") == {})
    doc = await Doc(id="1", nick="x", anything={"a": 1}).save()
    async with doc.pipeline() as p:
        p.nick = None
        p.other = 5
        p.anything = {"a": None, "b": {"c": None}}
    document = await stored(doc.key)
    assert document["nick"] is None
    assert document["anything"] == doc.anything == {"a": None, "b": {"c": None}}
    await doc.aupdate(nick="y")
    await doc.aupdate(nick=None)
    assert (await stored(doc.key))["nick"] is None


async def test_more_levels_than_the_server_takes_are_refused_before_anything_is_written(
    redis, raw, trap
):
    value: Any = "deep"
    for _ in range(127):
        value = [value]
    trap(isinstance(await raw("JSON.SET", "raw", "$", json.dumps([value])), Exception))
    for write in (
        lambda: Doc(id="1", anything=value).save(),
        lambda: Doc.bulk_insert([Doc(id="2", anything=value)]),
    ):
        with pytest.raises(RapyerError, match="127 levels"):
            await write()
    doc = await Doc(id="3", anything=value[0]).save()
    with pytest.raises(UnstorableValueError, match="127 levels"):
        await doc.aupdate(anything=value)
    assert (await Doc.get("3")).anything == value[0]
    assert await redis.exists("defects:documents:1", "defects:documents:2") == 0


async def test_several_values_of_a_document_are_written_in_one_step(redis):
    """No reader sees one of them without the others."""
    doc = await Doc(id="1").save()
    is_over, seen = False, set()

    async def read():
        while not is_over:
            text = await redis.execute_command("JSON.GET", doc.key)
            document = json.loads(text)
            seen.add((document["other"], len(document["name"])))

    reading = asyncio.create_task(read())
    for n in range(100):
        await doc.aupdate(other=n, name="x" * n)
    for _ in range(100):
        async with doc.pipeline() as p:
            p.other += 1
            p.name += "x"
    is_over = True
    await reading
    assert len(seen) > 10
    assert all(number == length for number, length in seen)


async def test_a_document_that_is_no_object_is_corrupt(put):
    await put("defects:documents:1", "$", [1])
    with pytest.raises(CorruptDocumentError):
        await Doc.get("1")
