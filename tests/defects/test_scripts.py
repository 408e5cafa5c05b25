"""Traps of scripts and transactions: halves that stay, values that Lua changes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from rapyer import AtomicRedisModel, Key, PathNotFoundError, Version
from rapyer.testing import record_commands
from rapyer_bulk import BulkError
from rapyer_pipeline import DivisionByZeroError, transaction

pytestmark = pytest.mark.usefixtures("server")

BIG = 2**53 + 1
#: Doubles that change when a script reads the document and writes it back.
DOUBLES = [0.1 + 0.2, 1 / 3, 2.3458992316731146e-175, 1e22, 5e-324]


class Doc(AtomicRedisModel):
    id: Key[str]
    name: str = ""
    number: int = 0
    share: float = 0.0
    tags: list[str] = []
    anything: Any = None

    class Config:
        prefix = "defects:scripts"


class Counted(AtomicRedisModel):
    id: Key[str]
    number: int = 0
    revision: Version

    class Config:
        prefix = "defects:scripts-counted"


class Expiring(AtomicRedisModel):
    id: Key[str]
    name: str = ""

    class Config:
        prefix = "defects:scripts-expiring"
        ttl = 1000
        ttl_postpone_on_access = True


def sent_by_hand(sent):
    """The commands that were sent by a client, and not by a script."""
    return [command.name for command in sent if not command.in_script]


# -- scripts that fail ----------------------------------------------------------------------------


async def test_what_fails_half_way_has_written_nothing(redis, raw, trap):
    """Redis takes nothing back of what a script has written before its error."""
    script = "redis.call('SET', KEYS[1], 'half') error('over')"
    await raw("EVAL", script, 1, "half")
    trap(await raw("GET", "half") == b"half")
    docs = [await Doc(id=str(n), tags=["a"]).save() for n in range(3)]
    before = [await raw("JSON.GET", doc.key) for doc in docs]

    async def one():
        async with docs[0].pipeline() as p:
            p.tags.append("b")
            p.name = "x"
            p.number //= p.number

    async def several():
        async with transaction(*docs) as (p, q, r):
            p.name = "x"
            q.tags.pop()
            r.number //= q.number

    with pytest.raises(DivisionByZeroError):
        await one()
    with pytest.raises(DivisionByZeroError):
        await several()
    with pytest.raises(PathNotFoundError):
        await docs[0].aupdate({Doc.name: "x", Doc.tags[7]: "y"})
    with pytest.raises(PathNotFoundError):
        await Doc.find().update({Doc.name: "x", Doc.tags[7]: "y"})
    await redis.set("defects:scripts:text", "x")
    with pytest.raises(BulkError):
        await Doc.bulk_insert(
            [Doc(id="0", name="x"), Doc(id="text"), Doc(id="new")], transaction=True
        )
    assert [await raw("JSON.GET", doc.key) for doc in docs] == before
    assert not await redis.exists("defects:scripts:new")


@pytest.mark.parametrize("fails", [False, True])
async def test_a_program_changes_nothing_that_it_does_not_name(redis, raw, fails):
    """Neither digits, nor the time to live, nor other keys, nor what the index finds.

    A copy of the document that is put back, as scripts do it to undo things, may change them all.
    """
    values = {"doubles": DOUBLES, "big": BIG, "empty": [], "none": None, "deep": {"a": [{}]}}
    doc = await Doc(id="1", name="Ada", anything=values).save()
    await redis.pexpire(doc.key, 100_000)
    assert await Doc.find(Doc.name == "Ada").count() == 1
    before, keys = json.loads(await raw("JSON.GET", doc.key)), set(await redis.keys())

    async def add():
        async with doc.pipeline() as p:
            p.number += 1
            p.share //= 1 - fails

    if fails:
        with pytest.raises(DivisionByZeroError):
            await add()
    else:
        await add()
    after = json.loads(await raw("JSON.GET", doc.key))
    assert after == {**before, "number": 1 - fails}
    assert repr(after["anything"]) == repr(values)
    assert 90_000 < await redis.pttl(doc.key) <= 100_000
    assert set(await redis.keys()) == keys
    assert await Doc.find(Doc.name == "Ada").count() == 1


# -- values in Lua --------------------------------------------------------------------------------


async def test_values_keep_type_and_digits_in_programs(raw, stored, trap):
    """Lua's JSON makes doubles of numbers, prints 14 digits, and makes `{}` of `[]`."""
    text = f'{{"big":{BIG},"share":{0.1 + 0.2!r},"empty":[]}}'
    reply = await raw("EVAL", "return cjson.encode(cjson.decode(ARGV[1]))", 0, text)
    decoded = json.loads(reply)
    trap(decoded["big"] != BIG and decoded["share"] != 0.1 + 0.2 and decoded["empty"] == {})
    doc = await Doc(id="1", number=BIG, share=0.1 + 0.2).save()
    async with doc.pipeline() as p:
        p.number += 2
        p.share += 0.3
        p.anything = [[], {}, BIG, 0.1 + 0.2, 1.0]
        p.tags.append("x")
        p.tags.pop()
    document = await stored(doc.key)
    assert (document["number"], document["share"]) == (BIG + 2, 0.1 + 0.2 + 0.3)
    assert repr(document["anything"]) == repr([[], {}, BIG, 0.1 + 0.2, 1.0])
    assert document["tags"] == doc.tags == []


