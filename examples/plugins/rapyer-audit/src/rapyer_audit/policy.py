"""What happens in the same script as every write: an entry in the stream of the document."""

from __future__ import annotations

from functools import cache, partial

from rapyer.plugin import AccessPolicy

from rapyer_audit.actor import acting

# All that can fail is asked before the write: whether the stream's key holds something else, and
# whether the user may write to it.
_CHECK = """
if access == 'read' then return end
local stream = key_beside(arg[1], key)  -- in the slot of the document, on a cluster
local kind = redis.call('TYPE', stream).ok
if kind ~= 'none' and kind ~= 'stream' then
    return redis.error_reply('WRONGTYPE the audit log ' .. stream .. ' is a ' .. kind)
end
if not redis.acl_check_cmd('XADD', stream, '*', 'access', access) then
    return redis.error_reply('NOPERM the audit log ' .. stream .. ' may not be written')
end
"""
_APPLY = """
if access ~= 'read' then
    redis.call('XADD', key_beside(arg[1], key), '*', 'access', access, 'actor', arg[2])
end
"""


@cache  # so that reads of models with the same stream travel together
def audit_policy(stream: str) -> AccessPolicy:
    """Make the policy of a model.

    Args:
        stream: What the keys of its streams start with.
    """
    return AccessPolicy(
        "audit", check=_CHECK, apply=_APPLY, arity=2, arguments=partial(_arguments, stream)
    )


def _arguments(stream: str) -> tuple[str, str]:
    """Return what a command takes along; called for each one."""
    actor = acting()
    return f"{stream}:", "" if actor is None else str(actor)
