"""Documents that others wrote: whatever is in them is refused by an error of ours, or is a value.

Whoever may write to Redis can store any JSON where a model has its documents. An operation on such
a document does what it should, or raises an error that is the library's or the builtin it
documents, and has changed nothing.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel, ConfigDict
from rapyer import (
    AtomicRedisModel,
    BigInt,
    CorruptDocumentError,
    EmbeddedModel,
    Field,
    GeoPoint,
    Key,
    Mapped,
    RapyerError,
    RedisList,
    Version,
)
from rapyer_query import DroppedDocumentsWarning
from redis.exceptions import ResponseError

KEY = "security:target:1"


class Kind(Enum):
    GOOD = "good"


class Inner(EmbeddedModel):
    n: Mapped[int] = 0


class Target(AtomicRedisModel):
    id: Key[str]
    whole: Mapped[int] = 0
    real: Mapped[float] = 0.0
    text: Mapped[str] = ""
    raw: Mapped[bytes] = b""
    price: Mapped[Decimal] = Decimal(0)
    big: Mapped[BigInt] = 0
    token: Mapped[UUID] = UUID(int=0)
    seen: Mapped[datetime] = datetime(2020, 1, 1)
    alarm: Mapped[time] = time(1)
    span: Mapped[timedelta] = timedelta(1)
    day: Mapped[date] = date(2020, 1, 1)
    kind: Mapped[Kind] = Kind.GOOD
    numbers: Mapped[list[int]] = Field(default_factory=list)
    counts: Mapped[dict[str, int]] = Field(default_factory=dict)
    tags: RedisList[str] = Field(default_factory=list)
    inner: Mapped[Inner] = Field(default_factory=Inner)
    place: Mapped[GeoPoint | None] = None
    revision: Version = Field(default=0)

    class Config:
        prefix = "security:target"


FIELDS = [name for name in Target.model_fields if name != "id"]
#: JSON texts that the server takes.
HOSTILE = [
    "null", "true", '"5"', "1e308", "123456789012345678901234567890", "-9223372036854775809",
    "9223372036854775807", "1.5", "1e15", "-0.0", '""', '"x"', "[]", "{}", "[1]", "[null]",
    '{"a":1}', '{"us":1e300}', '{"us":9e18}', '{"us":253402300800000000}', '{"us":-1}',
    '{"us":86400000000}', '{"us":0,"off":86400}', '{"us":0,"off":1e300}', '{"us":0,"off":0.5}',
    '{"us":0,"off":null}', '{"us":0,"x":1}', '{"us":[1]}', '{"us":"0"}', '{"off":1}',
    '{"dec":"1e999999999","n":0}', '{"dec":"-1e-999999999","n":0}', '{"dec":"NaN","n":0}',
    '{"dec":"sNaN","n":1}', '{"dec":"1","n":2}', '{"dec":"Infinity","n":1e308}', '{"dec":1,"n":1}',
    '{"dec":"1_0","n":10}', '{"dec":"","n":0}', '{"__class__":"x"}', f'"{"9" * 4301}"', '"1_000"',
    '" 1"', '"0x10"', '"٣"', '"-0"', '"+1"', '"A"', '"==="', '"A A="',
    '"urn:uuid:00000000-0000-0000-0000-000000000000"', "2932897", '"181,91"', '"nan,nan"',
    '"1e999,0"', '"1,2,3"', '"\\u0000"', '"\\ufdd0"', '"\\ufdd0x"',
]  # fmt: skip


async def store(redis: Any, field: str, text: str) -> bytes:
    document = f'{{"id":"1",{json.dumps(field)}:{text}}}'
    await redis.execute_command("JSON.SET", KEY, "$", document)
    return await redis.execute_command("JSON.GET", KEY)


READS: list[Callable[[str], Any]] = [
    lambda field: Target.get("1"),
    lambda field: Target.path(field).get("1"),
    lambda field: Target.extract("1", Target.path(field)),
    lambda field: Target.bulk_get(["1"]),
    lambda field: Target.find().to_list(),
]
LISTING = READS[2:]


@pytest.mark.parametrize("field", FIELDS)
async def test_what_is_read_is_a_value_of_the_field_or_an_error_that_says_whose(
    server, redis, field
):
    blamed: set[str] = set()
    annotation = {"big": int, "revision": int, "tags": list}.get(field) or type(
        getattr(Target(id="1"), field)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DroppedDocumentsWarning)
        for text in HOSTILE:
            before = await store(redis, field, text)
            for read in READS:
                try:
                    found = await read(field)
                except CorruptDocumentError as error:
                    blamed.add(error.key)
                    continue
                if read is READS[-1] and not found:
                    continue  # the index did not take it, which is warned about
                (one,) = found if read in LISTING else (found,)
                value = getattr(one, field) if isinstance(one, Target) else one
                if field == "place":
                    assert value is None or (abs(value.lon) <= 180 and abs(value.lat) <= 90)
                else:
                    assert type(value) is annotation or isinstance(value, annotation), text
            assert await redis.execute_command("JSON.GET", KEY) == before
    assert blamed == {KEY}


def recorded(statement: Callable[[Any], Any]) -> Callable[[], Any]:
    async def run() -> None:
        async with Target.pipeline_for("1") as p:
            statement(p)

    return run


def adding(field: str, amount: Any) -> Callable[[], Any]:
    def add(p: Any) -> None:
        value = getattr(p, field)
        value += amount
        setattr(p, field, value)

    return recorded(add)


def comparing(field: str, value: Any) -> Callable[[], Any]:
    return recorded(lambda p: (getattr(p, field) > value).if_true(lambda: p.place.set(None)))


CHANGES: dict[str, list[Callable[[], Any]]] = {
    "whole": [lambda: Target.whole.increase("1", 5), adding("whole", 5), comparing("whole", 3)],
    "real": [lambda: Target.real.increase("1", 0.5), adding("real", 0.5), comparing("real", 0.1)],
    "text": [lambda: Target.text.append("1", "x"), adding("text", "x"), comparing("text", "a")],
    "raw": [lambda: Target.raw.append("1", b"x"), adding("raw", b"x"), comparing("raw", b"a")],
    "price": [adding("price", Decimal(1)), comparing("price", Decimal(1))],
    "big": [adding("big", 1), comparing("big", 1)],
    "seen": [
        lambda: Target.seen.shift("1", timedelta(1)),
        adding("seen", timedelta(1)), comparing("seen", datetime(2000, 1, 1)),
    ],
    "alarm": [comparing("alarm", time(2))],
    "span": [
        lambda: Target.span.shift("1", timedelta(1)), adding("span", timedelta(1)),
        comparing("span", timedelta(1)),
    ],
    "day": [
        lambda: Target.day.shift("1", timedelta(1)), adding("day", timedelta(1)),
        comparing("day", date(2000, 1, 1)),
    ],
    "numbers": [
        lambda: Target.numbers.append("1", 5), lambda: Target.numbers.insert("1", 0, 5),
        lambda: Target.numbers.extend("1", [5]), lambda: Target.numbers.remove("1", 1),
        lambda: Target.numbers.remove_range("1", 0), lambda: Target.numbers.set_item("1", 0, 5),
        lambda: Target.numbers.clear("1"), lambda: Target.numbers[0].increase("1", 5),
        lambda: Target.numbers[-1].set("1", 5), recorded(lambda p: p.numbers.append(5)),
        recorded(lambda p: p.numbers.sort()), recorded(lambda p: p.numbers.pop()),
    ],
    "counts": [
        lambda: Target.counts.set_item("1", "a", 5), lambda: Target.counts.update("1", {"a": 5}),
        lambda: Target.counts.del_item("1", "a"), lambda: Target.counts.clear("1"),
        lambda: Target.counts["a"].increase("1", 5), lambda: Target.counts["a"].set("1", 5),
        recorded(lambda p: p.counts.update({"a": 5})), recorded(lambda p: p.counts.pop("a")),
    ],
    "tags": [lambda: Target.tags.append("1", "x"), recorded(lambda p: p.tags.append("x"))],
    "inner": [
        lambda: Target.inner.n.set("1", 5), lambda: Target.inner.n.increase("1", 5),
        lambda: Target.aupdate_by_key("1", inner__n=5), recorded(lambda p: p.inner.n.set(5)),
    ],
    "revision": [
        lambda: Target.aupdate_by_key("1", whole=5), lambda: Target.whole.increase("1", 5),
        lambda: Target(id="1").save(), recorded(lambda p: p.whole.set(5)),
    ],
}  # fmt: skip
#: What the documentation says of single operations beside the errors of the library.
BUILTIN = (IndexError, KeyError, ValueError)


@pytest.mark.parametrize("field", CHANGES)
async def test_a_change_is_right_or_an_error_and_then_nothing_is_changed(server, redis, field):
    for change in CHANGES[field]:
        for text in HOSTILE:
            before = await store(redis, field, text)
            try:
                await change()
            except (RapyerError, *BUILTIN):
                assert await redis.execute_command("JSON.GET", KEY) == before, text


async def test_a_moment_that_no_reader_takes_is_none_to_a_pipeline_either(server, redis):
    """`1e300` was taken for 1 by its first digit."""
    for text in ('{"us":1e300}', '{"us":9e18}', '{"us":0,"off":86400}'):
        before = await store(redis, "seen", text)
        for change in CHANGES["seen"]:
            with pytest.raises(RapyerError):
                await change()
        assert await redis.execute_command("JSON.GET", KEY) == before
    for text in ('{"us":-1}', '{"us":86400000000}', '{"us":9e18}'):
        await store(redis, "alarm", text)
        with pytest.raises(RapyerError, match="expected a time, found"):
            await comparing("alarm", time(2))()


class Open(AtomicRedisModel):
    model_config = ConfigDict(extra="allow")
    n: int = 0

    class Config:
        prefix = "security:open"


class Closed(AtomicRedisModel):
    n: int = 0

    class Config:
        prefix = "security:closed"


NAMES = [
    "__class__", "__dict__", "__init__", "__proto__", "__reduce__", "__setattr__", "__slots__",
    "__eq__", "__hash__", "__getattr__", "__pydantic_extra__", "__pydantic_fields_set__",
    "__pydantic_private__", "__rapyer_stored_key__", "__rapyer_made_key__", "__rapyer_baseline__",
    "model_fields_set", "model_config", "model_fields", "model_extra", "constructor", "pk", "key",
    "save", "get", "find", "changes", "_private", "", "$", "$.n", "a.b", '"', "n\0", "N",
]  # fmt: skip


@pytest.mark.parametrize("model", [Open, Closed])
async def test_a_name_in_a_document_reaches_nothing_but_the_extra_fields(server, redis, model):
    key = model.key_of("1")
    for name in NAMES:
        document = {name: {"a": 1}, "n": 3}
        await redis.execute_command("JSON.SET", key, "$", json.dumps(document))
        one = await model.get("1")
        assert (type(one), one.n, one.key, one.pk) == (model, 3, key, "1")
        assert callable(one.save)
        assert vars(one) == {"n": 3}
        assert one.model_fields_set <= {"n", name}
        assert one.model_extra == ({name: {"a": 1}} if model is Open else None)
        assert one == one.model_copy()
        assert (await model.get("1")).__class__ is model
        n_only = {"n": 3}
        await one.save()
        saved = json.loads(await redis.execute_command("JSON.GET", key))
        kept = {name.replace("\0", "\ufdd1"): {"a": 1}, "n": 3} if model is Open else n_only
        assert saved == kept


async def test_of_a_name_that_stands_twice_the_server_keeps_the_last(server, redis):
    document = '{"id":"2","id":"1","whole":1,"whole":2}'
    await redis.execute_command("JSON.SET", KEY, "$", document)
    assert (await Target.get("1")).whole == 2
    assert json.loads(await redis.execute_command("JSON.GET", KEY)) == {"id": "1", "whole": 2}


async def test_a_document_that_names_another_key_is_not_taken_for_that_one(server, redis):
    await redis.execute_command("JSON.SET", KEY, "$", '{"id":"2"}')
    for read in READS[:1] + READS[3:]:
        with pytest.raises(CorruptDocumentError, match="belongs at"):
            await read("id")


async def test_numbers_without_a_double_do_not_get_into_a_document(server, redis):
    for text in ("1e400", "-1e400", "NaN", "Infinity"):
        with pytest.raises(ResponseError):
            await store(redis, "real", text)


class Node(BaseModel):
    child: Node | None = None


class Deep(AtomicRedisModel):
    anything: Any = None
    node: Node | None = None

    class Config:
        prefix = "security:deep"


@pytest.mark.parametrize("field", ["anything", "node"])
async def test_as_deep_as_the_server_takes_a_document_it_is_read_and_written_again(
    server, redis, field
):
    key = Deep.key_of("1")
    opening, closing = ("[", "]") if field == "anything" else ('{"child":', "}")
    accepted, refusals = 0, set[str]()
    for levels in (1, 100, 125, 126, 127, 128, 129, 1000, 50_000):
        inside = opening * levels + "null" + closing * levels
        document = f'{{"{field}":{inside}}}'
        try:
            await redis.execute_command("JSON.SET", key, "$", document)
        except ResponseError as error:
            refusals.add(str(error).split(" at ")[0])
            continue
        accepted = levels
        one = await Deep.get("1")
        await one.save()
        stored = await redis.execute_command("JSON.GET", key)
        assert stored.decode().count(opening) == levels
        assert (await Deep.find().scan().to_list()) == [one]
    assert accepted in (126, 127)
    assert refusals == {"recursion limit exceeded"}
