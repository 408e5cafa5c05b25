r"""JSONPath as RedisJSON reads it, for reading, updating and creating alike.

When RedisJSON writes, it does not undo escapes in a quoted key: `$["a\\""]` reads the key `a"` but
creates another one. What is right everywhere is the raw key in double quotes, or in single quotes
if it contains a double one; control and non-ASCII characters are written as they are. Spaces at the
start of a key are silently dropped: `$[" a"]` reads and writes the key `a`. A negative index out of
range is taken for the first element, whereas a slice of one element leads nowhere (seen on 2.8.3).
"""

from __future__ import annotations

from collections.abc import Iterable

from rapyer.errors import UnaddressableKeyError


def render_path(steps: Iterable[str | int]) -> str:
    """Write the way to a value as JSONPath, for reading and for updating what is there.

    A negative index is written as a slice, which cannot lead to a different element and cannot
    create anything.

    Args:
        steps: Keys of objects, in their stored form, and indexes of arrays.

    Raises:
        UnaddressableKeyError: A key contains a backslash or both kinds of quotes, or starts with
            a space.
    """
    return "$" + "".join(
        _index(step) if isinstance(step, int) else f"[{_quoted(step)}]" for step in steps
    )


def _index(index: int) -> str:
    if index >= 0:
        return f"[{index}]"
    return f"[{index}:{index + 1}]" if index < -1 else "[-1:]"


def split_at_negative_indexes(steps: Iterable[str | int]) -> tuple[str, list[tuple[int, str]]]:
    """Write a path for creating what it leads to, where a slice does not work.

    Returns:
        The path up to the first negative index, and each negative index with the path after it.
        The server has to insert the index counted from the start between them.
    """
    first, rest = "$", list[tuple[int, str]]()
    for step in steps:
        if isinstance(step, int) and step < 0:
            rest.append((step, ""))
        elif rest:
            index, behind = rest[-1]
            rest[-1] = index, behind + render_path((step,))[1:]
        else:
            first += render_path((step,))[1:]
    return first, rest


def _quoted(key: str) -> str:
    quote = "'" if '"' in key else '"'
    if quote in key or "\\" in key or key.startswith(" "):
        raise UnaddressableKeyError(
            f"no path can address the key {key!r}: RedisJSON has no syntax for a backslash, both "
            "kinds of quotes, or a leading space. Load and save the whole document.",
            key=key,
        )
    return f"{quote}{key}{quote}"
