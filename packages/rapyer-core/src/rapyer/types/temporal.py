"""Dates and times as the server orders and shifts them: integers of days and of microseconds.

An ISO text has no order that holds across offsets, and the server cannot shift it; pydantic's loses
the seconds of an offset. So a `datetime` is `{"us": n}` if it is naive and `{"us": n, "off": s}` if
it is aware: microseconds since 1970-01-01, in UTC if it is aware, and the offset in seconds.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone

from pydantic_core import core_schema

from rapyer.types.forms import by_functions

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - arithmetic on wall clocks, naive on purpose
_EPOCH_DAY = _EPOCH.toordinal()
_DAY = 86_400
_SECOND = 1_000_000
_zones: dict[int, timezone] = {0: UTC}

#: The schema of `{"us": n}` and `{"us": n, "off": s}`, and of nothing else.
_INSTANT = core_schema.typed_dict_schema(
    {
        "us": core_schema.typed_dict_field(core_schema.int_schema(strict=True)),
        "off": core_schema.typed_dict_field(core_schema.int_schema(strict=True), required=False),
    },
    extra_behavior="forbid",
)
_INTEGER = core_schema.int_schema(strict=True)


def _microseconds(span: timedelta) -> int:
    return (span.days * _DAY + span.seconds) * _SECOND + span.microseconds


def _offset_seconds(offset: timedelta) -> int:
    if offset.microseconds:
        raise ValueError(f"the offset {offset} has a fraction of a second, which cannot be stored")
    return offset.days * _DAY + offset.seconds


def _zone(offset: int) -> timezone:
    zone = _zones.get(offset)
    if zone is None:
        zone = timezone(timedelta(seconds=offset))
        if len(_zones) < 10_000:
            _zones[offset] = zone
    return zone


def dump_datetime(value: datetime) -> dict[str, int]:
    """Return the stored form of a `datetime`."""
    offset = value.utcoffset()
    if offset is None:
        return {"us": _microseconds(value.replace(tzinfo=None) - _EPOCH)}
    # subtract naive times first: near the years 1 and 9999 the instant has no datetime
    instant = value.replace(tzinfo=None) - _EPOCH - offset
    return {"us": _microseconds(instant), "off": _offset_seconds(offset)}


def load_datetime(stored: dict[str, int]) -> datetime:
    """Restore a `datetime` with its offset, to the microsecond and the second."""
    offset = stored.get("off")
    try:
        if offset is None:
            return _EPOCH + timedelta(microseconds=stored["us"])
        local = _EPOCH + timedelta(microseconds=stored["us"] + offset * _SECOND)
        return local.replace(tzinfo=_zone(offset))
    except OverflowError as exc:
        raise ValueError(f"{stored} is outside the years 1 to 9999") from exc


def dump_time(value: time) -> dict[str, int]:
    """Return the stored form of a `time`: wall-clock microseconds since midnight."""
    offset = value.utcoffset()
    if offset is None and value.tzinfo is not None:
        raise ValueError(f"the time zone {value.tzinfo} has no offset without a date")
    seconds = (value.hour * 60 + value.minute) * 60 + value.second
    stored = {"us": seconds * _SECOND + value.microsecond}
    if offset is not None:
        stored["off"] = _offset_seconds(offset)
    return stored


def load_time(stored: dict[str, int]) -> time:
    """Restore a `time`."""
    seconds, microsecond = divmod(stored["us"], _SECOND)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    offset = stored.get("off")
    zone = None if offset is None else _zone(offset)
    return time(hour, minute, second, microsecond, tzinfo=zone)


def dump_date(value: date) -> int:
    """Return the stored form of a `date`: days since 1970-01-01."""
    return value.toordinal() - _EPOCH_DAY


def load_date(stored: int) -> date:
    """Restore a `date`."""
    try:
        return date.fromordinal(stored + _EPOCH_DAY)
    except OverflowError as exc:
        raise ValueError(f"{stored} days are outside the years 1 to 9999") from exc


def dump_timedelta(value: timedelta) -> int:
    """Return the stored form of a `timedelta`: microseconds."""
    return _microseconds(value)


def load_timedelta(stored: int) -> timedelta:
    """Restore a `timedelta`."""
    try:
        return timedelta(microseconds=stored)
    except OverflowError as exc:
        raise ValueError(f"{stored} us is out of range for a timedelta") from exc


DATETIME = by_functions(dump_datetime, load_datetime, _INSTANT)
TIME = by_functions(dump_time, load_time, _INSTANT)
DATE = by_functions(dump_date, load_date, _INTEGER)
TIMEDELTA = by_functions(dump_timedelta, load_timedelta, _INTEGER)
