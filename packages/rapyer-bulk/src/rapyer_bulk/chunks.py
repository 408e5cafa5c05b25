"""Chunks: keys that are sent together, to one server and under the same policies."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import aclosing
from itertools import accumulate
from typing import ClassVar, Final, Generic, NamedTuple, TypeVar

from rapyer.base import BaseRedisModel
from rapyer.traffic.channel import Argument, Channel
from rapyer.traffic.outcome import ELSEWHERE
from rapyer.traffic.scripts import Operation
from redis.exceptions import ResponseError

from rapyer_bulk.calls import Destination, Reply, run_for_keys, run_for_slots
from rapyer_bulk.flight import Flight
from rapyer_bulk.inputs import Many, pace_of_reading_ahead, read_ahead
from rapyer_bulk.refusals import may_have_written, refusal, refusal_of_all
from rapyer_bulk.results import CODES, Part
from rapyer_bulk.targets import Targets

#: Bytes of documents in one chunk; a larger document is a chunk of its own.
CHUNK_BYTES: Final = 8 * 1024 * 1024
#: Bytes of documents in one transaction, which takes a server about two seconds.
TRANSACTION_BYTES: Final = 128 * 1024 * 1024
_UNKNOWN: Final = CODES["unknown"]


class Load:
    """Documents of one model that are ready to be sent, in one chunk or spread over several.

    Args:
        targets: The documents.

    Attributes:
        keys: Their keys.
        sizes: How many bytes are sent for each.
        failures: Why some of them are not sent, by their positions.
        is_refused: Whether none of them is sent because the items do not identify documents.
    """

    def __init__(self, targets: Targets) -> None:
        self.is_refused = bool(targets.errors)
        self.keys = targets.keys
        self.sizes: Sequence[int] = [0] * len(targets.keys)
        self.failures: dict[int, Exception] = {**targets.errors}


L = TypeVar("L", bound=Load)
T = TypeVar("T")


class Share(NamedTuple, Generic[L]):
    """The part of a load that is in a chunk.

    Attributes:
        load: The load.
        first: The position of the first document in the load.
        last: The position after the last document.
        start: The position of the first document in the chunk.
    """

    load: L
    first: int
    last: int
    start: int


class Chunk(ABC, Generic[L]):
    """Keys that are written in one atomic step.

    Args:
        destination: Where they are.

    Attributes:
        operation: The script.
        keys: The keys.
        size: How many bytes are sent with them.
        shares: The loads that they belong to.
        guarded: The keys that no other chunk sends until this one is answered.
    """

    operation: ClassVar[Operation]

    def __init__(self, destination: Destination) -> None:
        self.destination = destination
        self.keys: list[str] = []
        self.size = 0
        self.shares: list[Share[L]] = []
        self.guarded: set[str] = set()
        self._part: Part | None = None

    @property
    def channel(self) -> Channel:
        """The connections that it is sent over."""
        return self.destination.channel

    @property
    def part(self) -> Part:
        """What became of the keys. Created on first access; no key may be added afterwards."""
        if self._part is None:
            self._part = Part(self.keys)
            for load, first, last, start in self.shares:
                for place, error in load.failures.items():
                    if first <= place < last:
                        self._part.fail(start + place - first, error)
        return self._part

    def add(self, load: L, first: int, last: int) -> None:
        """Add documents of a load."""
        self.shares.append(Share(load, first, last, len(self.keys)))
        self.keys += load.keys[first:last]
        if not load.is_refused:
            self.guarded.update(load.keys[first:last])
        self.size += sum(load.sizes[first:last])

    def unsent(self, places: Sequence[int]) -> list[int]:
        """Return the positions among `places` whose outcome is not known yet."""
        codes = self.part.codes
        if codes.count(_UNKNOWN) == len(codes):
            return [*places]
        return [place for place in places if codes[place] == _UNKNOWN]

    def note(self, places: Sequence[int], reply: Reply) -> None:
        """Note what the script answered about keys."""
        codes = self.part.codes
        if len(places) == len(codes):
            codes[:] = reply.codes
        else:
            for place, code in zip(places, reply.codes, strict=True):
                codes[place] = code
        for index, text in reply.refusals.items():
            self.note_refusal(places[index], text)

    def note_refusal(self, place: int, text: str) -> None:
        """Note why the script refused a key."""
        self.part.fail(place, refusal(self.keys[place], text))

    def places_with(self, share: Share[L], codes: bytes, sent: Sequence[int]) -> list[int]:
        """Return the positions, in the load, of documents of a share with certain outcomes.

        Args:
            share: The share.
            codes: The outcomes.
            sent: The positions in the chunk to look at.
        """
        _, first, last, start = share
        found, end = self.part.codes, start + last - first
        if len(sent) == len(found):
            own = found[start:end]
            return [place for place, code in enumerate(own, start=first) if code in codes]
        return [
            place - start + first
            for place in sent
            if start <= place < end and found[place] in codes
        ]

    async def send(self) -> bytes | None:
        """Send the chunk, and note what became of each key.

        On a cluster, each slot is one atomic step, and refusals are noted per slot.

        Returns:
            What identifies the server that answered: empty if the user may not ask, or if there are
            several; None if there was nothing to send.

        Raises:
            Exception: The whole chunk was refused, or its reply was lost.
        """
        groups = self.channel.groups_of(self.keys)
        if len(groups) == 1:
            return await self._send(groups[0])
        asked = [(group, call) for group in groups if (call := self._call(group)) is not None]
        calls = [([self.keys[one] for one in places], words) for _, (places, words) in asked]
        found = await run_for_slots(self.destination, self.operation, calls)
        failures: list[Exception] = []
        for (group, (places, _)), reply in zip(asked, found, strict=True):
            if isinstance(reply, Exception):
                await self._after_error(group, reply, failures)
            else:
                self._take(places, reply)
        if failures:
            raise next((one for one in failures if may_have_written(one)), failures[0])
        return b""

    async def _after_error(
        self, places: Sequence[int], error: Exception, failures: list[Exception]
    ) -> None:
        """Note what an error means for the keys of a slot, after a retry if that may help."""
        is_refusal = isinstance(error, ResponseError) and not isinstance(error, ELSEWHERE)
        if is_refusal and not may_have_written(error):
            try:
                await self._send(places)
            except Exception as exc:  # noqa: BLE001 - noted for its keys, and raised at the end
                error = exc
            else:
                return
        failures.append(error)
        known = refusal_of_all(error)
        for place in self.unsent(places):
            self.part.fail(place, known, "unknown" if may_have_written(error) else "failed")

    async def _send(self, places: Sequence[int]) -> bytes | None:
        """Send the keys that are in one slot; see `send`."""
        call = self._call(places)
        if call is None:
            return None
        sent, arguments = call
        keys = [self.keys[place] for place in sent]
        reply = await run_for_keys(self.destination, self.operation, keys, *arguments)
        self._take(sent, reply)
        return reply.server

    @abstractmethod
    def _call(self, places: Sequence[int]) -> tuple[Sequence[int], Sequence[Argument]] | None:
        """Return what is sent for some keys: the positions of those to send, and the arguments.

        Returns:
            None if nothing is sent.
        """

    @abstractmethod
    def _take(self, places: Sequence[int], reply: Reply) -> None:
        """Note what the script answered about keys, in their instances too."""


class Packer(Generic[L]):
    """Packs documents into chunks, one per destination, and sends the chunks that are full.

    Operations on one key happen in the order in which they were given: a key that is in flight is
    waited for before it is sent again.

    Args:
        flight: Sends the chunks.
        load: Makes documents of one model ready to be sent.
        chunk: Makes an empty chunk.
        count: The most keys a chunk may have; None for a single chunk with all of them.
    """

    def __init__(
        self,
        flight: Flight,
        load: Callable[[Targets], L],
        chunk: Callable[[Destination], Chunk[L]],
        count: int | None,
    ) -> None:
        self._flight, self._load, self._make, self._count = flight, load, chunk, count
        self._most = sys.maxsize if count is None else count
        self._limit = TRANSACTION_BYTES if count is None else CHUNK_BYTES
        self._open: dict[Destination, Chunk[L]] = {}
        self._pace = pace_of_reading_ahead(self._most, CHUNK_BYTES)

    async def pack_all(
        self, items: Many[T], resolve: Callable[[Sequence[T]], Sequence[Targets]]
    ) -> None:
        """Pack all items into chunks as they are read, and send the chunks.

        Raises:
            Exception: What the iterable raises, and what `pack` raises.
        """
        async with aclosing(read_ahead(items, lambda: self._pace.number)) as batches:
            async for batch in batches:
                for targets in resolve(batch):
                    await self.pack(targets)
        await self.flush()

    async def pack(self, targets: Targets) -> None:
        """Pack documents of one model into chunks.

        Raises:
            ValueError: With a single chunk, a key is in it already, or belongs to a model with
                another server or other policies than the earlier ones; or the chunk is too large.
        """
        keys, pending = set(targets.keys), self._flight.keys
        if targets.errors:
            await self._fill(targets)
        elif len(keys) == len(targets.keys) and pending.isdisjoint(keys):
            pending |= keys
            await self._fill(targets)
        else:
            for place, key in enumerate(targets.keys):
                if key in pending:
                    await self._wait_for(key)
                pending.add(key)
                await self._fill(targets.one(place))

    async def _wait_for(self, key: str) -> None:
        if self._count is None:
            raise ValueError(
                f"the key {key!r} was given twice in one transaction. Give it once. Nothing was "
                "written."
            )
        await self.flush()
        await self._flight.drain()

    async def _fill(self, targets: Targets) -> None:
        load, model = self._load(targets), targets.model
        self._pace.learn(load.sizes)
        destination, first, number = Destination.of(model), 0, len(load.keys)
        while first < number:
            chunk = self._chunk_for(destination, model)
            last = min(number, first + self._most - len(chunk.keys))
            if chunk.size + sum(load.sizes[first:last]) > self._limit:
                _, *sizes = accumulate(load.sizes[first:last], initial=chunk.size)
                fitting = sum(size <= self._limit for size in sizes)
                if not fitting and chunk.keys:
                    await self._send(destination)
                    continue
                last = first + max(1, fitting)
            chunk.add(load, first, last)
            first = last
            if len(chunk.keys) >= self._most or chunk.size >= self._limit:
                await self._send(destination)

    def _chunk_for(self, destination: Destination, model: type[BaseRedisModel]) -> Chunk[L]:
        chunk = self._open.get(destination)
        if chunk is None:
            if self._count is None and self._open:
                raise ValueError(
                    f"{model.__name__} is on a different server from other models of this "
                    "transaction, or plugins act differently on its writes. Insert its instances "
                    "in a separate call. Nothing was written."
                )
            chunk = self._open[destination] = self._make(destination)
        return chunk

    async def flush(self) -> None:
        """Send what is left."""
        for destination in list(self._open):
            await self._send(destination, is_last=True)

    async def _send(self, destination: Destination, *, is_last: bool = False) -> None:
        if self._count is None and not is_last:
            raise ValueError(
                f"the documents of one transaction exceed {TRANSACTION_BYTES >> 20} MiB. Insert "
                "them in chunks, without transaction=True. Nothing was written."
            )
        await self._flight.submit(self._open.pop(destination))
