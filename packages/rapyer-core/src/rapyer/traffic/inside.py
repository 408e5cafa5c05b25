"""What the scripts and replies of operations on a value inside a document have in common.

A script replies `{'other'}` if there is nothing at the path, or something that it does not work on;
only to report the error is the server asked which. If there is no document, the script is aborted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from redis.exceptions import ResponseError

from rapyer.guards import is_list
from rapyer.traffic.addresses import DocumentAt
from rapyer.traffic.explain import explain_failure
from rapyer.traffic.policies import ScriptArgument
from rapyer.traffic.replies import unexpected_reply
from rapyer.traffic.scripts import Operation

#: Lua: aborts a script for a missing document.
MISSING: Final = "error(redis.error_reply('RAPYERMISSING'))"
#: Lua: begins a script that reads.
READING: Final = f"if not check(KEYS[1], 'read') then {MISSING} end"


def looking_for(kind: str) -> str:
    """Return the Lua that looks for a value of a JSON type before it is changed.

    It takes `key` and `path`, and in `around` the path of the object around the value, if a
    document without it is read with a default (otherwise empty): then `is_absent` is true.
    """
    return f"""
local types, is_absent = redis.call('JSON.TYPE', key, path), false
if not types then {MISSING} end
if #types == 0 and around ~= '' then
    local of_around = redis.call('JSON.TYPE', key, around)
    is_absent = of_around and of_around[1] == 'object'
end
if not is_absent and types[1] ~= '{kind}' then return {{'other'}} end
"""


async def run_inside(
    document: DocumentAt, operation: Operation, path: str, arguments: Sequence[ScriptArgument]
) -> list[Any]:
    """Run an operation on the value at a path of a document, and return its reply.

    Args:
        document: The document.
        operation: The operation.
        path: The JSONPath.
        arguments: All arguments, the path among them.

    Raises:
        KeyNotFoundError: There is no document.
        PathNotFoundError: Nothing is at the path.
        WrongTypeError: The value there is of another type, or the key holds another Redis type.
        OutcomeUnknownError: The reply was lost.
    """
    channel, key, policies = document
    try:
        reply: Any = await channel.run(operation, policies, (key,), arguments)
    except ResponseError as exc:
        await explain_failure(channel, key, path, exc)
    if reply == [b"other"]:
        unexpected = unexpected_reply(operation.name, reply)
        await explain_failure(channel, key, path, unexpected, of_type=True)
    if not is_list(reply) or len(reply) < 2 or not isinstance(reply[0], bytes):
        raise unexpected_reply(operation.name, reply)
    return reply
