"""The named operations on single values inside a document, each atomic and one round trip.

The server answers null or `[]`, and no error, for a path that leads to nothing or to a value of
another type. Every reply is looked at here; what was wrong is asked for once more, on the way to
the error only.

A path is JSONPath text that leads to one value, as `rapyer.expr.jsonpath` writes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, NoReturn

from redis.exceptions import ResponseError

from rapyer.errors import (
    KeyNotFoundError,
    NumberOverflowError,
    PathNotFoundError,
    WrongTypeError,
)
from rapyer.traffic.channel import Channel
from rapyer.traffic.documents import Dump
from rapyer.traffic.policies import Policies, ScriptArgument
from rapyer.traffic.replies import unexpected_reply, wrong_redis_type
from rapyer.traffic.scripts import Operation

SET_VALUE = Operation(
    "set",
    """
    check(KEYS[1], 'write')
    local path, place = arg[3], 4
    for _ = 1, tonumber(arg[2]) do
        local length = redis.call('JSON.ARRLEN', KEYS[1], path)[1]
        local index = tonumber(arg[place])
        if not length or length + index < 0 then return false end
        path = path .. '[' .. length + index .. ']' .. arg[place + 1]
        place = place + 2
    end
    local reply = redis.call('JSON.SET', KEYS[1], path, arg[1])
    if reply then
        for index = place, #arg, 2 do
            redis.call('JSON.NUMINCRBY', KEYS[1], path .. arg[index], arg[index + 1])
        end
        touched(KEYS[1], 'write')
    end
    return reply
    """,
    writes=True,
)
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


class Target(NamedTuple):
    """Where a value is written to.

    Attributes:
        path: The JSONPath for what is there; it may have negative indexes as slices.
        first: The path up to the first negative index.
        rest: Each negative index, with the path behind it: the server counts them from the start.
    """

    path: str
    first: str
    rest: Sequence[tuple[int, str]] = ()


async def set_value(
    channel: Channel, key: str, target: Target, dump: Dump, policies: Policies = ()
) -> None:
    """Set the value at a path, or a new member of the object above it: `JSON.SET key path value`.

    A script where policies apply, an index counts from the end, or a number needs a
    `JSON.NUMINCRBY` to be exact.

    Args:
        channel: The connections.
        key: The whole Redis key.
        target: Where the value stands.
        dump: Its JSON text, and what has to be added to numbers in it.
        policies: What else happens to the key.

    Raises:
        KeyNotFoundError: There is no document.
        PathNotFoundError: The path leads through something that is not there, or is null.
        WrongTypeError: The key holds another Redis type.
        OutcomeUnknownError: The reply was lost.
    """
    value, corrections = dump
    try:
        if policies or corrections or target.rest:
            arguments: list[ScriptArgument] = [value, len(target.rest), target.first]
            arguments += [part for step in target.rest for part in step]
            for path, delta in corrections:
                arguments += [path[1:], delta]  # behind the path of the value
            reply = await channel.run(SET_VALUE, policies, (key,), arguments)
        else:
            reply = await channel.execute("JSON.SET", key, target.path, value, writes=True)
    except ResponseError as exc:
        await _explain(channel, key, target.path, exc)
    if reply is None:
        await _explain(channel, key, target.path, unexpected_reply("JSON.SET", reply))
    if reply != b"OK":
        raise unexpected_reply("JSON.SET", reply)


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
        await _explain(channel, key, path, exc)
    if reply in (_ABSENT, _OTHER_TYPE):
        await _explain(channel, key, path, unexpected_reply("JSON.NUMINCRBY", reply))
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
        await _explain(channel, key, path, exc)
    if reply in ([], [None]):
        await _explain(channel, key, path, unexpected_reply("JSON.ARRAPPEND", reply))
    return _length(reply)


def _length(reply: Any) -> int:
    try:
        return int(reply[0])
    except (TypeError, ValueError, LookupError) as exc:
        raise unexpected_reply("JSON.ARRAPPEND", reply) from exc


async def _explain(channel: Channel, key: str, path: str, error: Exception) -> NoReturn:
    """Ask what stands at key and path, and raise what that means; else raise `error`."""
    kind, types = await channel.execute_many([("TYPE", key), ("JSON.TYPE", key, path)])
    if kind == b"none":
        raise KeyNotFoundError(
            f"no document is stored at {key!r}. It was never saved, was deleted or has expired.",
            key=key,
        ) from error
    wrong = wrong_redis_type(key, kind)
    if wrong is not None:
        raise wrong from error
    if types == []:
        raise PathNotFoundError(
            f"the document at {key!r} has nothing at {path}, or null on the way there. "
            "Set what is missing first.",
            key=key,
            path=path,
        ) from error
    if isinstance(types, list) and isinstance(types[0], bytes):
        name = types[0].decode()
        raise WrongTypeError(
            f"the value at {path} of {key!r} is of the JSON type {name}, which this operation does "
            "not work on. Correct the document.",
            key=key,
            redis_type="ReJSON-RL",
            path=path,
            json_type=name,
        ) from error
    raise error
