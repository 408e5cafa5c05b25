"""The order in which documents are requested."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rapyer.expr.nodes import before_a_dot

if TYPE_CHECKING:
    from rapyer.expr.values import Value


@dataclass(frozen=True, slots=True, eq=False)
class Order:
    """An order of documents by one of their values: `User.age.desc()`.

    Attributes:
        value: The value.
        descending: Whether the largest comes first. None comes last either way.
    """

    value: Value[Any]
    descending: bool = False

    def __repr__(self) -> str:
        return f"{before_a_dot(self.value)}.{'desc' if self.descending else 'asc'}()"
