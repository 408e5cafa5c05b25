"""aupdate and aupdate_by_key set some fields in Redis, all or none, and then in the instance."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import enum
import json
import random
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

import pytest
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    field_serializer,
    field_validator,
    model_validator,
)
from rapyer import (
    AtomicRedisModel,
    EmbeddedModel,
    ExpressionError,
    Field,
    InvalidKeyError,
    InvalidPathError,
    Key,
    KeyNotFoundError,
    Mapped,
    MappedOptional,
    PathNotFoundError,
    UnaddressableKeyError,
    UnstorableValueError,
    WrongTypeError,
)
from redis.exceptions import ResponseError
from typing_extensions import TypedDict

pytestmark = pytest.mark.usefixtures("server")


class Street(EmbeddedModel):
    name: Mapped[str] = Field(min_length=1)
    number: Mapped[int] = 0


class Residence(EmbeddedModel):
    street: Mapped[Street]
    city: Mapped[str] = ""


class Resident(AtomicRedisModel):
    id: Key[str]
    name: Mapped[str] = ""
    age: Mapped[int] = Field(default=0, ge=0, alias="years")
    home: MappedOptional[Residence] = None
    homes: Mapped[list[Residence]] = Field(default_factory=list)
    tags: Mapped[list[str]] = Field(default_factory=list)
    counts: Mapped[dict[str, int]] = Field(default_factory=dict)
    anything: Any = None


def a_residence(city: str = "Rome", street: str = "Via") -> Residence:
    return Residence(street=Street(name=street), city=city)


async def a_resident(**values: Any) -> Resident:
    given = {
        "name": "Ada", "years": 36, "home": a_residence(), "homes": [a_residence(), a_residence()],
        "tags": ["x", "y"], "counts": {"a": 1},
    }  # fmt: skip
    return await Resident(id="1", **{**given, **values}).save()


@pytest.fixture
def unchanged(redis):
    """Runs a call that has to fail, and says that neither document nor instance was changed."""

    async def check(instance, error, match, call):
        document = await redis.execute_command("JSON.GET", instance.key)
        before = copy.deepcopy(instance)
        with pytest.raises(error, match=match) as caught:
            await call
        assert await redis.execute_command("JSON.GET", instance.key) == document
        assert instance == before
        assert instance.model_fields_set == before.model_fields_set
        return caught.value

    return check


# -- what is set ----------------------------------------------------------------------------------


async def test_fields_are_set_in_redis_and_in_the_instance_which_is_returned():
    resident = await a_resident()
    assert await resident.aupdate(name="Augusta", age=37) is resident
    assert (resident.name, resident.age) == ("Augusta", 37)
    assert await Resident.get("1") == resident


async def test_paths_texts_and_names_can_be_mixed():
    resident = await a_resident()
    await resident.aupdate(
        {Resident.home.city: "Oslo", "homes[1].street.name": "Gate", Resident.tags[-1]: "z"},
        name="B",
        home__street__number=7,
        counts__b=2,
    )
    assert await Resident.get("1") == resident
    assert resident.home == Residence(street=Street(name="Via", number=7), city="Oslo")
    assert resident.homes[1].street.name == "Gate"
    assert (resident.tags, resident.counts, resident.name) == (["x", "z"], {"a": 1, "b": 2}, "B")


async def test_values_are_set_in_place_so_that_other_references_see_them():
    resident = await a_resident()
    street, tags = resident.home.street, resident.tags
    await resident.aupdate({Resident.tags[0]: "new"}, home__street__name="Corso")
    assert (street.name, tags) == ("Corso", ["new", "y"])


async def test_the_rest_of_the_document_and_unsaved_changes_stay_as_they_are(redis):
    resident = await a_resident()
    await redis.execute_command("JSON.SET", resident.key, "$.tags", '["of another"]')
    resident.name = "unsaved"
    await resident.aupdate(age=1)
    stored = await Resident.get("1")
    assert (stored.tags, stored.name, stored.age) == (["of another"], "Ada", 1)
    assert (resident.tags, resident.name) == (["x", "y"], "unsaved")


async def test_aliases_are_honoured_in_the_document(redis):
    resident = await a_resident()
    await resident.aupdate(age="40")
    assert json.loads(await redis.execute_command("JSON.GET", resident.key, "$.years")) == [40]


async def test_by_key_nothing_is_loaded(redis):
    await a_resident()
    await redis.config_resetstat()
    await Resident.aupdate_by_key("1", {Resident.tags[0]: "z"}, name="B", home__city="Oslo")
    commands = await redis.info("commandstats")
    assert not {"cmdstat_json.get", "cmdstat_json.mget"} & commands.keys()
    assert "cmdstat_json.mset" in commands
    stored = await Resident.get("1")
    assert (stored.tags[0], stored.name, stored.home.city) == ("z", "B", "Oslo")


async def test_the_time_to_live_stays(redis):
    resident = await a_resident()
    await redis.expire(resident.key, 100)
    await resident.aupdate(name="B", age=1)
    await resident.aupdate(name="C")
    assert 0 < await redis.ttl(resident.key) <= 100


async def test_one_call_is_one_round_trip(redis):
    resident = await a_resident()
    await resident.aupdate(name="script is loaded", age=1)
    await redis.config_resetstat()
    await resident.aupdate(name="B", age=1, home__city="Oslo")
    info = await redis.info("commandstats")
    assert info["cmdstat_evalsha"]["calls"] == 1
    assert set(info) - {
        "cmdstat_evalsha", "cmdstat_json.type", "cmdstat_json.mset", "cmdstat_config|resetstat",
    } == set()  # fmt: skip


# -- every type -----------------------------------------------------------------------------------


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Point(NamedTuple):
    x: int
    y: int


@dataclasses.dataclass
class Box:
    width: int
    parts: list[int] = dataclasses.field(default_factory=list)


class Labels(TypedDict):
    short: str


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"
    lives: int = 9


class Dog(BaseModel):
    kind: Literal["dog"] = "dog"
    tricks: list[str] = []


class Assorted(AtomicRedisModel):
    at: datetime = datetime(2020, 1, 1, tzinfo=UTC)
    day: date = date(2020, 1, 1)
    price: Decimal = Decimal(1)
    data: bytes = b""
    uid: UUID = UUID(int=1)
    colour: Colour = Colour.RED
    ids: set[int] = set()
    point: Point = Point(0, 0)
    box: Box = Box(1)
    labels: Labels = {"short": "a"}
    pair: tuple[int, str] = (1, "a")
    pet: Annotated[Cat | Dog, Field(discriminator="kind")] = Cat()
    number: float = 0.0
    either: int | str = 0
    by_number: dict[int, str] = {}
    by_day: dict[date, list[int]] = {}
    choice: Literal["a", "b"] = "a"
    span: timedelta = timedelta(0)
    optional: int | None = None
    text: str = ""
    serialized: int = 0

    @field_serializer("serialized")
    def _as_text(self, value: int) -> str:
        return str(value)

    @field_validator("serialized", mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return int(value)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("at", datetime(2021, 5, 6, 7, 8, 9, 10, tzinfo=timezone(timedelta(hours=2)))),
        ("day", date(1600, 2, 29)),
        ("price", Decimal("1.10")),
        ("data", b"\x00\xff"),
        ("uid", UUID(int=2)),
        ("colour", Colour.BLUE),
        ("ids", {3, 1, 2}),
        ("point", Point(1, 2)),
        ("box", Box(2, [1])),
        ("box.parts", [4, 5]),
        ("box.width", 9),
        ("labels", {"short": "b"}),
        ("labels.short", "c"),
        ("pair", (2, "b")),
        ("pair[1]", "z"),
        ("pair[-2]", 7),
        ("pet", Dog(tricks=["sit"])),
        ("number", 0.1 + 0.2),
        ("number", 5e-324),
        ("number", -1.7976931348623157e308),
        ("either", "text"),
        ("by_number", {1: "x", -2: "y"}),
        ("by_number[5]", "five"),
        ("by_day", {date(2020, 1, 2): [1]}),
        ("choice", "b"),
        ("span", timedelta(days=-1, microseconds=1)),
        ("optional", 5),
        ("text", "nul \x00 and \ufdd0\ufdd1 🦊"),
        ("serialized", 12),
    ],
)
async def test_a_field_of_any_type_can_be_set(path, value):
    instance = await Assorted().save()
    await instance.aupdate({path: value})
    assert await Assorted.get(instance.key) == instance
    assert reach(instance, path) == value
    await Assorted.aupdate_by_key(instance.key, {path: value})
    assert await Assorted.get(instance.key) == instance


def reach(instance: Any, path: str) -> Any:
    name, _, rest = path.replace("[", ".").replace("]", "").partition(".")
    value = getattr(instance, name)
    if not rest:
        return value
    if isinstance(value, dict):
        return value[int(rest) if rest.lstrip("-").isdigit() else rest]
    return value[int(rest)] if isinstance(value, tuple) else getattr(value, rest)


async def test_doubles_without_a_text_on_the_server_are_exact_beside_other_values():
    rng = random.Random(6)
    instance = await Assorted().save()
    for _ in range(300):
        await instance.aupdate(number=rng.random(), optional=rng.getrandbits(60))
        assert await Assorted.get(instance.key) == instance


class Wide(AtomicRedisModel):
    values: dict[str, int] = {}


async def test_ten_thousand_keys_are_set_in_one_step():
    wide = await Wide().save()
    await wide.aupdate({Wide.values[f"k{n}"]: n for n in range(10_000)})
    assert await Wide.get(wide.key) == Wide(values={f"k{n}": n for n in range(10_000)})


@pytest.mark.parametrize("key", ["", "*", "x.y", "a b", '"', "'", "]", "\n", "\x00", "🦊", "__"])
async def test_keys_of_dicts_are_never_read_as_syntax(key):
    wide = await Wide(values={"other": 1}).save()
    await wide.aupdate({Wide.values[key]: 5, Wide.values["more"]: 6})
    assert (await Wide.get(wide.key)).values == {"other": 1, key: 5, "more": 6}


@pytest.mark.parametrize("key", ["\\", "\"'", " a"])
async def test_keys_that_no_path_leads_to_are_refused(unchanged, key):
    wide = await Wide(values={key: 1}).save()
    await unchanged(
        wide, UnaddressableKeyError, "no path can address", wide.aupdate({Wide.values[key]: 2})
    )


# -- what fails changes nothing -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "loc"),
    [
        ({"age": -1}, ("years",)),
        ({"age": "many"}, ("years",)),
        ({"home.street.name": ""}, ("home", "street", "name")),
        ({"tags[0]": 5}, ("tags", 0)),
        ({"counts.x": "y"}, ("counts", "x")),
        ({"homes[0]": {"street": {"name": ""}}}, ("homes", 0, "street", "name")),
    ],
)
async def test_values_that_do_not_validate_are_refused_with_their_place(unchanged, values, loc):
    resident = await a_resident()
    for update in (resident.aupdate, lambda given: Resident.aupdate_by_key("1", given)):
        error = await unchanged(
            resident, ValidationError, "1 validation error for Resident", update(values)
        )
        assert error.errors()[0]["loc"] == loc


async def test_all_values_that_do_not_validate_are_named(unchanged):
    resident = await a_resident()
    for update in (resident.aupdate, lambda **given: Resident.aupdate_by_key("1", **given)):
        error = await unchanged(
            resident, ValidationError, "3 validation errors",
            update(age=-1, name=None, home__street__name="", homes=[]),
        )  # fmt: skip
        assert sorted(one["loc"][0] for one in error.errors()) == ["home", "name", "years"]


async def test_a_document_that_is_gone_is_not_created_again(redis):
    resident = await a_resident()
    await redis.delete(resident.key)
    before = copy.deepcopy(resident)
    for call in (
        lambda: resident.aupdate(name="B"),
        lambda: resident.aupdate(name="B", home__city="x"),
        lambda: resident.aupdate({Resident.tags[-1]: "x"}),
        lambda: Resident.aupdate_by_key("1", name="B"),
        lambda: Resident.aupdate_by_key("1", name="B", age=1),
    ):
        with pytest.raises(KeyNotFoundError, match="'resident:1'"):
            await call()
    assert resident == before
    assert await redis.exists(resident.key) == 0


async def test_a_key_of_another_type_is_left_alone(redis):
    resident = await a_resident()
    await redis.delete(resident.key)
    await redis.set(resident.key, "text")
    for fields in ({"name": "B"}, {"name": "B", "age": 1}):
        with pytest.raises(WrongTypeError, match="holds a string"):
            await resident.aupdate(**fields)
    assert await redis.get(resident.key) == b"text"


@pytest.mark.parametrize(
    ("document", "update", "path"),
    [
        ({"home": None}, {"name": "B", "home.city": "x"}, '$["home"]["city"]'),
        ({"home": None}, {"home.city": "x"}, '$["home"]["city"]'),
        ({"home": {"city": "x"}}, {"name": "B", "home.street.name": "x"}, "street"),
        ({"homes": []}, {"name": "B", "homes[0].city": "x"}, "homes"),
        ({"homes": []}, {"name": "B", "homes[-1].city": "x"}, "homes"),
        ({"tags": ["x"]}, {"name": "B", "tags[1]": "x"}, '$["tags"][1]'),
        ({"tags": ["x"]}, {"name": "B", "tags[-2]": "x"}, "tags"),
        ({"tags": ["x"]}, {"tags[-2]": "x"}, "tags"),
        ({"counts": None}, {"name": "B", "counts.x": 1}, "counts"),
        ({"counts": [1]}, {"name": "B", "counts.x": 1}, "counts"),
        ({"counts": "x"}, {"counts.x": 1}, "counts"),
    ],
)
async def test_of_a_place_that_the_document_lacks_nothing_is_written(
    redis, unchanged, document, update, path
):
    resident = await a_resident()
    for name, value in document.items():
        command = ("JSON.SET", resident.key, f"$.{name}", json.dumps(value))
        await redis.execute_command(*command)
    error = await unchanged(resident, PathNotFoundError, "resident:1", resident.aupdate(update))
    assert path in error.path
    await unchanged(resident, PathNotFoundError, "resident:1", Resident.aupdate_by_key("1", update))


@pytest.mark.parametrize(
    "update", [{"home.city": "x"}, {"homes[2].city": "x"}, {"tags[2]": "x"}, {"tags[-3]": "x"}]
)
async def test_of_a_place_that_the_instance_lacks_nothing_is_written(redis, unchanged, update):
    resident = await a_resident(home=None)
    await redis.execute_command("JSON.SET", resident.key, "$.tags", '["1","2","3","4"]')
    error = await unchanged(
        resident, PathNotFoundError, "this Resident has no value at", resident.aupdate(update)
    )
    assert "load()" in str(error)


async def test_values_that_cannot_be_stored_are_refused(unchanged):
    resident = await a_resident()
    for value in (2**64, [{1}], float("nan"), {"a": object()}):
        await unchanged(
            resident, UnstorableValueError, "anything", resident.aupdate(name="B", anything=value)
        )


async def test_what_is_around_a_value_counts_among_the_levels_of_the_document(unchanged):
    resident = await a_resident(anything={"a": {"b": {}}})
    deep: Any = 1
    for _ in range(125):
        deep = [deep]
    await unchanged(
        resident, UnstorableValueError, "127 levels", resident.aupdate({"anything.a.b": deep})
    )
    await resident.aupdate({"anything.a.b": deep[0]})
    assert await (await Resident.get("1")).save() == resident


async def test_an_error_of_the_server_leaves_everything_as_it_was(redis, unchanged):
    resident = await a_resident()
    await redis.config_set("maxmemory", 1)
    try:
        await unchanged(resident, ResponseError, "maxmemory", resident.aupdate(name="B", age=1))
        await unchanged(resident, ResponseError, "maxmemory", resident.aupdate(name="B"))
    finally:
        await redis.config_set("maxmemory", 0)


@pytest.mark.parametrize(
    ("update", "error", "match"),
    [
        ({}, TypeError, "nothing to update"),
        ({"id": "2"}, InvalidKeyError, "primary key"),
        ({"nmae": 1}, InvalidPathError, "Did you mean 'name'"),
        ({"homes__0__city": "x"}, InvalidPathError, r"mapping: \{'homes\[0\].city': ...\}"),
        ({"homes__0__ctiy": "x"}, InvalidPathError, "Did you mean 'homes'"),
        ({"tags": ["z"], "tags[0]": "y"}, InvalidPathError, "the same place"),
        ({"tags[0]": "z", "tags[-1]": "y"}, InvalidPathError, "may be, the same place"),
        ({"home": None, "home.street.name": "y"}, InvalidPathError, "the same place"),
        ({"homes.city": "x"}, ExpressionError, "Give an index"),
        ({"pet.kind": "cat"}, InvalidPathError, "no field 'pet'"),
    ],
)
async def test_calls_that_mean_nothing_are_refused(unchanged, update, error, match):
    resident = await a_resident()
    for call in (resident.aupdate, lambda given: Resident.aupdate_by_key("1", given)):
        if error is InvalidPathError and all(map(str.isidentifier, update)):
            await unchanged(resident, error, match, resident.aupdate(**update))
        else:
            await unchanged(resident, error, match, call(update))


async def test_a_place_named_twice_is_refused(unchanged):
    resident = await a_resident()
    call = resident.aupdate({Resident.name: "a"}, name="b")
    await unchanged(resident, InvalidPathError, "Give one value for it", call)


async def test_paths_of_other_models_and_to_many_values_are_refused(unchanged):
    resident = await a_resident()
    for path, match in (
        (Wide.values, "is not a path of Resident"),
        (Resident.homes.city, "all elements"),
    ):
        await unchanged(resident, ExpressionError, match, resident.aupdate({path: 1}))
    with pytest.raises(TypeError, match="Give a mapping"):
        await resident.aupdate(["name"])


class Sealed(AtomicRedisModel):
    name: str = Field(default="", frozen=True)
    other: int = 0


class Frozen(AtomicRedisModel):
    model_config = ConfigDict(frozen=True)
    name: str = ""


@pytest.mark.parametrize("model", [Sealed, Frozen])
async def test_frozen_fields_are_refused(unchanged, model):
    instance = await model().save()
    await unchanged(instance, ExpressionError, "is frozen", instance.aupdate(name="x"))
    with pytest.raises(ExpressionError, match="is frozen"):
        await model.aupdate_by_key(instance.key, name="x")


# -- names ----------------------------------------------------------------------------------------


class Leaf(EmbeddedModel):
    c: int = 0
    b__c: int = 0


class Ambiguous(AtomicRedisModel):
    a: Leaf = Leaf()
    a__c: int = 0
    meta: dict[str, dict[str, int]] = {}
    x_: Leaf = Leaf()
    values: Leaf = Leaf()
    key_: int = 0


async def test_an_exact_name_wins_over_a_split():
    instance = await Ambiguous().save()
    await instance.aupdate(
        a__c=5, a__b__c=6, x___c=7, values=Leaf(c=8), values__c=9
    ) if False else None
    await instance.aupdate(a__c=5, a__b__c=6, x___c=7, values__c=9)
    stored = await Ambiguous.get(instance.key)
    assert (stored.a__c, stored.a, stored.x_, stored.values.c) == (
        5, Leaf(b__c=6), Leaf(c=7), 9,
    )  # fmt: skip


async def test_two_readings_are_an_error_that_shows_both(unchanged):
    instance = await Ambiguous(meta={"a": {"b": 1}}).save()
    await unchanged(
        instance, InvalidPathError, r"meta\['a__b'\].*and as Ambiguous.meta\['a'\]\['b'\]",
        instance.aupdate(meta__a__b={}),
    )  # fmt: skip
    await instance.aupdate(meta__a={"b": 2})
    assert (await Ambiguous.get(instance.key)).meta == {"a": {"b": 2}}


# -- validators -----------------------------------------------------------------------------------


class Interval(AtomicRedisModel):
    low: int = 0
    high: int = 10
    width: int = 10
    notes: dict[str, int] = Field(default_factory=dict, max_length=2)
    marks: list[int] = Field(default_factory=list)
    below: int = -1
    _secret: int = PrivateAttr(default=1)

    @field_validator("below")
    @classmethod
    def _is_below(cls, value: int, info: ValidationInfo) -> int:
        if value >= info.data["low"]:
            raise ValueError("not below low")
        return value

    @field_validator("marks")
    @classmethod
    def _in_order(cls, value: list[int]) -> list[int]:
        return sorted(value)

    @model_validator(mode="after")
    def _fits(self) -> Interval:
        if self.low > self.high:
            raise ValueError("low is above high")
        self.__dict__["width"] = self.high - self.low
        return self


async def test_validators_of_the_model_see_all_new_values_at_once():
    interval = await Interval().save()
    await interval.aupdate(low=20, high=30)
    assert await Interval.get(interval.key) == interval
    assert (interval.low, interval.high) == (20, 30)


async def test_validators_of_the_model_refuse_an_update(unchanged):
    interval = await Interval().save()
    await unchanged(interval, ValidationError, "low is above high", interval.aupdate(low=11))


async def test_what_a_validator_of_the_model_changes_is_written_as_well():
    interval = await Interval().save()
    await interval.aupdate(high=12)
    assert interval.width == 12
    assert await Interval.get(interval.key) == interval


async def test_validators_that_look_at_other_fields_see_those_of_the_instance(unchanged):
    interval = await Interval().save()
    await interval.aupdate(low=5, below=4)
    assert await Interval.get(interval.key) == interval
    await unchanged(interval, ValidationError, "not below low", interval.aupdate(below=5))
    with pytest.raises(ExpressionError, match="without the other fields"):
        await Interval.aupdate_by_key(interval.key, below=1)


async def test_rules_of_what_is_around_a_value_are_kept(unchanged):
    interval = await Interval(notes={"a": 1, "b": 2}, marks=[1, 2]).save()
    await interval.aupdate(notes__a=5)
    await unchanged(interval, ValidationError, "at most 2 items", interval.aupdate(notes__c=5))
    # the place of the element would be another one than that which was asked for
    await interval.aupdate(marks=[9, 8])
    assert interval.marks == [8, 9]
    await interval.aupdate({"marks[0]": 100})
    assert interval.marks == [9, 100]
    assert await Interval.get(interval.key) == interval


async def test_a_dict_has_no_more_entries_than_it_may_whoever_adds_them(redis):
    interval = await Interval(notes={"a": 1}).save()
    key = interval.key
    await Interval.aupdate_by_key(key, notes__a=5)
    await Interval.aupdate_by_key(key, notes__b=5)
    before = await redis.execute_command("JSON.GET", key)
    for call in (
        Interval.aupdate_by_key(key, notes__c=5),
        Interval.aupdate_by_key(key, width=1, notes__c=5),
        Interval.notes["c"].set(key, 5),
        interval.aupdate(notes__c=5),  # to this instance there is one
    ):
        with pytest.raises(UnstorableValueError, match="has 2 entries, which is its max_length"):
            await call
    assert await redis.execute_command("JSON.GET", key) == before
    await Interval.notes.set(key, {})
    with pytest.raises(UnstorableValueError):
        await Interval.aupdate_by_key(key, notes__a=1, notes__b=1, notes__c=1)
    await Interval.aupdate_by_key(key, notes__a=1, notes__b=1)
    assert (await Interval.get(key)).notes == {"a": 1, "b": 1}


class Shelved(AtomicRedisModel):
    values: list[int] = []


async def test_ten_thousand_elements_are_set_in_one_step():
    shelved = await Shelved(values=[0] * 10_000).save()
    await shelved.aupdate({Shelved.values[n]: n for n in range(10_000)})
    assert (await Shelved.get(shelved.key)).values == list(range(10_000))


class Inner(BaseModel):
    model_config = ConfigDict(validate_assignment=True)
    a: int = 0
    b: int = 0

    @model_validator(mode="after")
    def _same_sign(self) -> Inner:
        if self.a * self.b < 0:
            raise ValueError("signs differ")
        return self


class Outer(AtomicRedisModel):
    inner: Inner = Inner()
    many: dict[str, Inner] = {}
    other: Annotated[list[int], AfterValidator(lambda value: value[:3])] = []


async def test_validators_of_models_on_the_way_are_run(unchanged):
    outer = await Outer(many={"x": Inner(a=1)}).save()
    await outer.aupdate({Outer.many["x"].b: 3}, inner__a=-1, inner__b=-2)
    assert await Outer.get(outer.key) == outer
    for update in ({"inner.a": 1}, {"many.x.b": -1}):
        await unchanged(outer, ValidationError, "signs differ", outer.aupdate(update))


# -- races ----------------------------------------------------------------------------------------


async def test_two_clients_that_update_different_fields_a_thousand_times_lose_nothing(redis_url):
    resident = await a_resident(counts={})

    async def writer(name: str) -> None:
        own = await Resident.get("1")
        for number in range(1000):
            update = {Resident.counts[name]: number, f"homes[{number % 2}].city": f"{name}{number}"}
            if name == "a":
                await own.aupdate(update if number % 3 else {Resident.counts[name]: number})
            else:
                await Resident.aupdate_by_key("1", {Resident.counts[name]: number}, age=number)

    await asyncio.gather(writer("a"), writer("b"))
    stored = await Resident.get("1")
    assert stored.counts == {"a": 999, "b": 999}
    assert (stored.age, stored.homes[1].city, stored.name) == (999, "a997", resident.name)


async def test_nobody_sees_half_an_update(redis_url):
    wide = await Wide(values={"a": 0, "b": 0}).save()
    ended = asyncio.Event()

    async def reader() -> None:
        while not ended.is_set():
            read = await Wide.values.get(wide.key)
            assert read["a"] == read["b"]

    readers = [asyncio.create_task(reader()) for _ in range(4)]
    for number in range(300):
        await Wide.aupdate_by_key(wide.key, values__a=number, values__b=number)
    ended.set()
    await asyncio.gather(*readers)
