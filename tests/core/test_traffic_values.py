"""The operations on single values: what the server hides in its replies becomes an error."""

from __future__ import annotations

import asyncio
import json
import re

import pytest
from rapyer import (
    AtomicRedisModel,
    KeyNotFoundError,
    NumberOverflowError,
    PathNotFoundError,
    WrongTypeError,
)
from rapyer.base import channel_of
from rapyer.traffic.addresses import DocumentAt
from rapyer.traffic.arrays import ArrayInDocument, ArrayPlace
from rapyer.traffic.policies import AccessPolicy
from rapyer.traffic.updates import Target, Write, update_document
from rapyer.traffic.values import increase

DOCUMENT = (
    '{"n":1,"f":0.5,"s":"x","l":[1],"z":null,"o":{},'
    '"top":9223372036854775807,"bottom":-9223372036854775808,"m":9007199254740993}'
)
TOUCH = AccessPolicy("touch", apply="redis.call('INCR', 'touched')")


class Holder(AtomicRedisModel):
    pass


async def set_value(channel, key: str, path: str, value: bytes, policies=()) -> None:
    steps = [int(step) if step.isdigit() else step for step in re.findall(r"[^.$\[\]]+", path)]
    await update_document(channel, key, [Write(Target.of(steps), (value, ()))], policies)


async def append(channel, key: str, path: str, values, policies=()) -> int:
    array = ArrayInDocument(DocumentAt(channel, key, policies), ArrayPlace(path))
    done = await array.insert([(value, ()) for value in values])
    return done.result


@pytest.fixture(params=[(), (TOUCH,)], ids=["native", "script"])
def policies(request):
    return request.param


@pytest.fixture
async def channel(server, redis):
    await redis.execute_command("JSON.SET", "k", "$", DOCUMENT)
    await redis.set("text", "x")
    return channel_of(Holder)


async def at(redis, path: str):
    return json.loads(await redis.execute_command("JSON.GET", "k", path))[0]


async def test_values_are_set_increased_and_appended_to(redis, channel, policies):
    await set_value(channel, "k", "$.s", b'"y"', policies)
    await set_value(channel, "k", "$.o.new", b"[1]", policies)
    assert await increase(channel, "k", "$.n", b"5", policies) == b"6"
    assert await increase(channel, "k", "$.f", b"0.25", policies) == b"0.75"
    assert await increase(channel, "k", "$.m", b"-2", policies) == b"9007199254740991"
    assert await increase(channel, "k", "$.m", b"2", policies) == b"9007199254740993"
    assert await append(channel, "k", "$.l", (b"2", b'"three"'), policies) == 3
    assert [await at(redis, path) for path in ("$.s", "$.o", "$.n", "$.l")] == [
        "y", {"new": [1]}, 6, [1, 2, "three"],
    ]  # fmt: skip
    assert int(await redis.get("touched") or 0) == (7 if policies else 0)


@pytest.mark.parametrize(
    "operation",
    [
        lambda channel, key, path, policies: set_value(channel, key, path, b"1", policies),
        lambda channel, key, path, policies: increase(channel, key, path, b"1", policies),
        lambda channel, key, path, policies: append(channel, key, path, (b"1",), policies),
    ],
    ids=["set", "increase", "append"],
)
@pytest.mark.parametrize(
    ("key", "path", "error"),
    [
        ("gone", "$.n", KeyNotFoundError),
        ("text", "$.n", WrongTypeError),
        ("k", "$.nope.deeper", PathNotFoundError),
        ("k", "$.z.below_null", PathNotFoundError),
        ("k", "$.s.below_text", PathNotFoundError),
        ("k", "$.l[7]", PathNotFoundError),
    ],
)
async def test_what_is_not_there_is_told_apart_and_nothing_changes(
    redis, channel, policies, operation, key, path, error
):
    with pytest.raises(error):
        await operation(channel, key, path, policies)
    assert (await redis.execute_command("JSON.GET", "k")).decode() == DOCUMENT
    assert await redis.get("text") == b"x"
    assert await redis.exists("gone", "touched") == 0


@pytest.mark.parametrize(
    ("operation", "path", "kind"),
    [
        (lambda channel, path, p: increase(channel, "k", path, b"1", p), "$.s", "string"),
        (lambda channel, path, p: increase(channel, "k", path, b"1", p), "$.z", "null"),
        (lambda channel, path, p: increase(channel, "k", path, b"1", p), "$.l", "array"),
        (lambda channel, path, p: append(channel, "k", path, (b"1",), p), "$.n", "integer"),
        (lambda channel, path, p: append(channel, "k", path, (b"1",), p), "$.o", "object"),
    ],
)
async def test_a_value_of_another_type_is_named(redis, channel, policies, operation, path, kind):
    with pytest.raises(WrongTypeError, match=f"JSON type {kind}") as caught:
        await operation(channel, path, policies)
    assert (caught.value.path, caught.value.json_type) == (path, kind)
    assert (await redis.execute_command("JSON.GET", "k")).decode() == DOCUMENT
    assert await redis.exists("touched") == 0


@pytest.mark.parametrize(
    ("path", "delta"),
    [
        ("$.top", b"1"),
        ("$.top", b"9223372036854775807"),
        ("$.bottom", b"-1"),
        ("$.bottom", b"-9223372036854775808"),
    ],
)
async def test_a_number_that_would_wrap_around_is_left_as_it_is(
    redis, channel, policies, path, delta
):
    with pytest.raises(NumberOverflowError, match="exceeds the range of 64 bits"):
        await increase(channel, "k", path, delta, policies)
    assert (await redis.execute_command("JSON.GET", "k")).decode() == DOCUMENT
    assert await redis.exists("touched") == 0


async def test_a_float_that_would_become_infinite_is_left_as_it_is(redis, channel):
    await set_value(channel, "k", "$.f", b"1.7e308")
    with pytest.raises(NumberOverflowError):
        await increase(channel, "k", "$.f", b"1.7e308")
    assert await at(redis, "$.f") == 1.7e308


async def test_concurrent_increments_lose_nothing(redis, channel, policies):
    await asyncio.gather(*(increase(channel, "k", "$.n", b"1", policies) for _ in range(200)))
    assert await at(redis, "$.n") == 201
