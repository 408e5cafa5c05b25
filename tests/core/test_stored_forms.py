"""Every type of value has one stored form, which is read back as the value it was made of."""

from __future__ import annotations

import dataclasses
import enum
import json
import math
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from annotated_types import Ge
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import (
    AwareDatetime,
    Base64Bytes,
    BaseModel,
    PlainSerializer,
    SecretStr,
    ValidationError,
    field_serializer,
    field_validator,
)
from rapyer import (
    AtomicRedisModel,
    BigInt,
    CorruptDocumentError,
    Field,
    Mapped,
    UnstorableValueError,
)
from rapyer.types.spelling import spell_float
from rapyer.types.text import hide_nul, restore_nul
from typing_extensions import TypedDict

pytestmark = pytest.mark.usefixtures("server")


class Colour(enum.Enum):
    RED = "red"
    GREEN = "green"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Pair(NamedTuple):
    when: date
    amount: Decimal = Decimal(0)


class Options(TypedDict, total=False):
    since: datetime
    flags: bytes


@dataclasses.dataclass
class Sample:
    taken: datetime
    raw: bytes = b""
    counted: int = dataclasses.field(default=0, init=False)


class Plain(BaseModel):
    price: Decimal
    at: time | None = None


class Typed(AtomicRedisModel):
    raw: bytes = b""
    amount: Mapped[Decimal] = Field(default=Decimal(0))
    big: BigInt = 0
    id: UUID = UUID(int=0)
    colour: Colour = Colour.RED
    level: Level = Level.LOW
    day: date = date(1970, 1, 1)
    clock: time = time(0)
    moment: Mapped[datetime] = Field(default=datetime(1970, 1, 1))
    span: timedelta = timedelta(0)
    kind: Literal["a", 1, None] = None
    numbers: set[int] = Field(default_factory=set)
    days: frozenset[date] = frozenset()
    exact: tuple[int, str, Decimal] = (0, "", Decimal(0))
    many: tuple[datetime, ...] = ()
    pair: Pair | None = None
    options: Options = Field(default_factory=lambda: Options())
    sample: Sample | None = None
    plain: Plain | None = None
    nested: dict[str, list[Plain | None]] = Field(default_factory=dict)
    by_day: dict[date, Decimal] = Field(default_factory=dict)
    by_id: dict[UUID, set[bytes]] = Field(default_factory=dict)
    text: str = ""
    maybe: datetime | None = None
    amounts: list[Decimal | None] = Field(default_factory=list)


offsets = st.integers(-86_399, 86_399).map(lambda seconds: timezone(timedelta(seconds=seconds)))
zones = st.none() | offsets | st.sampled_from([UTC, ZoneInfo("Europe/Berlin")])
moments = st.datetimes(timezones=zones, allow_imaginary=False)
clocks = st.times(timezones=st.none() | offsets)
decimals = st.decimals(allow_nan=False, allow_infinity=False) | st.sampled_from(
    [Decimal("1.10"), Decimal("1E+400"), Decimal("-0.0"), Decimal("1E-400"), Decimal("1E+3")]
)
days = st.dates()
spans = st.timedeltas(timedelta(microseconds=-(2**63)), timedelta(microseconds=2**63 - 1))
texts = st.text() | st.text(alphabet='\x00\ufdd0\ufdd1\\u0a"')
plains = st.builds(Plain, price=decimals, at=st.none() | clocks)


def sample(taken: datetime, raw: bytes, counted: int) -> Sample:
    made = Sample(taken, raw)
    made.counted = counted
    return made


