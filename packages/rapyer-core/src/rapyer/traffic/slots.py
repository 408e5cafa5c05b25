"""Where keys are in a cluster: slots, which commands name keys, which node has which slot."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from redis.crc import key_slot

from rapyer.errors import CrossSlotError

#: A part of a command. Text is sent in UTF-8.
_Argument: TypeAlias = str | bytes | int

#: How many slots a cluster has.
SLOTS: Final = 16384
#: The position of the key in a command; in all others it is the first word after the name.
_PLACES: Final = {"FT.CURSOR": 2}
#: Commands with a script or a function: a number of keys follows its name.
_SCRIPTS: Final = frozenset({"EVAL", "EVAL_RO", "EVALSHA", "FCALL"})
#: Commands that name no key.
_KEYLESS: Final = frozenset({
    "ASKING", "CLUSTER", "COMMAND", "EXEC", "FT.CONFIG", "FT._LIST", "FUNCTION", "HELLO", "INFO",
    "MULTI", "PING", "SCAN", "SCRIPT", "TIME",
})  # fmt: skip


class Address(NamedTuple):
    """Where a node listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def slot_of(key: str | bytes) -> int:
    """Return the slot of a key: that of the part in its first braces, if any, else of all of it."""
    return key_slot(key.encode() if isinstance(key, str) else key)


def slot_of_command(command: Sequence[_Argument]) -> int | None:
    """Return the slot that a command is about; None if it names no key."""
    name = str(command[0])
    if name in _KEYLESS:
        return None
    if name in _SCRIPTS:
        number = int(command[2])
        return slot_of_keys([str(key) for key in command[3 : 3 + number]]) if number else None
    key = command[_PLACES.get(name, 1)]
    return slot_of(key if isinstance(key, bytes) else str(key))


def slot_of_keys(keys: Sequence[str]) -> int:
    """Return the slot that contains all of some keys.

    Raises:
        CrossSlotError: They are in several slots.
    """
    slot = slot_of(keys[0])
    for key in keys[1:]:
        if slot_of(key) != slot:
            raise CrossSlotError(
                f"{str(keys[0])!r} and {str(key)!r} are in different slots of the cluster, but an "
                "atomic step can use only one slot. Give their models one `hash_tag` in `class "
                "Config`, or their primary keys the same part in braces, such as '{acme}1' and "
                "'{acme}2'."
            )
    return slot


def by_slot(keys: Sequence[str]) -> list[list[int]]:
    """Return the positions of the keys in each slot, for every slot that occurs."""
    places: dict[int, list[int]] = {}
    for place, key in enumerate(keys):
        places.setdefault(slot_of(key), []).append(place)
    return [*places.values()]


class SlotMap:
    """Which node has which slot, as a node has reported it.

    Args:
        ranges: The first and the last of adjacent slots, and the node that has them.
    """

    __slots__ = ("_ends", "_moved", "_owners", "_starts")

    def __init__(self, ranges: Sequence[tuple[int, int, Address]]) -> None:
        ordered = sorted(ranges)
        self._starts = [start for start, _, _ in ordered]
        self._ends = [end for _, end, _ in ordered]
        self._owners = [owner for _, _, owner in ordered]
        self._moved: dict[int, Address] = {}

    @classmethod
    def of_reply(cls, reply: Sequence[Any], asked: Address) -> SlotMap:
        """Make one from the reply to `CLUSTER SLOTS`.

        Args:
            reply: The reply.
            asked: The node that gave it, which may not know its own host.
        """
        ranges: list[tuple[int, int, Address]] = []
        for start, end, primary, *_ in reply:
            host = primary[0].decode() if primary[0] else ""
            ranges.append((int(start), int(end), Address(host or asked.host, int(primary[1]))))
        return cls(ranges)

    def owner_of(self, slot: int) -> Address | None:
        """Return the node that has a slot; None if no node has it."""
        moved = self._moved.get(slot)
        if moved is not None:
            return moved
        place = bisect_right(self._starts, slot) - 1
        if place < 0 or slot > self._ends[place]:
            return None
        return self._owners[place]

    def note_move(self, slot: int, owner: Address) -> None:
        """Note that a slot has another owner."""
        self._moved[slot] = owner

    @property
    def owners(self) -> list[Address]:
        """The nodes that have slots, each once."""
        return sorted({*self._owners, *self._moved.values()})
