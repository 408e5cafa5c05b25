"""The named operations that append to texts and to bytes inside a document, each atomic.

`JSON.STRAPPEND` appends to a text. Bytes are stored in base64 (RFC 4648, section 5), whose last
letters may stand for fewer bytes than fit: these letters are rewritten, the others are not.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any, Final

from redis.exceptions import ResponseError

from rapyer.errors import CorruptDocumentError, UnstorableValueError
from rapyer.guards import is_list
from rapyer.traffic.addresses import DocumentAt
from rapyer.traffic.explain import explain_failure
from rapyer.traffic.inside import looking_for, run_inside
from rapyer.traffic.policies import ScriptArgument
from rapyer.traffic.replies import unexpected_reply
from rapyer.traffic.scripts import Operation

#: Arguments: the path of the text; the path of the object around it and the text that a document
#: without it is read with (otherwise both empty); how many characters or bytes there may be (0 for
#: any number); up to which size the result is included in the reply. They reply with what they did,
#: the new size, and the JSON text if it was requested.
_OPENING: Final = (
    """
check(KEYS[1], 'write')
local key, path, around, default, most = KEYS[1], arg[1], arg[2], arg[3], tonumber(arg[4])
local read_up_to = tonumber(arg[5])
"""
    + looking_for("string")
    + """
local function current()
    if is_absent then return default end
    return string.sub(redis.call('JSON.GET', key, path), 2, -2)
end
"""
)
#: Further argument: what is appended, as JSON.
_APPEND: Final = Operation(
    "append_text",
    _OPENING
    + """
local function characters(json)
    local text = string.gsub(string.sub(json, 2, -2), '\\\\\\\\', '-')
    text = string.gsub(text, '\\\\u%x%x%x%x', '-')
    text = string.gsub(text, '\\\\.', '-')
    text = string.gsub(text, '\\239\\183\\144\\239\\183[\\144\\145]', '-')  -- one, as it is stored
    local _, inner = string.gsub(text, '[\\128-\\191]', '')
    return #text - inner
end
if most > 0 then
    local before = characters(current())
    if before + characters(arg[6]) > most then return {'full', before} end
end
if is_absent then redis.call('JSON.SET', key, path, default) end
is_absent = false
local length = redis.call('JSON.STRAPPEND', key, path, arg[6])[1]
touched(key, 'write')
return {'done', length, length <= read_up_to and current() or false}
""",
    writes=True,
)
#: Further arguments: how many bytes are appended; the first two of them, as numbers (-1 for none);
#: the base64 of all of them, of those after the first, and of those after the second.
_APPEND_BYTES: Final = Operation(
    "append_bytes",
    _OPENING
    + """
local number, first, second = tonumber(arg[6]), tonumber(arg[7]), tonumber(arg[8])
local letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
local body = string.sub(current(), 2, -2)
if #body % 4 ~= 0 or not string.find(body, '^[%w_-]*=?=?$') then return {'corrupt', body} end
local padding = #string.match(body, '=*$')
local count = #body / 4 * 3 - padding
if most > 0 and count + number > most then return {'full', count} end
if is_absent then redis.call('JSON.SET', key, path, default) end
is_absent = false
if padding == 0 and number > 0 then
    redis.call('JSON.STRAPPEND', key, path, '"' .. arg[9] .. '"')
