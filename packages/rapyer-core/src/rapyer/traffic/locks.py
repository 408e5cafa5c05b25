"""Locks on documents: a key beside the document that holds a token, for a time.

A lock is taken together with reading the document, and released together with writing it: each is
one script. A caller that finds it taken waits on a list. Whoever releases the lock pushes something
to this list if somebody is waiting. The waiter also looks again when the lease would have ended,
because the holder may have died.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from redis.exceptions import ResponseError

from rapyer.traffic.channel import Channel
from rapyer.traffic.explain import explain_failure
from rapyer.traffic.policies import AccessPolicy, Policies
from rapyer.traffic.replies import unexpected_reply
from rapyer.traffic.scripts import Operation

#: For how many milliseconds a waiter is known to wait.
_WAITING: Final = 3000
#: The error with which the script of a write is aborted when the lock is no longer held.
LOST: Final = "RAPYERLOCKLOST"

#: Keys: the document, the lock, the mark of waiters. Arguments: the token; the lease in
#: milliseconds; for how many milliseconds to record that somebody waits (0 if nobody does).
_ACQUIRE: Final = Operation(
    "lock",
    """
    if not check(KEYS[1], 'read') then return {'missing'} end
    local left = redis.call('PTTL', KEYS[2])
    if left == -2 then
        local text = redis.call('JSON.GET', KEYS[1])
        if not text then return {'missing'} end
        permit('DEL', KEYS[2])  -- who could not give it back is told before
        permit('PEXPIRE', KEYS[2], '1')
        redis.call('SET', KEYS[2], arg[1], 'PX', arg[2])
        touched(KEYS[1], 'read')
        return {'held', text}
    end
    if redis.call('EXISTS', KEYS[1]) == 0 then return {'missing'} end
    if arg[3] ~= '0' then redis.call('SET', KEYS[3], '1', 'PX', arg[3]) end
    return {'taken', left}
    """,
    writes=True,
    changes_documents=False,
)
#: Lua: releases a lock, and wakes one waiter. It is called after the token was checked.
_RELEASING: Final = """
local function release(lock, waiting, wake)
    redis.call('DEL', lock)
    if redis.call('EXISTS', waiting) == 1 then
        -- one that nobody took is enough; where a slot is being moved no key can be made anew
        if redis.call('EXISTS', wake) == 0 then redis.call('LPUSH', wake, '1') end
        redis.call('PEXPIRE', wake, 1000)
    end
end
"""
#: Keys: the lock, the mark of waiters, the list. Argument: the token.
_RELEASE: Final = Operation(
    "unlock",
    _RELEASING
    + """
    local token = redis.call('GET', KEYS[1])
    if token ~= arg[1] then
        if not token then release(KEYS[1], KEYS[2], KEYS[3]) end  -- passes a wake-up on
        return 0
    end
    release(KEYS[1], KEYS[2], KEYS[3])
    return 1
    """,
    writes=True,
    changes_documents=False,
)
#: Key: the lock. Arguments: the token, the lease in milliseconds.
_RENEW: Final = Operation(
    "renew_lock",
    """
    if redis.call('GET', KEYS[1]) ~= arg[1] then return 0 end
    return redis.call('PEXPIRE', KEYS[1], arg[2])
    """,
    writes=True,
    changes_documents=False,
)
_CHECK: Final = f"""
if access ~= 'write' then return true end
if redis.call('GET', arg[1]) ~= arg[4] then return redis.error_reply('{LOST}') end
for _, one in ipairs({{{{'DEL', arg[1]}}, {{'EXISTS', arg[2]}}, {{'EXISTS', arg[3]}},
        {{'LPUSH', arg[3], '1'}}, {{'PEXPIRE', arg[3], '1'}}}}) do
    if not redis.acl_check_cmd(unpack(one)) then
        return redis.error_reply('NOPERM the user may not run ' .. one[1] .. ', which releases '
            .. 'the lock. Nothing was written.')
    end
end
return true
"""
_APPLY: Final = (
    _RELEASING
    + """
if access == 'write' then release(arg[1], arg[2], arg[3]) end
"""
)


class LockKeys(NamedTuple):
    """The keys of a lock, all in the slot of the document.

    Attributes:
        lock: Holds the token of the holder.
        waiting: Exists as long as somebody waits.
        wake: The list on which they wait.
    """

    lock: str
    waiting: str
    wake: str


@dataclass(frozen=True, slots=True)
class Taken:
    """Somebody else has the lock.

    Attributes:
        left: The seconds left, if it is not renewed.
    """

    left: float


async def acquire(
    channel: Channel, key: str, keys: LockKeys, token: str, *, lease: float, waits: bool,
    policies: Policies,
) -> bytes | Taken | None:  # fmt: skip
    """Take a lock that nobody has, and read the document. One round trip.

    Returns:
        The document; `Taken` if somebody has the lock; None if there is no document.

    Raises:
        WrongTypeError: The key of the document holds another Redis type.
    """
    arguments = (token, _milliseconds(lease), _WAITING if waits else 0)
    try:
        reply: Any = await channel.run(
            _ACQUIRE, policies, (key, keys.lock, keys.waiting), arguments
        )
    except ResponseError as exc:
        await explain_failure(channel, key, "$", exc)
    match reply:
        case [b"held", bytes() as text]:
            return text
        case [b"taken", int() as left]:
            return Taken(max(0.0, left / 1000))
        case [b"missing"]:
            return None
        case _:
            raise unexpected_reply("lock", reply)


async def release(channel: Channel, keys: LockKeys, token: str) -> bool:
    """Release a lock; say whether it was held. One round trip."""
    names = (keys.lock, keys.waiting, keys.wake)
    return bool(await channel.run(_RELEASE, (), names, (token,)))


async def renew(channel: Channel, keys: LockKeys, token: str, *, lease: float) -> bool:
    """Extend a lock; say whether it was held. One round trip."""
    return bool(await channel.run(_RENEW, (), (keys.lock,), (token, _milliseconds(lease))))


def releasing_policy(keys: LockKeys, token: str) -> AccessPolicy:
    """Return the policy that lets a write through only if the lock is held, and releases it."""
    arguments = (keys.lock, keys.waiting, keys.wake, token)
    return AccessPolicy("lock", _CHECK, _APPLY, 4, lambda: arguments)


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))
