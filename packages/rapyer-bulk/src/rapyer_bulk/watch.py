"""Noticing that a server was restarted or replaced while a call went on.

A connection that was closed is made anew without anybody noticing, so that everything could be
acknowledged and a part of it be gone.
"""

from __future__ import annotations

import asyncio
import re
import time
from typing import Final

from rapyer.traffic.channel import Channel
from redis.exceptions import RedisError

#: Seconds that a server may take to say who it is.
_PATIENCE: Final = 1.0
#: Seconds after its last answer in which a server is not asked once more.
_FRESH: Final = 0.05
_ID = re.compile(rb"(?:run_id|master_replid2):([0-9a-f]+)")


class ServerWatch:
    """Knows which servers have answered.

    A server is named by its `run_id`, which it has until it ends, and its `master_replid2`, which
    changes only when it was a replica and is none any more.

    Attributes:
        is_lost: Whether another server has answered than at first.
    """

    def __init__(self) -> None:
        self._servers: dict[Channel, bytes] = {}
        self.is_lost = False
        self._unnamed = 0
        self._is_cluster = False
        self._answered = 0.0

    def note(self, channel: Channel, server: bytes) -> None:
        """Note which server has answered; empty where the user may not ask."""
        self._answered = time.monotonic()
        self._is_cluster = self._is_cluster or channel.is_cluster
        if not server:
            self._unnamed += 1
        elif self._servers.setdefault(channel, server) != server:
            self.is_lost = True

    async def has_lost(self, *, is_stopped: bool) -> bool | None:
        """Say whether another server has answered, or answers now.

        No round trip, but for a call that was stopped or whose last answer is not a fresh one.

        Args:
            is_stopped: Whether a chunk was refused, or its reply lost.

        Returns:
            Whether it has; None where that is not known.
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
    """Ask a server who it is; empty where none answers."""
    try:
        async with asyncio.timeout(_PATIENCE):
            replies = await channel.execute_many([("INFO", "server"), ("INFO", "replication")])
    except (RedisError, OSError, TimeoutError):
        return b""
    texts = b"\n".join(reply for reply in replies if isinstance(reply, bytes))
    return b"".join(_ID.findall(texts))
