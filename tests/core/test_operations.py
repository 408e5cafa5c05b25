"""save, get, load, delete, exists and get_or_create, against the real server."""

from __future__ import annotations

import asyncio
import json
import math
from typing import Any

import pytest
from pydantic import ValidationError
from rapyer import (
    AtomicRedisModel,
    CorruptDocumentError,
    Field,
    Key,
    KeyNotFoundError,
    Mapped,
    RapyerError,
    UnstorableValueError,
    WrongTypeError,
)
from rapyer.testing import record_commands
from redis.exceptions import ResponseError

pytestmark = pytest.mark.usefixtures("server")


class User(AtomicRedisModel):
    id: Key[str]
    name: str = "Ada"
    age: Mapped[int] = Field(default=36, ge=0)
    score: float = 0.5
    tags: list[str] = Field(default_factory=list)
    anything: Any = None


class Session(AtomicRedisModel):
    token: str


async def document(redis, key: str) -> Any:
    raw = await redis.execute_command("JSON.GET", key)
    return None if raw is None else json.loads(raw)


# -- save -----------------------------------------------------------------------------------------


async def test_save_writes_the_whole_document_and_returns_the_instance(redis):
    user = User(id="1", tags=["x"])
    assert await user.save() is user
    assert await document(redis, "user:1") == {
        "id": "1", "name": "Ada", "age": 36, "score": 0.5, "tags": ["x"], "anything": None,
    }  # fmt: skip
    assert await redis.type("user:1") == b"ReJSON-RL"


async def test_save_replaces_what_was_there(redis):
    await redis.execute_command("JSON.SET", "user:1", "$", '{"stale": true}')
    await User(id="1").save()
    assert "stale" not in await document(redis, "user:1")


async def test_save_keeps_the_time_to_live(redis):
    await User(id="1").save()
    await redis.expire("user:1", 100)
    await User(id="1", age=5).save()
    assert 0 < await redis.ttl("user:1") <= 100


async def test_save_only_if_absent_writes_once(redis):
    assert await User(id="1", name="first").save(only_if="absent") is True
    assert await User(id="1", name="second").save(only_if="absent") is False
    assert (await User.get("1")).name == "first"


async def test_save_only_if_present_recreates_nothing(redis):
    assert await User(id="1").save(only_if="present") is False
    assert await document(redis, "user:1") is None
    await User(id="1").save()
    assert await User(id="1", name="new").save(only_if="present") is True
    assert (await User.get("1")).name == "new"


async def test_of_many_savers_only_if_absent_one_wins():
    results = await asyncio.gather(*(User(id="1", age=n).save(only_if="absent") for n in range(50)))
    assert results.count(True) == 1
    assert (await User.get("1")).age == results.index(True)


@pytest.mark.parametrize(
    ("values", "path", "message"),
    [
        ({"score": math.nan}, "score", "nan cannot be represented in JSON"),
        ({"score": -math.inf}, "score", "-inf cannot be represented in JSON"),
        ({"age": 2**63}, "age", "does not fit in the 64-bit integers"),
        ({"age": -(2**63) - 1}, "age", "does not fit in the 64-bit integers"),
        ({"age": 10**5000}, "age", "does not fit in the 64-bit integers"),
        ({"name": "a\ud800"}, "name", "lone surrogate"),
        ({"tags": ["ok", "\udfff"]}, "tags[1]", "lone surrogate"),
        ({"anything": {"a": [1, 2**64]}}, "anything.a[1]", "does not fit in the 64-bit integers"),
        ({"anything": {"a b": math.inf}}, "anything['a b']", "cannot be represented in JSON"),
        ({"anything": {"\ud800": 1}}, "anything", "key with a lone surrogate"),
        ({"anything": (1, 2)}, "anything", "is a tuple, but a field of type Any holds only"),
        ({"anything": [{1, 2}]}, "anything[0]", "is a set"),
        ({"anything": {1: "x"}}, "anything", "is a dict"),
        ({"anything": b"x"}, "anything", "is a bytes"),
    ],
)
async def test_a_value_that_cannot_be_stored_exactly_is_refused_with_its_path(
    redis, values, path, message
):
    before = await User(id="1").save()
    user = User.model_construct(**{**before.__dict__, **values})
    for attempt in (
        user.save,
        lambda: user.save(only_if="present"),
        lambda: User.get_or_create(user),
    ):
        with pytest.raises(UnstorableValueError) as caught:
            await attempt()
        assert caught.value.path == path
        assert message in str(caught.value)
        assert str(caught.value).startswith(f"User.{path} cannot be stored")
    assert await User.get("1") == before


async def test_more_levels_than_the_server_takes_are_refused(redis):
    deep: Any = []
    for _ in range(127):
        deep = [deep]
    with pytest.raises(UnstorableValueError, match="deeper than the 127 levels"):
        await User(id="1", anything=deep).save()
    for _ in range(500):
        deep = [deep]
    with pytest.raises(UnstorableValueError, match=r"User cannot be stored|deeper than the 127"):
        await User(id="1", anything=deep).save()
    circular: list[Any] = []
    circular.append(circular)
    with pytest.raises(UnstorableValueError, match="User cannot be stored"):
        await User.model_construct(id="1", anything=circular).save()
    assert await redis.keys() == []