documents = st.builds(
    Typed,
    raw=st.binary(),
    amount=decimals,
    big=st.integers() | st.integers(-(10**60), 10**60),
    id=st.uuids(),
    colour=st.sampled_from(Colour),
    level=st.sampled_from(Level),
    day=days,
    clock=clocks,
    moment=moments,
    span=spans,
    kind=st.sampled_from(["a", 1, None]),
    numbers=st.sets(st.integers(-(2**63), 2**63 - 1), max_size=4),
    days=st.frozensets(days, max_size=4),
    exact=st.tuples(st.integers(0, 9), texts, decimals),
    many=st.lists(moments, max_size=3).map(tuple),
    pair=st.none() | st.builds(Pair, days, decimals),
    options=st.fixed_dictionaries({}, optional={"since": moments, "flags": st.binary()}),
    sample=st.none() | st.builds(sample, moments, st.binary(), st.integers(0, 99)),
    plain=st.none() | plains,
    nested=st.dictionaries(texts, st.lists(st.none() | plains, max_size=2), max_size=2),
    by_day=st.dictionaries(days, decimals, max_size=2),
    by_id=st.dictionaries(st.uuids(), st.sets(st.binary(), max_size=2), max_size=2),
    text=texts,
    maybe=st.none() | moments,
    amounts=st.lists(st.none() | decimals, max_size=3),
)


def exact(value: Any) -> Any:
    """Make a value that is equal only where nothing at all differs."""
    if isinstance(value, datetime | time):
        return type(value), value.replace(tzinfo=None, fold=0).isoformat(), value.utcoffset()
    if isinstance(value, Decimal):
        return type(value), value.as_tuple()
    if isinstance(value, BaseModel):
        return type(value), exact(value.__dict__)
    if dataclasses.is_dataclass(value):
        return type(value), exact(value.__dict__)
    if isinstance(value, dict):
        return {key: exact(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value), [exact(item) for item in value]
    return type(value), value


@settings(max_examples=300)
@given(documents)
async def test_a_value_read_equals_the_one_written(document):
    document.pk = "1"
    await document.save()
    read = await Typed.get("1")
    assert exact(read) == exact(document)


@given(moments)
@example(datetime.min.replace(tzinfo=timezone(timedelta(hours=14))))
@example(datetime.max.replace(tzinfo=timezone(-timedelta(hours=12, seconds=1))))
@example(datetime(1943, 10, 4, 2, tzinfo=ZoneInfo("Europe/Berlin")))  # an hour that came twice
@example(datetime(2026, 11, 23, 12, 0, 0, 123456, timezone(timedelta(hours=1, seconds=1))))
async def test_a_datetime_keeps_microseconds_and_offset_from_the_year_1_to_9999(moment):
    document = Typed(moment=moment)
    document.pk = "1"
    await document.save()
    assert exact((await Typed.get("1")).moment) == exact(moment)


@pytest.mark.parametrize(
    ("field", "value", "form"),
    [
        ("raw", b"\xde\xad\xbe\xef\xff", '"3q2-7_8="'),
        ("amount", Decimal("1.10"), '{"dec":"1.10","n":1.1}'),
        ("amount", Decimal("1E+400"), '{"dec":"1E+400","n":1.7976931348623157e308}'),
        ("big", 2**64, '"18446744073709551616"'),
        ("big", -5, '"-5"'),
        ("id", UUID("A987FBC94BED3078CF079141BA07C9F3"), '"a987fbc9-4bed-3078-cf07-9141ba07c9f3"'),
        ("colour", Colour.GREEN, '"green"'),
        ("level", Level.HIGH, "2"),
        ("day", date(2026, 11, 23), "20780"),
        ("day", date(1, 1, 1), "-719162"),
        ("clock", time(12), '{"us":43200000000}'),
        (
            "clock",
            time(12, tzinfo=timezone(timedelta(hours=1))),
            '{"us":43200000000,"off":3600}',
        ),
        ("moment", datetime(1970, 1, 1, 0, 0, 1), '{"us":1000000}'),
        (
            "moment",
            datetime(1970, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))),
            '{"us":0,"off":3600}',
        ),
        ("span", timedelta(minutes=1.5), "90000000"),
        ("numbers", {10, 9, -1}, "[-1,10,9]"),
        ("exact", (1, "x", Decimal(2)), '[1,"x",{"dec":"2","n":2.0}]'),
        ("pair", Pair(date(1970, 1, 2)), '[1,{"dec":"0","n":0.0}]'),
        ("text", "a\x00b", '"a\ufdd1b"'),
        ("text", "\ufdd0\ufdd1", '"\ufdd0\ufdd0\ufdd0\ufdd1"'),
        ("maybe", None, "null"),
        ("by_day", {date(2026, 1, 2): Decimal(1)}, '{"2026-01-02":{"dec":"1","n":1.0}}'),
    ],
)
async def test_the_stored_form_is_pinned(redis, field, value, form):
    document = Typed(**{field: value})
    document.pk = "1"
    await document.save()
    stored = await redis.execute_command("JSON.GET", document.key, f"$.{field}")
    assert stored.decode() == f"[{form}]"
    assert json.loads(stored) == [json.loads(form)]


