"""The Redis types of values without parts: numbers, texts, bytes, dates with a time.

A bound value is made anew at each access. It is as plain as what the instance holds, and does not
change. After an operation the instance holds another value; access `user.score` again to see it.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, SupportsIndex, cast

from rapyer.counting import NumberOperations
from rapyer.guards import PLAIN_TYPES
from rapyer.redis_types.place import Place
from rapyer.redis_types.value import RedisValue, ScalarField
from rapyer.redis_types.writes import PlacedWrite
from rapyer.shifting import ShiftOperations
from rapyer.texts import TextOperations

if TYPE_CHECKING:
    from datetime import timedelta, tzinfo


#: The size in bytes up to which a text is returned as a whole after an append.
_READ_AT_ONCE: Final = 4096


class RedisInt(int, RedisValue[int], ScalarField[int], plain=int):
    """An `int` with atomic addition: `await user.score.aincrease(5)`."""

    async def aincrease(self, amount: int = 1) -> int:
        """Add to the number in Redis, and set the instance to the result. One round trip.

        Args:
            amount: What to add; may be negative.

        Returns:
            The new number in Redis.

        Raises:
            NumberOverflowError: It would leave the 64 bits of the server; it was not changed.
            pydantic.ValidationError: It would leave the bounds of the field; it was not changed.
            TypeError: The amount is not an integer.
            RapyerError: As for all Redis types.
        """
        return cast("int", await _increase(self, amount))


class RedisFloat(float, RedisValue[float], ScalarField[float], plain=float):
    """A `float` with atomic addition: `await user.balance.aincrease(0.5)`."""

    async def aincrease(self, amount: float = 1.0) -> float:
        """Add to the number in Redis, and set the instance to the result. One round trip.

        Args:
            amount: What to add; may be negative.

        Returns:
            The new number in Redis.

        Raises:
            NumberOverflowError: It would leave the range of doubles; it was not changed.
            UnstorableValueError: No text stands for the amount on the server; this affects one in a
                thousand amounts of 16 or 17 digits.
            pydantic.ValidationError: It would leave the bounds of the field; it was not changed.
            TypeError: The amount is not a number.
            RapyerError: As for all Redis types.
        """
        return cast("float", await _increase(self, amount))


class RedisStr(str, RedisValue[str], ScalarField[str], plain=str):  # noqa: SLOT000 - it has an attribute
    """A `str` with atomic append: `await user.log.aappend("x")`."""

    async def aappend(self, value: str) -> str:
        """Append `value` to the text, and set the instance to the result. One round trip.

        A text of more than 4096 bytes is not returned as a whole. If its length is as expected, it
        is taken to be the instance's text with `value` appended; otherwise it is read in a second
        round trip.

        Returns:
            The new text in Redis.

        Raises:
            UnstorableValueError: It would be longer than its max_length; it was not changed.
            TypeError: `value` is not a text.
            RapyerError: As for all Redis types.
        """
        return cast("str", await _append(self, value))


class RedisBytes(bytes, RedisValue[bytes], ScalarField[bytes], plain=bytes):
    """`bytes` with atomic append: `await user.blob.aappend(b"x")`."""

    async def aappend(self, value: bytes) -> bytes:
        """Append `value` to the bytes, and set the instance to the result.

        One round trip; a second one for more than 4096 bytes, as for `RedisStr`.

        Returns:
            The new bytes in Redis.

        Raises:
            CorruptDocumentError: The document has no base64 there; it was not changed.
            UnstorableValueError, TypeError, RapyerError: As for `RedisStr`.
        """
        return cast("bytes", await _append(self, value))


class RedisDateTime(datetime, RedisValue[datetime], ScalarField[datetime], plain=datetime):
    """A `datetime` with atomic shift: `await user.until.ashift(timedelta(hours=1))`."""

    async def ashift(self, span: timedelta) -> datetime:
        """Move the datetime in Redis, and set the instance to the result. One round trip.

        It keeps its microseconds, its offset, and whether it has one; `span` may be negative.

        Returns:
            The new datetime in Redis.

        Raises:
            NumberOverflowError: It would leave the years 1 to 9999; it was not changed.
            TypeError: The span is not a timedelta.
            RapyerError: As for all Redis types.
        """
        async with PlacedWrite(self) as write:
            moved = await write.operations(ShiftOperations).shift(write.document, span)
            write.done()
            write.place.take_over(moved)
        return cast("datetime", moved)

    @classmethod
    def __rapyer_bind__(cls, value: datetime, place: Place, _: object) -> RedisDateTime:
        bound = cls.combine(value, value.timetz())
        bound.__rapyer_place__ = place
        return bound

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        return _plain(self).__reduce_ex__(protocol)

    # the methods of datetime give an instance of this class, which would have no place

    def __add__(self, other: timedelta) -> datetime:  # type: ignore[override] # of its own class
        return _plain(self) + other

    def __radd__(self, other: timedelta) -> datetime:  # type: ignore[override] # as above
        return _plain(self) + other

    def __sub__(self, other: Any) -> Any:
        return _plain(self) - other

    def replace(self, *args: Any, **kwargs: Any) -> datetime:  # type: ignore[override] # as above
        """Return a plain datetime with new parts: `args` and `kwargs` as `datetime.replace`."""
        return _plain(self).replace(*args, **kwargs)

    def astimezone(self, tz: tzinfo | None = None) -> datetime:  # type: ignore[override] # as above
        """Return a plain datetime for the same moment in the time zone `tz`, or the local one."""
        return _plain(self).astimezone(tz)

    def __repr__(self) -> str:
        return repr(_plain(self))


def _plain(moment: datetime) -> datetime:
    return datetime.combine(moment, moment.timetz())


async def _increase(value: RedisValue[Any], amount: float) -> Any:
    async with PlacedWrite(value) as write:
        number = await write.operations(NumberOperations).increase(write.document, amount)
        write.done()
        write.place.take_over(number)
    return number


async def _append(value: Any, added: Any) -> Any:
    async with PlacedWrite(value) as write:
        operations = write.operations(TextOperations)
        size, longer = await operations.append(write.document, added, reads_up_to=_READ_AT_ONCE)
        write.done()
        if longer is None:  # too long to be returned with each reply
            held: Any = write.place.held()
            longer = (held if isinstance(held, PLAIN_TYPES[type(value)]) else value) + added
            if operations.size(longer) != size:
                longer = await write.place.read()
        write.place.take_over(longer)
    return longer
