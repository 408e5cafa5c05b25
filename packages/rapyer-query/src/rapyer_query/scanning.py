"""Name all documents of a model without an index: `SCAN`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Any

from rapyer.traffic.channel import Argument

from rapyer_query.commands import PAGE


async def document_keys(
    send: Callable[[Sequence[Argument]], Awaitable[Any]], prefix: str
) -> AsyncGenerator[list[bytes]]:
    """Yield the keys of all documents of a model, at most 1000 at a time.

    A document that exists from the beginning to the end is named, once. One round trip for about
    1000 keys of the database.

    Args:
        send: Sends a command and returns its reply.
        prefix: The prefix of the model.
    """
    pattern = "".join(f"\\{one}" if one in "*?[]^-\\" else one for one in f"{prefix}:") + "*"
    cursor, seen = b"0", set[bytes]()
    while True:
        command = ("SCAN", cursor, "MATCH", pattern, "COUNT", PAGE, "TYPE", "ReJSON-RL")
        cursor, found = await send(command)
        keys = [key for key in dict.fromkeys(found) if key not in seen]
        seen.update(keys)
        for first in range(0, len(keys), PAGE):
            yield keys[first : first + PAGE]
        if cursor == b"0":
            return
