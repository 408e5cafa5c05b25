"""Chunks: keys that travel together, to one server and under the same policies."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, TypeGuard

from rapyer.base import BaseRedisModel, channel_of
from rapyer.errors import UnexpectedReplyError
from rapyer.traffic.channel import Argument, Channel
from rapyer.traffic.policies import Policies
from rapyer.traffic.scripts import Operation

from rapyer_bulk.flight import Flight
from rapyer_bulk.results import Part
from rapyer_bulk.targets import Target

#: Bytes of documents in one chunk; a larger document is a chunk of its own.
CHUNK_BYTES: Final = 8 * 1024 * 1024
#: Bytes of documents in one transaction. The server takes commands of twice as many.
TRANSACTION_BYTES: Final = 512 * 1024 * 1024


class Destination(NamedTuple):
    """Where chunks go to.

    Attributes:
        channel: The connections to the server.
        policies: What else happens to each key.
    """

    channel: Channel
    policies: Policies

    @classmethod
    def of(cls, model: type[BaseRedisModel]) -> Destination:
        """Give the one of the documents of a model.

        Raises:
            NotConnectedError: rapyer was not told where Redis is.
        """
        return cls(channel_of(model), model.__rapyer_policies__)


class Chunk(ABC):
    """Keys that are written in one atomic step.

    Args:
        destination: Where they are.

    Attributes:
        destination: Where they are.
        keys: The keys.
        size: How many bytes are sent with them.
        failures: Those of the keys that are not sent, by their place, and why.
    """

    def __init__(self, destination: Destination) -> None:
        self.destination = destination
        self.keys: list[str] = []
        self.size = 0
        self.failures: dict[int, Exception] = {}
        self._part: Part | None = None

    @property
    def channel(self) -> Channel:
        """The connections that it goes over."""
        return self.destination.channel

    @property
    def part(self) -> Part:
        """What became of the keys; begun when it is first asked for, then no key is added."""
        if self._part is None:
            self._part = Part(self.keys)
            for place, error in self.failures.items():
                self._part.fail(place, error)
        return self._part

    def add_failed(self, key: str, error: Exception) -> None:
        """Add a key that is not sent, because it cannot be written."""
        self.failures[len(self.keys)] = error
        self.keys.append(key)

    @abstractmethod
    def add(self, target: Target) -> None:
        """Add a document."""

    @abstractmethod
    async def send(self) -> bytes:
        """Send it, and note what became of each key; give what names the process that answered.

        Raises:
            Exception: The whole chunk was refused, or its reply was lost.
        """


def _is_answer(reply: object, number: int) -> TypeGuard[tuple[bytes, list[Any], bytes]]:
    answer: Any = reply
    return isinstance(reply, list) and len(answer) == 3 and len(answer[0]) == number


class Reply(NamedTuple):
    """What a script for many keys has answered.

    Attributes:
        codes: A byte for each key: what became of it.
        refusals: Why it refused some, by their place.
        server: Names the process that answered; empty where the user may not ask.
    """

    codes: bytes
    refusals: dict[int, str]
    server: bytes


async def run_for_keys(
    destination: Destination, operation: Operation, keys: Sequence[str], *arguments: Argument
) -> Reply:
    """Run one of the scripts for many keys. One round trip."""
    channel, policies = destination
    reply: object = await channel.run(operation, policies, keys, arguments)
    if not _is_answer(reply, len(keys)):
        raise UnexpectedReplyError(
            f"the script {operation.name} was answered with {reply!r}. Look at what stands between "
            "the application and the server.",
            reply=reply,
        )
    codes, refusals, server = reply
    texts = (text.decode("utf-8", "replace") for text in refusals[1::2])
    places = (int(place) - 1 for place in refusals[::2])
    return Reply(codes, dict(zip(places, texts, strict=True)), server)


class Packer:
    """Puts keys into chunks, one for each destination, and sends those that are full.

    What is done to one key happens in the order in which it was given: a key that is under way is
    waited for before it is sent again.

    Args:
        flight: Sends them.
        make: Makes an empty chunk.
        count: How many keys a chunk has at most; None for one chunk with all of them.
    """

    def __init__(
        self, flight: Flight, make: Callable[[Destination], Chunk], count: int | None
    ) -> None:
        self._flight, self._make, self._count = flight, make, count
        self._open: dict[Destination, Chunk] = {}
        self._of_model: dict[type[BaseRedisModel], Chunk] = {}

    async def pack(self, targets: Sequence[Target]) -> None:
        """Put documents into chunks.

        Raises:
            ValueError: In one chunk with all, a key is there already, or is of a model on another
                server or with other policies than those of before; or the chunk is too large.
        """
        keys = {target[0] for target in targets}
        pending = self._flight.keys
        if len(keys) == len(targets) and pending.isdisjoint(keys):
            pending |= keys
            await self._fill(targets)
            return
        for target in targets:
            key = target[0]
            if key in pending:
                if self._count is None:
                    raise ValueError(
                        f"the key {key!r} was given twice in one transaction. Give it once. "
                        "Nothing was written."
                    )
                await self.flush()
                await self._flight.drain()
            pending.add(key)
            await self._fill((target,))

    async def _fill(self, targets: Sequence[Target]) -> None:
        of_model, most = self._of_model, self._count or sys.maxsize
        limit = CHUNK_BYTES if self._count is not None else TRANSACTION_BYTES
        for target in targets:
            model = target[1]
            chunk = of_model[model] if model in of_model else self._chunk_of(model)
            chunk.add(target)
            if len(chunk.keys) >= most or chunk.size >= limit:
                await self._send(chunk)

    def _chunk_of(self, model: type[BaseRedisModel]) -> Chunk:
        destination = Destination.of(model)
        chunk = self._open.get(destination)
        if chunk is None:
            if self._count is None and self._open:
                raise ValueError(
                    f"{model.__name__} is on another server than other models of this transaction, "
                    "or plugins do other things with every write of it. Insert its instances by a "
                    "call of their own. Nothing was written."
                )
            chunk = self._open[destination] = self._make(destination)
        self._of_model[model] = chunk
        return chunk

    async def flush(self) -> None:
        """Send what is there."""
        for chunk in list(self._open.values()):
            await self._send(chunk, is_last=True)

    async def _send(self, chunk: Chunk, *, is_last: bool = False) -> None:
        if self._count is None and not is_last:
            raise ValueError(
                f"the documents of one transaction have more than {TRANSACTION_BYTES >> 20} MiB, "
                "which the server would not take. Insert them without transaction=True, in chunks. "
                "Nothing was written."
            )
        del self._open[chunk.destination]
        self._of_model.clear()
        await self._flight.submit(chunk)