@pytest.mark.parametrize(
    ("field", "other"),
    [
        ("raw", '"no base64"'),
        ("raw", '"YR=="'),
        ("raw", '"ab+/"'),
        ("raw", '"YQ"'),
        ("amount", "1.1"),
        ("amount", '"1.10"'),
        ("amount", '{"dec":"1.10","n":2}'),
        ("amount", '{"dec":"1.10"}'),
        ("amount", '{"dec":"NaN","n":0}'),
        ("big", "5"),
        ("big", '"05"'),
        ("big", '"+5"'),
        ("id", '"A987FBC9-4BED-3078-CF07-9141BA07C9F3"'),
        ("id", '"a987fbc94bed3078cf079141ba07c9f3"'),
        ("day", '"2026-11-23"'),
        ("day", "1.0"),
        ("day", "99999999999"),
        ("clock", '"12:00"'),
        ("clock", '{"us":-1}'),
        ("clock", '{"us":86400000000}'),
        ("moment", '"2026-11-23T12:00:00Z"'),
        ("moment", "1795460614"),
        ("moment", '{"us":1,"off":86400}'),
        ("moment", '{"us":1,"zone":"UTC"}'),
        ("moment", '{"us":99999999999999999999}'),
        ("span", '"PT1M"'),
        ("span", "1.5"),
        ("level", '"2"'),
        ("colour", '"blue"'),
        ("numbers", '{"1":1}'),
    ],
)
async def test_another_form_of_a_value_does_not_validate(redis, field, other):
    await redis.execute_command("JSON.SET", "typed:1", "$", f'{{"{field}":{other}}}')
    with pytest.raises(CorruptDocumentError, match=field):
        await Typed.get("1")


async def test_the_error_shows_the_stored_form(redis):
    await redis.execute_command("JSON.SET", "typed:1", "$", '{"moment":"2026-11-23"}')
    with pytest.raises(CorruptDocumentError) as caught:
        await Typed.get("1")
    assert 'the stored form of a datetime, such as {"us":1795460614607138,"off":3600}' in str(
        caught.value
    )


def test_constructor_and_assignment_take_what_pydantic_takes():
    document = Typed(
        raw="text", amount="1.10", id="A987FBC94BED3078CF079141BA07C9F3", day="2026-11-23",
        moment="2026-11-23T12:00:00+01:00", span="PT1M", level="2", numbers=[1, "2"],
    )  # fmt: skip
    assert document.amount == Decimal("1.10")
    assert document.moment.utcoffset() == timedelta(hours=1)
    assert document.model_dump(mode="json")["moment"] == "2026-11-23T12:00:00+01:00"
    assert Typed.model_validate_json(document.model_dump_json()) == document


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"amount": Decimal("NaN")}, "JSON cannot represent"),
        ({"amount": Decimal("-Infinity")}, "JSON cannot represent"),
        ({"span": timedelta.max}, "does not fit in the 64-bit integers"),
        ({"clock": time(12, tzinfo=ZoneInfo("Europe/Berlin"))}, "no offset without a date"),
        (
            {"moment": datetime(2026, 1, 1, tzinfo=timezone(timedelta(microseconds=1)))},
            "fraction of a second",
        ),
        ({"moment": "2026-11-23"}, "moment .*'2026-11-23' is a str, not a datetime. Assign a d"),
        ({"day": "2026-11-23"}, "is a str, not a date. Assign a date"),
        ({"amount": 1.5}, r"Typed\.amount cannot be stored: 1\.5 is a float, not a Decimal"),
        ({"clock": 12}, "12 is a int, not a time"),
        ({"span": 60}, "60 is a int, not a timedelta"),
        ({"raw": "text"}, "'text' is a str, not a bytes"),
    ],
)
async def test_a_value_without_a_stored_form_is_refused(redis, values, message):
    document = Typed.model_construct(**values)
    with pytest.raises(UnstorableValueError, match=message):
        await document.save()
    assert await redis.keys() == []


