"""`bulk_update`: the same fields of many, fields of each, and what was changed in instances."""

from __future__ import annotations

import pytest
from bulk_models import Note, Order, User, is_sent, users
from pydantic import ValidationError
from rapyer import (
    AtomicRedisModel,
    ChangesNotTrackedError,
    ConflictError,
    Field,
    InvalidPathError,
    Key,
    KeyChangedError,
    Mapped,
    PathNotFoundError,
    Version,
    WrongTypeError,
)
from rapyer.testing import record_commands
from rapyer_bulk import BulkError

pytestmark = pytest.mark.usefixtures("server")


async def test_the_same_fields_of_many_documents_are_set_in_one_command(redis_url):
    await User.bulk_insert(users(200))
    async with record_commands(redis_url) as sent:
        result = await User.bulk_update(map(str, range(200)), age=3, profile__city="Oslo")
    assert len([one for one in sent if is_sent(one)]) == 1
    assert result.updated == 200
    found = await User.bulk_get(map(str, range(200)))
    assert {(user.age, user.profile.city) for user in found} == {(3, "Oslo")}


async def test_fields_are_named_by_paths_and_their_texts_too():
    await User.bulk_insert(users(2))
    await User.bulk_update([*"01"], {User.age: 4, "profile.tags": ["a", "b"]})
    await User.bulk_update([*"01"], {User.profile.tags[-1]: "c", 'profile.scores["x y"]': 1.5})
    for user in await User.bulk_get([*"01"]):
        assert (user.age, user.profile.tags, user.profile.scores) == (4, ["a", "c"], {"x y": 1.5})


async def test_each_key_has_fields_of_its_own():
    await User.bulk_insert(users(3))
    result = await User.bulk_update(
        {"0": {"age": 1}, "bulk:user:1": {"profile__city": "Oslo"}, User.key_of("2"): {User.age: 3}}
    )
    assert result.counts == {"updated": 3}
    found = await User.bulk_get([*"012"])
    assert [(user.age, user.profile.city) for user in found] == [
        (1, "Rome"), (0, "Oslo"), (3, "Rome"),
    ]  # fmt: skip


async def test_documents_that_are_gone_are_reported_and_not_created(redis):
    await User.bulk_insert(users(1))
    result = await User.bulk_update([*"0x"], age=3)
    assert [entry.outcome for entry in result] == ["updated", "missing"]
    assert await redis.keys() == [b"bulk:user:0"]


async def test_keys_that_cannot_be_updated_do_not_lose_the_others(redis):
    await User.bulk_insert(users(4))
    await redis.set("bulk:user:1", "text")
    await redis.execute_command("JSON.SET", "bulk:user:2", "$", "[1]")
    await redis.execute_command("JSON.SET", "bulk:user:3", "$.profile", "null")
    await User.bulk_insert([User(id="4")])
    result = await User.bulk_update([*"01234"], profile__city="Oslo", raise_on_error=False)
    outcomes = [entry.outcome for entry in result]
    assert outcomes == ["updated", "failed", "failed", "failed", "updated"]
    kinds = [type(error) for error in result.errors.values()]
    assert kinds == [WrongTypeError, PathNotFoundError, PathNotFoundError]
    assert [user.profile.city for user in await User.bulk_get([*"04"])] == ["Oslo", "Oslo"]
    assert await redis.execute_command("JSON.GET", "bulk:user:3", "$.profile") == b"[null]"


@pytest.mark.parametrize("chunk_size", [1, 2, 250])
async def test_doubles_are_set_exactly(chunk_size):
    values = [5e-324, 0.1 + 0.2, -4.7850129162311663e52, 1.235830009665312e141, 2 / 3]
    await User.bulk_insert(users(len(values)))
    each = {str(place): {"ratio": value} for place, value in enumerate(values)}
    await User.bulk_update({"x": {"ratio": values[2]}, **each}, chunk_size=chunk_size)
    assert [user.ratio for user in await User.bulk_get([*"01234"])] == values


async def test_values_for_all_are_validated_before_anything_is_sent(redis_url):
    await User.bulk_insert(users(2))
    async with record_commands(redis_url) as sent:
        with pytest.raises(ValidationError, match="age"):
            await User.bulk_update([*"01"], age="old")
        with pytest.raises(InvalidPathError):
            await User.bulk_update([*"01"], agee=3)
        with pytest.raises(TypeError, match="nothing to update"):
            await User.bulk_update([*"01"])
        with pytest.raises(InvalidPathError):
            await User.bulk_update([], agee=3)
    assert sent == []


async def test_values_of_one_key_that_do_not_validate_do_not_lose_the_others():
    await User.bulk_insert(users(2))
    with pytest.raises(BulkError) as caught:
        await User.bulk_update({"0": {"age": "old"}, "1": {"age": 2}})
    result = caught.value.result
    assert [entry.outcome for entry in result] == ["failed", "updated"]
    assert isinstance(caught.value.__cause__, ValidationError)