elseif number > 0 then
    local function sextet(place)
        local letter = string.sub(body, #body - 4 + place, #body - 4 + place)
        return string.find(letters, letter, 1, true) - 1
    end
    local bytes, rest = {sextet(1) * 4 + math.floor(sextet(2) / 16)}, arg[11]
    if padding == 1 then
        bytes[2], rest = sextet(2) % 16 * 16 + math.floor(sextet(3) / 4), arg[10]
    end
    bytes[#bytes + 1] = first
    if padding == 2 and second >= 0 then bytes[#bytes + 1] = second end
    local quantum = (bytes[1] * 256 + bytes[2]) * 256 + (bytes[3] or 0)
    local encoded = ''
    for place = 3, 0, -1 do
        local at = math.floor(quantum / 64 ^ place) % 64 + 1
        encoded = encoded .. string.sub(letters, at, at)
    end
    if not bytes[3] then encoded = string.sub(encoded, 1, 3) .. '=' end
    redis.call('JSON.SET', key, path, '"' .. string.sub(body, 1, -5) .. encoded .. rest .. '"')
end
touched(key, 'write')
return {'done', count + number, count + number <= read_up_to and current() or false}
""",
    writes=True,
)


@dataclass(frozen=True, slots=True)
class TextPlace:
    """Where a text, or bytes, are in documents.

    Attributes:
        path: The JSONPath.
        around: The JSONPath of the object around it, if a document without it is read with a
            default.
        default: This default, as JSON; otherwise empty.
        most: How many characters or bytes there may be; 0 for any number.
        name: The path as it is written in Python, for messages.
    """

    path: str
    around: str = ""
    default: str | bytes = ""
    most: int = 0
    name: str = ""


@dataclass(frozen=True, slots=True)
class TextInDocument:
    """The text, or the bytes, at a place of a document.

    All methods raise `KeyNotFoundError` if there is no document, `PathNotFoundError` if nothing is
    at the path, `WrongTypeError` if that is not a text or the key holds another Redis type,
    `UnstorableValueError` if there is no room, and `OutcomeUnknownError` if the reply was lost. One
    round trip each.

    Attributes:
        document: The document.
        place: The place.
        reads_up_to: Up to how many bytes the result is given as well.
    """

    document: DocumentAt
    place: TextPlace
    reads_up_to: int = 0

    async def append(self, text: bytes) -> tuple[int, bytes | None]:
        """Append to a text; return its new size in bytes, in UTF-8 as it is stored.

        Args:
            text: What is appended, as JSON.

        Returns:
            The size, and the JSON of the whole text if it was requested.
        """
        if not (self.document.policies or self.place.most or self.reads_up_to):
            length = await self._append(text)
            if length is not None:
                return length, None
        return await self._run(_APPEND, [text])

    async def _append(self, text: bytes) -> int | None:
        """Append by the command alone; None, with nothing written, if there is no text."""
        channel, key, _ = self.document
        try:
            reply: Any = await channel.execute(
                "JSON.STRAPPEND", key, self.place.path, text, writes=True
            )
        except ResponseError as exc:
            await explain_failure(channel, key, self.place.path, exc)
        if reply in ([], [None]):
            return None
        if not is_list(reply) or not isinstance(reply[0], int):
            raise unexpected_reply("JSON.STRAPPEND", reply)
        return reply[0]

    async def append_bytes(self, added: bytes) -> tuple[int, bytes | None]:
        """Append to bytes; return the new number of bytes, and more as `append` does.

        Raises:
            CorruptDocumentError: What is there is not base64; it was not changed.
        """
        behind = [base64.urlsafe_b64encode(added[start:]) for start in range(3)]
        firsts = [added[place] if place < len(added) else -1 for place in range(2)]
        return await self._run(_APPEND_BYTES, [len(added), *firsts, *behind])

    async def _run(
        self, operation: Operation, sent: list[ScriptArgument]
    ) -> tuple[int, bytes | None]:
        place, key = self.place, self.document.key
        limits = (place.most, self.reads_up_to)
        arguments = (place.path, place.around, place.default, *limits, *sent)
        reply = await run_inside(self.document, operation, place.path, arguments)
        if reply[0] == b"full":
            raise UnstorableValueError(
                f"{place.name} of {key!r} has a length of {reply[1]}, and would be longer than its "
                f"max_length of {place.most}. Nothing was written.",
                path=place.name,
            )
        if reply[0] == b"corrupt":
            raise CorruptDocumentError(
                f"{place.name} of {key!r} is not valid base64. Nothing was written; correct the "
                "document.",
                key=key,
                raw=b'"%b"' % reply[1],
            )
        found: bytes | None = reply[2] if len(reply) > 2 else None
        return int(reply[1]), found
