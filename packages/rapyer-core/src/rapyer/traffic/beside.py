"""Keys beside documents: in the slot of the document, where the server is a cluster.

In Python and in Lua, which name them alike: a policy makes them on the server, where the key of the
document is known, and methods of the same plugin read them.
"""

from __future__ import annotations

from typing import Final

from redis.exceptions import ResponseError

from rapyer.errors import CrossSlotError
from rapyer.traffic.policies import Policies

#: Part of the scripts that call it: `key_beside` as below. Compared with that on a server by tests.
KEY_BESIDE: Final = """
local function key_beside(prefix, key)
    if string.find(prefix, '{', 1, true) then
        error(redis.error_reply('ERR the prefix ' .. prefix .. ' has a brace, which would decide '
            .. 'about the slot. Give one without.'))
    end
    if string.find(key, '}', 1, true) then return prefix .. key end
    return prefix .. '{' .. key .. '}'
end
"""


def key_beside(prefix: str, key: str) -> str:
    """Give the name of a key that belongs to a document, in the same slot of a cluster.

    It is the key of the document in braces behind the prefix, `audit:{user:1}`. A key with a hash
    tag stands as it is, `audit:{shop}:user:1`. No two documents of models are given the same.

    The Lua of access policies and of an `Operation` has the function by this name.

    Args:
        prefix: What the key begins with, such as `"audit:"`.
        key: The whole key of the document.

    Returns:
        The name. The one for a key with a `}` and no hash tag, such as `user:a}b`, is in a slot of
        its own: no key is known that is in that of the document (see `can_be_beside`).

    Raises:
        ValueError: The prefix has a `{`, which would decide about the slot.
    """
    if "{" in prefix:
        raise ValueError(
            f"the prefix {prefix!r} has a brace, which would decide about the slot. Give one "
            "without."
        )
    return f"{prefix}{key}" if "}" in key else f"{prefix}{{{key}}}"


def can_be_beside(key: str) -> bool:
    """Say whether `key_beside` gives a key in the slot of this document."""
    return "}" not in key or _has_hash_tag(key)


class _CrossSlotResponseError(CrossSlotError, ResponseError):
    """What the server has refused, said with what to do about it."""

    def __init__(self, message: str, *, value: object = None) -> None:
        super().__init__(message, value=value)
        # ValueError, which stands before it, calls it not: without it repr() is an AttributeError
        ResponseError.__init__(self, message)  # pyright: ignore[reportUnknownMemberType]


def other_slot(policies: Policies, key: str) -> Exception:
    """Give the error to raise where a node has not the key that a policy asked for."""
    names = " or ".join(repr(policy.name) for policy in policies)
    remedy = (
        "A policy makes its keys by key_beside(prefix, key), which are in the slot of the "
        "document; while that is moved to another node, call again."
        if can_be_beside(key)
        else "No key of a policy can be in its slot, for it has a '}' and no hash tag. Give the "
        "document a key with a hash tag, such as 'user:{...}', or without '}'."
    )
    return _CrossSlotResponseError(
        f"the access policy {names} asked for a key of its own that the node of the cluster which "
        f"has {key!r} has not: it is non local. {remedy}",
        value=key,
    )


def _has_hash_tag(key: str) -> bool:
    """Say whether a part of the key decides about its slot, as Redis Cluster has it."""
    start = key.find("{")
    return start != -1 and key.find("}", start + 1) > start + 1
