"""What the scripts that look after indexes answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Self


class Report(NamedTuple):
    """What is told of an index together with its state.

    Attributes:
        state: `ready`, `building` or `growing`.
        name: Its name.
        progress: How much of the keys was looked at, from 0 to 1.
        documents: How many documents it has.
        failures: How many writes of documents it did not take.
        known: How many of these somebody has looked into.
        last_key: The key of the last of them.
        last_reason: Why it was not taken.
        run: What tells this run of the server from others; empty where it does not say.
    """

    state: str
    name: str
    progress: float
    documents: int
    failures: int
    known: int
    last_key: str
    last_reason: str
    run: str

    @classmethod
    def of_reply(cls, reply: Sequence[Any]) -> Self:
        """Read the reply of a script."""
        state, name, progress, documents, failures, known, last_key, last_reason, run = (
            part.decode(errors="surrogateescape") if isinstance(part, bytes) else part
            for part in reply
        )
        return cls(
            state, name, float(progress), int(documents), int(failures), int(known), last_key,
            last_reason, run,
        )  # fmt: skip
