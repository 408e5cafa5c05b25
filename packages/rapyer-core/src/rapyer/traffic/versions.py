"""The versions of documents: compared and incremented in the script of the write itself."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, TypeAlias

from redis.exceptions import ResponseError

from rapyer.errors import ConflictError, DocumentGoneError, WrongTypeError
from rapyer.traffic.policies import AccessPolicy

#: What a write expects to find: a version as text, no document, or whatever there is.
Expected: TypeAlias = str
ABSENT: Final = "-"
ANY: Final = "*"
#: All versions are smaller than this.
LIMIT: Final = 10**18

#: Lua: `check_version` gives true, or the error to abort with; `count_version` counts.
# A document without its version is from before the field was declared, and counts as 0. Texts are
# compared, because numbers in Lua are doubles. 17 digits leave room below the server's 64 bits.
CHECKING = """
local function check_version(key, path, expected)
    local text = redis.call('JSON.GET', key, path)
    local found = '-'
    if text then
        found = text == '[]' and '0' or string.match(text, '^%[(%d+)%]$')
        if not found or #found > 17 then return redis.error_reply('RAPYERVERSION') end
    end
    if expected ~= '*' and expected ~= found then
        return redis.error_reply('RAPYERCONFLICT ' .. expected .. ' ' .. found .. ' ' .. key)
    end
    if not redis.acl_check_cmd('JSON.NUMINCRBY', key, path, '1')
            or text == '[]' and not redis.acl_check_cmd('JSON.SET', key, path, '1') then
        return redis.error_reply(
            'NOPERM the user may not run JSON.NUMINCRBY and JSON.SET, which count the version')
    end
    return true
end
"""
COUNTING = """
local function count_version(key, path)
    if redis.call('JSON.NUMINCRBY', key, path, '1') == '[]' then
        redis.call('JSON.SET', key, path, '1')
    end
end
"""
_CHECK = (
    CHECKING
    + """
return access ~= 'write' or check_version(key, arg[1], arg[2])
"""
)
_APPLY = (
    COUNTING
    + """
if access == 'write' then count_version(key, arg[1]) end
"""
)

_CONFLICT = re.compile(r"RAPYERCONFLICT (\S+) (\S+) (.*)", re.DOTALL)


@lru_cache(maxsize=1024)
def version_policy(path: str, expected: Expected) -> AccessPolicy:
    """Return the policy that compares the version at a path with the expected one, and counts.

    Args:
        path: The JSONPath of the version.
        expected: The version as text, `ABSENT` for no document, `ANY` to only count.
    """
    arguments = (path, expected)
    return AccessPolicy("version", _CHECK, _APPLY, 2, lambda: arguments)


def version_error(error: ResponseError, keys: Sequence[str]) -> Exception | None:
    """Return the error meant by a script that `version_policy` aborted; None for other errors.

    Args:
        error: What the server says.
        keys: The keys of the script.
    """
    key = keys[0]
    text = str(error)
    if text.startswith("RAPYERVERSION"):
        return WrongTypeError(
            f"the document at {key!r} has something other than a count as its Version. Correct the "
            "document. Nothing was written.",
            key=key,
            redis_type="ReJSON-RL",
        )
    conflict = _CONFLICT.match(text)
    if conflict is None:
        return None
    for one in keys:  # Redis adds where in the script it happened
        if conflict[3] == one or conflict[3].startswith(f"{one} script: "):
            key = one
    expected, actual = (None if one == ABSENT else int(one) for one in conflict.groups()[:2])
    kind = DocumentGoneError if actual is None else ConflictError
    return kind(_message(key, expected, actual), key=key, expected=expected, actual=actual)


def _message(key: str, expected: int | None, actual: int | None) -> str:
    if actual is None:
        return (
            f"the document at {key!r} no longer exists, but this instance has its version "
            f"{expected}: it was deleted or has expired. Nothing was written. Use "
            "save(only_if='absent') to store it again."
        )
    if expected is None:
        return (
            f"a document with version {actual} already exists at {key!r}, but this instance is "
            "new. Nothing was written. Load the existing document, or give the new one another key."
        )
    return (
        f"the document at {key!r} has version {actual}, but this instance has version {expected}: "
        "someone else has written it in the meantime. Nothing was written. Load it again and "
        "repeat the change."
    )