async def test_a_big_integer_is_not_blamed_for_another_value():
    class Both(AtomicRedisModel):
        big: BigInt
        bigs: list[BigInt] = Field(default_factory=list)
        real: float

    both = Both(big=2**70, bigs=[-(2**70)], real=math.nan)
    with pytest.raises(UnstorableValueError, match="nan cannot be represented in JSON") as caught:
        await both.save()
    assert caught.value.path == "real"
    with pytest.raises(UnstorableValueError, match="4300 digits"):
        await Both(big=10**5000, real=0.5).save()


async def test_constraints_hold_for_the_value_of_a_stored_form(redis):
    class Booking(AtomicRedisModel):
        start: AwareDatetime
        price: Annotated[Decimal, Ge(1)] = Field(default=Decimal(1), max_digits=5)

    booking = await Booking(start=datetime(2026, 1, 1, tzinfo=UTC)).save()
    assert await Booking.get(booking.pk) == booking
    await redis.execute_command("JSON.SET", "booking:1", "$", '{"start":{"us":0}}')
    with pytest.raises(CorruptDocumentError, match="timezone"):
        await Booking.get("1")
    document = '{"start":{"us":0,"off":0},"price":{"dec":"0.5","n":0.5}}'
    await redis.execute_command("JSON.SET", "booking:2", "$", document)
    with pytest.raises(CorruptDocumentError, match="greater than or equal to 1"):
        await Booking.get("2")
    booking.price = Decimal("0.5")
    with pytest.raises(UnstorableValueError, match="greater than or equal to 1") as caught:
        await booking.save()
    assert isinstance(caught.value.__cause__, ValidationError)


async def test_a_field_with_a_serializer_of_its_own_is_stored_as_that_makes_it(redis):
    class Custom(AtomicRedisModel):
        when: Annotated[datetime, PlainSerializer(lambda value: value.isoformat())]

    custom = await Custom(when=datetime(2026, 1, 1)).save()
    assert json.loads(await redis.execute_command("JSON.GET", custom.key)) == {
        "when": "2026-01-01T00:00:00"
    }
    assert await Custom.get(custom.pk) == custom


class Serialized(AtomicRedisModel):
    optional: datetime | None = None
    validated: datetime = datetime(2026, 1, 1)
    encoded: Base64Bytes = b""
    by_name: defaultdict[str, list[date]] = Field(default_factory=lambda: defaultdict(list))

    @field_serializer("optional", "validated")
    def as_text(self, value: datetime | None) -> str | None:
        return None if value is None else value.isoformat()

    @field_validator("validated")
    @classmethod
    def unchanged(cls, value: datetime) -> datetime:
        return value


async def test_a_serializer_of_a_field_holds_through_optional_and_validators(redis):
    serialized = Serialized(optional=datetime(2026, 1, 2), encoded=b"aGVsbG8=")
    serialized.by_name["x"].append(date(2026, 1, 1))
    await serialized.save()
    stored = json.loads(await redis.execute_command("JSON.GET", serialized.key))
    assert (stored["optional"], stored["validated"]) == (
        "2026-01-02T00:00:00",
        "2026-01-01T00:00:00",
    )
    assert await Serialized.get(serialized.pk) == serialized


# -- values that would come back as others --------------------------------------------------------


