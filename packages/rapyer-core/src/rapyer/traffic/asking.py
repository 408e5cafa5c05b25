"""How a node of a cluster is asked for a key that is on its way to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from redis.exceptions import ResponseError

from rapyer.traffic.channel import Argument, Channel


class AskingChannel(Channel):
    """Tells a node of a cluster, before each call, that a key is being moved there.

    Args:
        node: The connections, of which it is known what they lead to.
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
        """Send one command, or one transaction: the server forgets after it what it was told."""
        _, *replies = await super().execute_many((("ASKING",), *commands), writes=writes)
        return replies