async def test_more_than_8000_values_go_through_a_script(raw, stored, trap):
    """`unpack` of Lua fails at 8000."""
    many = [str(n) for n in range(9000)]
    reply = await raw("EVAL", "return #{unpack(ARGV)}", 0, *many)
    trap(isinstance(reply, Exception))
    doc = await Doc(id="1").save()
    await Doc.tags.extend("1", many)
    async with doc.pipeline() as p:
        p.tags.extend(many)
    assert (await stored(doc.key))["tags"] == many * 2
    await Expiring.bulk_insert((Expiring(id=text) for text in many), chunk_size=9000)
    assert len(await Expiring.bulk_get(many, chunk_size=9000)) == 9000
    assert (await Expiring.bulk_update(many, name="x", chunk_size=9000)).updated == 9000
    assert await Expiring.find(Expiring.id.in_(many)).count() == 9000
    assert (await Expiring.bulk_delete(many, chunk_size=9000)).deleted == 9000


@pytest.mark.parametrize(
    ("less", "more"),
    [("Z", "a"), ("a", "é"), ("z", "é"), ("\uffff", "🦊"), ("a", "a\x01"), ("", "a")],
)
async def test_the_order_of_texts_does_not_depend_on_the_locale_of_the_server(less, more):
    """Lua compares by that, and the same program would decide otherwise on another server."""
    doc = await Doc(id="1", name=less, tags=[more, less]).save()
    async with doc.pipeline() as p:
        p.require(p.name < more)
        p.require(~(p.name >= more))
        p.tags.sort()
    assert doc.tags == sorted([less, more]) == [less, more]
    assert await Doc.find(Doc.name < more).count() == 1


# -- transactions ---------------------------------------------------------------------------------


async def _program(doc):
    async with doc.pipeline() as p:
        p.number += 1


async def _in_a_lock(doc):
    async with doc.lock() as fresh:
        fresh.number += 1


OPERATIONS = {
    "save": lambda doc: doc.save(),
    "aupdate": lambda doc: doc.aupdate(number=1, share=DOUBLES[2]),
    "increase": lambda doc: Doc.number.increase("1", 1),
    "append": lambda doc: Doc.tags.append("1", "x"),
    "bulk_insert": lambda doc: Doc.bulk_insert([doc, Doc(id="2")]),
    "bulk_update": lambda doc: Doc.bulk_update(["1"], number=1),
    "find and update": lambda doc: Doc.find(Doc.number == 0).update(number=1),
    "pipeline": _program,
    "lock": _in_a_lock,
    "with a version": lambda doc: Counted(id="1").save(),
    "with a time to live": lambda doc: Expiring(id="1").save(),
}


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_a_script_that_the_server_does_not_know_is_run_whole_and_once(
    redis, redis_url, stored, operation
):
    """In MULTI, an EVALSHA of an unknown script fails alone, and the others are applied."""
    doc = await Doc(id="1").save()
    assert await Doc.find(Doc.number == 0).count() == 1
    await redis.script_flush()
    await redis.function_flush()
    async with record_commands(redis_url) as sent:
        await OPERATIONS[operation](doc)
    names = [name for name in sent_by_hand(sent) if name != "CONFIG"]
    while "MULTI" in names:
        begin, end = names.index("MULTI"), names.index("EXEC")
        assert not {"EVALSHA", "FCALL"} & set(names[begin:end])
        del names[begin : end + 1]
    document = await stored(doc.key)
    expected = {"append": ["x"]}.get(operation, [])
    assert document["tags"] == expected
    changes = ("aupdate", "increase", "bulk_update", "find and update", "pipeline", "lock")
    assert document["number"] == (operation in changes)
    if operation == "with a version":
        assert (await Counted.get("1")).revision == 1


@pytest.mark.parametrize(
    ("operation", "commands"),
    [
        (lambda: Expiring(id="1").save(), 1),
        (lambda: Expiring.get("1"), 1),
        (lambda: Expiring.aupdate_by_key("1", name="x"), 1),
        (lambda: Expiring.bulk_get([str(n) for n in range(200)]), 1),
        (lambda: Expiring.find(Expiring.name == "").to_list(), 1),
        (lambda: Counted.aupdate_by_key("1", number=5), 1),
    ],
    ids=["save", "get", "aupdate", "bulk_get", "find", "version"],
)
async def test_what_comes_with_a_command_is_no_command_of_its_own(redis_url, operation, commands):
    """A PEXPIRE beside each of 1000 documents takes three times as long as reading them."""
    await Expiring.bulk_insert(Expiring(id=str(n)) for n in range(200))
    await Counted(id="1").save()
    await operation()
    async with record_commands(redis_url) as sent:
        await operation()
    assert len(sent_by_hand(sent)) == commands