async def test_the_room_in_a_dict_is_looked_at_for_every_key():
    class Shelf(AtomicRedisModel):
        id: Key[str]
        books: Mapped[dict[str, int]] = Field(default_factory=dict, max_length=1)

        class Config:
            prefix = "bulk:shelf"

    await Shelf.bulk_insert([Shelf(id="a"), Shelf(id="b", books={"x": 1})])
    result = await Shelf.bulk_update([*"ab"], {Shelf.books["y"]: 2}, raise_on_error=False)
    assert [entry.outcome for entry in result] == ["updated", "failed"]
    assert "max_length" in str(result[1].error)
    assert [shelf.books for shelf in await Shelf.bulk_get([*"ab"])] == [{"y": 2}, {"x": 1}]


async def test_the_same_key_twice_is_updated_in_the_order_given():
    await User.bulk_insert(users(1))
    await User.bulk_update(["0", "bulk:user:0"], age=3)
    result = await User.bulk_update({"0": {"age": 1}, "bulk:user:0": {"age": 2}})
    assert result.updated == 2
    assert (await User.get("0")).age == 2


# -- instances ------------------------------------------------------------------------------------


async def test_what_was_changed_in_instances_is_written_and_nothing_else(redis_url):
    notes = [Note(text="a") for _ in range(3)]
    await Note.bulk_insert(notes)
    notes[1].text = "b"
    async with record_commands(redis_url) as sent:
        result = await Note.bulk_update(notes)
    assert [entry.outcome for entry in result] == ["unchanged", "updated", "unchanged"]
    assert [one.arguments[1] for one in sent if one.name == "EVALSHA"] == ["1"]
    assert notes[1].changes() == {}
    assert (await Note.get(notes[1].key)).text == "b"


async def test_an_instance_that_failed_keeps_its_changes():
    kept, gone, new = Note(text="a"), Note(text="a"), Note(text="a")
    await Note.bulk_insert([kept, gone])
    await Note.delete_by_key(gone.key)
    for note in (kept, gone, new):
        note.text = "b"
    result = await Note.bulk_update([kept, gone, new], raise_on_error=False)
    assert [entry.outcome for entry in result] == ["updated", "missing", "failed"]
    assert isinstance(result[2].error, ChangesNotTrackedError)
    assert gone.changes().keys() == {"text"}


async def test_instances_are_not_given_with_fields():
    await User.bulk_insert(users(1))
    with pytest.raises(TypeError, match="Give its key instead"):
        await User.bulk_update(users(1), age=3)
    with pytest.raises(TypeError, match="both a mapping and fields"):
        await User.bulk_update({"0": {"age": 1}}, age=3)


async def test_versions_are_counted_where_only_keys_are_at_hand():
    await Order.bulk_insert([Order(number=number) for number in range(3)])
    result = await Order.bulk_update(range(4), total=7)
    assert result.counts == {"updated": 3, "missing": 1}
    assert [(one.total, one.revision) for one in await Order.bulk_get(range(3))] == [(7, 2)] * 3


async def test_a_versioned_instance_that_somebody_else_has_written_is_reported(redis):
    class Sheet(AtomicRedisModel):
        id: Key[str]
        title: str = ""
        revision: Version = Field(default=0)

        class Config:
            prefix = "bulk:sheet"
            track_changes = True

    sheets = [Sheet(id=pk) for pk in "abc"]
    await Sheet.bulk_insert(sheets)
    await Sheet.aupdate_by_key("b", title="theirs")
    await Sheet.delete_by_key("c")
    for sheet in sheets:
        sheet.title = "ours"
    result = await Sheet.bulk_update(sheets, raise_on_error=False)
    assert [entry.outcome for entry in result] == ["updated", "failed", "missing"]
    assert isinstance(result[1].error, ConflictError)
    assert [sheet.revision for sheet in sheets] == [2, 1, 1]
    assert await Sheet.get("a") == sheets[0]
    assert (await Sheet.get("b")).title == "theirs"
    assert not await redis.exists("bulk:sheet:c")


async def test_a_mapping_of_keys_to_something_else_is_refused():
    await User.bulk_insert(users(1))
    for value in (3, None, {}, "a"):
        with pytest.raises(TypeError, match="Give a mapping of fields"):
            await User.bulk_update({"0": value})


async def test_what_is_no_key_does_not_lose_the_others():
    notes = [Note(text="a") for _ in range(2)]
    await Note.bulk_insert(notes)
    for note in notes:
        note.text = "b"
    notes[0].pk = "other"
    result = await Note.bulk_update(notes, raise_on_error=False)
    assert [entry.outcome for entry in result] == ["failed", "updated"]
    assert isinstance(result[0].error, KeyChangedError)
    await User.bulk_insert(users(1))
    result = await User.bulk_update(["bulk:order:1", "0"], age=1, raise_on_error=False)
    assert [entry.outcome for entry in result] == ["failed", "updated"]


async def test_a_field_with_the_name_of_an_argument_is_set_by_a_mapping():
    class Job(AtomicRedisModel):
        id: Key[str]
        progress: Mapped[int] = Field(default=0)
        chunk_size: int = 0

        class Config:
            prefix = "bulk:job"

    await Job.bulk_insert([Job(id="1")])
    with pytest.raises(TypeError, match="'chunk_size' is also a field of Job"):
        await Job.bulk_update(["1"], chunk_size=7)
    calls = []
    await Job.bulk_update(["1"], {Job.progress: 5}, progress=lambda *call: calls.append(call))
    assert (await Job.get("1")).progress == 5
    assert calls == [(1, 1)]
