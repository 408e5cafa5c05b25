"""`bulk_insert`: what is written, what is left, and what is said of each key."""

from __future__ import annotations

import asyncio
import math
import pickle
import weakref
from typing import Any
from uuid import UUID, uuid4

import pytest
from bulk_models import Note, Order, User, is_sent, users
from pydantic import field_validator
from rapyer import (
    AtomicRedisModel,
    ConflictError,
    Key,
    KeyChangedError,
    UnstorableValueError,
    WrongTypeError,
)
from rapyer.testing import record_commands
from rapyer_bulk import BulkError, KeyExistsError, KeyOutcome, result_of

pytestmark = pytest.mark.usefixtures("server")


async def arriving(items):
    for item in items:
        yield item


@pytest.mark.parametrize("given", [list, tuple, iter, arriving, lambda items: (i for i in items)])
async def test_instances_of_any_iterable_are_written(given):
    created = users(7)
    result = await User.bulk_insert(given(created), chunk_size=3)
    assert result.inserted == len(result) == 7
    assert [entry.key for entry in result] == [user.key for user in created]
    assert await User.bulk_get([user.key for user in created]) == created


async def test_a_chunk_is_one_command(redis_url):
    async with record_commands(redis_url) as sent:
        await User.bulk_insert(users(2500))
    numbers = [command.arguments[1] for command in sent if is_sent(command)]
    assert sorted(numbers) == ["1000", "1000", "500"]


@pytest.mark.parametrize(
    ("mode", "outcome", "age"),
    [("replace", "replaced", 5), ("insert", "failed", 0), ("skip", "skipped", 0)],
)
async def test_the_mode_says_what_happens_where_a_document_is(mode, outcome, age):
    await users(2)[1].save()
    result = await User.bulk_insert(users(3, age=5), mode=mode, raise_on_error=False)
    assert [entry.outcome for entry in result] == ["inserted", outcome, "inserted"]
    assert [user.age for user in await User.bulk_get([*"012"])] == [5, age, 5]


async def test_keys_that_exist_are_raised_with_all_that_was_done():
    await users(2)[1].save()
    with pytest.raises(BulkError, match="2 inserted, 1 failed") as caught:
        await User.bulk_insert(users(3), mode="insert")
    error = caught.value
    assert isinstance(error.__cause__, KeyExistsError)
    assert error.result.keys_of("inserted") == ["bulk:user:0", "bulk:user:2"]
    assert error.result.errors.keys() == {"bulk:user:1"}
    assert error.result.of("bulk:user:1") == KeyOutcome("bulk:user:1", "failed", error.__cause__)
    assert result_of(error) is error.result


@pytest.mark.parametrize("mode", ["replace", "insert", "skip"])
async def test_a_key_of_another_type_is_left_out_and_the_others_are_written(redis, mode):
    await redis.set("bulk:user:1", "text")
    result = await User.bulk_insert(users(3), mode=mode, raise_on_error=False)
    assert [entry.outcome for entry in result] == ["inserted", "failed", "inserted"]
    assert isinstance(result[1].error, WrongTypeError)
    assert await redis.get("bulk:user:1") == b"text"


async def test_an_instance_that_cannot_be_stored_does_not_lose_the_others():
    created = users(5)
    created[1].age = "old"
    created[3].ratio = math.inf
    result = await User.bulk_insert(created, raise_on_error=False)
    assert [entry.outcome for entry in result] == [
        "inserted", "failed", "inserted", "failed", "inserted",
    ]  # fmt: skip
    assert all(isinstance(error, UnstorableValueError) for error in result.errors.values())
    assert await User.bulk_exists([*"01234"]) == [True, False, True, False, True]


async def test_a_document_that_only_the_server_refuses_does_not_lose_the_others(monkeypatch):
    # the server is asked, where a look at the values before has let something pass
    monkeypatch.setattr(type(User.__rapyer_codec__), "_check", lambda *_: None)
    created = users(3)
    created[1].ratio = math.inf
    result = await User.bulk_insert(created, raise_on_error=False)
    assert [entry.outcome for entry in result] == ["inserted", "failed", "inserted"]
    assert isinstance(result[1].error, UnstorableValueError)


