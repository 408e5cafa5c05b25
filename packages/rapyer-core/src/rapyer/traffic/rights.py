"""What the user of a connection may do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from rapyer.traffic.channel import Channel

#: `redis.acl_check_cmd` takes a name and its subcommand as two words, and raises an error for
#: commands that the server does not have. If the user may not use all keys, it looks for keys among
#: the arguments without checking that there are enough: asked about `SET` or `EVALSHA` alone, the
#: server reads past their end and crashes. So each is asked about with more keys than any needs.
_ASK: Final = """
local function may(name)
    local words = {}
    for word in name:gmatch('[^|]+') do words[#words + 1] = word end
    for _ = 1, 12 do words[#words + 1] = ARGV[1] end
    local known, allowed = pcall(redis.acl_check_cmd, unpack(words))
    return known and allowed
end
local function any(names)
    for _, name in ipairs(names) do
        if may(name) then return 1 end
    end
    return 0
end
local writes = any({'SET', 'DEL', 'JSON.SET'})
local reaches = math.max(writes, any({'EXISTS', 'TYPE', 'PTTL', 'GET', 'JSON.GET'}))
local answer = {reaches, writes}
for number = 2, #ARGV do
    if not may(ARGV[number]) then answer[#answer + 1] = ARGV[number] end
end
return answer
"""


class Rights(NamedTuple):
    """What a user may do with a key.

    Attributes:
        refused: The commands that may not be run, or that the server does not have.
        reaches_key: Whether any command may be run on the key. If none may, the user lacks the
            right to the key, or to all commands that take one; the server does not tell which.
        writes_key: The same, for commands that write.
    """

    refused: list[str]
    reaches_key: bool
    writes_key: bool


async def rights_on(channel: Channel, key: str, commands: Sequence[str]) -> Rights:
    """Find out which commands the user may not run on a key, or that the server does not have.

    Uses `EVAL`, in which any user may ask this about themselves; nothing is run. One round trip.

    Args:
        channel: The connections.
        key: A whole Redis key, like those that the commands would be sent with. Nothing has to be
            stored there.
        commands: Their names; one with a subcommand as `FUNCTION|LOAD`.

    Raises:
        redis.exceptions.ResponseError: The user may not run `EVAL`.
    """
    reaches, writes, *refused = await channel.execute("EVAL", _ASK, 0, key, *commands)
    return Rights([name.decode() for name in refused], bool(reaches), bool(writes))
