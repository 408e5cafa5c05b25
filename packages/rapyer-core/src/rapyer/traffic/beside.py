"""Keys beside documents: in the slot of the document, if the server is a cluster.

Python and Lua name them alike: a policy makes them on the server, where the key of the document is
known, and methods of the same plugin read them.
"""

from __future__ import annotations

from typing import Final

from redis.exceptions import ResponseError

from rapyer.errors import CrossSlotError
from rapyer.traffic.policies import Policies

#: Included in the scripts that call it: `key_beside` as below. Tests compare the two on a server.
KEY_BESIDE: Final = """
local function key_beside(prefix, key)
    if string.find(prefix, '{', 1, true) then
        error(redis.error_reply('ERR the prefix ' .. prefix .. ' has a brace, which would '
            .. 'determine the slot. Give one without a brace.'))
    end
    if string.find(key, '}', 1, true) then return prefix .. key end
    return prefix .. '{' .. key .. '}'
end
"""


def key_beside(prefix: str, key: str) -> str:
    """Return the name of a key that belongs to a document, in the same slot of a cluster.

    It is the prefix followed by the key of the document in braces: `audit:{user:1}`. A key that
    has a hash tag is used as it is: `audit:{shop}:user:1`. No two documents of models get the
    same name.

    The Lua of access policies and of an `Operation` has this function under the same name.

    Args:
        prefix: What the key begins with, such as `"audit:"`.
        key: The whole key of the document.

    Returns:
        The name. For a key with a `}` and no hash tag, such as `user:a}b`, it is in a slot of its
        own, because no key is known to be in the slot of the document (see `can_be_beside`).

    Raises:
        ValueError: The prefix contains a `{`, which would determine the slot.
    """
    if "{" in prefix:
        raise ValueError(
            f"the prefix {prefix!r} has a brace, which would determine the slot. Give one without "
            "a brace."
        )
    return f"{prefix}{key}" if "}" in key else f"{prefix}{{{key}}}"


def can_be_beside(key: str) -> bool:
    """Return whether `key_beside` gives a key in the slot of this document."""
    return "}" not in key or _has_hash_tag(key)


class _CrossSlotResponseError(CrossSlotError, ResponseError):
    """A refusal by the server, with advice on what to do about it."""

    def __init__(self, message: str, *, value: object = None) -> None:
        super().__init__(message, value=value)
        # ValueError, which precedes it, does not call it: without it repr() is an AttributeError
        ResponseError.__init__(self, message)  # pyright: ignore[reportUnknownMemberType]


def other_slot(policies: Policies, key: str) -> Exception:
    """Return the error to raise if a node does not have the key that a policy asked for."""
    names = " or ".join(repr(policy.name) for policy in policies)
    remedy = (
        "Make the keys of a policy with key_beside(prefix, key), which are in the slot of the "
        "document; if the document is being moved to another node, call again."
        if can_be_beside(key)
        else (
            "No key of a policy can be in its slot, because it has a '}' but no hash tag. Give the "
            "document a key with a hash tag, such as 'user:{...}', or without '}'."
        )
    )
    return _CrossSlotResponseError(
        f"the access policy {names} used a key of its own that is not on the cluster node of "
        f"{key!r}: it is non local. {remedy}",
        value=key,
    )


def _has_hash_tag(key: str) -> bool:
    """Return whether a part of the key determines its slot, by the rules of Redis Cluster."""
    start = key.find("{")
    return start != -1 and key.find("}", start + 1) > start + 1