async def test_an_instance_whose_key_was_changed_is_reported():
    created = users(2)
    await User.bulk_insert(created)
    created[1].id = "other"
    result = await User.bulk_insert(created, raise_on_error=False)
    assert [entry.outcome for entry in result] == ["replaced", "failed"]
    assert isinstance(result.errors["bulk:user:other"], KeyChangedError)
    assert not await User.exists("other")


@pytest.mark.parametrize("chunk_size", [1, 3, 5, 1000])
async def test_doubles_are_stored_exactly(chunk_size):
    values = [0.1 + 0.2, 5e-324, 1.7976931348623157e308, 2 / 3, 9007199254740993.0, 1e23]
    values += [math.nextafter(one, 0) for one in values]
    # without a text of their own: the server adds something to them
    values += [-4.7850129162311663e52, 1.235830009665312e141, -1.9463523897330505e-28]
    created = [User(id=str(place), ratio=value) for place, value in enumerate(values * 5)]
    created[7].age = "old"
    result = await User.bulk_insert(created, chunk_size=chunk_size, raise_on_error=False)
    assert result.counts == {"inserted": len(created) - 1, "failed": 1}
    del created[7]
    found = await User.bulk_get([user.key for user in created])
    assert [user.ratio for user in found] == [user.ratio for user in created]


async def test_the_same_key_twice_is_written_in_the_order_given():
    first, second, third = (User(id="same", age=age) for age in (1, 2, 3))
    result = await User.bulk_insert([first, *users(3), second, third], chunk_size=2)
    assert result.inserted == 4
    assert result.replaced == 2
    assert (await User.get("same")).age == 3
    result = await User.bulk_insert(
        [User(id="new"), User(id="new")], mode="insert", raise_on_error=False
    )
    assert [entry.outcome for entry in result] == ["inserted", "failed"]


async def test_keys_may_have_any_character():
    created = [User(id=pk) for pk in ("a\nb", "é", "a b", 'q"', "\x01", "💡", "x:y")]
    result = await User.bulk_insert(created)
    assert [entry.key for entry in result] == [user.key for user in created]
    assert await User.bulk_get([user.key for user in created]) == created


async def test_instances_stand_for_their_documents_afterwards():
    note = Note(text="a")
    await Note.bulk_insert([note])
    assert note.changes() == {}
    note.text = "b"
    assert note.changes().keys() == {"text"}
    await note.save_changes()
    assert (await Note.get(note.key)).text == "b"


async def test_chunks_are_limited_by_bytes(redis_url):
    notes = [Note(text="x" * 3_000_000) for _ in range(5)]
    async with record_commands(redis_url) as sent:
        await Note.bulk_insert(notes)
    keys = [command.arguments[1] for command in sent if command.name == "EVALSHA"]
    assert sorted(keys) == ["1", "2", "2"]  # 8 MiB at most


# -- transactions ---------------------------------------------------------------------------------


async def test_a_transaction_is_one_step_whatever_the_size_of_a_chunk(redis_url):
    async with record_commands(redis_url) as sent:
        result = await User.bulk_insert(users(5000), chunk_size=10, transaction=True)
    assert result.inserted == 5000
    assert len([command for command in sent if command.name == "EVALSHA"]) == 1


@pytest.mark.parametrize("reason", ["exists", "type", "unstorable", "infinite"])
async def test_a_transaction_with_one_key_that_cannot_be_written_writes_nothing(redis, reason):
    created = users(3000)
    if reason == "exists":
        await created[2500].save()
    elif reason == "type":
        await redis.set("bulk:user:2500", "text")
    elif reason == "infinite":  # which only the server refuses
        created[2500].ratio = math.inf
    else:
        created[2500].age = "old"
    before = await redis.dbsize()
    with pytest.raises(BulkError) as caught:
        await User.bulk_insert(created, mode="insert", transaction=True)
    result = caught.value.result
    assert result.counts == {"failed": 1, "unwritten": 2999}
    assert result.keys_of("failed") == ["bulk:user:2500"]
    assert await redis.dbsize() == before


async def test_a_transaction_skips_what_is_there():
    await users(1)[0].save()
    result = await User.bulk_insert(users(3, age=5), mode="skip", transaction=True)
    assert result.counts == {"inserted": 2, "skipped": 1}


async def test_a_key_given_twice_in_a_transaction_is_refused(redis):
    with pytest.raises(ValueError, match="'bulk:user:1' was given twice"):
        await User.bulk_insert([*users(3), User(id="1")], transaction=True)
    assert await redis.dbsize() == 0


