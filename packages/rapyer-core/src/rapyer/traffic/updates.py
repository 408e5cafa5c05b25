"""Writing values inside a document: all of them in one atomic step, or none.

The server skips a path whose parent is missing or null, and still replies OK (`JSON.SET`,
`JSON.MSET`). So what is around each value is checked before anything is written.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from redis.exceptions import ResponseError

from rapyer.errors import KeyNotFoundError, PathNotFoundError, UnstorableValueError
from rapyer.expr.jsonpath import render_path, split_at_negative_indexes
from rapyer.traffic.channel import Channel
from rapyer.traffic.documents import Dump
from rapyer.traffic.explain import explain_failure
from rapyer.traffic.locks import LOST
from rapyer.traffic.policies import Policies, ScriptArgument
from rapyer.traffic.replies import unexpected_reply
from rapyer.traffic.scripts import Operation

#: Lua: `plan` adds to `changes` what is to be written to a document, and says whether there is one;
#: `carry_out` writes that. `arg` begins with what has to be there, as paths and types; then come
#: values by path. The rest takes more than a path: it removes something, leads through an index
#: that counts from the end, or adds to numbers.
#: To those who index or watch the key, `JSON.MSET` is one change.
PLANNING = """
local function refuse(number, reason)
    error(redis.error_reply((reason or 'RAPYERPATH ') .. number))
end
local function element(key, number, path, index)
    local length = redis.call('JSON.ARRLEN', key, path)[1]
    if not length or index >= length or length + index < 0 then refuse(number) end
    return path .. '[' .. (index < 0 and length + index or index) .. ']'
