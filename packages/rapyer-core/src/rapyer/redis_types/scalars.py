"""The Redis types of values without parts: numbers, texts, bytes, dates with a time.

A bound value is made anew at each access, and is as plain as what the instance holds; it does not
change. After an operation the instance holds another one: `user.score`, accessed again.
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


#: Up to how many bytes a text is replied as a whole when something was appended to it.
_READ_AT_ONCE: Final = 4096


class RedisInt(int, RedisValue[int], ScalarField[int], plain=int):
    """An `int` that is added to atomically: `await user.score.aincrease(5)`."""

    async def aincrease(self, amount: int = 1) -> int:
        """Add to the number in Redis, and let the instance have what it is then. One round trip.

        Args:
            amount: What is added; it may be negative.

        Returns:
            The number that Redis has then.

        Raises:
            NumberOverflowError: It would leave the 64 bits of the server; it was not changed.
            pydantic.ValidationError: It would leave the bounds of the field; it was not changed.
            TypeError: The amount is no whole number.
            RapyerError: As for all Redis types.
        """
        return cast("int", await _increase(self, amount))


class RedisFloat(float, RedisValue[float], ScalarField[float], plain=float):
    """A `float` that is added to atomically: `await user.balance.aincrease(0.5)`."""

    async def aincrease(self, amount: float = 1.0) -> float:
        """Add to the number in Redis, and let the instance have what it is then. One round trip.

        Args:
            amount: What is added; it may be negative.

        Returns:
            The number that Redis has then.

        Raises:
            NumberOverflowError: It would leave the range of doubles; it was not changed.
            UnstorableValueError: No text stands for the amount on the server: one in a thousand of
                those with 16 or 17 digits.
            pydantic.ValidationError: It would leave the bounds of the field; it was not changed.
            TypeError: The amount is no number.
            RapyerError: As for all Redis types.
        """
        return cast("float", await _increase(self, amount))


class RedisStr(str, RedisValue[str], ScalarField[str], plain=str):  # noqa: SLOT000 - it has an attribute
    """A `str` that is appended to atomically: `await user.log.aappend("x")`."""

    async def aappend(self, value: str) -> str:
        """Append `value` to the text, and let the instance have what it is then. One round trip.

        One of more than 4096 bytes is not replied as a whole: it is taken for what the instance had
        if its length is, and else read in a second round trip.

        Returns:
            The text that Redis has then.

        Raises:
            UnstorableValueError: It would be longer than its max_length; it was not changed.
            TypeError: What is appended is no text.
            RapyerError: As for all Redis types.
        """
        return cast("str", await _append(self, value))


class RedisBytes(bytes, RedisValue[bytes], ScalarField[bytes], plain=bytes):
    """`bytes` that are appended to atomically: `await user.blob.aappend(b"x")`."""

    async def aappend(self, value: bytes) -> bytes:
        """Append `value` to the bytes, and let the instance have what they are then.

        One round trip; a second one for more than 4096 bytes, as that of `RedisStr`.

        Returns:
            The bytes that Redis has then.

        Raises:
            CorruptDocumentError: The document has no base64 there; it was not changed.
            UnstorableValueError, TypeError, RapyerError: As that of `RedisStr`.
        """
        return cast("bytes", await _append(self, value))


class RedisDateTime(datetime, RedisValue[datetime], ScalarField[datetime], plain=datetime):
    """A `datetime` that is moved atomically: `await user.until.ashift(timedelta(hours=1))`."""

    async def ashift(self, span: timedelta) -> datetime:
        """Move the datetime in Redis, and let the instance have what it is then. One round trip.

        Microseconds, the offset, and whether it has one, stay; `span` may be negative.

        Returns:
            The datetime that Redis has then.

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

    # those of datetime give one of its own class, which would stand nowhere

    def __add__(self, other: timedelta) -> datetime:  # type: ignore[override] # of its own class
        return _plain(self) + other

    def __radd__(self, other: timedelta) -> datetime:  # type: ignore[override] # as above
        return _plain(self) + other

    def __sub__(self, other: Any) -> Any:
        return _plain(self) - other

    def replace(self, *args: Any, **kwargs: Any) -> datetime:  # type: ignore[override] # as above
        """Give a plain datetime with other parts: `args` and `kwargs` as `datetime.replace`."""
        return _plain(self).replace(*args, **kwargs)

    def astimezone(self, tz: tzinfo | None = None) -> datetime:  # type: ignore[override] # as above
        """Give a plain datetime for the same moment in the time zone `tz`, or the local one."""
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
        if longer is None:  # too long to be sent with each reply
            held: Any = write.place.held()
            longer = (held if isinstance(held, PLAIN_TYPES[type(value)]) else value) + added
            if operations.size(longer) != size:
                longer = await write.place.read()
        write.place.take_over(longer)
    return longer