async def test_nobody_sees_a_part_of_a_transaction_or_of_a_chunk(redis):
    seen, is_watched = set(), True

    async def watch():
        while is_watched:
            seen.add(await redis.dbsize())

    watcher = asyncio.create_task(watch())
    await User.bulk_insert(users(4000), chunk_size=400)
    assert {number % 400 for number in seen} == {0}
    await redis.flushdb()
    seen.clear()
    await User.bulk_insert(users(9000), transaction=True)
    is_watched = False
    await watcher
    assert seen <= {0, 4000, 9000}


# -- versions -------------------------------------------------------------------------------------


async def test_versions_are_compared_and_counted_for_every_key():
    orders = [Order(number=number) for number in range(4)]
    await Order.bulk_insert(orders)
    assert [order.revision for order in orders] == [1] * 4
    fresh = await Order.get(2)
    fresh.total = 9
    await fresh.save()
    result = await Order.bulk_insert(orders, raise_on_error=False)
    assert result.counts == {"replaced": 3, "failed": 1}
    error = result.errors["bulk:order:2"]
    assert isinstance(error, ConflictError)
    assert (error.expected, error.actual) == (1, 2)
    assert [order.revision for order in orders] == [2, 2, 1, 2]
    assert [order.revision for order in await Order.bulk_get(range(4))] == [2, 2, 2, 2]


async def test_a_new_instance_with_a_version_does_not_replace_a_document():
    await Order(number=1, total=5).save()
    result = await Order.bulk_insert([Order(number=1), Order(number=2)], raise_on_error=False)
    assert [entry.outcome for entry in result] == ["failed", "inserted"]
    assert (await Order.get(1)).total == 5


async def test_the_same_versioned_instance_twice_is_written_twice():
    order = Order(number=1)
    result = await Order.bulk_insert([order, order])
    assert [entry.outcome for entry in result] == ["inserted", "replaced"]
    assert order == await Order.get(1)
    assert order.revision == 2


async def test_a_versioned_instance_that_failed_keeps_its_version():
    order = Order(number=1)
    await Order(number=1).save()
    await Order.bulk_insert([order], mode="insert", raise_on_error=False)
    assert order.revision == 0


# -- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"mode": "nx"}, ValueError, "mode is 'nx'"),
        ({"chunk_size": 0}, ValueError, "chunk_size is 0"),
        ({"chunk_size": True}, ValueError, "chunk_size is True"),
        ({"progress": "bar"}, TypeError, "progress is 'bar'"),
    ],
)
async def test_arguments_that_cannot_be_are_refused_before_anything_is_written(
    redis, arguments, error, message
):
    with pytest.raises(error, match=message):
        await User.bulk_insert(users(2), **arguments)
    assert await redis.dbsize() == 0


@pytest.mark.parametrize("given", ["bulk:user:1", b"x", None, 5, User(id="1")])
async def test_one_thing_is_not_taken_for_many(given):
    with pytest.raises(TypeError, match="Give a list of them"):
        await User.bulk_insert(given)


async def test_something_that_is_no_instance_of_the_model_ends_the_call(redis):
    with pytest.raises(TypeError, match="Give instances of User") as caught:
        await User.bulk_insert([*users(4), Order(number=1), *users(9)[5:]], chunk_size=2)
    result = result_of(caught.value)
    assert result.counts == {"inserted": 4}
    assert not result.is_complete
    assert await redis.dbsize() == 4


async def test_nothing_is_written_of_nothing(redis_url):
    async with record_commands(redis_url) as sent:
        result = await User.bulk_insert([])
    assert (len(result), result.counts, sent) == (0, {}, [])


async def test_one_document_that_the_server_refuses_does_not_lose_a_large_chunk():
    class Tree(AtomicRedisModel):
        id: Key[str]
        value: Any = None

        class Config:
            prefix = "bulk:tree"

    trees = [Tree(id=str(place), value=place) for place in range(5000)]
    for _ in range(130):
        trees[4500].value = [trees[4500].value]
    trees[2500].value = float("inf")
    result = await Tree.bulk_insert(trees, chunk_size=5000, raise_on_error=False)
    assert result.counts == {"inserted": 4998, "failed": 2}
    assert result.errors.keys() == {"bulk:tree:2500", "bulk:tree:4500"}


