"""Set the expiry of a key in the same script as every read and write.

A single policy does this, so that it applies to every operation, including third-party plugins.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Final

from rapyer.base import BaseRedisModel
from rapyer.plugin import AccessPolicy

from rapyer_ttl.calls import allows_expired, life_of_call
from rapyer_ttl.settings import Expiry, no_life

#: Both parts take: the lifetime plus the grace period, and the latter, in milliseconds; what
#: postpones; up to how much remaining time a document is postponed; `1` if expired documents are
#: meant; the lifetime that this call requests (else empty). The new expiry of a key is computed
#: before the operation, and kept under the key in the table of the arguments: afterwards it is no
#: longer possible to tell whether the operation created the key.
_CHECK: Final = """
if access == 'delete' then return end
local left, target = redis.call('PTTL', key), nil
local grace = tonumber(arg[2])
local is_expired = left >= 0 and left <= grace and grace > 0
    and redis.call('TYPE', key).ok == 'ReJSON-RL'
if access == 'write' and arg[6] ~= '' then
    target = tonumber(arg[6]) + grace
elseif access == 'write' and (left == -2 or is_expired and whole) then
    target = arg[1]
elseif left >= 0 and (arg[3] == 'access' or arg[3] == access) and left <= tonumber(arg[4])
        and not is_expired then
    target = arg[1]
end
if target and not redis.acl_check_cmd('PEXPIRE', key, '1') then
    return redis.error_reply('NOPERM the user may not run PEXPIRE, which is needed to write and to '
        .. 'postpone documents with a ttl. Nothing was written.')
end
arg[key] = target
if is_expired and arg[5] ~= '1' then return false end
"""
_APPLY: Final = """
if arg[key] and access ~= 'delete' then redis.call('PEXPIRE', key, arg[key]) end
"""


def ttl_policy(model: type[BaseRedisModel], expiry: Expiry) -> AccessPolicy:
    """Make the policy of a model.

    If the lifetime of documents is not configured, its first use raises an error.
    """
    if expiry.life is None:
        return _made(expiry, partial(_refuse, model))
    return _policy(expiry, expiry.life + expiry.grace)


@cache  # so that reads of models that expire alike travel together
def _policy(expiry: Expiry, full: int) -> AccessPolicy:
    latest = full - max(expiry.interval, 1)
    plain = (str(full), str(expiry.grace), expiry.postponed_by, str(latest), "", "")
    return _made(expiry, partial(_arguments, plain))


def _made(expiry: Expiry, arguments: Callable[[], Sequence[str]]) -> AccessPolicy:
    hides = expiry.grace > 0
    # if the lifetime of documents is not configured, reads are refused as well
    reads = hides or expiry.postponed_by == "access" or expiry.life is None
    return AccessPolicy("ttl", _CHECK, _APPLY, 6, arguments, hides=hides, reads=reads)


def _arguments(plain: tuple[str, ...]) -> Sequence[str]:
    life, allows = life_of_call(), allows_expired()
    if life is None and not allows:
        return plain
    return (*plain[:4], "1" if allows else "", "" if life is None else str(life))


def _refuse(model: type[BaseRedisModel]) -> Sequence[str]:
    raise no_life(model)
