"""What the user of a connection may do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rapyer.traffic.channel import Channel

#: `redis.acl_check_cmd` wants a name and its sub-command as two words, and is an error for what the
#: server does not have.
_ASK: Final = """
local refused = {}
for _, name in ipairs(ARGV) do
    local words = {}
    for word in name:gmatch('[^|]+') do words[#words + 1] = word end
    local known, allowed = pcall(redis.acl_check_cmd, unpack(words))
    if not (known and allowed) then refused[#refused + 1] = name end
end
return refused
"""


async def refused_commands(channel: Channel, commands: Sequence[str]) -> list[str]:
    """Name the commands that the user may not run, or that the server does not have.

    `EVAL`, which any user may ask of itself; nothing is run. One round trip.

    Args:
        channel: The connections.
        commands: Their names; one with a sub-command as `FUNCTION|LOAD`.

    Raises:
        redis.exceptions.ResponseError: The user may not run `EVAL`.
    """
    refused: list[bytes] = await channel.execute("EVAL", _ASK, 0, *commands)
    return [name.decode() for name in refused]