async def test_a_version_that_is_no_count_is_told_as_by_save(redis):
    await redis.execute_command("JSON.SET", "bulk:order:1", "$", '{"revision": "x"}')
    result = await Order.bulk_insert([Order(number=1)], raise_on_error=False)
    assert isinstance(result[0].error, WrongTypeError)


async def test_models_with_keys_of_any_type_go_all_ways():
    class Device(AtomicRedisModel):
        id: Key[UUID]
        on: bool = False

        class Config:
            prefix = "bulk:device"

    devices = [Device(id=uuid4()) for _ in range(3)]
    keys = [device.id for device in devices]
    await Device.bulk_insert(devices)
    assert (await Device.bulk_update(keys, on=True)).updated == 3
    assert [device.on for device in await Device.bulk_get(keys)] == [True] * 3
    assert [device.id async for device in Device.bulk_stream(map(str, keys))] == keys
    assert await Device.bulk_exists(keys) == [True] * 3
    assert (await Device.bulk_delete(keys)).deleted == 3


async def test_errors_of_several_keys_are_counted_one_by_one():
    await User(id="1").save()
    with pytest.raises(BulkError, match="And 2 more, in `error") as caught:
        await User.bulk_insert([User(id="1") for _ in range(5)], mode="insert")
    copied = pickle.loads(pickle.dumps(caught.value))
    assert list(map(repr, copied.result)) == list(map(repr, caught.value.result))
    assert str(copied) == str(caught.value)


async def test_large_instances_are_not_read_ahead():
    alive = peak = 0

    class Heavy(AtomicRedisModel):
        id: Key[int]
        text: str

        class Config:
            prefix = "bulk:heavy"

    def making():
        nonlocal alive, peak
        for number in range(60):
            heavy = Heavy(id=number, text="x" * 4_000_000)
            alive += 1
            peak = max(peak, alive)
            weakref.finalize(heavy, gone)
            yield heavy
            del heavy

    def gone():
        nonlocal alive
        alive -= 1

    assert (await Heavy.bulk_insert(making())).inserted == 60
    assert peak <= 20  # 8 at first, and some chunks of 8 MiB


@pytest.mark.parametrize("mode", ["replace", "insert", "skip"])
async def test_a_key_that_fails_by_itself_does_not_let_the_same_key_pass_twice(mode):
    """The instance with the changed key is in a chunk that was answered before the others are."""
    changed = await User(id="before").save()
    changed.id = "twice"

    async def slowly():
        for user in [changed, *users(9), User(id="twice", age=1)]:
            yield user
        await asyncio.sleep(0.02)
        for user in [User(id="twice", age=2), *users(20)[9:]]:
            yield user

    result = await User.bulk_insert(slowly(), mode=mode, chunk_size=10, raise_on_error=False)
    outcomes = [entry.outcome for entry in result if entry.key == "bulk:user:twice"]
    second = {"replace": "replaced", "insert": "failed", "skip": "skipped"}[mode]
    assert outcomes == ["failed", "inserted", second]
    assert (await User.get("twice")).age == (2 if mode == "replace" else 1)


async def test_an_instance_with_a_changed_key_makes_no_instance_of_its_model():
    class Checked(AtomicRedisModel):
        id: Key[str]

        class Config:
            prefix = "bulk:checked"

        def model_post_init(self, _context):
            self.id.upper()

    changed = await Checked(id="a").save()
    changed.id = "b"
    given = [Checked(id="x"), changed, Checked(id="y")]
    result = await Checked.bulk_insert(given, raise_on_error=False)
    assert [entry.outcome for entry in result] == ["inserted", "failed", "inserted"]
    assert (await Checked.bulk_insert([changed], raise_on_error=False)).failed == 1


async def test_a_validator_that_fails_in_its_own_way_does_not_lose_the_others():
    class Odd(AtomicRedisModel):
        id: Key[str]
        text: str = ""

        class Config:
            prefix = "bulk:odd"

        @field_validator("text")
        @classmethod
        def _check(cls, text):
            if text == "odd":
                raise RuntimeError("odd")
            return text

    given = [Odd(id=str(number)) for number in range(3)]
    given[1].text = "odd"
    result = await Odd.bulk_insert(given, raise_on_error=False)
    assert [entry.outcome for entry in result] == ["inserted", "failed", "inserted"]
    assert isinstance(result[1].error, RuntimeError)
