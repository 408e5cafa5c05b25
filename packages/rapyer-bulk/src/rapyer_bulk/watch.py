"""Notice that a server was restarted or replaced during a call.

A closed connection is silently replaced by a new one, so that everything could be acknowledged and
yet a part of it be gone.
"""

from __future__ import annotations

import asyncio
import re
import time
from typing import Final

from rapyer.traffic.channel import Channel
from redis.exceptions import RedisError

#: Seconds that a server may take to identify itself.
_PATIENCE: Final = 1.0
#: Seconds after its last answer during which a server is not asked again.
_FRESH: Final = 0.05
_ID = re.compile(rb"(?:run_id|master_replid2):([0-9a-f]+)")


class ServerWatch:
    """Keeps track of which servers have answered.

    A server is identified by its `run_id`, which it keeps until it ends, and its `master_replid2`,
    which changes only when it stops being a replica.

    Attributes:
        is_lost: Whether a server other than the first has answered.
    """

    def __init__(self) -> None:
        self._servers: dict[Channel, bytes] = {}
        self.is_lost = False
        self._unnamed = 0
        self._is_cluster = False
        self._answered = 0.0

    def note(self, channel: Channel, server: bytes) -> None:
        """Note which server has answered; empty if the user may not ask."""
        self._answered = time.monotonic()
        self._is_cluster = self._is_cluster or channel.is_cluster
        if not server:
            self._unnamed += 1
        elif self._servers.setdefault(channel, server) != server:
            self.is_lost = True

    async def has_lost(self, *, is_stopped: bool) -> bool | None:
        """Return whether another server has answered, or answers now.

        No round trip, unless the call was stopped or its last answer is not recent.

        Args:
            is_stopped: Whether a chunk was refused, or its reply lost.

        Returns:
            Whether it has; None if that is unknown.
        """
        if self.is_lost:
            return True
        if is_stopped or (self._servers and time.monotonic() - self._answered > _FRESH):
            for channel, known in self._servers.items():
                if await _name_of(channel) != known:
                    return True
        if self._is_cluster:  # several have answered, and they are not told apart
            return None
        return None if self._unnamed > 1 or (self._unnamed and is_stopped) else False


async def _name_of(channel: Channel) -> bytes:
    """Ask a server to identify itself; empty if none answers."""
    try:
        async with asyncio.timeout(_PATIENCE):
            replies = await channel.execute_many([("INFO", "server"), ("INFO", "replication")])
    except (RedisError, OSError, TimeoutError):
        return b""
    texts = b"\n".join(reply for reply in replies if isinstance(reply, bytes))
    return b"".join(_ID.findall(texts))
