"""Moving dates and times by path and key, atomically and exactly."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Annotated, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import AfterValidator, AwareDatetime
from rapyer import (
    AtomicRedisModel,
    ExpressionError,
    Field,
    Key,
    KeyNotFoundError,
    Mapped,
    NumberOverflowError,
    PathNotFoundError,
    Version,
    WrongTypeError,
)

NOON = datetime(2026, 11, 29, 12, 0, 0, 7, tzinfo=timezone(timedelta(hours=2)))


class Event(AtomicRedisModel):
    id: Key[str]
    at: Mapped[datetime] = Field(default=NOON)
    aware: Mapped[AwareDatetime] = Field(default=NOON)
    day: Mapped[date] = Field(default=date(2026, 11, 29))
    span: Mapped[timedelta] = Field(default=timedelta(seconds=1))
    optional: Mapped[datetime | None] = Field(default=None)
    by_name: Mapped[dict[str, datetime]] = Field(default_factory=dict)
    bounded: datetime = Field(default=NOON, ge=NOON)
    checked: Annotated[datetime, AfterValidator(lambda value: value)] = NOON
    hour: time = time(12)
    revision: Version

    class Config:
        prefix = "shifts:event"


@pytest.fixture
async def event(server) -> Any:
    return await Event(id="1").save()


ZONES = st.none() | st.integers(-86_399, 86_399).map(
    lambda seconds: timezone(timedelta(seconds=seconds))
)
MOMENTS = st.builds(
    lambda moment, zone: moment.replace(tzinfo=zone, fold=0),
    st.datetimes() | st.sampled_from([datetime.min, datetime.max]),
    ZONES,
)
SPANS = st.timedeltas() | st.timedeltas(timedelta(-2), timedelta(2))
#: The server counts in 64 bits; a timedelta has up to ten times as many microseconds.
BIGGEST = timedelta(microseconds=2**63 - 1)
VALUES = {
    "at": (MOMENTS, SPANS),
    "day": (st.dates(), SPANS.map(lambda span: timedelta(span.days))),
    "span": (st.timedeltas(-BIGGEST, BIGGEST), SPANS),
}


def _is_counted(span: Any) -> bool:
    return -(2**63) <= span // timedelta.resolution < 2**63


@pytest.mark.parametrize("name", VALUES)
async def test_moving_does_what_adding_a_timedelta_does(event, name):
    path: Any = getattr(Event, name)
    examples: list[Any] = []

    @settings(max_examples=150, database=None)
    @given(*VALUES[name])
    def collect(value: Any, span: timedelta) -> None:
        examples.append((value, span))

    collect()
    for value, span in examples:
        await path.set("1", value)
        try:
            expected = value + span
            # neither what is moved nor by how much may be beyond what the server counts in
            if name == "span" and not (abs(span) <= BIGGEST and _is_counted(expected)):
                raise OverflowError  # noqa: TRY301 - as those of dates do
        except OverflowError:
            with pytest.raises(NumberOverflowError, match="It was not changed"):
                await path.shift("1", span)
            expected = value
        else:
            assert repr(await path.shift("1", span)) == repr(expected)
        assert repr(await path.get("1")) == repr(expected)


async def test_at_the_ends_of_time(event):
    one = timedelta(microseconds=1)
    for end, span in ((datetime.max, one), (datetime.min, -one)):
        for zone in (None, UTC, timezone(timedelta(hours=14)), timezone(-timedelta(hours=12))):
            value = (end - span).replace(tzinfo=zone)
            await Event.at.set("1", value)
            assert await Event.at.shift("1", span) == value + span
            with pytest.raises(OverflowError):
                await Event.at.shift("1", span)
    with pytest.raises(OverflowError):
        await Event.at.shift("1", timedelta.max)
    await Event.span.set("1", BIGGEST)
    for span in (timedelta.max, one):
        with pytest.raises(OverflowError, match="64 bits of microseconds"):
            await Event.span.shift("1", span)
    assert await Event.span.shift("1", -BIGGEST) == timedelta(0)


async def test_a_field_that_a_document_lacks_has_its_default(event, redis):
    await redis.execute_command("JSON.SET", "shifts:event:2", "$", '{"id":"2"}')
    with pytest.raises(OverflowError):
        await Event.at.shift("2", timedelta.max)
    assert await redis.execute_command("JSON.OBJKEYS", "shifts:event:2") == [b"id"]
    moved = await Event.at.shift("2", timedelta(hours=1))
    assert repr(moved) == repr(await Event.at.get("2")) == repr(NOON + timedelta(hours=1))
    assert await Event.day.shift("2", timedelta(1)) == date(2026, 11, 30)
    with pytest.raises(PathNotFoundError):
        await Event.by_name["a"].shift("2", timedelta(1))


async def test_what_cannot_be_moved_is_said(event, redis):
    with pytest.raises(KeyNotFoundError):
        await Event.at.shift("9", timedelta(1))
    optional: Any = Event.optional
    with pytest.raises(WrongTypeError, match="JSON type null"):
        await optional.shift("1", timedelta(1))
    with pytest.raises(TypeError, match="Give a timedelta"):
        await Event.at.shift("1", 5)  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="not a whole number of days"):
        await Event.day.shift("1", timedelta(days=1, hours=1))
    for text in ('{"us":"1"}', '{"us":1.5}', "{}", "5", '{"us":9999999999999999999}'):
        await redis.execute_command("JSON.SET", "shifts:event:1", "$.at", text)
        with pytest.raises(WrongTypeError):
            await Event.at.shift("1", timedelta(1))


@pytest.mark.parametrize("name", ["bounded", "checked", "hour"])
async def test_what_has_rules_says_what_to_do(event, name):
    with pytest.raises(ExpressionError, match="lock_by_key"):
        await getattr(Event, name).shift("1", timedelta(1))


async def test_callers_at_the_same_time_lose_nothing(event):
    spans = [timedelta(microseconds=n) for n in range(100)]
    await asyncio.gather(*(Event.aware.shift("1", span) for span in spans))
    found = await Event.get("1")
    assert repr(found.aware) == repr(NOON + timedelta(microseconds=4950))
    assert found.revision == 101
