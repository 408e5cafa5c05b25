"""Asking a node of a cluster about a key that is being moved to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from redis.exceptions import ResponseError

from rapyer.traffic.channel import Argument, Channel


class AskingChannel(Channel):
    """Tells a node of a cluster, before each call, that a key is being moved there.

    Args:
        node: The connections; what they lead to is already known.
    """

    __slots__ = ()

    def __init__(self, node: Channel) -> None:
        super().__init__(node._pool, node._limit, timeout=node._timeout, place=node.place)
        self.server = node.server

    async def _send(self, *command: Argument, writes: bool = False) -> Any:
        (reply,) = await self.execute_many((command,), writes=writes)
        if isinstance(reply, ResponseError):
            raise reply
        return reply

    async def execute_many(
        self, commands: Sequence[Sequence[Argument]], *, writes: bool = False
    ) -> list[Any]:
        """Send one command or one transaction; after that the server forgets what it was told."""
        _, *replies = await super().execute_many((("ASKING",), *commands), writes=writes)
        return replies
