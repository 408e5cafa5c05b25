"""Traps of the server's indexes: what they lack, and hold otherwise than the documents do."""

from __future__ import annotations

import asyncio
import json
import time

import pytest
from rapyer import AtomicRedisModel, EmbeddedModel, Key, ModelDefinitionError, init_rapyer
from rapyer_query import DroppedDocumentsWarning, IndexUnavailableError

BIG = 2**53 + 1
INDEX = ("FT.CREATE", "raw", "ON", "JSON", "PREFIX", 1, "raw:", "SCHEMA")


class Item(EmbeddedModel):
    price: int = 0


class User(AtomicRedisModel):
    id: Key[int]
    name: str = ""
    nick: str | None = None
    number: int = 0
    flags: list[bool] = []
    items: list[Item] = []

    class Config:
        prefix = "defects:indexed"


async def ids(*conditions):
    return sorted(user.id for user in await User.find(*conditions).to_list())


async def fill(redis, number):
    async with redis.pipeline(transaction=False) as pipe:
        for n in range(number):
            document = json.dumps({"id": n, "name": f"name{n}", "number": n})
            pipe.execute_command("JSON.SET", f"defects:indexed:{n}", "$", document)
        await pipe.execute()


async def found(raw, query, *parameters):
    """Ask the index that a test has made by hand: how many documents."""
    words = ("PARAMS", len(parameters), *parameters) if parameters else ()
    reply = await raw("FT.SEARCH", "raw", query, *words, "LIMIT", 0, 0, "DIALECT", 2)
    return reply[0] if isinstance(reply, list) else reply


# -- texts ----------------------------------------------------------------------------------------

BACKSLASHES = ["a\\*b", "a*b", "a\\\\*b", "\\", "\\\\", "a\\", "\\x", "x", "{\\}", "\\-", "-"]


async def test_a_backslash_in_a_text_is_one(server, raw, trap):
    """In a parameter it still escapes what is behind it, although parameters are no syntax."""
    await raw(*INDEX, "$.t", "AS", "t", "TAG", "CASESENSITIVE")
    await raw("JSON.SET", "raw:1", "$", '{"t":"a*b"}')
    trap(await found(raw, "@t:{$v}", "v", "a\\*b") == 1)
    await User.bulk_insert(User(id=n, name=name) for n, name in enumerate(BACKSLASHES))
    for n, name in enumerate(BACKSLASHES):
        assert await ids(User.name == name) == [n]
    assert await ids(User.name.startswith("a\\")) == [0, 2, 5]


async def test_case_counts(server, raw, trap):
    await raw(*INDEX, "$.t", "AS", "t", "TAG")
    await raw("JSON.SET", "raw:1", "$", '{"t":"Ada"}')
    trap(await found(raw, "@t:{$v}", "v", "ada") == 1)
    await User.bulk_insert([User(id=1, name="Ada"), User(id=2, name="ada")])
    assert await ids(User.name == "ada") == [2]
    assert await ids(User.name.startswith("A")) == [1]


async def test_what_is_behind_a_nul_counts(server, raw, trap):
    """An index cuts a text at its first U+0000, and so does a parameter."""
    await raw(*INDEX, "$.t", "AS", "t", "TAG", "CASESENSITIVE")
    await raw("JSON.SET", "raw:1", "$", '{"t":"a\\u0000b"}')
    trap(await found(raw, "@t:{$v}", "v", "a") == 1)
    names = ["a\0b", "a\0c", "a", "a\0", "\0"]
    await User.bulk_insert(User(id=n, name=name) for n, name in enumerate(names))
    for n, name in enumerate(names):
        assert await ids(User.name == name) == [n]
    assert await ids(User.name != "a") == [0, 1, 3, 4]
    assert [user.name for user in await User.find().sort(User.id).to_list()] == names