@pytest.mark.parametrize("values", [{"age": "old"}, {"name": None}, {"tags": [3]}, {"tags": "x"}])
async def test_a_value_of_another_type_than_its_field_is_refused(redis, values):
    user = await User(id="1").save()
    for name, value in values.items():
        setattr(user, name, value)
    with pytest.raises(UnstorableValueError, match=next(iter(values))):
        await user.save()
    assert await document(redis, "user:1") == json.loads(User(id="1").model_dump_json())


@pytest.mark.parametrize(
    ("values", "path", "message"),
    [
        ({"age": -1}, "age", "greater than or equal to 0"),
        ({"tags": ["ok", None]}, "tags[1]", "valid string"),
        ({"age": "5"}, "age", "valid integer"),
    ],
)
async def test_what_could_not_be_read_back_is_refused_before_it_is_written(
    redis, values, path, message
):
    user = User.model_construct(id="1", **values)
    with pytest.raises(UnstorableValueError, match=message) as caught:
        await user.save()
    assert caught.value.path == path
    assert isinstance(caught.value.__cause__, ValidationError)
    assert await redis.keys() == []


async def test_an_instance_that_lacks_a_required_field_is_refused(redis):
    with pytest.raises(UnstorableValueError, match=r"Session\.token cannot be stored"):
        await Session.model_construct().save()
    assert await redis.keys() == []


async def test_what_else_the_server_refuses_passes_through(redis):
    await redis.config_set("maxmemory", "1")
    try:
        with pytest.raises(ResponseError, match="maxmemory"):
            await User(id="1").save()
    finally:
        await redis.config_set("maxmemory", "0")


# -- get ------------------------------------------------------------------------------------------


async def test_get_returns_what_was_saved_by_pk_and_by_key():
    user = await User(id="1", tags=["x"]).save()
    assert await User.get("1") == await User.get("user:1") == await User.get(user.key) == user
    assert type(await User.get("1")) is User


async def test_get_of_a_missing_document_raises_or_gives_the_default():
    with pytest.raises(KeyNotFoundError, match="no User is stored at 'user:nobody'") as caught:
        await User.get("nobody")
    assert caught.value.key == "user:nobody"
    assert isinstance(caught.value, LookupError)
    assert await User.get("nobody", default=None) is None
    assert await User.get("nobody", "default") == "default"


async def test_an_instance_without_a_key_field_knows_its_key_when_it_was_loaded():
    session = await Session(token="t").save()
    read = await Session.get(session.pk)
    assert (read.pk, read.key) == (session.pk, session.key)
    await read.save()
    assert read == await Session.get(session.key)


@pytest.mark.parametrize(
    "raw", ['{"id":"1","age":"old"}', "[]", "3", '"text"', "null", "{}", '{"id":"1","age":-1}']
)
async def test_a_document_that_does_not_validate_is_reported_with_key_and_cause(redis, raw):
    await redis.execute_command("JSON.SET", "user:1", "$", raw)
    with pytest.raises(
        CorruptDocumentError, match="document at 'user:1' is not a valid User"
    ) as caught:
        await User.get("1")
    assert caught.value.key == "user:1"
    assert json.loads(caught.value.raw) == json.loads(raw)
    assert isinstance(caught.value.__cause__, ValidationError)


async def test_a_document_under_the_key_of_another_one_is_reported(redis):
    await redis.execute_command("JSON.SET", "user:1", "$", '{"id": "2"}')
    with pytest.raises(CorruptDocumentError, match="says that it belongs at 'user:2'"):
        await User.get("1")


@pytest.mark.parametrize("command", [("SET", "user:1", "x"), ("LPUSH", "user:1", "x")])
async def test_a_key_of_another_redis_type_is_named_and_kept(redis, command):
    await redis.execute_command(*command)
    kind = (await redis.type("user:1")).decode()
    for operation in (
        lambda: User.get("1"),
        lambda: User.get("1", default=None),
        lambda: User(id="1").save(),
        lambda: User(id="1").save(only_if="absent"),
        lambda: User(id="1").load(),
        lambda: User(id="1").delete(),
        lambda: User.delete_by_key("1"),
        lambda: User.exists("1"),
        lambda: User.get_or_create(User(id="1")),
    ):
        with pytest.raises(WrongTypeError, match=f"'user:1' holds a {kind}, not a JSON") as caught:
            await operation()
        assert caught.value.redis_type == kind
    assert (await redis.type("user:1")).decode() == kind


# -- load -----------------------------------------------------------------------------------------


async def test_load_refreshes_the_instance_in_place(redis):
    user = await User(id="1").save()
    await redis.execute_command("JSON.SET", "user:1", "$.age", "5")
    assert await user.load() is user
    assert user.age == 5
    assert user.model_fields_set == set(User.model_fields)


