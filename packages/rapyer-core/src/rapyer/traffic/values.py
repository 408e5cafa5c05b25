"""The named operations on single values inside a document, each atomic and one round trip.

The server answers null or `[]`, and no error, for a path that leads to nothing or to a value of
another type. Every reply is looked at here; what was wrong is asked for once more, on the way to
the error only.

A path is JSONPath text that leads to one value, as `rapyer.expr.jsonpath` writes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from redis.exceptions import ResponseError

from rapyer.errors import NumberOverflowError
from rapyer.traffic.channel import Channel
from rapyer.traffic.explain import explain_failure
from rapyer.traffic.policies import Policies
from rapyer.traffic.replies import unexpected_reply
from rapyer.traffic.scripts import Operation

#: `JSON.NUMINCRBY` wraps around at 64 bits without a word. Seen by the jump over zero, the old text
#: is set back before anybody else can look.
INCREASE = Operation(
    "increase",
    """
    check(KEYS[1], 'write')
    local before = redis.call('JSON.GET', KEYS[1], arg[1])
    local reply = redis.call('JSON.NUMINCRBY', KEYS[1], arg[1], arg[2])
    local integer = '^%[?(-?%d+)%]?$'
    local old = before and tonumber(string.match(before, integer))
    local new = tonumber(string.match(reply, integer))
    local delta = tonumber(string.match(arg[2], integer))
    if old and new and delta and ((delta > 0 and new < old) or (delta < 0 and new > old)) then
        redis.call('JSON.SET', KEYS[1], arg[1], string.sub(before, 2, -2))
        error(redis.error_reply('OVERFLOW'))
    end
    if reply ~= '[]' and reply ~= '[null]' then touched(KEYS[1], 'write') end
    return reply
    """,
    writes=True,
)
APPEND = Operation(
    "append",
    """
    check(KEYS[1], 'write')
    local reply = redis.call('JSON.ARRAPPEND', KEYS[1], unpack(arg))
    if reply[1] then touched(KEYS[1], 'write') end
    return reply
    """,
    writes=True,
)

_ABSENT, _OTHER_TYPE = b"[]", b"[null]"


async def increase(
    channel: Channel, key: str, path: str, delta: bytes, policies: Policies = ()
) -> bytes:
    """Add to the number at a path, as one script; give the JSON text of what it is now.

    Raises:
        KeyNotFoundError: There is no document.
        PathNotFoundError: Nothing is at the path.
        WrongTypeError: It is no number, or the key holds another Redis type.
        NumberOverflowError: The result would not fit; nothing was changed.
        OutcomeUnknownError: The reply was lost.
    """
    try:
        reply = await channel.run(INCREASE, policies, (key,), (path, delta))
    except ResponseError as exc:
        if "OVERFLOW" in str(exc) or "result is not a number" in str(exc):
            raise NumberOverflowError(
                f"adding {delta.decode()} to the number at {path} of {key!r} leaves the range of "
                "64 bits. It was not changed.",
                key=key,
                path=path,
            ) from exc
        await explain_failure(channel, key, path, exc, of_type=True)
    if reply in (_ABSENT, _OTHER_TYPE):
        unexpected = unexpected_reply("JSON.NUMINCRBY", reply)
        await explain_failure(channel, key, path, unexpected, of_type=True)
    if not isinstance(reply, bytes):
        raise unexpected_reply("JSON.NUMINCRBY", reply)
    return reply[1:-1]


async def append(
    channel: Channel, key: str, path: str, values: Sequence[bytes], policies: Policies = ()
) -> int:
    """Append to the array at a path: `JSON.ARRAPPEND key path value ...`; give its new length.

    Raises:
        KeyNotFoundError: There is no document.
        PathNotFoundError: Nothing is at the path.
        WrongTypeError: It is no array, or the key holds another Redis type.
        OutcomeUnknownError: The reply was lost.
    """
    try:
        if policies:
            reply = await channel.run(APPEND, policies, (key,), (path, *values))
        else:
            reply = await channel.execute("JSON.ARRAPPEND", key, path, *values, writes=True)
    except ResponseError as exc:
        await explain_failure(channel, key, path, exc, of_type=True)
    if reply in ([], [None]):
        unexpected = unexpected_reply("JSON.ARRAPPEND", reply)
        await explain_failure(channel, key, path, unexpected, of_type=True)
    return _length(reply)


def _length(reply: Any) -> int:
    try:
        return int(reply[0])
    except (TypeError, ValueError, LookupError) as exc:
        raise unexpected_reply("JSON.ARRAPPEND", reply) from exc
