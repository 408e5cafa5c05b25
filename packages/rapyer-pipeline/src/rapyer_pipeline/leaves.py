"""The scalars of documents in a program: read, compared, calculated with, assigned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rapyer.expr.nodes import Condition, Contains, EndsWith, StartsWith
from rapyer.expr.operands import Kind

from rapyer_pipeline.operands import Operand
from rapyer_pipeline.predicates import TracedCondition
from rapyer_pipeline.spots import Spot

if TYPE_CHECKING:
    from rapyer_pipeline.recorder import Recorder


class Leaf(Operand):
    """A scalar in a document.

    Attributes:
        spot_: Where it is.
    """

    __slots__ = ("spot_",)

    spot_: Spot

    @classmethod
    def at_(cls, recorder: Recorder, spot: Spot) -> Leaf:
        """Read the value at a place, as it is now."""
        shape = spot.shape
        leaf = object.__new__(cls)
        leaf.recorder_ = recorder
        leaf.spot_ = spot
        leaf.shape_ = shape
        leaf.kind_ = shape.kind
        leaf.calculates_ = shape.calculates
        leaf._code = spot.code
        leaf._label = spot.label
        leaf._is_kept = False
        leaf._moment = recorder.now
        return leaf

    @property
    def __kinds__(self) -> tuple[Kind, ...]:
        """What the value can be compared with when it is not None."""
        return self.spot_.shape.kinds

    def set(self, value: Any) -> None:
        """Assign a value, as `p.field = value` does; for use in lambdas."""
        if not self.spot_.step:
            raise self.refuse_(
                f"{self!r} is the current element of a loop. Assign to its place: p.numbers[0] = "
                "..."
            )
        self.spot_.assign(self.recorder_, value)

    # -- conditions on texts ----------------------------------------------------------------------

    def contains(self, operand: str) -> Condition:
        """Make the condition that the text contains `operand`."""
        return self._on_text(Contains, "contains", operand)

    def startswith(self, operand: str) -> Condition:
        """Make the condition that the text starts with `operand`."""
        return self._on_text(StartsWith, "startswith", operand)

    def endswith(self, operand: str) -> Condition:
        """Make the condition that the text ends with `operand`."""
        return self._on_text(EndsWith, "endswith", operand)

    def _on_text(self, node: Any, method: str, operand: object) -> Condition:
        if self.kind_ != "s" or not self.calculates_:
            raise self.refuse_(f"{self!r}.{method} works only on strings, and this is not a str")
        if not isinstance(operand, str):
            raise self.refuse_(f"{self!r}.{method} was given {operand!r}. Give a str")
        return TracedCondition.of_node_(self.recorder_, node(self, operand))

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_"):
                raise AttributeError(name)
            raise self.refuse_(
                f"{self!r} has no {name!r} in a pipeline: it is {self.spot_.shape.type_name}. It "
                "can be used in calculations, compared, and assigned"
            )

        def __getitem__(self, item: Any) -> Any:
            raise self.refuse_(
                f"{self!r}[{item!r}]: {self!r} is {self.spot_.shape.type_name}, whose parts are "
                "not supported in a pipeline"
            )
