"""What candidates have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from benchmarks.compare.documents import values


class Candidate(ABC):
    """One way to keep documents in Redis: each of its works is a method of that name.

    A candidate has four models of the same fields. Users are found by key, people by an index of
    `age` and `points`, sessions live for `TTL` seconds after they were last read. Members are what
    a growing collection is made of: all candidates read the same ones.
    """

    #: What its keys begin with.
    prefix: ClassVar[str]
    #: Names of works, and why it cannot do them.
    cannot: ClassVar[Mapping[str, str]] = {}
    #: Names of works, and what a reader of its times has to know.
    notes: ClassVar[Mapping[str, str]] = {}
    #: The distributions whose versions count.
    packages: ClassVar[Sequence[str]]

    def __init__(self, documents: int) -> None:
        self.ids = [str(number) for number in range(documents)]
        self.half = documents // 2
        self.values = values(0)

    def key(self, kind: str, pk: str) -> str:
        """Give the Redis key of a document of a kind: user, person, session or member."""
        return f"{'compare' if kind == 'member' else self.prefix}:{kind}:{pk}"

    @abstractmethod
    async def open(self, url: str) -> None:
        """Connect, and make the instances that works write."""

    @abstractmethod
    async def close(self) -> None:
        """Give back what was opened."""

    @abstractmethod
    async def store(self, kind: str, document: dict[str, Any]) -> None:
        """Write a document of a kind."""

    @abstractmethod
    async def insert(self, _: int) -> None:
        """Write all users; a work, and what prepares others."""

    @abstractmethod
    async def insert_people(self, _: int) -> None:
        """Write all people, who are indexed; likewise."""

    @abstractmethod
    async def index_of(self, kind: str) -> str:
        """Have an index of people or members, and give its name."""
