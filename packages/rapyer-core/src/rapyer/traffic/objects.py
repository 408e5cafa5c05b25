"""The named operations that remove entries from objects inside a document, each atomic.

They mean what the methods of a Python dict mean. One round trip each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from rapyer.errors import UnaddressableKeyError, UnstorableValueError
from rapyer.traffic.addresses import DocumentAt
from rapyer.traffic.inside import READING, run_inside
from rapyer.traffic.policies import ScriptArgument
from rapyer.traffic.scripts import Operation

#: Arguments: the path of the object; the path of the object around it, if a document without it is
#: read with an empty one (otherwise empty); how many entries must be left. `count` is the number of
#: its entries.
_COUNTING: Final = """
local key, path, around, least = KEYS[1], arg[1], arg[2], tonumber(arg[3])
local types = redis.call('JSON.TYPE', key, path)
if not types then error(redis.error_reply('RAPYERMISSING')) end
if not types[1] and around ~= '' and #types == 0 then
    local of_around = redis.call('JSON.TYPE', key, around)
    if of_around and of_around[1] == 'object' then return {'empty', 0} end
end
if types[1] ~= 'object' then return {'other'} end
local count = redis.call('JSON.OBJLEN', key, path)[1]
"""
_OPENING: Final = (
    "check(KEYS[1], 'write')"
    + _COUNTING
    + """
local function taken(name, step)
    local text = redis.call('JSON.GET', key, path .. step)
    if text == '[]' then return {'absent', count} end
    if count - 1 < least then return {'short', count} end
    redis.call('JSON.DEL', key, path .. step)
    touched(key, 'write')
    return {'done', name, string.sub(text, 2, -2)}
end
"""
)
#: Further argument: the key, as a step of a path.
_POP: Final = Operation("pop_key", f"{_OPENING} return taken('', arg[4])", writes=True)
_POP_ITEM: Final = Operation(
    "pop_item",
    _OPENING
    + """
if count == 0 then return {'empty', 0} end
local keys = redis.call('JSON.OBJKEYS', key, path)[1]
local name = keys[#keys]
local has_quote = string.find(name, '"', 1, true)
if string.find(name, '\\\\', 1, true) or string.sub(name, 1, 1) == ' '
    or has_quote and string.find(name, "'", 1, true) then
    return {'unaddressable', name}
end
local quote = has_quote and "'" or '"'
return taken(name, '[' .. quote .. name .. quote .. ']')
""",
    writes=True,
)
_CLEAR: Final = Operation(
    "clear_object",
    _OPENING
    + """
if count == 0 then return {'done', 0} end
if least > 0 then return {'short', count} end
redis.call('JSON.CLEAR', key, path)
touched(key, 'write')
return {'done', count}
""",
    writes=True,
)
_LENGTH: Final = Operation(
    "count_entries",
    READING + _COUNTING + "touched(key, 'read') return {'done', count}",
    writes=False,
)


@dataclass(frozen=True, slots=True)
class ObjectPlace:
    """Where an object is in documents, and how many entries it must have.

    Attributes:
        path: The JSONPath.
        around: The JSONPath of the object around it, if a document without it is read with an empty
            object; otherwise empty.
        least: How many entries it must have.
        name: The path as it is written in Python, for messages.
    """

    path: str
    around: str = ""
    least: int = 0
    name: str = ""


@dataclass(frozen=True, slots=True)
class ObjectInDocument:
    """The object at a place of a document.

    All methods raise `KeyNotFoundError` if there is no document, `PathNotFoundError` if nothing is
    at the path, `WrongTypeError` if that is not an object or the key holds another Redis type,
    `UnstorableValueError` if the entries must not be removed, and `OutcomeUnknownError` if the
    reply was lost.

    Attributes:
        document: The document.
        place: The place.
    """

    document: DocumentAt
    place: ObjectPlace

    async def pop(self, step: str) -> bytes | None:
        """Remove an entry; return the text of its value, None if there is none.

        Args:
            step: The key, as a step of a path.
        """
        reply = await self._run(_POP, [step])
        return bytes(reply[2]) if reply[0] == b"done" else None

    async def pop_item(self) -> tuple[bytes, bytes] | None:
        """Remove the entry with the last key; return its key and the text of its value.

        Raises:
            UnaddressableKeyError: No path leads to it.
        """
        reply = await self._run(_POP_ITEM, [])
        if reply[0] == b"unaddressable":
            name = reply[1].decode()
            raise UnaddressableKeyError(
                f"the last key of {self.place.name} of {self.document.key!r} is {name!r}, which no "
                "RedisJSON path can address. Remove it under a lock, or set the whole dict."
            )
        return (bytes(reply[1]), bytes(reply[2])) if reply[0] == b"done" else None

    async def clear(self) -> int:
        """Remove all entries; return how many there were."""
        return int((await self._run(_CLEAR, []))[1])

    async def length(self) -> int:
        """Return how many entries there are."""
        return int((await self._run(_LENGTH, []))[1])

    async def _run(self, operation: Operation, sent: Sequence[ScriptArgument]) -> list[Any]:
        place, key = self.place, self.document.key
        arguments = (place.path, place.around, place.least, *sent)
        reply = await run_inside(self.document, operation, place.path, arguments)
        if reply[0] == b"short":
            raise UnstorableValueError(
                f"{place.name} of {key!r} has {reply[1]} entries, and would have fewer than its "
                f"min_length of {place.least}. Nothing was written.",
                path=place.name,
            )
        return reply