end
local function plan_special(key, arg, position, first, changes)
    local set, removed, increased, sizes = changes.set, changes.removed, changes.increased, {}
    local place = changes.size
    local function take()
        position = position + 1
        return arg[position]
    end
    for number = first, first + take() - 1 do
        local value, path = take(), take()
        for _ = 1, take() do path = element(key, number, path, tonumber(take())) .. take() end
        local step, limit = take(), tonumber(take())
        local index = tonumber(step)
        if index then
            path = element(key, number, path, index)
        elseif redis.call('JSON.TYPE', key, path)[1] == 'object' then
            if limit > 0 then
                local size = sizes[path] or redis.call('JSON.OBJLEN', key, path)[1]
                local is_there = redis.call('JSON.TYPE', key, path .. step)[1]
                if is_there and value == '' then size = size - 1 end
                if not is_there and value ~= '' then
                    size = size + 1
                    if size > limit then refuse(number, 'RAPYERFULL ') end
                end
                sizes[path] = size
            end
            path = path .. step
        else
            refuse(number)
        end
        if value == '' then
            removed[#removed + 1] = {key, path}
        else
            set[place + 1], set[place + 2], set[place + 3] = key, path, value
            place = place + 3
        end
        for _ = 1, take() do increased[#increased + 1] = {key, path .. take(), take()} end
    end
    changes.size = place
end
local function plan(key, arg, changes)
    local checks, position, set = tonumber(arg[1]), 1, changes.set
    for number = 1, checks do
        local found = redis.call('JSON.TYPE', key, arg[position + 1])
        if not found then return false end
        local wanted = arg[position + 2]
        if not found[1] or wanted ~= 'any' and wanted ~= found[1] then refuse(number) end
        position = position + 2
    end
    position = position + 1
    local last, place = position + 2 * arg[position], changes.size
    while position < last do
        set[place + 1], set[place + 2], set[place + 3] = key, arg[position + 1], arg[position + 2]
        position, place = position + 2, place + 3
    end
    changes.size = place
    if arg[position + 1] ~= '0' then plan_special(key, arg, position, checks + 1, changes) end
    return true
end
local function carry_out(changes)
    local set, increased, removed = changes.set, changes.increased, changes.removed
    for _, one in ipairs(increased) do permit('JSON.NUMINCRBY', one[1], one[2], '1') end
    for _, one in ipairs(removed) do permit('JSON.DEL', one[1], one[2]) end
    for first = 1, changes.size, 6000 do
        redis.call('JSON.MSET', unpack(set, first, math.min(first + 5999, changes.size)))
        changes.is_begun = true
    end
    if increased[1] or removed[1] then changes.is_begun = true end
    for _, one in ipairs(increased) do redis.call('JSON.NUMINCRBY', unpack(one)) end
    for _, one in ipairs(removed) do redis.call('JSON.DEL', unpack(one)) end
end
"""
UPDATE = Operation(
    "update",
    PLANNING
    + """
    check(KEYS[1], 'write')
    local changes = {set = {}, size = 0, increased = {}, removed = {}}
    if not plan(KEYS[1], arg, changes) then return false end
    carry_out(changes)
    touched(KEYS[1], 'write')
    return 'OK'
    """,
    writes=True,
)

_REFUSED = re.compile(r"RAPYER(PATH|FULL) (\d+)")


class Target(NamedTuple):
    """Where a value is written to.

    Attributes:
        path: The JSONPath for what is there; it may have negative indexes as slices.
        around: The path of the object or array that contains it, up to the first negative index.
        hops: Each negative index in that path, with the path after it: the server inserts the index
            counted from the start between them.
        step: The last step: an index, or a key as a part of a path.
        is_native: Whether the path alone leads there, even to what is not there yet.
    """

    path: str
    around: str
    hops: tuple[tuple[int, str], ...]
    step: str | int
    is_native: bool

    @classmethod
    def of(cls, steps: Sequence[str | int]) -> Target:
        """Return the target that keys and indexes, as they occur in documents, lead to.

        Raises:
            UnaddressableKeyError: A key cannot be spelled on the server.
        """
        path, last = render_path(steps), steps[-1]
        step = last if isinstance(last, int) else render_path((last,))[1:]
        around, hops = split_at_negative_indexes(steps[:-1])
        is_native = not hops and not (isinstance(step, int) and step < 0)
        return cls(path, around, tuple(hops), step, is_native)


class Write(NamedTuple):
    """What is written inside a document.

    Attributes:
        target: Where it is written.
        dump: The JSON text of the value, and what has to be added to numbers in it; None removes
            what is there.
        limit: How many members the object around it may have; 0 for any number.
    """

    target: Target
    dump: Dump | None
    limit: int = 0


async def update_document(
    channel: Channel,
    key: str,
    writes: Sequence[Write],
    policies: Policies = (),
    beside: Sequence[str] = (),
) -> None:
    """Write some values inside a document, in one atomic step and one round trip.

    `JSON.SET key path value` for one value without policies; otherwise one script, which checks
    what is around each value and then writes them with one `JSON.MSET`.

    Args:
        channel: The connections.
        key: The whole Redis key.
        writes: The values; none may be inside another.
        policies: What else happens to the key.
        beside: Other keys, in its slot, that the policies name. If one of them is elsewhere, a node
            of a cluster then says so before anything is written.

    Raises:
        KeyNotFoundError: There is no document.
        PathNotFoundError: A path leads through something that is missing or null, or an index is
            out of range.
        UnstorableValueError: An object already has as many members as it may have.
        WrongTypeError: The key holds a different Redis type.
        OutcomeUnknownError: The reply was lost.
    """
    if len(writes) == 1 and not policies and _is_plain(writes[0]):
        await _set_one(channel, key, writes[0])
        return
    update = Update(writes)
    try:
        reply = await channel.run(UPDATE, policies, (key, *beside), update.arguments)
    except ResponseError as exc:
        if str(exc).startswith(LOST):
            raise
        refusal = update.refusal(key, str(exc))
        if refusal is None:
            await explain_failure(channel, key, writes[0].target.path, exc)
        raise refusal from exc
    if reply is None:
        raise no_document(key)
    if reply != b"OK":
        raise unexpected_reply("JSON.MSET", reply)


class Update:
    """Some values inside a document, as the scripts take them.

    Args:
        writes: The values; none may be inside another.

    Attributes:
        arguments: What `plan` reads.
    """

    __slots__ = ("_checks", "_special", "arguments")

    def __init__(self, writes: Sequence[Write]) -> None:
        simple, special = writes, list[Write]()
        if not all(map(_is_plain, writes)):
            simple = [write for write in writes if _is_plain(write)]
            special = [write for write in writes if not _is_plain(write)]
            special.sort(key=_is_set)  # removals make room
        self._special = special
        self._checks = _checks(tuple([write.target for write in simple]), needs_root=bool(special))
        self.arguments: list[ScriptArgument] = [
            *self._checks.arguments,
            *_values(simple),
            *_specials(special),
        ]

    def refusal(self, key: str, text: str) -> Exception | None:
        """Return the error that a refusal of the script means; None for other errors."""
        refused = _REFUSED.match(text)
        if refused is None:
            return None
        what, number = refused[1], int(refused[2]) - 1
        known = len(self._checks.targets)
        if what == "FULL":
            return _full(key, self._special[number - known])
        if number < known:
            return _no_place(key, self._checks.targets[number])
        return _no_place(key, self._special[number - known].target)


async def _set_one(channel: Channel, key: str, write: Write) -> None:
    """Set one value by its path alone: `JSON.SET key path value`."""
    target, dump, _ = write
    value, _ = dump or (b"", ())
    try:
        reply = await channel.execute("JSON.SET", key, target.path, value, writes=True)
    except ResponseError as exc:
        await explain_failure(channel, key, target.path, exc)
    if reply is None:
        await explain_failure(channel, key, target.path, unexpected_reply("JSON.SET", reply))
    if reply != b"OK":
        raise unexpected_reply("JSON.SET", reply)


def _is_plain(write: Write) -> bool:
    """Return whether a write needs nothing more than a path and a text."""
    target, dump, limit = write
    return dump is not None and not dump[1] and not limit and target.is_native


def _is_set(write: Write) -> bool:
    return write.dump is not None


class _Checks(NamedTuple):
    """What has to be there before anything is written.

    Attributes:
        arguments: How many checks there are, and a path and a type for each.
        targets: For each check, a target that needs it.
    """

    arguments: tuple[ScriptArgument, ...]
    targets: tuple[Target, ...]


@lru_cache(maxsize=1024)
def _checks(targets: tuple[Target, ...], *, needs_root: bool) -> _Checks:
    """Work out what must be there for some targets; checks implied by deeper ones are left out."""
    wanted: dict[str, tuple[str, Target]] = {}
    for target in targets:
        if isinstance(target.step, int):
            wanted[target.path] = "any", target
        else:
            wanted[target.around] = "object", target
    # when sorted, deeper paths follow: each path is followed by a bracket, and a quote for a key
    paths = sorted(wanted)
    needed = {
        path: wanted[path]
        for path, following in zip(paths, [*paths[1:], ""], strict=False)
        if not following.startswith((f'{path}["', f"{path}['"))
    }
    if needs_root and not needed:
        needed["$"] = "any", Target("$", "$", (), "", True)
    arguments = [part for path, (kind, _) in needed.items() for part in (path, kind)]
    return _Checks((len(needed), *arguments), tuple(target for _, target in needed.values()))


def _values(writes: Sequence[Write]) -> list[ScriptArgument]:
    arguments: list[ScriptArgument] = [len(writes)]
    for target, dump, _ in writes:
        if dump is not None:
            arguments += (target.path, dump[0])
    return arguments


def _specials(writes: Sequence[Write]) -> list[ScriptArgument]:
    arguments: list[ScriptArgument] = [len(writes)]
    for (_, around, hops, step, _), dump, limit in writes:
        value, corrections = dump or ("", ())
        arguments += [value, around, len(hops), *(part for hop in hops for part in hop)]
        arguments += [step, limit]
        arguments.append(len(corrections))
        for path, delta in corrections:
            arguments += [path[1:], delta]  # relative to the path of the value
    return arguments


def no_document(key: str) -> KeyNotFoundError:
    """Make the error for a key without a document to update."""
    return KeyNotFoundError(
        f"no document is stored at {key!r}. It was never saved, was deleted or has expired. "
        "Nothing was written.",
        key=key,
    )


def _no_place(key: str, target: Target) -> PathNotFoundError:
    return PathNotFoundError(
        f"the document at {key!r} has no place for {target.path}: a parent of it is missing or "
        "null, or the index is out of range. Set the missing value first. Nothing was written.",
        key=key,
        path=target.path,
    )


def _full(key: str, write: Write) -> UnstorableValueError:
    return UnstorableValueError(
        f"the dict around {write.target.path} of {key!r} has {write.limit} entries, which is its "
        "max_length. Remove one first, or set the whole dict. Nothing was written.",
        path=write.target.path,
    )
