"""In which order documents are wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rapyer.expr.paths import Path


@dataclass(frozen=True, slots=True, eq=False)
class Order:
    """An order of documents by a value that they have: `User.age.desc()`.

    Attributes:
        path: The value.
        descending: Whether the largest comes first. None comes last either way.
    """

    path: Path[Any]
    descending: bool = False

    def __repr__(self) -> str:
        return f"{self.path!r}.{'desc' if self.descending else 'asc'}()"
