"""The named operation on numbers inside a document, atomic and one round trip.

If a path leads to nothing or to a value of another type, the server replies null or `[]` rather
than an error. Every reply is checked here; only to report the error is the server asked once more
what was wrong.

A path is JSONPath text that leads to one value, as `rapyer.expr.jsonpath` writes it.
"""

from __future__ import annotations

from typing import NamedTuple

from redis.exceptions import ResponseError

from rapyer.errors import NumberOverflowError
from rapyer.traffic.channel import Channel
from rapyer.traffic.explain import explain_failure
from rapyer.traffic.policies import Policies
from rapyer.traffic.replies import unexpected_reply
from rapyer.traffic.scripts import Operation

#: `JSON.NUMINCRBY` silently wraps around at 64 bits. The jump across zero reveals it, and the old
#: text is restored before anybody else can look.
#:
#: Arguments: the path; what is added; the lower and upper bound of the result, as texts of doubles
#: or, for integers, of what the number may be before (empty for no bound); the path of the object
#: around it and the number that a document without it is read with (empty if there is none).
INCREASE = Operation(
    "increase",
    """
    check(KEYS[1], 'write')
    local key, path, delta_text, least, most, around, default = KEYS[1], unpack(arg, 1, 7)
    local before, is_absent = redis.call('JSON.GET', key, path), false
    if not before then error(redis.error_reply('RAPYERMISSING')) end
    if before == '[]' and default and default ~= '' then
        local types = redis.call('JSON.TYPE', key, around)
        if types and types[1] == 'object' then before, is_absent = '[' .. default .. ']', true end
    end
    local integer = '^%[?(-?%d+)%]?$'
    local old_text = before and string.match(before, integer)
    local old, delta = tonumber(old_text), tonumber(string.match(delta_text, integer))
    local function less(one, other)  -- of integers, as texts: they may have 64 bits
        local is_negative = string.sub(one, 1, 1) == '-'
        if is_negative ~= (string.sub(other, 1, 1) == '-') then return is_negative end
        if is_negative then one, other = string.sub(other, 2), string.sub(one, 2) end
        if #one ~= #other then return #one < #other end
        return one < other
    end
    local function is_out()
        if least == nil or least == '' and most == '' then return false end
        local number = before and tonumber(string.sub(before, 2, -2))
        if string.match(least .. most, '^[-%d]+$') then  -- of an integer
            if not old_text then return number ~= nil end
            return least ~= '' and less(old_text, least) or most ~= '' and less(most, old_text)
        end
        local new = number and number + tonumber(delta_text)
        if not new then return false end
        return least ~= '' and new < tonumber(least) or most ~= '' and new > tonumber(most)
    end
    if is_out() then error(redis.error_reply('RAPYERRANGE ' .. string.sub(before, 2, -2))) end
    if is_absent then redis.call('JSON.SET', key, path, default) end
    local reply = redis.call('JSON.NUMINCRBY', key, path, delta_text)
    local new = tonumber(string.match(reply, integer))
    if old and new and delta and ((delta > 0 and new < old) or (delta < 0 and new > old)) then
        if is_absent then
            redis.call('JSON.DEL', key, path)
        else
            redis.call('JSON.SET', key, path, string.sub(before, 2, -2))
        end
        error(redis.error_reply('OVERFLOW'))
    end
    if reply ~= '[]' and reply ~= '[null]' then touched(key, 'write') end
    return reply
    """,
    writes=True,
)
_ABSENT, _OTHER_TYPE = b"[]", b"[null]"


class NumberPlace(NamedTuple):
    """Where a number is in documents, and what it may become.

    Attributes:
        path: The JSONPath.
        least: The least that it may become, as the text of a double; for integers, the least that
            it may be before; empty for no bound.
        most: The same for the greatest.
        around: The path of the object around it, if a document may lack the number.
        default: The number that such a document is read with, as text; otherwise empty.
    """

    path: str
    least: str = ""
    most: str = ""
    around: str = ""
    default: str = ""


class OutOfBoundsError(Exception):
    """A number would leave the bounds of its place; it was not changed.

    Attributes:
        old: The number, as text.
    """

    def __init__(self, old: str) -> None:
        super().__init__(old)
        self.old = old


async def increase(
    channel: Channel, key: str, place: str | NumberPlace, delta: bytes, policies: Policies = ()
) -> bytes:
    """Add to the number at a path, as one script; return the JSON text of the result.

    Raises:
        KeyNotFoundError: There is no document.
        PathNotFoundError: Nothing is at the path.
        WrongTypeError: It is not a number, or the key holds another Redis type.
        NumberOverflowError: The result would not fit; nothing was changed.
        OutOfBoundsError: It would leave the bounds of the place; nothing was changed.
        OutcomeUnknownError: The reply was lost.
    """
    place = NumberPlace(place) if isinstance(place, str) else place
    path = place.path
    arguments = (path, delta, *place[1:])
    try:
        reply = await channel.run(INCREASE, policies, (key,), arguments)
    except ResponseError as exc:
        if str(exc).startswith("RAPYERRANGE "):
            raise OutOfBoundsError(str(exc).split(" ")[1]) from exc
        if "OVERFLOW" in str(exc) or "result is not a number" in str(exc):
            raise NumberOverflowError(
                f"adding {delta.decode()} to the number at {path} of {key!r} exceeds the range of "
                "64 bits. It was not changed.",
                key=key,
                path=path,
            ) from exc
        await explain_failure(channel, key, path, exc)
    if reply in (_ABSENT, _OTHER_TYPE):
        unexpected = unexpected_reply("JSON.NUMINCRBY", reply)
        await explain_failure(channel, key, path, unexpected, of_type=True)
    if not isinstance(reply, bytes):
        raise unexpected_reply("JSON.NUMINCRBY", reply)
    return reply[1:-1]
