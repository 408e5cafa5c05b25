r"""JSONPath as RedisJSON reads it, for reading, for updating and for creating alike.

RedisJSON does not undo escapes in a quoted key when it writes: `$["a\\""]` reads the key `a"` and
creates another one. What is right everywhere is the raw key in double quotes, or in single quotes
where it holds a double one; control and non-ASCII characters stand as they are. Spaces at the start
of a key are dropped without a word: `$[" a"]` reads and writes the key `a` (all seen on 2.8.3).
"""

from __future__ import annotations

from collections.abc import Iterable

from rapyer.errors import UnaddressableKeyError


def render_path(steps: Iterable[str | int]) -> str:
    """Write the way to a value as JSONPath.

    Args:
        steps: Keys of objects, in their stored form, and indexes of arrays.

    Raises:
        UnaddressableKeyError: A key holds a backslash or both kinds of quotes, or starts with a
            space.
    """
    return "$" + "".join(
        f"[{step}]" if isinstance(step, int) else f"[{_quoted(step)}]" for step in steps
    )


def _quoted(key: str) -> str:
    quote = "'" if '"' in key else '"'
    if quote in key or "\\" in key or key.startswith(" "):
        raise UnaddressableKeyError(
            f"no path leads to the key {key!r}: for a backslash, for both kinds of quotes and for "
            "a space at the start RedisJSON has no spelling. Load and save the whole document.",
            key=key,
        )
    return f"{quote}{key}{quote}"