async def test_an_empty_text_is_in_the_index(server, raw, trap):
    """It is in none that does not say INDEXEMPTY."""
    await raw(*INDEX, "$.t", "AS", "t", "TAG")
    await raw("JSON.SET", "raw:1", "$", '{"t":""}')
    trap(await found(raw, '@t:{""}') != 1)
    await User.bulk_insert([User(id=1), User(id=2, name=" "), User(id=3, nick="")])
    assert await ids(User.name == "") == [1, 3]
    assert await ids(User.nick == "") == [3]


async def test_null_counts_as_none_as_does_what_is_not_there(server, put, raw, trap):
    """For an index null is not missing: `ismissing` finds what lacks the field alone."""
    await raw(*INDEX, "$.t", "AS", "t", "TAG", "INDEXMISSING")
    await raw("JSON.SET", "raw:1", "$", '{"t":null}')
    trap(await found(raw, "ismissing(@t)") == 0)
    await User.bulk_insert([User(id=1, nick=None), User(id=2, nick="x")])
    await put("defects:indexed:3", "$", {"id": 3})
    assert await ids(User.nick.is_none()) == [1, 3]
    assert await ids(~User.nick.is_none()) == [2]
    assert await ids(User.nick != "x") == [1, 3]


# -- numbers and booleans -------------------------------------------------------------------------


async def test_integers_that_are_one_double_are_told_apart(server, raw, trap):
    """Numbers of an index are doubles, of which 2^53 and 2^53 + 1 are the same."""
    await raw(*INDEX, "$.n", "AS", "n", "NUMERIC")
    await raw("JSON.SET", "raw:1", "$", f'{{"n":{BIG - 1}}}')
    trap(await found(raw, "@n:[$v $v]", "v", str(BIG)) == 1)
    numbers = [BIG - 1, BIG, BIG + 1, -BIG, 2**63 - 1, 2**63 - 2]
    await User.bulk_insert(User(id=n, number=number) for n, number in enumerate(numbers))
    for n, number in enumerate(numbers):
        assert await ids(User.number == number) == [n]
    assert await ids(User.number > BIG) == [2, 4, 5]
    ordered = await User.find().sort(User.number).values(User.number).to_list()
    assert [number for (number,) in ordered] == sorted(numbers)


async def test_two_booleans_in_a_list_do_not_take_the_document_out_of_the_index(server, raw, trap):
    await raw(*INDEX, "$.b[*]", "AS", "b", "TAG", "$.t", "AS", "t", "TAG")
    await raw("JSON.SET", "raw:1", "$", '{"b":[true,false],"t":"x"}')
    trap(await found(raw, "@t:{x}") == 0)
    await User.bulk_insert([User(id=1, flags=[True, False]), User(id=2)])
    assert await ids(User.number == 0) == [1, 2]
    assert [user.id for user in await User.find(User.flags.contains(False)).scan().to_list()] == [1]


async def test_documents_that_the_index_dropped_are_told_of_and_named(
    server, redis, raw, trap, put
):
    """A value of the wrong type drops the whole of a document.

    The server counts such writes, and names the last one alone.
    """
    await fill(redis, 5)
    await put("defects:indexed:1", "$.number", "one")
    await put("defects:indexed:3", "$.name", 3)
    with pytest.warns(DroppedDocumentsWarning, match="rejected 2 writes"):
        dropped = await ids(User.id >= 0)
    trap(dropped == [0, 2, 4])
    status = await User.index.status(scan=True)
    assert status.failures == 2
    assert status.failed_keys == ("defects:indexed:1", "defects:indexed:3")


# -- what is given back ---------------------------------------------------------------------------


async def test_a_value_that_is_given_back_has_all_its_digits(server, raw, trap):
    """In dialect 2 a field that is given back by its path has gone through a double."""
    await User(id=1, number=BIG).save()
    assert await User.find().values(User.number).to_list() == [(BIG,)]
    words = ("RETURN", 1, "$.number", "DIALECT", 2)
    reply = await raw("FT.SEARCH", User.index.name, "*", *words)
    trap(reply[2][1] != str(BIG).encode())


