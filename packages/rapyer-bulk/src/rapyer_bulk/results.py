"""What became of each key of a bulk write."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Final, Literal, NamedTuple, TypeAlias, overload

Outcome: TypeAlias = Literal[
    "inserted",
    "replaced",
    "updated",
    "unchanged",
    "deleted",
    "skipped",
    "missing",
    "failed",
    "unwritten",
    "unknown",
]
"""What became of a key.

- `inserted`: a new document was written; `replaced`: one was written over another.
- `updated`: some fields of its document were set; `unchanged`: there was nothing to set.
- `deleted`: its document was deleted.
- `skipped`: there is a document, which `mode="skip"` leaves as it is.
- `missing`: there is no document.
- `failed`: nothing was written, for the reason in `error`.
- `unwritten`: it could have been written, but was not because others of the transaction failed.
- `unknown`: it was sent, but the reply was lost; it may or may not have been carried out.
"""

#: The encoding of outcomes, one byte per key.
CODES: Final[Mapping[Outcome, int]] = {
    "inserted": ord("i"),
    "replaced": ord("r"),
    "updated": ord("u"),
    "unchanged": ord("="),
    "deleted": ord("d"),
    "skipped": ord("s"),
    "missing": ord("m"),
    "failed": ord("f"),
    "unwritten": ord("n"),
    "unknown": ord("?"),
}
_OUTCOMES: Final[Mapping[int, Outcome]] = {code: outcome for outcome, code in CODES.items()}


class KeyOutcome(NamedTuple):
    """What became of one key.

    Attributes:
        key: The whole Redis key, prefix included.
        outcome: What became of it.
        error: Why it failed or is unknown; None for other outcomes.
    """

    key: str
    outcome: Outcome
    error: Exception | None = None


class Part:
    """What became of the keys of one chunk, as one byte per key and one text for all keys.

    A million keys thus take about 50 MB rather than 200.

    Args:
        keys: The keys.

    Attributes:
        codes: What became of each key; initially unknown.
        errors: Why some keys failed, by their positions.
    """

    __slots__ = ("_ends", "_text", "codes", "errors")

    def __init__(self, keys: Sequence[str]) -> None:
        self._text = "".join(keys)
        self._ends = array("I", accumulate(map(len, keys)))
        self.codes = bytearray(b"?" * len(keys))
        self.errors: dict[int, Exception] = {}

    def __iter__(self) -> Iterator[KeyOutcome]:
        text, errors, first = self._text, self.errors, 0
        for place, (end, code) in enumerate(zip(self._ends, self.codes, strict=True)):
            yield KeyOutcome(text[first:end], _OUTCOMES[code], errors.get(place))
            first = end

    def __getitem__(self, place: int) -> KeyOutcome:
        first = self._ends[place - 1] if place else 0
        key = self._text[first : self._ends[place]]
        return KeyOutcome(key, _OUTCOMES[self.codes[place]], self.errors.get(place))

    def fail(self, place: int, error: Exception, outcome: Outcome = "failed") -> None:
        """Note why a key was not written."""
        self.errors[place] = _without_frames(error)
        self.codes[place] = CODES[outcome]

    def fail_all(self, error: Exception, outcome: Outcome = "failed") -> None:
        """Note why all keys that have no outcome yet were not written."""
        for place, code in enumerate(self.codes):
            if code == CODES["unknown"]:
                self.errors[place] = error
                self.codes[place] = CODES[outcome]


def _without_frames(error: Exception) -> Exception:
    """Strip the tracebacks from an error and its causes, as they keep whole chunks alive."""
    one: BaseException | None = error
    while one is not None and one.__traceback__ is not None:
        one.__traceback__ = None
        one = one.__cause__ or one.__context__
    return error


class BulkResult(Sequence[KeyOutcome]):
    """What a bulk write did: counts, and what became of each key, in the order given.

    It is a sequence of `KeyOutcome`s; `result.of(user.key)` gives the one of a key. Keys that are
    not in it were not sent.

    Args:
        parts: What became of the keys of each chunk.

    Attributes:
        is_complete: Whether everything that was given was read and sent.
        server_lost: Whether another server has answered meanwhile, or none answers any more: it was
            restarted or replaced, or was a replica in between. Outcomes are what was acknowledged;
            whether it is still there depends on what the server persists. None if this is unknown:
            the user may not run INFO and there was more than one chunk, or something other than the
            server ended the call.
    """

    __slots__ = ("_parts", "_places", "is_complete", "server_lost")

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = parts
        self._places: dict[str, KeyOutcome] | None = None
        self.is_complete = True
        self.server_lost: bool | None = False

    # -- counts -----------------------------------------------------------------------------------

    @property
    def inserted(self) -> int:
        """How many new documents were written."""
        return self.count_of("inserted")

    @property
    def replaced(self) -> int:
        """How many documents were overwritten."""
        return self.count_of("replaced")

    @property
    def updated(self) -> int:
        """How many documents had some fields set."""
        return self.count_of("updated")

    @property
    def unchanged(self) -> int:
        """How many instances had nothing to set."""
        return self.count_of("unchanged")

    @property
    def deleted(self) -> int:
        """How many documents were deleted."""
        return self.count_of("deleted")

    @property
    def skipped(self) -> int:
        """How many documents already existed and were left as they are."""
        return self.count_of("skipped")

    @property
    def missing(self) -> int:
        """How many keys had no document."""
        return self.count_of("missing")

    @property
    def failed(self) -> int:
        """How many keys were not written for reasons of their own."""
        return self.count_of("failed")

    @property
    def unwritten(self) -> int:
        """How many keys were not written because others of the transaction failed."""
        return self.count_of("unwritten")

    @property
    def unknown(self) -> int:
        """How many keys may or may not have been written."""
        return self.count_of("unknown")

    def count_of(self, outcome: Outcome) -> int:
        """Count the keys with an outcome."""
        code = CODES[outcome]
        return sum(part.codes.count(code) for part in self._parts)

    @property
    def counts(self) -> dict[Outcome, int]:
        """The number of keys by outcome, without zeros."""
        found: dict[Outcome, int] = {outcome: self.count_of(outcome) for outcome in CODES}
        return {outcome: number for outcome, number in found.items() if number}

    # -- keys -------------------------------------------------------------------------------------

    def of(self, key: str) -> KeyOutcome:
        """Return what became of a key; of a key that was given several times, the last time.

        Args:
            key: The whole Redis key, such as `user.key`.

        Raises:
            KeyError: It was not sent.
        """
        if self._places is None:  # built on first use: a million keys take 150 MB
            self._places = {entry.key: entry for entry in self}
        return self._places[key]

    def keys_of(self, outcome: Outcome) -> list[str]:
        """Name the keys with an outcome."""
        code = CODES[outcome]
        return [
            entry.key
            for part in self._parts
            if code in part.codes
            for entry in part
            if entry.outcome == outcome
        ]

    @property
    def errors(self) -> dict[str, Exception]:
        """Why keys failed or are unknown, by key."""
        return {
            entry.key: entry.error
            for part in self._parts
            if part.errors
            for entry in part
            if entry.error is not None
        }

    # -- a sequence -------------------------------------------------------------------------------

    def __len__(self) -> int:
        return sum(len(part.codes) for part in self._parts)

    def __iter__(self) -> Iterator[KeyOutcome]:
        for part in self._parts:
            yield from part

    @overload
    def __getitem__(self, index: int) -> KeyOutcome: ...
    @overload
    def __getitem__(self, index: slice) -> list[KeyOutcome]: ...
    def __getitem__(self, index: int | slice) -> KeyOutcome | list[KeyOutcome]:
        if isinstance(index, slice):
            return list(self)[index]
        place = index + len(self) if index < 0 else index
        if place >= 0:
            for part in self._parts:
                if place < len(part.codes):
                    return part[place]
                place -= len(part.codes)
        raise IndexError(f"outcome {index} is out of range: there are {len(self)} outcomes")

    def __repr__(self) -> str:
        counts = ", ".join(f"{outcome}={number}" for outcome, number in self.counts.items())
        return f"BulkResult({counts})"
