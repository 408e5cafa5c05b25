"""The connections of one event loop to the nodes of a cluster, seen as those to one server.

A command goes to the node that has the slot of its key. If a node refuses a command because it no
longer has the slot, the command was not executed, so even a write is sent again, to the node that
has the slot now.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, ClassVar, Final, TypeVar

from redis.exceptions import AskError, MovedError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError

from rapyer.errors import OutcomeUnknownError, RapyerError
from rapyer.traffic.asking import AskingChannel
from rapyer.traffic.channel import Argument, Channel
from rapyer.traffic.outcome import ELSEWHERE, LOST_REPLY
from rapyer.traffic.policies import Policies
from rapyer.traffic.scripts import Operation, arguments_of
from rapyer.traffic.server import ServerInfo
from rapyer.traffic.slots import Address, SlotMap, by_slot, slot_of_command, slot_of_keys

R = TypeVar("R")

#: Seconds that a command follows a slot that is being moved, or waits for one that no node has.
_PATIENCE: Final = 5.0
#: Seconds between two tries of a command that a node could not execute yet.
_PAUSE: Final = 0.02
#: Seconds that a node may take to say which node has which slot; then another one is asked.
_GLANCE: Final = 2.0


class ClusterChannel(Channel):
    """The connections of one event loop to the nodes of a cluster.

    Commands that name several keys go through `groups_of`; those that name none are for a single
    node: see `primaries`.

    Args:
        connect: Gives the connections to one node, which are not made before they are needed.
        seeds: Nodes that can be asked for the others.
        timeout: Seconds that a command and its reply may take; None for no limit.
        place: Where the cluster is, for messages.
        waiters: How many of the callers may wait for something to happen on the servers.
    """

    __slots__ = ("_connect", "_learning", "_nodes", "_seeds", "_slots")

    is_cluster: ClassVar[bool] = True

    def __init__(
        self, connect: Callable[[Address], Channel], seeds: Sequence[Address], *,
        timeout: float | None, place: str, waiters: int,
    ) -> None:  # fmt: skip
        self._begin(timeout, place, waiters)
        self._connect = connect
        self._seeds = list(seeds)
        self._nodes: dict[Address, Channel] = {}
        self._slots: SlotMap | None = None
        self._learning: asyncio.Task[SlotMap] | None = None

    @property
    def connects(self) -> int:
        """How often a connection to a node has been made so far."""
        return sum(node.connects for node in self._nodes.values())

    def groups_of(self, keys: Sequence[str]) -> Sequence[Sequence[int]]:
        """Return the positions of keys that one command can name: those of one slot."""
        return by_slot(keys)

    async def primaries(self) -> Sequence[Channel]:
        """Return the connections to each node that has slots."""
        slots = self._slots or await self._learn()
        return [self._node(address) for address in slots.owners]

    async def refresh(self) -> None:
        """Ask again which node has which slot.

        Raises:
            redis.exceptions.ConnectionError: No node can be reached.
        """
        await self._learn()

    # -- sending ----------------------------------------------------------------------------------

    async def run(
        self,
        operation: Operation,
        policies: Policies,
        keys: Sequence[str],
        arguments: Sequence[Argument] = (),
        *,
        of_policies: Sequence[Argument] | None = None,
    ) -> Any:
        """Run an operation on the node that has its keys; see `Channel.run`.

        Raises:
            CrossSlotError: The keys are in several slots.
        """
        before = arguments_of(policies) if of_policies is None else of_policies

        async def work(node: Channel) -> Any:
            return await node.run(operation, policies, keys, arguments, of_policies=before)

        return await self._at(slot_of_keys(keys), work)

    async def _send(
        self, *command: Argument, writes: bool = False, deadline: float | None = None
    ) -> Any:
        async def work(node: Channel) -> Any:
            return await node.execute(*command, writes=writes)

        return await self._at(_slot_named_by(command), work, deadline)

    async def execute_many(
        self, commands: Sequence[Sequence[Argument]], *, writes: bool = False
    ) -> list[Any]:
        """Send several commands at once, those for each node together; see `Channel`.

        One round trip if all slots are where they are assumed to be.
        """
        replies = await self.outcomes_of(commands, writes=writes)
        lost = [one for one in replies if isinstance(one, (RapyerError, *LOST_REPLY))]
        if lost:
            raise next((one for one in lost if isinstance(one, OutcomeUnknownError)), lost[0])
        return replies

    async def outcomes_of(
        self, commands: Sequence[Sequence[Argument]], *, writes: bool = False
    ) -> list[Any]:
        """Send several commands as `execute_many` does, and return the outcome of each.

        Returns:
            For each its reply, or the error that came instead, even if a reply was lost.
        """
        slots = [_slot_named_by(command) for command in commands]
        replies: list[Any] = [None] * len(commands)
        asked = [await self._node_of(slot) for slot in slots]

        async def ask(places: Iterable[int]) -> None:
            by_node: dict[Channel, list[int]] = {}
            for place in places:
                by_node.setdefault(asked[place], []).append(place)
            await _all_done([ask_node(node, own) for node, own in by_node.items()])

        async def ask_node(node: Channel, own: Sequence[int]) -> None:
            try:
                given = await node.execute_many([commands[one] for one in own], writes=writes)
            except (RapyerError, *LOST_REPLY) as exc:
                self._look_around()
                given = [exc] * len(own)
            for place, reply in zip(own, given, strict=True):
                replies[place] = reply

        await ask(range(len(slots)))
        lost = [place for place, reply in enumerate(replies) if _was_not_sent(reply)]
        if lost:  # once more, those of slots that another node has by now
            before, owners = [*asked], await self._owners_of([slots[place] for place in lost])
            for place, owner in zip(lost, owners, strict=True):
                asked[place] = owner or asked[place]
            await ask(place for place in lost if asked[place] is not before[place])
        await self._follow(commands, replies, writes=writes)
        return replies

    async def _follow(
        self, commands: Sequence[Sequence[Argument]], replies: list[Any], *, writes: bool
    ) -> None:
        """Send again what nodes could not execute yet; all of it shares the patience for one."""
        deadline = time.monotonic() + _PATIENCE
        for place, reply in enumerate(replies):
            if isinstance(reply, ELSEWHERE) and time.monotonic() < deadline:
                try:
                    replies[place] = await self._send(
                        *commands[place], writes=writes, deadline=deadline
                    )
                except (RapyerError, ResponseError, *LOST_REPLY) as exc:
                    replies[place] = exc

    async def execute_transactions(
        self, transactions: Sequence[Sequence[Sequence[Argument]]], *, writes: bool
    ) -> list[list[Any]]:
        """Send several transactions, each to the node of its keys; see `Channel`."""
        results: list[list[Any]] = [[] for _ in transactions]

        async def ask(place: int) -> None:
            async def work(node: Channel) -> list[list[Any]]:
                return await node.execute_transactions((transactions[place],), writes=writes)

            slot = _slot_named_by(transactions[place][0])
            (results[place],) = await self._at(slot, work)

        await _all_done([ask(place) for place in range(len(transactions))])
        return results

    # -- where a slot is --------------------------------------------------------------------------

    async def _at(
        self, slot: int, work: Callable[[Channel], Awaitable[R]], deadline: float | None = None
    ) -> R:
        """Do something on the node that has a slot, wherever that is in the meantime."""
        deadline = deadline or time.monotonic() + _PATIENCE
        has_looked = False
        while True:
            node = await self._node_of(slot)
            try:
                return await self._followed(node, work)
            except MovedError as exc:
                self._note_move(slot, self._named_by(exc, node))
                late: Exception = exc
            except ELSEWHERE as exc:
                late = exc
                await asyncio.sleep(_PAUSE)
                await self._learn()
            except OutcomeUnknownError:
                self._look_around()
                raise
            except LOST_REPLY:
                # nothing was sent, or it was a read: try again if another node has the slot now
                (owner,) = (None,) if has_looked else await self._owners_of([slot])
                if owner is None or owner is node:
                    raise
                has_looked = True
                continue
            if time.monotonic() > deadline:
                raise late

    async def _followed(self, node: Channel, work: Callable[[Channel], Awaitable[R]]) -> R:
        """Do something on a node, or where the node says that one key of a slot already is."""
        try:
            return await work(node)
        except MovedError:
            raise
        except AskError as exc:
            target = self._node(self._named_by(exc, node))
            await target.introduce()
            return await work(AskingChannel(target))

    async def _node_of(self, slot: int) -> Channel:
        slots = self._slots or await self._learn()
        owner = slots.owner_of(slot)
        if owner is None:
            owner = (await self._learn()).owner_of(slot)
        if owner is None:
            raise RedisConnectionError(
                f"no node of the cluster at {self.place} has the slot {slot}. Repair the cluster: "
                "see CLUSTER INFO."
            )
        return self._node(owner)

    def _node(self, address: Address) -> Channel:
        if self.closed:
            raise self._torn_down()
        node = self._nodes.get(address)
        if node is None:
            node = self._nodes[address] = self._connect(address)
        return node

    def _named_by(self, error: AskError, node: Channel) -> Address:
        """Return where a node says that a slot is; without a host, it is on that node's host."""
        untyped: Any = error
        host: str = untyped.host or next(
            known.host for known, other in self._nodes.items() if other is node
        )
        return Address(host, untyped.port)

    def _note_move(self, slot: int, owner: Address) -> None:
        if self._slots is not None:
            self._slots.note_move(slot, owner)
        self._look_around()

    async def _owners_of(self, slots: Sequence[int]) -> list[Channel | None]:
        """Ask again which nodes have some slots; None for a slot that no node is known to have."""
        try:
            known = await self._learn()
            owners = [known.owner_of(slot) for slot in slots]
            return [None if owner is None else self._node(owner) for owner in owners]
        except (RapyerError, *LOST_REPLY):  # the outcome of the calls themselves matters more
            return [None] * len(slots)

    def _look_around(self) -> asyncio.Task[SlotMap]:
        """Ask again, in the background, which node has which slot."""
        if self._learning is None:
            self._learning = asyncio.create_task(self._ask_for_slots())
            self._learning.add_done_callback(self._learned)
        return self._learning

    async def _learn(self) -> SlotMap:
        """Ask which node has which slot, once, however many callers wait for the answer.

        Raises:
            redis.exceptions.ConnectionError: No node can be reached.
        """
        try:
            return await asyncio.shield(self._look_around())
        except asyncio.CancelledError:
            if self.closed:
                raise self._torn_down() from None
            raise

    def _learned(self, task: asyncio.Task[SlotMap]) -> None:
        self._learning = None
        if not task.cancelled() and task.exception() is None:
            self._slots = task.result()

    async def _ask_for_slots(self) -> SlotMap:
        last: Exception | None = None
        for address in dict.fromkeys([*self._nodes, *self._seeds]):
            try:
                node = self._node(address)
                async with asyncio.timeout(_GLANCE):  # it may hang, and other nodes know too
                    reply = await node.execute("CLUSTER", "SLOTS")
            except LOST_REPLY as exc:
                last = exc
                continue
            if reply:
                return SlotMap.of_reply(reply, address)
        raise last or RedisConnectionError(
            f"the nodes of the cluster at {self.place} report no slots. Repair the cluster: see "
            "CLUSTER INFO."
        )

    # -- start and end ----------------------------------------------------------------------------

    async def introduce(self) -> ServerInfo:
        """Ask each node that has slots what it is, once; return the answer of the first one.

        Raises:
            UnsupportedServerError: One has no RedisJSON.
            redis.exceptions.ConnectionError: No node can be reached.
        """
        if self.server is None:
            first, *others = await self.primaries()
            self.server = await first.introduce()
            for node in others:
                await node.introduce()
        return self.server

    async def close(self) -> None:
        """Close the connections to all nodes; waiting callers get a `NotConnectedError`."""
        self.closed = True
        if self._learning is not None:
            self._learning.cancel()
            await asyncio.wait([self._learning])
        for node in self._nodes.values():
            await node.close()
        for coalescer in self._coalescers.values():
            await coalescer.drain()


def _was_not_sent(reply: object) -> bool:
    """Return whether an error means that nothing was sent, or that a read got no reply."""
    return isinstance(reply, LOST_REPLY) and not isinstance(reply, OutcomeUnknownError)


def _slot_named_by(command: Sequence[Argument]) -> int:
    slot = slot_of_command(command)
    if slot is None:
        raise TypeError(
            f"{command[0]!r} names no key that determines the cluster node. Send it to each of "
            "primaries()."
        )
    return slot


async def _all_done(works: Sequence[Awaitable[None]]) -> None:
    """Wait for all, and only then raise the first error: what was sent is not left alone."""
    outcomes = await asyncio.gather(*works, return_exceptions=True)
    errors = [one for one in outcomes if isinstance(one, BaseException)]
    for error in errors:
        if isinstance(error, OutcomeUnknownError):
            raise error
    if errors:
        raise errors[0]
