"""The named operations on arrays inside a document, each atomic and one round trip.

They mean what those of a Python list mean. The server clamps an index that is out of range, where
Python raises or clamps otherwise, and answers null for what is no array: so each is a script that
looks first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from redis.exceptions import ResponseError

from rapyer.errors import UnstorableValueError
from rapyer.guards import is_list
from rapyer.traffic.channel import Channel
from rapyer.traffic.documents import Dump
from rapyer.traffic.explain import explain_failure
from rapyer.traffic.policies import Policies, ScriptArgument
from rapyer.traffic.replies import unexpected_reply
from rapyer.traffic.scripts import Operation

#: Arguments: the path of the array; the path of the object around it, where a document without the
#: array is read with an empty one (else empty). `count` is the number of its elements, nil where
#: there is no array: then `other` is to be replied.
_OPENING: Final = """
check(KEYS[1], 'write')
local key, path, around = KEYS[1], arg[1], arg[2]
local other, is_absent = {'other'}, false
local function counted()
    local types = redis.call('JSON.TYPE', key, path)
    if not types then return nil end
    if types[1] == 'array' then return redis.call('JSON.ARRLEN', key, path)[1] end
    if #types > 0 or around == '' then return nil end
    local of_around = redis.call('JSON.TYPE', key, around)
    if not of_around or of_around[1] ~= 'object' then return nil end
    is_absent = true
    return 0
end
local count = counted()
if not count then return other end
"""
#: Further arguments: the index (empty for the end), how many elements there may be (0 for any
#: number), how many come; the text of each, how many of its numbers are corrected, where and by how
#: much.
_INSERT: Final = Operation(
    "insert",
    _OPENING
    + """
