"""What a road is: a way of the library to write or to read documents, and what it leaves there."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from rapyer import AtomicRedisModel, OutcomeUnknownError
from rapyer_bulk import result_of
from redis.asyncio import Redis

from tests.faults.models import Counted, Lived

#: What a caller knows of one document of an attempt after it.
Known: TypeAlias = Literal["done", "not done", "unknown"]
Document: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True)
class Road:
    """A way to write or to read documents.

    Attributes:
        name: What it is.
        model: Whose documents they are.
        do: Makes one attempt, on a batch of documents.
        effects: Says how often each of the things that it does was done to a document, which is
            None where there is none: all the same number, or it was half done.
        documents: How many each attempt has.
        creates: Whether they are not there before.
        is_one_step: Whether all documents of an attempt are written, or none.
        expected: For a road that reads, what it gives.
        needs_index: Whether it asks an index, which is made where there is none.
        takes_no_memory: Whether a full server carries it out.
        postpones: Whether it reads, and sets the expiry of what it reads.
        begins_without_writing: Whether its first command writes no document.
        is_sent_at_once: Whether its commands travel together, so that what is known is known of
            all of them.
    """

    name: str
    model: type[AtomicRedisModel]
    do: Callable[[str], Awaitable[object]]
    effects: Callable[[Document | None], Sequence[int]] = lambda _: ()
    documents: int = 1
    creates: bool = False
    is_one_step: bool = True
    expected: Callable[[str], object] | None = None
    needs_index: bool = False
    takes_no_memory: bool = False
    postpones: bool = False
    begins_without_writing: bool = False
    is_sent_at_once: bool = False

    def __repr__(self) -> str:
        return self.name

    @property
    def writes(self) -> bool:
        """Whether it changes documents."""
        return self.expected is None

    def batch(self, attempt: int) -> str:
        """What the documents of an attempt have in common, and no others have."""
        return f"{self.name.replace(' ', '_')}.{attempt}"

    def ids(self, batch: str) -> list[str]:
        """The primary keys of the documents of an attempt."""
        return [f"{batch}-{number}" for number in range(self.documents)]

    def keys(self, batch: str) -> list[str]:
        """Their keys."""
        return [f"{self.model.Config.prefix}:{one}" for one in self.ids(batch)]

    def instances(self, batch: str, **values: Any) -> list[Any]:
        """Instances of them, as they are before the attempt."""
        if self.model is Counted:
            values["revision"] = 0 if self.creates else 1
        return [self.model(id=one, batch=batch, **values) for one in self.ids(batch)]

    async def prepare(self, redis: Redis, attempts: Sequence[int]) -> None:
        """Store the documents of attempts as they are before."""
        if self.creates:
            return
        async with redis.pipeline(transaction=False) as pipe:
            for attempt in attempts:
                for instance in self.instances(self.batch(attempt)):
                    key = f"{self.model.Config.prefix}:{instance.id}"
                    pipe.execute_command("JSON.SET", key, "$", instance.model_dump_json())
                    if self.model is Lived:
                        pipe.pexpire(key, 1000_000)
            await pipe.execute()

    async def stored(self, redis: Redis, attempt: int) -> list[Document | None]:
        """Read the documents of an attempt, with the milliseconds that they live yet as `ttl`."""
        found: list[Document | None] = []
        for key in self.keys(self.batch(attempt)):
            text = await redis.execute_command("JSON.GET", key)
            found.append(
                None if text is None else {**json.loads(text), "ttl": await redis.pttl(key)}
            )
        return found

    def known(self, attempt: int, error: BaseException | None, result: object) -> list[Known]:
        """Say what the caller knows of each document of an attempt that gave this."""
        if self.writes and self.name.startswith("bulk"):
            told = result if error is None else result_of(error)
            return [_of_key(told, key) for key in self.keys(self.batch(attempt))]
        if error is None:
            return ["done"] * self.documents
        is_unknown = isinstance(error, OutcomeUnknownError) or not isinstance(error, Exception)
        return ["unknown" if is_unknown else "not done"] * self.documents


def _of_key(result: Any, key: str) -> Known:
    entry = None if result is None else next((one for one in result if one.key == key), None)
    if entry is None or entry.outcome in ("failed", "unwritten"):
        return "not done"
    return "unknown" if entry.outcome == "unknown" else "done"


# -- what shows in a document ---------------------------------------------------------------------


def is_there(document: Document | None) -> Sequence[int]:
    return (0,) if document is None else (1, document["count"])


def is_gone(document: Document | None) -> Sequence[int]:
    return (int(document is None),)


def tags(document: Document | None) -> Sequence[int]:
    assert document is not None
    return (len(document["tags"]),)


def count(document: Document | None) -> Sequence[int]:
    assert document is not None
    return (document["count"],)


def count_and_name(document: Document | None) -> Sequence[int]:
    assert document is not None
    both = [document["count"], len(document["name"])]
    if "revision" in document:
        both.append(document["revision"] - 1)
    return both


def count_and_tags(document: Document | None) -> Sequence[int]:
    assert document is not None
    return (document["count"], len(document["tags"]))


def mark(document: Document | None) -> Sequence[int]:
    assert document is not None
    return (document["marks"].get("a", 0),)


def is_there_and_ends(document: Document | None) -> Sequence[int]:
    return (0,) if document is None else (document["count"], int(document["ttl"] > 3500_000))


def count_and_ends(document: Document | None) -> Sequence[int]:
    assert document is not None
    assert document["ttl"] > 0, "it has no end any more"
    return (document["count"], int(document["ttl"] > 3500_000))


def lives_longer(document: Document | None) -> Sequence[int]:
    assert document is not None
    assert document["ttl"] > 0, "it has no end any more"
    return (int(document["ttl"] > 3500_000),)