async def test_a_failed_load_leaves_the_instance_as_it_was(redis):
    user = await User(id="1", tags=["x"]).save()
    before = user.model_copy(deep=True)
    await redis.execute_command("JSON.SET", "user:1", "$.age", '"old"')
    with pytest.raises(CorruptDocumentError):
        await user.load()
    await redis.delete("user:1")
    with pytest.raises(KeyNotFoundError):
        await user.load()
    assert user == before


# -- delete and exists ----------------------------------------------------------------------------


async def test_delete_says_whether_the_document_was_there():
    user = await User(id="1").save()
    assert await user.delete() is True
    assert await user.delete() is False
    await user.save()
    assert await User.delete_by_key("user:1") is True
    assert await User.delete_by_key("1") is False


async def test_a_deleted_instance_keeps_its_pk_and_can_be_saved_again():
    session = await Session(token="t").save()
    pk = session.pk
    await session.delete()
    assert session.pk == pk
    await session.save()
    assert await Session.get(pk) == session


async def test_exists_asks_by_key_and_for_an_instance():
    user = User(id="1")
    assert await user.exists() is False
    assert await User.exists("1") is False
    await user.save()
    assert await user.exists() is True
    assert await User.exists("user:1") is True


# -- get_or_create --------------------------------------------------------------------------------


async def test_get_or_create_writes_the_candidate_where_nothing_is():
    candidate = User(id="1", name="new")
    assert await User.get_or_create(candidate) == (candidate, True)
    assert await User.get("1") == candidate
    stored, created = await User.get_or_create(User(id="1", name="late"))
    assert (stored.name, created) == ("new", False)


async def test_of_many_get_or_create_one_creates_and_all_get_the_same():
    results = await asyncio.gather(*(User.get_or_create(User(id="1", age=n)) for n in range(50)))
    created = [user for user, was_created in results if was_created]
    assert len(created) == 1
    assert all(user == created[0] for user, _ in results)


async def test_get_or_create_costs_one_round_trip(redis):
    await User(id="warm").save()
    before = (await redis.info("stats"))["total_commands_processed"]
    await User.get_or_create(User(id="1"))
    # MULTI, JSON.SET, JSON.GET, EXEC, and the INFO of before
    assert (await redis.info("stats"))["total_commands_processed"] - before == 5


# -- traffic --------------------------------------------------------------------------------------


async def test_hostile_text_in_a_pk_is_only_ever_text(redis):
    hostile = ["a b", "a\r\nb", "*", '"', "$.x", "\x01", "é🔑", "{a}", "a:b", "x" * 1000]
    for pk in hostile:
        await User(id=pk, name=pk).save()
    assert [(await User.get(pk)).name for pk in hostile] == hostile
    assert await redis.dbsize() == len(hostile)


@pytest.mark.parametrize("operation", ["save", "load", "delete", "exists"])
async def test_an_operation_is_one_command(redis_url, operation):
    await (await User(id="2").save()).delete()  # by a script, where there are indexes
    user = await User(id="1").save()
    async with record_commands(redis_url) as sent:
        await getattr(user, operation)()
    assert len([command for command in sent if not command.in_script]) == 1


async def test_a_cancelled_call_leaves_no_reply_to_others(redis):
    await asyncio.gather(*(User(id=str(n), age=n).save() for n in range(20)))
    for delay in range(30):
        calls = [asyncio.create_task(User.get(str(n))) for n in range(20)]
        for _ in range(delay):
            await asyncio.sleep(0)
        for call in calls[::2]:
            call.cancel()
        results = await asyncio.gather(*calls, return_exceptions=True)
        for number, result in enumerate(results):
            if not isinstance(result, asyncio.CancelledError):
                assert isinstance(result, User)
                assert result.age == number
    assert [(await User.get(str(n))).age for n in range(20)] == list(range(20))


async def test_a_thousand_concurrent_callers_wait_for_a_connection():
    users = [User(id=str(n), age=n) for n in range(1000)]
    await asyncio.gather(*(user.save() for user in users))
    assert await asyncio.gather(*(User.get(str(n)) for n in range(1000))) == users


async def test_calls_that_are_mixed_up_say_which_one_is_meant():
    with pytest.raises(ValueError, match="only_if is 'nx'"):
        await User(id="1").save(only_if="nx")
    with pytest.raises(TypeError, match="'1' is not an instance of a model"):
        await User.load("1")
    with pytest.raises(TypeError, match="'1' is not an instance of a model"):
        await User.get_or_create("1")
    with pytest.raises(TypeError, match="'1' is not an instance of a model"):
        await User.save("1")
    with pytest.raises(TypeError, match="Call it on Session"):
        await User.get_or_create(Session(token="t"))


def test_every_error_is_a_rapyer_error_with_a_message():
    import rapyer.errors as module

    errors = [
        e for e in vars(module).values() if isinstance(e, type) and e.__module__ == module.__name__
    ]
    assert len(errors) > 10
    assert all(issubclass(error, RapyerError) and error.__doc__ for error in errors)