local index, most, number = tonumber(arg[3]) or count, tonumber(arg[4]), tonumber(arg[5])
if number == 0 then return {'done', count} end
if most > 0 and count + number > most then return {'full', count} end
local texts, corrections, position = {}, {}, 5
for element = 1, number do
    texts[element] = arg[position + 1]
    local last = position + 2 + 2 * tonumber(arg[position + 2])
    position = position + 2
    while position < last do
        corrections[#corrections + 1] = {element - 1, arg[position + 1], arg[position + 2]}
        position = position + 2
    end
end
if corrections[1] then permit('JSON.NUMINCRBY', key, path, '1') end
if index < 0 then index = math.max(0, count + index) end
if index > count then index = count end
if is_absent then redis.call('JSON.SET', key, path, '[]') end
for first = 1, number, 6000 do
    local last, at = math.min(first + 5999, number), index + first - 1
    if at == count + first - 1 then
        redis.call('JSON.ARRAPPEND', key, path, unpack(texts, first, last))
    else
        redis.call('JSON.ARRINSERT', key, path, at, unpack(texts, first, last))
    end
end
for _, one in ipairs(corrections) do
    redis.call('JSON.NUMINCRBY', key, path .. '[' .. (index + one[1]) .. ']' .. one[2], one[3])
end
touched(key, 'write')
return {'done', count + number}
""",
    writes=True,
)
#: Further arguments: the index, how many elements there must be left.
_POP: Final = Operation(
    "pop",
    _OPENING
    + """
local index, least = tonumber(arg[3]), tonumber(arg[4])
if index >= count or index < -count then return {'range', count} end
if count - 1 < least then return {'short', count} end
local popped = redis.call('JSON.ARRPOP', key, path, index)
touched(key, 'write')
return {'done', popped[1]}
""",
    writes=True,
)
#: Further arguments: the first index, the one behind the last (empty for the end), how many
#: elements there must be left.
_REMOVE_RANGE: Final = Operation(
    "remove_range",
    _OPENING
    + """
local least = tonumber(arg[5])
local function within(index)
    if index < 0 then index = index + count end
    return math.max(0, math.min(index, count))
end
local start, stop = within(tonumber(arg[3])), within(tonumber(arg[4]) or count)
local left = count - math.max(0, stop - start)
if left == count then return {'done', 0} end
if left < least then return {'short', count} end
if left == 0 then
    redis.call('JSON.CLEAR', key, path)
elseif start == 0 then
    redis.call('JSON.ARRTRIM', key, path, stop, count - 1)
elseif stop == count then
    redis.call('JSON.ARRTRIM', key, path, 0, start - 1)
else
    for index = stop - 1, start, -1 do redis.call('JSON.ARRPOP', key, path, index) end
end
touched(key, 'write')
return {'done', count - left}
""",
    writes=True,
)


@dataclass(frozen=True, slots=True)
class ArrayPlace:
    """Where an array stands in documents, and how many elements it may have.

    Attributes:
        path: The JSONPath.
        around: That of the object around it, where a document that lacks it is read with an empty
            array; else empty.
        least: How many elements it must have.
        most: How many it may have; 0 for any number.
        name: The path as it is written in Python, for messages.
    """

    path: str
    around: str = ""
    least: int = 0
    most: int = 0
    name: str = ""

    def full(self, key: str, count: int, number: int) -> UnstorableValueError:
        """Make the error about elements for which there is no room."""
        return UnstorableValueError(
            f"{self.name} of {key!r} has {count} elements, and {number} more are too many for its "
            f"max_length of {self.most}. Nothing was written.",
            path=self.name,
        )

    def short(self, key: str, count: int) -> UnstorableValueError:
        """Make the error about elements that have to stay."""
        return UnstorableValueError(
            f"{self.name} of {key!r} has {count} elements, and would have fewer than its "
            f"min_length of {self.least}. Nothing was written.",
            path=self.name,
        )


@dataclass(frozen=True, slots=True)
class ArrayInDocument:
    """The array at a place of the document at a key.

    All methods raise `KeyNotFoundError` where there is no document, `PathNotFoundError` where
    nothing is at the path, `WrongTypeError` where that is no array or the key holds another Redis
    type, and `OutcomeUnknownError` where the reply was lost.

    Attributes:
        channel: The connections.
        key: The whole Redis key.
        place: The place.
        policies: What else happens to the key.
    """

    channel: Channel
    key: str
    place: ArrayPlace
    policies: Policies = ()

    async def insert(self, dumps: Sequence[Dump], index: int | None = None) -> int:
        """Put elements before an index, or at the end; give how many elements there are then.

        An index is meant as by `list.insert`.

        Raises:
            UnstorableValueError: There is no room for them.
        """
        is_plain = index is None and not (self.policies or self.place.most)
        if is_plain and dumps and not any(corrections for _, corrections in dumps):
            length = await self._append([text for text, _ in dumps])
            if length is not None:
                return length
        sent: list[ScriptArgument] = ["" if index is None else index, self.place.most, len(dumps)]
        for text, corrections in dumps:
            sent += [text, len(corrections)]
            for path, delta in corrections:
                sent += [path[1:], delta]  # behind the path of the element
        status, told = await self._run(_INSERT, sent)
        if status == b"full":
            raise self.place.full(self.key, int(told), len(dumps))
        return int(told)

    async def _append(self, texts: Sequence[bytes]) -> int | None:
        """Append by the command alone; None, and nothing is written, where there is no array."""
        try:
            reply: Any = await self.channel.execute(
                "JSON.ARRAPPEND", self.key, self.place.path, *texts, writes=True
            )
        except ResponseError as exc:
            await explain_failure(self.channel, self.key, self.place.path, exc, of_type=True)
        if reply in ([], [None]):
            return None
        if not is_list(reply) or not isinstance(reply[0], int):
            raise unexpected_reply("JSON.ARRAPPEND", reply)
        return reply[0]

    async def pop(self, index: int) -> bytes:
        """Take an element out; give its text, as the server has it.

        Raises:
            IndexError: There is no such element.
            UnstorableValueError: It has to stay.
        """
        status, told = await self._run(_POP, [index, self.place.least])
        if status == b"range":
            number = f"{told} elements" if told else "no elements"
            raise IndexError(
                f"{self.place.name} of {self.key!r} has {number}, and none at the index {index}. "
                "Nothing was changed."
            )
        if status == b"short":
            raise self.place.short(self.key, int(told))
        if not isinstance(told, bytes):
            raise unexpected_reply("JSON.ARRPOP", told)
        return told

    async def remove_range(self, start: int, stop: int | None) -> int:
        """Take out the elements of a slice; give how many.

        Raises:
            UnstorableValueError: They have to stay.
        """
        sent = [start, "" if stop is None else stop, self.place.least]
        status, told = await self._run(_REMOVE_RANGE, sent)
        if status == b"short":
            raise self.place.short(self.key, int(told))
        return int(told)

    async def _run(self, operation: Operation, sent: Sequence[ScriptArgument]) -> tuple[bytes, Any]:
        path, arguments = self.place.path, (self.place.path, self.place.around, *sent)
        try:
            reply: Any = await self.channel.run(operation, self.policies, (self.key,), arguments)
        except ResponseError as exc:
            await explain_failure(self.channel, self.key, path, exc, of_type=True)
        if reply == [b"other"]:
            unexpected = unexpected_reply(operation.name, reply)
            await explain_failure(self.channel, self.key, path, unexpected, of_type=True)
        if not is_list(reply) or len(reply) != 2 or not isinstance(reply[0], bytes):
            raise unexpected_reply(operation.name, reply)
        return reply[0], reply[1]
