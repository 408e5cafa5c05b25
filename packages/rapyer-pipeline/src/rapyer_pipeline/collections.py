"""What the lists, sets and dicts of documents have in common in a program."""

from __future__ import annotations

from typing import Any, ClassVar

from rapyer.expr import Condition
from rapyer.expr.nodes import Contains

from rapyer_pipeline.containers import Container
from rapyer_pipeline.predicates import TracedCondition
from rapyer_pipeline.spots import GuardedSpot, Spot


class Collection(Container):
    """The common base of lists, sets and dicts.

    Attributes:
        offers_: The available operations, for messages.
    """

    __slots__ = ()

    offers_: ClassVar[str]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise self.refuse_(f"{self!r} has no {name!r} in a pipeline: it supports {self.offers_}")

    def begin_(self, *, is_append: bool = False) -> tuple[int, str]:
        """Begin a statement that changes it: give the statement's number, and the reference."""
        recorder = self.recorder_
        if self.shape_.rules:
            raise self.refuse_(
                f"{self!r} {self.shape_.rules}, which only Python can check: it cannot be "
                "changed in place. Assign it as a whole"
            )
        number = recorder.begin()
        top = self.spot_.top
        is_known = is_append and self.shape_ is top.shape and self.shape_.most is None
        recorder.touch(top, "a" if is_known else "c")
        return number, self.reference_(recorder)

    def end_(self, text: str) -> None:
        """Record the statement, followed by a check of the length if that is constrained."""
        recorder, shape = self.recorder_, self.shape_
        recorder.add(text, moves=True)
        if shape.least is not None or shape.most is not None:
            number = len(recorder.lines)
            wanted = "object" if shape.role == "dict" else "list"
            least = "false" if shape.least is None else shape.least
            most = "false" if shape.most is None else shape.most
            reference = self.reference_(recorder)
            recorder.add(f'["size",{number},[{reference}],"{wanted}",{least},{most}]')

    def require_(self) -> None:
        """Record that it has to exist, whether or not anything is added to it."""
        number, reference = self.begin_()
        wanted = "object" if self.shape_.role == "dict" else "list"
        self.recorder_.add(f'["there",{number},[{reference}],"{wanted}"]')

    def element_spot_(self, step: str, label: Any) -> Spot:
        """Return the place of an element."""
        shape, recorder = self.shape_.element, self.recorder_
        kind = GuardedSpot if self.shape_.rules else Spot
        return kind(shape, self.reference_(recorder), step, label=label, top=self.spot_.top)

    def code_of_(self, value: Any) -> str:
        """Return the expression for a value that is to become an element."""
        element = self.shape_.element
        text = element.plain_text(value) if type(value) is element.plain else None
        if text is not None:
            return self.recorder_.constant(text, element.kind)
        spot = self.element_spot_("", lambda: f"an element of {self!r}")
        return spot.code_of(self.recorder_, value)

    def clear(self) -> None:
        """Remove everything."""
        number, reference = self.begin_()
        wanted = "object" if self.shape_.role == "dict" else "list"
        self.end_(f'["clear",{number},[{reference}],"{wanted}"]')

    def _contains(self, operand: Any) -> Condition:
        element = self.shape_.element
        if operand is not None and not any(kind.accepts(operand) for kind in element.kinds):
            raise self.refuse_(
                f"{self!r}.contains({operand!r}) could never hold: its elements are "
                f"{element.type_name}"
            )
        of_self: Any = self
        return TracedCondition.of_node_(self.recorder_, Contains(of_self, operand))
