"""The named operation that moves a datetime inside a document, atomic and one round trip.

It is stored as `{"us": n}` or `{"us": n, "off": s}`: microseconds since 1970-01-01, in UTC if there
is an offset in seconds. Moving adds to `us`; the offset, or its absence, stays. Results for which
Python has no `datetime` are refused before anything is written: the server would add unchecked.
"""

from __future__ import annotations

from typing import NamedTuple

from rapyer.traffic.addresses import DocumentAt
from rapyer.traffic.inside import looking_for, run_inside
from rapyer.traffic.scripts import Operation

#: Arguments: the path of the object; the path of the object around it and the JSON text that a
#: document without it is read with (otherwise both empty); what is added, in microseconds, as text;
#: the same in seconds, and the microseconds beyond them. Doubles hold the seconds of the years 1 to
#: 9999 exactly, but not the microseconds.
_SHIFT = Operation(
    "shift",
    """
    check(KEYS[1], 'write')
    local key, path, around, default = KEYS[1], arg[1], arg[2], arg[3]
    """
    + looking_for("object")
    + """
    local function number(name)
        if is_absent then return string.match(default, '"' .. name .. '":(-?%d+)') end
        local text = redis.call('JSON.GET', key, path .. '["' .. name .. '"]')
        return string.match(text, '^%[(-?%d+)%]$') or text ~= '[]' and 'other'
    end
    local us, off = number('us'), number('off')
    if not us or not tonumber(us) or #us > 18 then return {'other'} end
    if off and not (tonumber(off) and math.abs(tonumber(off)) < 86400) then return {'other'} end
    local sign, digits = string.match(us, '^(-?)(%d+)$')
    local micros = tonumber(string.sub(digits, -6))
    local seconds = tonumber(string.sub(digits, 1, -7)) or 0
    if sign == '-' then micros, seconds = -micros, -seconds end
    micros = micros + tonumber(arg[6])
    seconds = seconds + (tonumber(off) or 0) + tonumber(arg[5]) + math.floor(micros / 1000000)
    if seconds < -62135596800 or seconds > 253402300799 then return {'range', us, off or ''} end
    if is_absent then redis.call('JSON.SET', key, path, default) end
    local reply = redis.call('JSON.NUMINCRBY', key, path .. '["us"]', arg[4])
    touched(key, 'write')
    return {'done', string.sub(reply, 2, -2), off or ''}
    """,
    writes=True,
)


class MomentPlace(NamedTuple):
    """Where a datetime is in documents.

    Attributes:
        path: The JSONPath.
        around: The JSONPath of the object around it, if a document without it is read with a
            default.
        default: This default, as JSON; otherwise empty.
    """

    path: str
    around: str = ""
    default: str | bytes = ""


async def shift(
    document: DocumentAt, place: MomentPlace, seconds: int, microseconds: int
) -> tuple[bool, int, int | None]:
    """Move a datetime, unless it would leave the years 1 to 9999.

    Args:
        document: The document.
        place: The place.
        seconds: By how many seconds.
        microseconds: By how many microseconds in addition; less than a second.

    Returns:
        Whether it was moved; its microseconds; and its offset in seconds, None for a naive one.

    Raises:
        KeyNotFoundError: There is no document.
        PathNotFoundError: Nothing is at the path.
        WrongTypeError: It is not a datetime, or the key holds another Redis type.
        OutcomeUnknownError: The reply was lost.
    """
    arguments = (*place, str(seconds * 1_000_000 + microseconds), seconds, microseconds)
    status, us, off = await run_inside(document, _SHIFT, place.path, arguments)
    return status == b"done", int(us), int(off) if off else None
