"""The named operations on arrays inside a document, each atomic and one round trip.

They mean what the methods of a Python list mean. Where Python raises or clamps differently, the
server clamps an index that is out of range, and it replies null for what is not an array. So each
operation is a script that looks first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from redis.exceptions import ResponseError

from rapyer.errors import UnstorableValueError
from rapyer.guards import is_list
from rapyer.traffic.addresses import DocumentAt
from rapyer.traffic.documents import Dump
from rapyer.traffic.explain import explain_failure
from rapyer.traffic.inside import READING, run_inside
from rapyer.traffic.policies import ScriptArgument
from rapyer.traffic.replies import unexpected_reply
from rapyer.traffic.scripts import Operation

#: Arguments: the path of the array; the path of the object around it, if a document without the
#: array is read with an empty one (otherwise empty). `count` is the number of its elements, nil if
#: there is no array; then the reply is `other`. All reply with what they did, and `count`.
_COUNTING: Final = """
local key, path, around = KEYS[1], arg[1], arg[2]
local other, is_absent = {'other'}, false
local function counted()
    local types = redis.call('JSON.TYPE', key, path)
    if not types then error(redis.error_reply('RAPYERMISSING')) end
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
_OPENING: Final = "check(KEYS[1], 'write')" + _COUNTING
#: Further arguments: the index (empty for the end), how many elements there may be (0 for any
#: number), how many are inserted; for each, its text, how many of its numbers are corrected, where
#: and by how much.
_INSERT: Final = Operation(
    "insert",
    _OPENING
    + """
local index, most, number = tonumber(arg[3]) or count, tonumber(arg[4]), tonumber(arg[5])
if number == 0 then return {'done', count, count} end
if most > 0 and count + number > most then return {'full', 0, count} end
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
return {'done', count + number, count}
""",
    writes=True,
)
#: Further arguments: the index, how many elements must be left.
_POP: Final = Operation(
    "pop",
    _OPENING
    + """
local index, least = tonumber(arg[3]), tonumber(arg[4])
if index >= count or index < -count then return {'range', 0, count} end
if count - 1 < least then return {'short', 0, count} end
local popped = redis.call('JSON.ARRPOP', key, path, index)
touched(key, 'write')
return {'done', popped[1], count}
""",
    writes=True,
)
#: Further arguments: the first index, the index after the last (empty for the end), how many
#: elements must be left.
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
if left == count then return {'done', 0, count} end
if left < least then return {'short', 0, count} end
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
return {'done', count - left, count}
""",
    writes=True,
)
#: Further arguments: the index; the text of the element; for each of its numbers that is corrected,
#: where and by how much.
_SET_ITEM: Final = Operation(
    "set_item",
    _OPENING
    + """
local index = tonumber(arg[3])
if index >= count or index < -count then return {'range', 0, count} end
if index < 0 then index = index + count end
local element = path .. '[' .. index .. ']'
if arg[5] then permit('JSON.NUMINCRBY', key, path, '1') end
redis.call('JSON.SET', key, element, arg[4])
for position = 5, #arg, 2 do
    redis.call('JSON.NUMINCRBY', key, element .. arg[position], arg[position + 1])
end
touched(key, 'write')
return {'done', index, count}
""",
    writes=True,
)
#: Further arguments: how many elements must be left; the texts that the element may have.
_REMOVE: Final = Operation(
    "remove",
    _OPENING
    + """
local found
for number = 4, count > 0 and #arg or 0 do
    local index = redis.call('JSON.ARRINDEX', key, path, arg[number])[1]
    if index >= 0 and (not found or index < found) then found = index end
end
if not found then return {'absent', 0, count} end
if count - 1 < tonumber(arg[3]) then return {'short', 0, count} end
redis.call('JSON.ARRPOP', key, path, found)
touched(key, 'write')
return {'done', found, count}
""",
    writes=True,
)
_LENGTH: Final = Operation(
    "length",
    READING + _COUNTING + "touched(key, 'read') return {'done', count, count}",
    writes=False,
)


class Done(NamedTuple):
    """What was done to an array.

    Attributes:
        result: The result of the operation.
        before: How many elements there were before.
    """

    result: Any
    before: int


@dataclass(frozen=True, slots=True)
class ArrayPlace:
    """Where an array is in documents, and how many elements it may have.

    Attributes:
        path: The JSONPath.
        around: The JSONPath of the object around it, if a document without the array is read with
            an empty one; otherwise empty.
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
        """Make the error for elements that there is no room for."""
        return UnstorableValueError(
            f"{self.name} of {key!r} has {count} elements, and {number} more would exceed its "
            f"max_length of {self.most}. Nothing was written.",
            path=self.name,
        )

    def short(self, key: str, count: int) -> UnstorableValueError:
        """Make the error for elements that must not be removed."""
        return UnstorableValueError(
            f"{self.name} of {key!r} has {count} elements, and would have fewer than its "
            f"min_length of {self.least}. Nothing was written.",
            path=self.name,
        )


