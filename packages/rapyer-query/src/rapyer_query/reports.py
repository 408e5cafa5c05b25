"""The replies of the scripts that manage indexes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Self


class Report(NamedTuple):
    """What is reported about an index together with its state.

    Attributes:
        state: `ready`, `building` or `growing`.
        name: Its name.
        progress: How much of the keyspace has been scanned, from 0 to 1.
        documents: How many documents it holds.
        failures: How many writes of documents it has rejected.
        known: How many of these somebody has investigated.
        last_key: The key of the last of them.
        last_reason: Why it was rejected.
        run: Identifies this run of the server; empty if the server does not tell.
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
