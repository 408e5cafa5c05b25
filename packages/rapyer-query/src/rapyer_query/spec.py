"""What a query asks for, as built by its methods."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from rapyer.base import BaseRedisModel
    from rapyer.expr.nodes import Condition
    from rapyer.expr.order import Order

    from rapyer_query.near import Near
    from rapyer_query.shapes import Shape
    from rapyer_query.shards import Shard

#: What happens to a document that does not validate.
OnCorrupt: TypeAlias = Literal["raise", "skip"]


@dataclass(frozen=True, slots=True, eq=False)
class Spec:
    """What a query asks for.

    Attributes:
        model: The model.
        shape: What is made from each document.
        condition: The condition that documents have to match; None for all documents.
        orders: The requested order.
        skip: How many documents are skipped.
        limit: How many documents are wanted at most; None for all.
        timeout: How many seconds the server may take; None for unlimited.
        on_corrupt: What happens to a document that does not validate.
        scans: Whether all documents may be read.
        ranks: Whether documents come in the order of their full-text scores, unless another order
            is requested.
        near: What the vectors of documents are near to; None if that does not matter.
        scored: Whether each result comes with its score, or its distance.
        touches: Whether documents that are found count as read for the policies of the model.
        shard: The node of a cluster whose documents are meant; None for all documents.
    """

    model: type[BaseRedisModel]
    shape: Shape
    condition: Condition | None = None
    orders: tuple[Order, ...] = ()
    skip: int = 0
    limit: int | None = None
    timeout: float | None = None
    on_corrupt: OnCorrupt = "raise"
    scans: bool = False
    ranks: bool = False
    near: Near | None = None
    scored: bool = False
    touches: bool = True
    shard: Shard | None = None

    @property
    def is_windowed(self) -> bool:
        """Whether it selects only some of the documents that match the condition."""
        return self.skip > 0 or self.limit is not None
