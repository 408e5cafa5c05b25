"""Reading and writing by path: what is there, what is not, and keys of any kind."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, NamedTuple
from uuid import UUID

import pytest
from annotated_types import Ge
from pydantic import AfterValidator, BaseModel, ConfigDict, PlainSerializer, ValidationError
from rapyer import (
    AtomicRedisModel,
    CorruptDocumentError,
    EmbeddedModel,
    ExpressionError,
    Field,
    InvalidKeyError,
    InvalidPathError,
    Key,
    KeyNotFoundError,
    PathNotFoundError,
    UnaddressableKeyError,
    UnstorableValueError,
    WrongTypeError,
)
from rapyer.plugin import AccessPolicy, hookimpl
from rapyer.testing import record_commands, use_plugins
from rapyer.traffic.channel import Channel
from typing_extensions import TypedDict

pytestmark = pytest.mark.usefixtures("server")


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Point(NamedTuple):
    x: int
    y: int


@dataclass
class Size:
    width: int
    height: int = 2


class Extra(TypedDict):
    note: str


class Street(BaseModel):
    model_config = ConfigDict(str_strip_whitespace=True)
    name: str = "Main Street"
    number: Annotated[int, Ge(1)] = 1


class Home(EmbeddedModel):
    street: Street = Street()
    rooms: list[str] = []
    since: date | None = None
    postcode: str = Field(default="0000", alias="zip")


class Cat(BaseModel):
    meows: bool = True
    name: str = "cat"


class Dog(BaseModel):
    barks: int = 1
    name: str = "dog"


class Tenant(AtomicRedisModel):
    id: Key[str]
    age: int = 7
    score: float = 0.5
    balance: Decimal = Decimal("1.10")
    seen: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    token: UUID = UUID(int=5)
    raw: bytes = b"\xff"
    colour: Colour = Colour.RED
    tags: list[str] = []
    grid: list[list[int]] = []
    days: dict[date, int] = {}
    counts: dict[str, int] = {}
    home: Home = Home()
    second: Home | None = None
    homes: list[Home] = []
    by_name: dict[str, Home] = {}
    pair: tuple[int, str] = (1, "x")
    size: Size = Size(1)
    extra: Extra = {"note": "n"}
    point: Point = Point(1, 2)
    pets: list[Cat | Dog] = []
    anything: Any = None
    made: list[int] = Field(default_factory=lambda: [1])
    masked: Annotated[list[int], PlainSerializer(lambda v: list(v))] = []
    short: str = Field(default="s", alias="s")
    fixed: int = Field(default=1, frozen=True)
    even: Annotated[int, AfterValidator(lambda v: v - v % 2)] = 2


FULL: dict[str, Any] = {
    "id": "1",
    "age": 2**53 + 1,
    "score": 0.1 + 0.2,
    "balance": Decimal("2.50"),
    "seen": datetime(2026, 5, 4, 3, 2, 1, 999999, tzinfo=UTC),
    "tags": ["a", "b", "c"],
    "grid": [[1, 2], [3]],
    "days": {date(2026, 1, 2): 5},
    "counts": {"x": 1, "a b": 2},
    "home": Home(street=Street(name="High", number=3), rooms=["k"], zip="1234"),
    "homes": [Home(zip="1"), Home(rooms=["l", "m"], since=date(2026, 1, 1))],
    "by_name": {"x": Home(zip="9")},
    "pets": [Cat(), Dog(barks=2)],
    "anything": {"deep": [1, {"er": "x"}]},
    "s": "short",
}


@pytest.fixture
async def tenant() -> Tenant:
    return await Tenant(**FULL).save()


PATHS = {
    "age": lambda t: t.age,
    "score": lambda t: t.score,
    "balance": lambda t: t.balance,
    "seen": lambda t: t.seen,
    "token": lambda t: t.token,
    "raw": lambda t: t.raw,
    "colour": lambda t: t.colour,
    "tags": lambda t: t.tags,
    "tags[0]": lambda t: t.tags[0],
    "tags[-1]": lambda t: t.tags[-1],
    "tags[-3]": lambda t: t.tags[-3],
    "grid[0][-1]": lambda t: t.grid[0][-1],
    "counts.x": lambda t: t.counts["x"],
    "counts['a b']": lambda t: t.counts["a b"],
    "home": lambda t: t.home,
    "home.street": lambda t: t.home.street,
    "home.street.name": lambda t: t.home.street.name,
    "home.postcode": lambda t: t.home.postcode,
    "home.rooms[0]": lambda t: t.home.rooms[0],
    "homes[1].rooms[-2]": lambda t: t.homes[1].rooms[-2],
    "homes[-1].since": lambda t: t.homes[-1].since,
    "homes[-2].street.number": lambda t: t.homes[-2].street.number,
    "by_name.x.postcode": lambda t: t.by_name["x"].postcode,
    "pair[1]": lambda t: t.pair[1],
    "pair[-2]": lambda t: t.pair[-2],
    "size.height": lambda t: t.size.height,
    "extra.note": lambda t: t.extra["note"],
    "point": lambda t: t.point,
    "pets[0].meows": lambda t: t.pets[0].meows,
    "pets[1].name": lambda t: t.pets[1].name,
    "anything": lambda t: t.anything,
    "second": lambda t: t.second,
    "masked": lambda t: t.masked,
    "short": lambda t: t.short,
}


@pytest.mark.parametrize("text", [text for text in PATHS if text != "masked"])
async def test_what_a_path_reads_is_what_the_loaded_model_has(tenant, text):
    path = Tenant.path(text)
    expected = PATHS[text](tenant)
    value = await path.get(tenant.key)
    assert value == expected
    assert type(value) is type(expected)
    assert repr(path).replace('"', "'") in (f"Tenant.{text}", repr(path).replace('"', "'"))


async def test_several_paths_are_read_by_one_command_in_the_order_asked(tenant, redis_url):
    texts = [text for text in PATHS if text != "masked"]
    asked = [*texts, "age", *(Tenant.path(text) for text in texts)]
    async with record_commands(redis_url) as sent:
        found = await Tenant.extract_fields(asked, "1")
    assert [command.name for command in sent] == ["JSON.GET"]
    assert list(found) == list(dict.fromkeys(asked))
    for text in texts:
        assert found[text] == found[Tenant.path(text)] == PATHS[text](tenant)
    assert await tenant.extract_fields(["age", "tags[0]"]) == {"age": tenant.age, "tags[0]": "a"}
    assert await Tenant.extract_fields([], "1") == {}


async def test_extract_gives_a_tuple_and_extract_many_a_row_for_each_key(tenant, redis_url):
    await Tenant(id="2", age=3).save()
    assert await Tenant.extract("1", Tenant.age, Tenant.home.street.name) == (tenant.age, "High")
    async with record_commands(redis_url) as sent:
        rows = await Tenant.extract_many(["2", "1", "2"], Tenant.age, Tenant.tags)
    assert rows == [(3, []), (tenant.age, ["a", "b", "c"]), (3, [])]
    assert len(sent) == 3
    assert await Tenant.extract_many([], Tenant.age) == []
    with pytest.raises(TypeError, match="was given the single key '1'"):
        await Tenant.extract_many("1", Tenant.age)
    assert await Tenant.extract_many(["2", "9"], Tenant.age, default=None) == [(3,), (None,)]
    with pytest.raises(KeyNotFoundError, match="tenant:9"):
        await Tenant.extract_many(["2", "9"], Tenant.age)


async def test_documents_of_many_keys_come_in_batches(redis_url):
    await asyncio.gather(*(Tenant(id=str(n), age=n).save() for n in range(600)))
    rows = await Tenant.extract_many(map(str, range(600)), Tenant.age)
    assert rows == [(n,) for n in range(600)]


# -- what is not there ----------------------------------------------------------------------------

NOT_THERE = [
    "tags[3]", "tags[-4]", "grid[0][2]", "grid[2][0]", "counts.nope", "second.street",
    "second.street.name", "homes[2]", "homes[-3].postcode", "by_name.y", "by_name.y.postcode",
    "home.since.x", "pets[0].barks", "anything.nope", "anything.deep[5]",
]  # fmt: skip


@pytest.mark.parametrize("text", [text for text in NOT_THERE if text != "home.since.x"])
async def test_a_key_an_index_and_what_is_below_null_are_not_found(tenant, text):
    path = Tenant.path(text) if not text.startswith("anything") else anything(text)
    with pytest.raises(PathNotFoundError, match=r"has no value at .* Give default="):
        await path.get("1")
    assert await path.get("1", default="none") == "none"
    assert await Tenant.extract("1", Tenant.age, path, default=None) == (tenant.age, None)


def anything(text: str) -> Any:
    return Tenant.anything["nope"] if "nope" in text else Tenant.anything["deep"][5]


@pytest.mark.parametrize(
    ("lacking", "text", "value"),
    [
        ("age", "age", 7),
        ("tags", "tags", []),
        ("home", "home", Home()),
        ("home", "home.street.name", "Main Street"),
        ("home", "home.rooms", []),
        ("second", "second", None),
        ("size", "size.height", 2),
        ("extra", "extra.note", "n"),
        ("pair", "pair[-1]", "x"),
        ("counts", "counts", {}),
    ],
)
async def test_a_declared_field_that_the_document_lacks_has_its_static_default(
    tenant, redis, lacking, text, value
):
    await redis.execute_command("JSON.DEL", "tenant:1", f"$.{lacking}")
    path = Tenant.path(text)
    assert await path.get("1") == value
    assert await path.get("1", default="given") == value
    assert await Tenant.extract("1", path, Tenant.token) == (value, tenant.token)
    first, second = await path.get("1"), await path.get("1")
    assert not isinstance(first, list | dict) or first is not second, "a default is not shared"


@pytest.mark.parametrize(
    ("lacking", "text"),
    [
        ("made", "made"),
        ("id", "id"),
        ("tags", "tags[0]"),
        ("second", "second.rooms"),
        ("counts", "counts.x"),
        ("home", "home.rooms[0]"),
    ],
)
async def test_what_has_no_static_default_is_not_found(tenant, redis, lacking, text):
    await redis.execute_command("JSON.DEL", "tenant:1", f"$.{lacking}")
    with pytest.raises(PathNotFoundError):
        await Tenant.path(text).get("1")


async def test_a_missing_document_is_missing_and_another_type_is_named(redis):
    with pytest.raises(KeyNotFoundError, match="no Tenant is stored at 'tenant:9'"):
        await Tenant.age.get("9")
    assert await Tenant.age.get("9", default=None) is None
    assert await Tenant.extract_fields(["age", "tags"], "9", default=0) == {"age": 0, "tags": 0}
    await redis.set("tenant:9", "text")
    for call in (
        lambda: Tenant.age.get("9", default=None),
        lambda: Tenant.age.set("9", 1),
        lambda: Tenant.extract_many(["9"], Tenant.age),
    ):
        with pytest.raises(WrongTypeError, match="holds a string"):
            await call()


async def test_a_value_that_does_not_validate_is_corrupt(tenant, redis):
    await redis.execute_command("JSON.SET", "tenant:1", "$.age", '"5"')
    with pytest.raises(
        CorruptDocumentError, match=r"has an invalid value for Tenant\.age"
    ) as caught:
        await Tenant.age.get("1")
    assert caught.value.raw == b'["5"]'
    await redis.execute_command("JSON.SET", "tenant:1", "$.home", "5")
    with pytest.raises(WrongTypeError, match=r"has integer at \$\[\"home\"\]"):
        await Tenant.home.street.name.get("1")
    await redis.execute_command("JSON.SET", "tenant:1", "$", "[1]")
    with pytest.raises(WrongTypeError, match=r"has array at \$"):
        await Tenant.age.get("1")


# -- writing --------------------------------------------------------------------------------------

CHANGES: dict[str, Any] = {
    "age": -(2**63),
    "score": 1e300 / 3,
    "balance": Decimal("9.90"),
    "seen": datetime(1999, 1, 1, 1, tzinfo=UTC) + timedelta(microseconds=1),
    "raw": b"\x00\x01",
    "colour": Colour.BLUE,
    "tags": ["z"],
    "tags[0]": "new\x00text",
    "tags[-1]": "last",
    "grid[-2][-1]": 99,
    "counts.x": 5,
    "counts.new": 6,
    "home": Home(zip="7"),
    "home.street": Street(name="Low"),
    "home.street.number": 8,
    "home.postcode": "8",
    "homes[-1].rooms[-2]": "r",
    "homes[-1].since": date(2030, 1, 1),
    "second": Home(zip="2"),
    "pair[-1]": "y",
    "size.height": 5,
    "extra.note": "m",
    "pets[0]": Dog(barks=9),
    "anything": [1.5, {"x": None}],
    "short": "t",
}


@pytest.mark.parametrize("policed", [False, True])
@pytest.mark.parametrize("text", CHANGES)
async def test_setting_a_value_changes_it_and_nothing_else(tenant, redis, text, policed):
    model: Any = Policed if policed else Tenant
    key = "policed:1" if policed else "tenant:1"
    if policed:
        await Policed(**FULL).save()
    before = json.loads(await redis.execute_command("JSON.GET", key))
    path = model.path(text)
    await path.set("1", CHANGES[text])
    assert await path.get("1") == CHANGES[text]
    after = json.loads(await redis.execute_command("JSON.GET", key))
    top = text.split("[")[0].split(".")[0]
    stored = {"short": "s"}.get(top, top)
    assert {k: v for k, v in after.items() if k != stored} == {
        k: v for k, v in before.items() if k != stored
    }
    loaded = await model.get("1")
    expected = model(**FULL)
    for name in type(expected).model_fields:
        if name != top:
            assert getattr(loaded, name) == getattr(expected, name)


class Touching:
    RAPYER_API_VERSION = 1

    @hookimpl
    def rapyer_access_policy(self):
        return AccessPolicy("touch", apply="redis.call('INCR', 'touched:' .. access)")


with use_plugins(Touching()) as host:
    Policed = type(
        "Policed", (host.AtomicRedisModel,),
        {
            "__module__": __name__,
            "__annotations__": dict(Tenant.__annotations__),
            **{
                name: field
                for name, field in Tenant.model_fields.items()
                if not field.is_required()
            },
        },
    )  # fmt: skip


async def test_policies_apply_to_reads_and_writes_by_path(redis):
    await Policed(**FULL).save()
    await redis.delete("touched:read", "touched:write")
    await Policed.age.get("1")
    await Policed.extract_many(["1", "9", "1"], Policed.age, Policed.tags, default=None)
    await Policed.age.set("1", 3)
    assert await redis.mget("touched:read", "touched:write") == [b"3", b"1"]


async def test_a_value_is_validated_as_its_assignment_before_anything_is_sent(tenant, redis_url):
    await Tenant.even.set("1", 5)
    assert await Tenant.even.get("1") == 4
    await Tenant.home.street.name.set("1", "  padded ")
    assert await Tenant.home.street.name.get("1") == "padded", "the settings of the model hold"
    async with record_commands(redis_url) as sent:
        for path, value, message in (
            (Tenant.age, "many", r"Tenant\nage\n.*valid integer"),
            (Tenant.home.street.number, 0, r"Tenant\nhome\.street\.number\n.*greater than"),
            (Tenant.tags[0], None, "valid string"),
            (Tenant.age, None, "valid integer"),
        ):
            with pytest.raises(ValidationError, match=message):
                await path.set("1", value)
        with pytest.raises(UnstorableValueError, match=r"Tenant\.score cannot be stored: nan"):
            await Tenant.score.set("1", float("nan"))
        with pytest.raises(UnstorableValueError, match=r"Tenant\.tags\[0\] cannot be stored"):
            await Tenant.tags.set("1", ["\ud800"])
    assert sent == []
    await Tenant.age.set("1", "5")  # as pydantic takes it where it is not strict
    assert await Tenant.age.get("1") == 5


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("tags[3]", PathNotFoundError),
        ("tags[-4]", PathNotFoundError),
        ("grid[5][0]", PathNotFoundError),
        ("grid[-5][0]", PathNotFoundError),
        ("second.postcode", PathNotFoundError),
        ("by_name.y.postcode", PathNotFoundError),
        ("homes[-3].postcode", PathNotFoundError),
    ],
)
async def test_what_is_on_the_way_has_to_be_there(tenant, redis, text, error):
    before = await redis.execute_command("JSON.GET", "tenant:1")
    value: Any = 1 if text.startswith("grid") else "v"
    with pytest.raises(error):
        await Tenant.path(text).set("1", value)
    with pytest.raises(KeyNotFoundError):
        await Tenant.path(text).set("9", value)
    assert await redis.execute_command("JSON.GET", "tenant:1") == before
    assert not await redis.exists("tenant:9")


async def test_a_field_that_the_document_lacks_is_made_by_setting_it(tenant, redis):
    for path in ("$.age", "$.homes[1].since"):
        await redis.execute_command("JSON.DEL", "tenant:1", path)
    await Tenant.age.set("1", 3)
    await Tenant.homes[-1].since.set("1", date(2020, 2, 2))
    assert await Tenant.extract("1", Tenant.age, Tenant.homes[1].since) == (3, date(2020, 2, 2))


async def test_the_primary_key_and_frozen_fields_are_not_set(tenant):
    with pytest.raises(InvalidKeyError, match=r"Tenant\.id is the primary key"):
        await Tenant.id.set("1", "2")
    with pytest.raises(ExpressionError, match=r"Tenant\.fixed is frozen"):
        await Tenant.fixed.set("1", 2)


# -- keys of dicts --------------------------------------------------------------------------------

HOSTILE = [
    "*", "x.y", "my key", '"', "'", "]", "[0]", "$", "\n", "\x00", "", "k" * 1000, "🦊", "a\x00b",
    "\ufdd0", "\ufdd1", "..", "@", "?(@)", ",", ":", "0", "-1", "\t", "é", "e\u0301", "trailing ",
    "a'b", 'a"b', "constructor", "\u2028",
]  # fmt: skip


@pytest.mark.parametrize("key", HOSTILE, ids=ascii)
async def test_any_key_is_just_a_key_for_get_set_and_create(redis, key):
    await Tenant(id="1", counts={"other": 1, key: 2}, by_name={key: Home(zip="5")}).save()
    assert await Tenant.counts[key].get("1") == 2
    await Tenant.counts[key].set("1", 3)
    assert (await Tenant.get("1")).counts == {"other": 1, key: 3}
    await redis.execute_command("JSON.SET", "tenant:1", "$.counts", '{"other":1}')
    await Tenant.counts[key].set("1", 4)
    assert (await Tenant.get("1")).counts == {"other": 1, key: 4}
    assert await Tenant.by_name[key].postcode.get("1") == "5"
    found = await Tenant.extract_fields([Tenant.counts[key], Tenant.by_name[key].postcode], "1")
    assert list(found.values()) == [4, "5"]


@pytest.mark.parametrize("key", ["back\\slash", "both\"'", " leading", "\\"])
async def test_a_key_without_a_spelling_is_stored_and_an_operation_by_path_is_an_error(redis, key):
    tenant = await Tenant(id="1", counts={key: 2}).save()
    assert await Tenant.get("1") == tenant
    before = await redis.execute_command("JSON.GET", "tenant:1")
    for call in (
        lambda: Tenant.counts[key].get("1"),
        lambda: Tenant.counts[key].set("1", 3),
        lambda: Tenant.extract("1", Tenant.age, Tenant.counts[key]),
    ):
        with pytest.raises(UnaddressableKeyError, match="no path can address the key"):
            await call()
    assert await redis.execute_command("JSON.GET", "tenant:1") == before


async def test_keys_that_are_no_text_are_those_of_their_type(tenant):
    day = date(2026, 1, 2)
    assert await Tenant.days[day].get("1") == 5
    await Tenant.days[date(2026, 1, 3)].set("1", 6)
    assert (await Tenant.get("1")).days == {day: 5, date(2026, 1, 3): 6}
    with pytest.raises(ExpressionError, match="does not exist"):
        Tenant.days["2026-01-02"]
    with pytest.raises(ExpressionError, match="does not exist"):
        Tenant.counts[3]


# -- paths as text --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("age", lambda: Tenant.age),
        ("tags[-1]", lambda: Tenant.tags[-1]),
        ("tags[ 0 ]", lambda: Tenant.tags[0]),
        ("home.street.name", lambda: Tenant.home.street.name),
        ('home["street"].name', lambda: Tenant.home.street.name),
        ("counts.a b", lambda: Tenant.counts["a b"]),
        ("counts['x.y']", lambda: Tenant.counts["x.y"]),
        ('counts["\\u00e9\\n"]', lambda: Tenant.counts["é\n"]),
        ("counts.0", lambda: Tenant.counts["0"]),
        ("by_name.x.rooms[0]", lambda: Tenant.by_name["x"].rooms[0]),
    ],
)
def test_a_text_names_the_path_that_access_to_the_class_gives(text, path):
    assert Tenant.path(text) is path()


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("", 0), ("nope", 0), ("age.x", 4), ("tags[x]", 4), ("tags[0", 4), ("tags.", 5),
        (".age", 0), ("home..street", 5), ("home.nope.name", 5), ("tags[0]x", 7), ("[0]", 0),
        ("age[0]", 3), ("tags['x']", 4), ("pair[2]", 4), ("home street", 0), ("counts[0]", 6),
        ("tags\n.x", 0),
    ],
)  # fmt: skip
def test_a_text_that_is_no_path_is_an_error_that_shows_where(text, position):
    with pytest.raises(InvalidPathError) as caught:
        Tenant.path(text)
    assert caught.value.position == position
    assert caught.value.path == text
    lines = str(caught.value).splitlines()
    assert lines[2].index("^") - 4 >= position


async def test_what_is_no_path_is_refused(tenant):
    with pytest.raises(InvalidPathError, match="5 is neither a path nor a string"):
        Tenant.path(5)
    with pytest.raises(TypeError, match="which is one path"):
        await Tenant.extract_fields("age", "1")
    with pytest.raises(InvalidPathError, match="'age' is not a path"):
        await Tenant.extract("1", "age")
    with pytest.raises(TypeError, match="was given no path"):
        await Tenant.extract("1")
    with pytest.raises(ExpressionError, match=r"Home\.rooms starts from Home, .*no documents"):
        await Home.rooms.get("1")
    with pytest.raises(ExpressionError, match="all elements of a list"):
        await Tenant.homes.postcode.get("1")
    with pytest.raises(ExpressionError, match=r"is not a path of Tenant"):
        await Tenant.extract("1", Home.rooms)


async def test_a_path_of_a_base_reads_the_documents_of_its_subclasses_by_their_own():
    class Landlord(Tenant):
        car: str = "none"

    await Landlord(id="1", age=3).save()
    assert await Landlord.extract("1", Tenant.age, Landlord.car) == (3, "none")
    with pytest.raises(ExpressionError, match="is not a path of Tenant"):
        await Tenant.extract("1", Landlord.car)


async def test_what_a_serializer_makes_is_read_as_a_whole_only(tenant):
    with pytest.raises(ExpressionError, match="stored by a serializer"):
        await Tenant.masked[0].get("1")


async def test_one_round_trip_but_for_what_is_not_there(tenant, redis, redis_url):
    await redis.execute_command("JSON.DEL", "tenant:1", "$.age")
    async with record_commands(redis_url) as sent:
        await Tenant.tags[-1].get("1")
        await Tenant.tags[0].set("1", "x")
        await Tenant.tags[-1].set("1", "x")
    outer = [command.name for command in sent if not command.in_script]
    assert outer in (
        ["JSON.GET", "JSON.SET", "EVALSHA"],
        ["JSON.GET", "JSON.SET", "EVALSHA", "EVAL"],
    )
    async with record_commands(redis_url) as sent:
        assert await Tenant.age.get("1") == 7
    assert [command.name for command in sent][:2] == ["JSON.GET", "MULTI"]


async def test_documents_that_lack_a_field_are_looked_at_again_together(redis, monkeypatch):
    await asyncio.gather(*(Tenant(id=str(n), age=n).save() for n in range(40)))
    for n in range(0, 40, 2):
        await redis.execute_command("JSON.DEL", f"tenant:{n}", "$.age")
    sent: list[int] = []
    execute_many = Channel.execute_many

    async def counted(channel: Channel, commands: Any, **kwargs: Any) -> list[Any]:
        sent.append(len(commands))
        return await execute_many(channel, commands, **kwargs)

    monkeypatch.setattr(Channel, "execute_many", counted)
    rows = await Tenant.extract_many(map(str, range(40)), Tenant.age, Tenant.short)
    assert rows == [(n if n % 2 else 7, "s") for n in range(40)]
    assert len(sent) == 2
