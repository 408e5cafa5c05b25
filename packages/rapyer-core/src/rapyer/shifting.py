"""Operations on dates and times in documents by key: moving them by a span."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from rapyer.assignments import location_to_write
from rapyer.errors import NumberOverflowError
from rapyer.plain import around_default, not_plain, plain_schema
from rapyer.traffic.moments import MomentPlace, shift
from rapyer.traffic.values import NumberPlace, OutOfBoundsError, increase
from rapyer.types.temporal import (
    dump_date,
    dump_timedelta,
    load_date,
    load_datetime,
    load_timedelta,
)

if TYPE_CHECKING:
    from rapyer.base import BaseRedisModel
    from rapyer.traffic.addresses import DocumentAt

#: What a schema may say about a date or a time that is moved.
_KNOWN: Final = frozenset(
    {"type", "metadata", "ref", "strict", "microseconds_precision", "tz_constraint"}
)
_DAY: Final = timedelta(days=1)
#: The least and the greatest stored values of these types.
_RANGES: Final[Mapping[str, tuple[int, int]]] = {
    "date": (dump_date(date.min), dump_date(date.max)),
    "timedelta": (-(2**63), 2**63 - 1),  # Python's timedeltas can be longer
}


class ShiftOperations:
    """The operation on the `datetime`, `date` or `timedelta` that a path leads to.

    Args:
        model: The model.
        path: The path.

    Raises:
        ExpressionError: It is not one that can be moved, or is frozen.
        InvalidKeyError: The field is the primary key.
    """

    __slots__ = ("_around", "_default", "_kind", "_location")

    def __init__(self, model: type[BaseRedisModel], path: Any) -> None:
        location = location_to_write(model, path)
        kinds = ("datetime", "date", "timedelta")
        schema = next(filter(None, (plain_schema(location, kind) for kind in kinds)), None)
        if schema is None or not schema.keys() <= _KNOWN:
            what = (
                "not a datetime, date or timedelta that can be moved: it is of another type, has "
                "bounds"
            )
            raise not_plain(model, path, what)
        self._location = location
        self._kind: str = schema["type"]
        self._around, self._default = around_default(location)

    async def shift(self, document: DocumentAt, span: Any) -> Any:
        """Move it; return the result.

        Raises:
            TypeError: The span is not a timedelta.
            ValueError: A date is to be moved by a fraction of a day.
            NumberOverflowError: There is no such value, or the server cannot hold it; nothing was
                changed.
        """
        if not isinstance(span, timedelta):
            raise TypeError(f"{self._location.text} cannot be moved by {span!r}. Give a timedelta.")
        if self._kind == "datetime":
            return await self._shift_datetime(document, span)
        if self._kind == "date" and span % _DAY:
            raise ValueError(
                f"{self._location.text} is a date, but {span!r} is not a whole number of days."
            )
        amount = span // _DAY if self._kind == "date" else dump_timedelta(span)
        least, most = _RANGES[self._kind]
        if abs(amount) >= 2**63:
            raise self._overflow(document.key, span)
        path = self._location.json_path
        place = NumberPlace(
            path, str(least - amount), str(most - amount), self._around, self._default
        )
        channel, key, policies = document
        try:
            text = await increase(channel, key, place, str(amount).encode(), policies)
        except OutOfBoundsError as exc:
            raise self._overflow(key, span) from exc
        return load_date(int(text)) if self._kind == "date" else load_timedelta(int(text))

    async def _shift_datetime(self, document: DocumentAt, span: timedelta) -> datetime:
        place = MomentPlace(self._location.json_path, self._around, self._default)
        seconds = span.days * 86_400 + span.seconds
        is_moved, us, off = await shift(document, place, seconds, span.microseconds)
        if not is_moved:
            raise self._overflow(document.key, span)
        return load_datetime({"us": us} if off is None else {"us": us, "off": off})

    def _overflow(self, key: str, span: timedelta) -> NumberOverflowError:
        limit = (
            "the 64 bits of microseconds" if self._kind == "timedelta" else "the years 1 to 9999"
        )
        return NumberOverflowError(
            f"moving {self._location.text} of {key!r} by {span!r} exceeds {limit}. It was not "
            "changed.",
            key=key,
            path=self._location.text,
        )