class Base(BaseModel):
    x: int = 0


class Derived(Base):
    y: int = 0


class Lossy(AtomicRedisModel):
    id_or_text: UUID | str = ""
    secret: SecretStr = SecretStr("")
    base: Base = Base()
    bases: list[Base] = Field(default_factory=list)
    trimmed: Annotated[float, PlainSerializer(lambda value: round(value, 1))] = 0.5


class Entity(BaseModel):
    n: int
    secret: SecretStr

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Entity) and self.n == other.n


@dataclasses.dataclass
class Partial:
    n: int
    secret: SecretStr = dataclasses.field(compare=False)


class Holding(AtomicRedisModel):
    entity: Entity | None = None
    partial: Partial | None = None
    by_key: dict[Any, int] = Field(default_factory=dict)


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({"entity": Entity(n=1, secret="x")}, "entity.secret"),
        ({"partial": Partial(1, SecretStr("x"))}, "partial.secret"),
    ],
)
async def test_an_equality_that_leaves_something_out_does_not_hide_a_difference(values, path):
    with pytest.raises(UnstorableValueError, match="would load as") as caught:
        await Holding(**values).save()
    assert caught.value.path == path


class Priced(AtomicRedisModel):
    price: float = 0
    at: datetime = datetime(2026, 10, 25, 1, 30)
    inner: Base = Base()

    @cached_property
    def double(self) -> float:
        return self.price * 2


async def test_what_may_be_saved_does_not_depend_on_anything_else():
    priced = await Priced().save()
    assert priced.double == 0
    await priced.save()
    zone = ZoneInfo("Europe/Berlin")
    await Priced(at=datetime(2026, 10, 25, 2, 30, tzinfo=zone, fold=1)).save()


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({"id_or_text": str(UUID(int=5))}, "id_or_text"),
        ({"secret": SecretStr("hidden")}, "secret"),
        ({"base": Derived(x=1, y=2)}, "base"),
        ({"bases": [Base(), Derived(x=1, y=2)]}, "bases[1]"),
        ({"trimmed": 0.55}, "trimmed"),
    ],
)
async def test_a_value_that_would_be_read_back_as_another_is_refused(redis, values, path):
    with pytest.raises(UnstorableValueError, match="would load as") as caught:
        await Lossy(**values).save()
    assert caught.value.path == path
    assert await redis.keys() == []
    lossy = await Lossy(id_or_text=UUID(int=5), secret="", trimmed=0.5).save()
    assert await Lossy.get(lossy.pk) == lossy


# -- NUL ------------------------------------------------------------------------------------------


@given(st.recursive(texts, lambda inner: st.lists(inner) | st.dictionaries(texts, inner)))
def test_hiding_nul_is_undone_and_leaves_none(value):
    document = json.dumps(value, ensure_ascii=False).encode()
    hidden = hide_nul(document)
    assert not any("\0" in text for text in texts_in(json.loads(hidden)))
    assert json.loads(restore_nul(hidden)) == value


def texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        yield from texts_in(list(value.values()))
    elif isinstance(value, list):
        for item in value:
            yield from texts_in(item)


@given(texts, texts)
def test_hidden_texts_are_equal_and_start_with_each_other_as_the_texts_do(one, other):
    hidden_one, hidden_other = (
        json.loads(hide_nul(json.dumps(text, ensure_ascii=False).encode())) for text in (one, other)
    )
    assert (hidden_one == hidden_other) is (one == other)
    if hidden_one.startswith(hidden_other) and not hidden_one[: len(hidden_other)].endswith(
        "\ufdd0"
    ):
        assert one.startswith(other)


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_the_indexed_double_of_a_decimal_is_within_two_units_and_has_a_spelling(value):
    from rapyer.types.exact import nearest_double

    double = nearest_double(value)
    assert spell_float(double) is not None
    clamped = max(-math.inf, min(math.inf, float(value)))
    if math.isfinite(clamped):
        assert abs(double - clamped) <= 2 * math.ulp(double)