@dataclass(frozen=True, slots=True)
class ArrayInDocument:
    """The array at a place of a document.

    All methods raise `KeyNotFoundError` if there is no document, `PathNotFoundError` if nothing is
    at the path, `WrongTypeError` if that is not an array or the key holds another Redis type, and
    `OutcomeUnknownError` if the reply was lost.

    Attributes:
        document: The document.
        place: The place.
    """

    document: DocumentAt
    place: ArrayPlace

    async def insert(self, dumps: Sequence[Dump], index: int | None = None) -> Done:
        """Insert elements before an index, or at the end; return the new number of elements.

        The index has the same meaning as in `list.insert`.

        Raises:
            UnstorableValueError: There is no room for them.
        """
        is_plain = index is None and not (self.document.policies or self.place.most)
        if is_plain and dumps and not any(corrections for _, corrections in dumps):
            length = await self._append([text for text, _ in dumps])
            if length is not None:
                return Done(length, length - len(dumps))
        sent: list[ScriptArgument] = ["" if index is None else index, self.place.most, len(dumps)]
        for text, corrections in dumps:
            sent += [text, len(corrections), *_flat(corrections)]
        status, done = await self._run(_INSERT, sent)
        if status == b"full":
            raise self.place.full(self.document.key, done.before, len(dumps))
        return done

    async def _append(self, texts: Sequence[bytes]) -> int | None:
        """Append by the command alone; None, with nothing written, if there is no array."""
        channel, key, _ = self.document
        try:
            reply: Any = await channel.execute(
                "JSON.ARRAPPEND", key, self.place.path, *texts, writes=True
            )
        except ResponseError as exc:
            await explain_failure(channel, key, self.place.path, exc)
        if reply in ([], [None]):
            return None
        if not is_list(reply) or not isinstance(reply[0], int):
            raise unexpected_reply("JSON.ARRAPPEND", reply)
        return reply[0]

    async def set_item(self, index: int, dump: Dump) -> Done:
        """Replace an element; return its index counted from the start.

        Raises:
            IndexError: There is no such element.
        """
        text, corrections = dump
        status, done = await self._run(_SET_ITEM, [index, text, *_flat(corrections)])
        if status == b"range":
            raise self._out_of_range(index, done.before)
        return done

    async def pop(self, index: int) -> Done:
        """Remove an element; return its text, as the server has it.

        Raises:
            IndexError: There is no such element.
            UnstorableValueError: It must not be removed.
        """
        status, done = await self._run(_POP, [index, self.place.least])
        if status == b"range":
            raise self._out_of_range(index, done.before)
        self._refuse_short(status, done)
        if not isinstance(done.result, bytes):
            raise unexpected_reply("JSON.ARRPOP", done.result)
        return done

    async def remove(self, texts: Sequence[bytes]) -> Done | None:
        """Remove the first element that has one of some texts; give where it was, None for none.

        Texts are compared by their meaning; an integer differs from a float with the same value.

        Raises:
            UnstorableValueError: It must not be removed.
        """
        status, done = await self._run(_REMOVE, [self.place.least, *texts])
        self._refuse_short(status, done)
        return None if status == b"absent" else done

    async def remove_range(self, start: int, stop: int | None) -> Done:
        """Remove the elements of a slice; return how many.

        Raises:
            UnstorableValueError: They must not be removed.
        """
        sent = [start, "" if stop is None else stop, self.place.least]
        status, done = await self._run(_REMOVE_RANGE, sent)
        self._refuse_short(status, done)
        return done

    async def length(self) -> int:
        """Return how many elements there are."""
        _, done = await self._run(_LENGTH, [])
        return done.before

    def _out_of_range(self, index: int, count: int) -> IndexError:
        number = f"{count} elements" if count else "no elements"
        return IndexError(
            f"{self.place.name} of {self.document.key!r} has {number}, but none at index {index}. "
            "Nothing was changed."
        )

    def _refuse_short(self, status: bytes, done: Done) -> None:
        if status == b"short":
            raise self.place.short(self.document.key, done.before)

    async def _run(
        self, operation: Operation, sent: Sequence[ScriptArgument]
    ) -> tuple[bytes, Done]:
        arguments = (self.place.path, self.place.around, *sent)
        reply = await run_inside(self.document, operation, self.place.path, arguments)
        if len(reply) != 3:
            raise unexpected_reply(operation.name, reply)
        return reply[0], Done(reply[1], int(reply[2]))


def _flat(corrections: Iterable[tuple[str, str]]) -> list[ScriptArgument]:
    """Return corrections as a script takes them, with paths relative to that of the element."""
    return [part for path, delta in corrections for part in (path[1:], delta)]