async def test_a_list_that_is_given_back_has_all_its_elements(server, raw, trap):
    """Of several matches of a path, dialect 2 gives the first."""
    await User(id=1, items=[Item(price=1), Item(price=2)]).save()
    found = await User.find().values("items", "items[1].price").to_list()
    assert found == [([Item(price=1), Item(price=2)], 2)]
    words = ("RETURN", 1, "$.items[*].price", "DIALECT", 2)
    reply = await raw("FT.SEARCH", User.index.name, "*", *words)
    trap(reply[2][1] == b"1")


# -- the life of an index -------------------------------------------------------------------------


async def test_an_index_that_is_being_built_is_waited_for(server, redis, raw, trap):
    """FT.CREATE returns at once, and queries are answered with a part meanwhile."""
    await fill(redis, 5000)
    await raw("FT.CREATE", "raw", "ON", "JSON", "PREFIX", 1, "defects:indexed:", "SCHEMA",
              "$.number", "AS", "n", "NUMERIC")  # fmt: skip
    trap(await found(raw, "@n:[0 +inf]") < 5000)
    counts = await asyncio.gather(*(User.find(User.number >= 0).count() for _ in range(5)))
    assert counts == [5000] * 5


async def test_waiting_for_an_index_does_not_hold_it_up(server, redis):
    """FT.INFO in a busy loop made the building 40 times as long."""
    await fill(redis, 20_000)
    await redis.config_resetstat()
    began = time.monotonic()
    assert await User.find(User.number >= 0).count() == 20_000
    waited = time.monotonic() - began
    asked = (await redis.info("commandstats"))["cmdstat_FT.INFO"]["calls"]
    assert 1 <= asked <= 20 + 50 * waited  # two of them twenty times a second


ASKING = {
    "a query": lambda: User.find(User.number == 0).to_list(),
    "a count": lambda: User.find().count(),
    "a deletion": lambda: User.find(User.number == 0).delete(),
    "the index": lambda: User.index.ensure(),
    "its state": lambda: User.index.status(),
    "its end": lambda: User.index.drop(),
}


@pytest.mark.parametrize("asked", ASKING)
@pytest.mark.parametrize("is_there", [False, True], ids=["no index", "one of database 0"])
async def test_a_database_that_has_no_indexes_says_so(redis_url, redis, is_there, asked):
    """FT.CREATE works in database 0 alone, and FT.SEARCH everywhere.

    It gives keys of all databases, and values of the one where it is asked.
    """
    async with init_rapyer(redis_url):
        if is_there:
            await User(id=0).save()
            assert await ids() == [0]
    async with init_rapyer(f"{redis_url}?db=1"):
        try:
            await User(id=1).save()
            with pytest.raises(
                IndexUnavailableError, match=r"only in database 0, .*database 1.*\.scan\(\)"
            ):
                await ASKING[asked]()
            found = await User.find(User.number == 0).scan().to_list()
            assert [user.id for user in found] == [1]
        finally:
            await User.delete_by_key(1)
    async with init_rapyer(redis_url):
        assert await ids() == [0] * is_there


def test_an_index_has_no_documents_of_another_model():
    """One on the prefix `user:` takes `user:admin:1` as well."""
    with pytest.raises(ModelDefinitionError, match=r"defects:indexed:admin.*User|User.*admin"):

        class Admin(AtomicRedisModel):
            id: Key[int]

            class Config:
                prefix = "defects:indexed:admin"


async def test_an_index_that_was_flushed_with_the_data_is_made_again(server, redis, raw, trap):
    await User(id=1).save()
    assert await ids() == [1]
    await redis.flushdb()
    trap(isinstance(await raw("FT.INFO", User.index.name), Exception))
    await User(id=2).save()
    assert await ids(User.number == 0) == [2]
