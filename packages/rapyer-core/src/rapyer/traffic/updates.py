"""Writing values inside a document: all of them in one atomic step, or none.

The server skips a path whose parent is not there or is null, and answers OK (`JSON.SET`,
`JSON.MSET`). So what is around each value is looked at before anything is written.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from redis.exceptions import ResponseError

from rapyer.errors import KeyNotFoundError, PathNotFoundError
from rapyer.expr.jsonpath import render_path, split_at_negative_indexes
from rapyer.traffic.channel import Channel
from rapyer.traffic.documents import Dump
from rapyer.traffic.explain import explain_failure
from rapyer.traffic.policies import Policies, ScriptArgument
from rapyer.traffic.replies import unexpected_reply
from rapyer.traffic.scripts import Operation

#: For each write: its value (nothing removes what is there), the path of what is around it up to
#: the first negative index, each such index with the path behind it, its own step, and what has to
#: be added to numbers in the value. `JSON.MSET` is one change to those who index or watch the key.
UPDATE = Operation(
    "update",
    """
    check(KEYS[1], 'write')
    local root = redis.call('JSON.TYPE', KEYS[1], '$')
    if not root then return false end
    local types, position = {['$'] = root[1]}, 0
    local function take()
        position = position + 1
        return arg[position]
    end
    local function type_of(path)
        if not types[path] then
            types[path] = redis.call('JSON.TYPE', KEYS[1], path)[1] or 'nothing'
        end
        return types[path]
    end
    local set, removed, increased = {}, {}, {}
    for number = 1, tonumber(take()) do
        local function refuse() error(redis.error_reply('RAPYERPATH ' .. number)) end
        local function element(path, index)
            local length = type_of(path) == 'array' and redis.call('JSON.ARRLEN', KEYS[1], path)[1]
            if not length or index >= length or length + index < 0 then refuse() end
            return path .. '[' .. (index < 0 and length + index or index) .. ']'
        end
        local value, path = take(), take()
        for _ = 1, tonumber(take()) do path = element(path, tonumber(take())) .. take() end
        local step = take()
        local index = tonumber(step)
        if index then
            path = element(path, index)
        elseif type_of(path) == 'object' then
            path = path .. step
        else
            refuse()
        end
        if value == '' then
            removed[#removed + 1] = path
        else
            set[#set + 1], set[#set + 2], set[#set + 3] = KEYS[1], path, value
        end
        for _ = 1, tonumber(take()) do
            increased[#increased + 1] = {path .. take(), take()}
        end
    end
    for first = 1, #set, 6000 do
        redis.call('JSON.MSET', unpack(set, first, math.min(first + 5999, #set)))
    end
    for _, one in ipairs(increased) do redis.call('JSON.NUMINCRBY', KEYS[1], unpack(one)) end
    for _, path in ipairs(removed) do redis.call('JSON.DEL', KEYS[1], path) end
    touched(KEYS[1], 'write')
    return 'OK'
    """,
    writes=True,
)

_REFUSED_PATH = re.compile(r"RAPYERPATH (\d+)")


class Target(NamedTuple):
    """Where a value is written to.

    Attributes:
        path: The JSONPath for what is there; it may have negative indexes as slices.
        around: The path of the object or array that it stands in, up to the first negative index.
        hops: Each negative index there, with the path behind it: the server puts the index that
            counts from the start between them.
        step: The last step: an index, or a key as a part of a path.
    """

    path: str
    around: str
    hops: Sequence[tuple[int, str]]
    step: str | int

    @classmethod
    def of(cls, steps: Sequence[str | int]) -> Target:
        """Give the target that keys and indexes lead to, as they stand in documents.

        Raises:
            UnaddressableKeyError: A key has no spelling on the server.
        """
        path, last = render_path(steps), steps[-1]
        step = last if isinstance(last, int) else render_path((last,))[1:]
        return cls(path, *split_at_negative_indexes(steps[:-1]), step)

    @property
    def is_native(self) -> bool:
        """Whether a path alone leads there, also to what is not there yet."""
        return not self.hops and not (isinstance(self.step, int) and self.step < 0)


class Write(NamedTuple):
    """What is written inside a document.

    Attributes:
        target: Where.
        dump: The JSON text of the value, and what has to be added to numbers in it; None removes
            what is there.
    """

    target: Target
    dump: Dump | None


async def update_document(
    channel: Channel, key: str, writes: Sequence[Write], policies: Policies = ()
) -> None:
    """Write some values inside a document, in one atomic step and one round trip.

    `JSON.SET key path value` for one value without policies; else one script, which looks at what
    is around each value and then writes them by one `JSON.MSET`.

    Args:
        channel: The connections.
        key: The whole Redis key.
        writes: The values; none may stand inside another.
        policies: What else happens to the key.

    Raises:
        KeyNotFoundError: There is no document.
        PathNotFoundError: A path leads through something that is not there or is null, or an index
            is out of range.
        WrongTypeError: The key holds another Redis type.
        OutcomeUnknownError: The reply was lost.
    """
    (target, dump), *more = writes
    try:
        if more or policies or dump is None or dump[1] or not target.is_native:
            reply = await channel.run(UPDATE, policies, (key,), _arguments(writes))
            if reply is None:
                raise _no_document(key)
        else:
            reply = await channel.execute("JSON.SET", key, target.path, dump[0], writes=True)
    except ResponseError as exc:
        refused = _REFUSED_PATH.match(str(exc))
        if refused is not None:
            raise _nothing_around(key, writes[int(refused[1]) - 1].target) from exc
        await explain_failure(channel, key, target.path, exc)
    if reply is None:
        await explain_failure(channel, key, target.path, unexpected_reply("JSON.SET", reply))
    if reply != b"OK":
        raise unexpected_reply("JSON.SET", reply)


def _arguments(writes: Sequence[Write]) -> list[ScriptArgument]:
    arguments: list[ScriptArgument] = [len(writes)]
    for (_, around, hops, step), dump in writes:
        value, corrections = dump or ("", ())
        arguments += [value, around, len(hops), *(part for hop in hops for part in hop), step]
        arguments.append(len(corrections))
        for path, delta in corrections:
            arguments += [path[1:], delta]  # behind the path of the value
    return arguments


def _no_document(key: str) -> KeyNotFoundError:
    return KeyNotFoundError(
        f"no document is stored at {key!r}. It was never saved, was deleted or has expired. "
        "Nothing was written.",
        key=key,
    )


def _nothing_around(key: str, target: Target) -> PathNotFoundError:
    return PathNotFoundError(
        f"the document at {key!r} has no place for {target.path}: something on the way there is "
        "not there or is null, or the index is out of range. Set what is missing first. Nothing "
        "was written.",
        key=key,
        path=target.path,
    )
