"""What is known about a place in documents from the way to it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from rapyer.indexed import Text, Vector

from rapyer_query.attributes import Way, distinct


@dataclass(frozen=True, slots=True)
class Place:
    """What is known about a place from the way to it.

    Attributes:
        way: The way.
        path: The JSONPath.
        absent: What the value may be although nothing is indexed.
        is_many: Whether there may be several values.
        is_wanted: Whether it is to be indexed.
        is_demanded: Whether its `Field(index=True)` says so.
        keys: The keys of the dict there that are indexed individually.
        is_sortable: Whether its `Field(sortable=True)` says so.
        text: How its words are indexed, if they are.
        vector: How it is indexed as a vector, if it is.
        since: After how many steps of the way the last of `absent` was added.
        validates: Whether the surrounding model is configured to validate defaults.
    """

    way: Way = ()
    path: str = "$"
    absent: tuple[Any, ...] = ()
    is_many: bool = False
    is_wanted: bool = True
    is_demanded: bool = False
    keys: tuple[str, ...] = ()
    is_sortable: bool = False
    text: Text | None = None
    vector: Vector | None = None
    validates: bool = False
    since: int = 0

    def may_be(self, *values: Any) -> Place:
        """Return the place with more values for which nothing is indexed."""
        return replace(self, absent=distinct((*self.absent, *values)), since=len(self.way))
