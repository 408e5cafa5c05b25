"""The operations on the expiry of a document. One round trip each."""

from __future__ import annotations

from typing import Any, Final, Literal

from rapyer.errors import KeyNotFoundError
from rapyer.guards import is_list
from rapyer.traffic.channel import Channel
from rapyer.traffic.policies import Policies
from rapyer.traffic.replies import no_document, unexpected_reply, wrong_redis_type
from rapyer.traffic.scripts import Operation

#: Argument: the grace period, in milliseconds. `left` is the remaining time of the key, -1 for no
#: expiry.
_OPENING: Final = """
local key, grace = KEYS[1], tonumber(arg[1])
local kind = redis.call('TYPE', key).ok
if kind == 'none' then return {'missing'} end
if kind ~= 'ReJSON-RL' then return {'type', kind} end
local left = redis.call('PTTL', key)
local is_expired = grace > 0 and left >= 0 and left <= grace
"""
_GET: Final = Operation(
    "get_ttl",
    _OPENING
    + """
if is_expired then return {'expired'} end
return {'done', left < 0 and left or left - grace}
""",
    writes=False,
)
#: Further argument: the lifetime, in milliseconds.
_SET: Final = Operation(
    "set_ttl",
    _OPENING
    + """
if is_expired then return {'expired'} end
permit('PEXPIRE', key, '1')
redis.call('PEXPIRE', key, tonumber(arg[2]) + grace)
return {'done', tonumber(arg[2])}
""",
    writes=True,
)
#: Further arguments: the full lifetime, `1` to restart it rather than add it to what is left.
_POSTPONE: Final = Operation(
    "postpone_ttl",
    _OPENING
    + """
if left < 0 then return {'done', left} end
local life = tonumber(arg[2])
if not is_expired and arg[3] == '1' then life = math.max(life, left - grace) end
if not is_expired and arg[3] ~= '1' then life = left - grace + life end
permit('PEXPIRE', key, '1')
redis.call('PEXPIRE', key, life + grace)
return {'done', life}
""",
    writes=True,
)
_PERSIST: Final = Operation(
    "persist",
    _OPENING
    + """
if is_expired then return {'expired'} end
permit('PERSIST', key)
return {'done', redis.call('PERSIST', key)}
""",
    writes=True,
)

#: With policies: reads a document if it has expired, in the same atomic step as the check.
_GET_EXPIRED: Final = Operation(
    "get_expired",
    """
local key, grace = KEYS[1], tonumber(arg[1])
if not check(key, 'read') then return {'missing'} end
local left = redis.call('PTTL', key)
if left == -2 then return {'missing'} end
if left < 0 or left > grace then return {'alive'} end
local text = redis.call('JSON.GET', key)
touched(key, 'read')
return {'expired', text}
""",
    writes=False,
)


async def get_expired(
    channel: Channel, policies: Policies, key: str, grace: int
) -> bytes | Literal["missing", "alive"]:
    """Read a document that has expired, in a block of `allow_expired`. One round trip.

    Returns:
        Its text; or that there is none, or that it has not expired.
    """
    reply: Any = await channel.run(_GET_EXPIRED, policies, (key,), (grace,))
    match reply:
        case [b"expired", bytes() as text]:
            return text
        case [b"missing"]:
            return "missing"
        case [b"alive"]:
            return "alive"
        case _:
            raise unexpected_reply(_GET_EXPIRED.name, reply)


async def time_left(channel: Channel, key: str, grace: int) -> int | None:
    """Return the remaining lifetime of a document in milliseconds; None for no expiry.

    Raises:
        KeyNotFoundError: There is no document, or it has expired.
        WrongTypeError: The key holds another Redis type.
    """
    left = await _run(channel, _GET, key, grace)
    return None if left < 0 else left


async def set_time(channel: Channel, key: str, grace: int, life: int) -> None:
    """Let a document live for some milliseconds from now; see `time_left` for the errors."""
    await _run(channel, _SET, key, grace, life)


async def postpone(channel: Channel, key: str, grace: int, life: int, *, anew: bool) -> int | None:
    """Restart the lifetime of a document, or add to what is left; an expired one lives again.

    Returns:
        Its remaining lifetime in milliseconds; None for no expiry, which stays so.

    Raises:
        KeyNotFoundError: There is no document.
        WrongTypeError: The key holds another Redis type.
    """
    left = await _run(channel, _POSTPONE, key, grace, life, "1" if anew else "")
    return None if left < 0 else left


async def persist(channel: Channel, key: str, grace: int) -> bool:
    """Remove the expiry of a document; return whether it had one. See `time_left` for errors."""
    return bool(await _run(channel, _PERSIST, key, grace))


async def _run(channel: Channel, operation: Operation, key: str, *arguments: int | str) -> int:
    reply: Any = await channel.run(operation, (), (key,), arguments)
    if reply == [b"missing"]:
        raise no_document(key)
    if reply == [b"expired"]:
        raise KeyNotFoundError(
            f"the document at {key!r} has expired and is kept for its grace period. Revive it "
            "with postpone_ttl() or save().",
            key=key,
        )
    if is_list(reply) and len(reply) == 2:
        wrong = wrong_redis_type(key, reply[1]) if reply[0] == b"type" else None
        if wrong is not None:
            raise wrong
        if reply[0] == b"done" and isinstance(reply[1], int):
            return reply[1]
    raise unexpected_reply(operation.name, reply)
