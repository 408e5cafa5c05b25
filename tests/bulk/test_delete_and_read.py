"""`bulk_delete`, `bulk_get`, `bulk_stream` and `bulk_exists`."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest
from bulk_models import Note, Order, User, is_sent, users
from rapyer import (
    AtomicRedisModel,
    CorruptDocumentError,
    InvalidKeyError,
    KeyNotFoundError,
    WrongModelError,
    WrongTypeError,
)
from rapyer.testing import record_commands
from rapyer_bulk import BulkError

pytestmark = pytest.mark.usefixtures("server")


async def numbers(count):
    for number in range(count):
        yield str(number)


# -- deleting -------------------------------------------------------------------------------------


async def test_documents_are_deleted_by_keys_and_by_instances(redis):
    created = users(6)
    await User.bulk_insert(created)
    result = await User.bulk_delete(["0", created[1].key, "bulk:user:2", created[3], "x", "0"])
    assert [entry.outcome for entry in result] == [
        "deleted", "deleted", "deleted", "deleted", "missing", "missing",
    ]  # fmt: skip
    assert await redis.dbsize() == 2
    await created[3].save()  # a new document


async def test_a_chunk_of_keys_is_unlinked_in_one_command(redis_url):
    await User.bulk_insert(users(400))
    async with record_commands(redis_url) as sent:
        result = await User.bulk_delete(numbers(400), chunk_size=400)
    assert result.deleted == 400
    assert [one.name for one in sent if is_sent(one)] == ["EVALSHA"]
    assert [one.name for one in sent].count("UNLINK") == 1


async def test_a_key_of_another_type_is_spared_and_the_others_are_deleted(redis):
    await User.bulk_insert(users(3))
    await redis.set("bulk:user:1", "text")
    with pytest.raises(BulkError, match="2 deleted, 1 failed") as caught:
        await User.bulk_delete([*"012"])
    assert isinstance(caught.value.__cause__, WrongTypeError)
    assert await redis.keys() == [b"bulk:user:1"]


async def test_a_deleted_instance_has_no_version():
    order = await Order(number=1).save()
    await Order.bulk_delete([order])
    assert order.revision == 0
    await order.save()
    assert order.revision == 1


async def test_what_is_no_key_of_the_model_does_not_lose_the_others(redis):
    await User.bulk_insert(users(3))
    result = await User.bulk_delete(["0", "bulk:order:1", "", "2"], raise_on_error=False)
    assert [entry.outcome for entry in result] == ["deleted", "failed", "failed", "deleted"]
    assert [type(error) for error in result.errors.values()] == [WrongModelError, InvalidKeyError]
    with pytest.raises(TypeError, match="Give a list"):
        await User.bulk_delete("bulk:user:1")
    with pytest.raises(TypeError, match="is not an instance of User"):
        await User.bulk_delete([Order(number=1)])
    assert await redis.dbsize() == 1


# -- reading --------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunk_size", [1, 2, 3, 500])
async def test_documents_come_in_the_order_asked_for_with_duplicates(chunk_size):
    await User.bulk_insert(users(5))
    asked = ["3", "0", "bulk:user:3", "4", User.key_of("0"), "1"]
    found = await User.bulk_get(asked, chunk_size=chunk_size)
    assert [user.id for user in found] == ["3", "0", "3", "4", "0", "1"]
    assert found[0] == found[2]
    assert found[0] is not found[2]


async def test_documents_are_read_by_one_command(redis_url):
    await User.bulk_insert(users(300))
    async with record_commands(redis_url) as sent:
        assert len(await User.bulk_get(numbers(300))) == 300
    assert [one.name for one in sent] == ["JSON.MGET"]


async def test_what_is_missing_is_raised_left_out_or_none():
    await User.bulk_insert(users(2))
    with pytest.raises(KeyNotFoundError, match="2 of 4 documents do not exist: 'bulk:user:x'") as e:
        await User.bulk_get([*"0x1y"])
    assert e.value.key == "bulk:user:x"
    assert [user.id for user in await User.bulk_get([*"0x1y"], missing="skip")] == ["0", "1"]
    found = await User.bulk_get([*"0x1y"], missing="none")
    assert [user and user.id for user in found] == ["0", None, "1", None]
    with pytest.raises(ValueError, match="missing is 'ignore'"):
        await User.bulk_get([*"0"], missing="ignore")


@pytest.mark.parametrize("missing", ["raise", "skip", "none"])
async def test_keys_of_other_types_and_corrupt_documents_are_errors(redis, missing):
    await User.bulk_insert(users(3))
    await redis.set("bulk:user:1", "text")
    with pytest.raises(WrongTypeError):
        await User.bulk_get([*"012"], missing=missing)
    await redis.execute_command("JSON.SET", "bulk:user:2", "$.age", '"old"')
    with pytest.raises(CorruptDocumentError) as caught:
        await User.bulk_get([*"02"], missing=missing)
    assert caught.value.key == "bulk:user:2"


async def test_thousands_of_missing_keys_are_found_to_be_so_in_two_round_trips(redis_url):
    async with record_commands(redis_url) as sent:
        assert await User.bulk_get(numbers(2000), missing="skip", chunk_size=2000) == []
    assert [one.name for one in sent] == ["JSON.MGET", "EXISTS"]


async def test_loaded_instances_stand_for_their_documents():
    notes = [Note(text="a"), Note(text="b")]
    await Note.bulk_insert(notes)
    for note in await Note.bulk_get(notes[0:1][0].key for _ in range(1)):
        assert note.changes() == {}
        note.text = "c"
        await note.save_changes()
    assert (await Note.get(notes[0].key)).text == "c"


async def test_existence_is_told_in_the_order_asked_for(redis, redis_url):
    await User.bulk_insert(users(2))
    async with record_commands(redis_url) as sent:
        assert await User.bulk_exists(["1", "x", "0", "1"]) == [True, False, True, True]
    assert len([one for one in sent if one.name == "TYPE"]) == 4
    assert len([one for one in sent if one.name == "EVALSHA"]) == 1
    await redis.set("bulk:user:x", "text")
    with pytest.raises(WrongTypeError):
        await User.bulk_exists([*"01x"])


async def test_abstract_models_have_no_documents():
    for call in (AtomicRedisModel.bulk_get, AtomicRedisModel.bulk_delete):
        with pytest.raises(TypeError, match="abstract"):
            await call(["user:1"])


# -- streams --------------------------------------------------------------------------------------


async def test_a_stream_gives_documents_in_order():
    await User.bulk_insert(users(1200))
    found = [user.id async for user in User.bulk_stream(numbers(1200))]
    assert found == [str(number) for number in range(1200)]


async def test_a_stream_says_what_is_missing_when_it_comes_to_it():
    await User.bulk_insert(users(2))
    stream = User.bulk_stream([*"01x"])
    assert [(await anext(stream)).id for _ in range(2)] == ["0", "1"]
    with pytest.raises(KeyNotFoundError, match="bulk:user:x"):
        await anext(stream)
    assert [user.id async for user in User.bulk_stream([*"0x1"], missing="skip")] == ["0", "1"]
    assert [user async for user in User.bulk_stream([*"x"], missing="none")] == [None]


async def test_wrong_arguments_of_a_stream_are_told_when_it_is_made():
    with pytest.raises(ValueError, match="missing is 'ignore'"):
        User.bulk_stream([*"0"], missing="ignore")
    with pytest.raises(TypeError, match="Give a list"):
        User.bulk_stream(5)


async def test_a_stream_reads_no_more_than_it_needs(redis_url):
    notes = [Note(text="x" * 500_000) for _ in range(200)]
    await Note.bulk_insert(notes)
    async with (
        record_commands(redis_url) as sent,
        aclosing(Note.bulk_stream([note.key for note in notes])) as stream,
    ):
        for _ in range(160):
            await anext(stream)
    sizes = [len(one.arguments) - 1 for one in sent if one.name == "JSON.MGET"]
    assert sizes[:3] == [50, 50, 50]  # before anything is known
    assert set(sizes[3:]) == {5}


async def test_a_stream_that_is_left_leaves_nothing_running():
    await User.bulk_insert(users(500))
    before = asyncio.all_tasks()
    async with aclosing(User.bulk_stream(numbers(500), chunk_size=50)) as stream:
        async for _ in stream:
            break
    assert asyncio.all_tasks() == before


async def test_what_was_asked_for_before_the_keys_fail_is_given_first():
    await User.bulk_insert(users(130))

    def failing():
        yield from map(str, range(130))
        raise OSError("the disk")

    stream = User.bulk_stream(failing())
    found = [await anext(stream) for _ in range(130)]
    assert found == users(130)
    with pytest.raises(OSError, match="the disk"):
        await anext(stream)
