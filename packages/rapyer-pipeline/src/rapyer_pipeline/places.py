"""Scalars in documents as a program has them: read, compared, calculated with, assigned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rapyer.expr import Value
from rapyer.expr.annotations import is_same
from rapyer.expr.nodes import Condition, Contains, EndsWith, StartsWith
from rapyer.expr.operands import Kind

from rapyer_pipeline.arithmetic import NAMES
from rapyer_pipeline.operands import Operand
from rapyer_pipeline.predicates import TracedCondition
from rapyer_pipeline.recorded import Recorded, shown

if TYPE_CHECKING:
    from rapyer_pipeline.recorder import Recorder
    from rapyer_pipeline.shapes import Shape

#: What converts one kind into another, as validation would.
_CONVERSIONS: Final = {("i", "f"): "i-f", ("f", "i"): "f-i"}


class Place:
    """Where a value stands: in a container, at a step from there.

    Args:
        recorder: What records the program.
        shape: What the values there are like.
        above: The container around it, as the parts of a reference.
        step: The step, as a part of a program; empty for what a register holds.
        label: The place as it is written in Python; see `shown`.
        top: The top-level field that it is, or is in; itself if not given.

    Attributes:
        reference: The place as the parts of a reference.
    """

    __slots__ = ("_code", "above", "label", "recorder", "reference", "shape", "step", "top")

    def __init__(
        self, recorder: Recorder, shape: Shape, above: str, step: str, *, label: Any,
        top: Shape | None = None,
    ) -> None:  # fmt: skip
        self.recorder = recorder
        self.shape = shape
        self.above = above
        self.step = step
        self.label = label
        self.top = shape if top is None else top
        self.reference = f"{above},{step}" if step else above
        self._code = ""

    @property
    def code(self) -> str:
        """The expression that reads it."""
        if not self._code:
            self._code = f'["get",[{self.reference}],"{self.shape.kind}"]'
        return self._code

    def assign(self, value: Any) -> None:
        """Record that a value is assigned.

        Raises:
            RecordingError: It is none that the field could have, or the field is not written.
            pydantic.ValidationError: It does not validate.
        """
        recorder, shape = self.recorder, self.shape
        number = recorder.begin()
        if not shape.is_writable:
            shape.require_writable()
        if type(value) is shape.plain:
            code = recorder.constant(shape.plain_text(value), shape.kind)
        else:
            code = self.code_of(value)
        if recorder.refreshes:
            recorder.touch(self.top, "s" if self.top.role == "scalar" else "c")
        text = f'["set",{number},[{self.reference}],{code},{shape.type_text}]'
        recorder.add(text, moves=shape.kind == "j")

    def code_of(self, value: Any) -> str:
        """Give the expression of a value for this place; see `assign` for the errors."""
        recorder, shape = self.recorder, self.shape
        if isinstance(value, Operand):
            return self._code_of_operand(value)
        if isinstance(value, Recorded):
            return self._code_of_container(value)
        if isinstance(value, Value | Condition):
            raise recorder.error(
                f"{value!r} is a path of the model, or made of one, and {self!r} takes a value. "
                "Start at the p of the pipeline"
            )
        return recorder.constant(shape.constant(value), shape.kind)

    def _code_of_operand(self, value: Operand) -> str:
        recorder, shape = self.recorder, self.shape
        code, own = value.use_(recorder), value.shape_
        if own is not None and (own is shape or _are_alike(own, shape)):
            return f'["same",{code}]' if own.nullable <= shape.nullable else code
        if shape.rules:
            raise recorder.error(
                f"{self!r} {shape.rules}, which only Python can check, and {value!r} is known on "
                "the server only. Assign a value that is known here"
            )
        is_told_apart = not (shape.calculates or shape.kind in "bt") or not (
            value.calculates_ or value.kind_ in "bt"
        )
        if shape.kind == value.kind_ and not is_told_apart:
            return code
        conversion = _CONVERSIONS.get((value.kind_, shape.kind))
        if conversion is None or is_told_apart:
            raise recorder.error(
                f"{value!r} is {NAMES[value.kind_]}, and {self!r} is {shape.annotation!r}. Assign "
                "a value of its type"
            )
        return f'["{conversion}",{code}]'

    def _code_of_container(self, value: Recorded) -> str:
        recorder, shape = self.recorder, self.shape
        if isinstance(value, TracedCondition):
            if shape.kind != "b" or shape.rules:
                raise recorder.error(f"{value!r} is a bool, and {self!r} is {shape.annotation!r}")
            return value.use_(recorder)
        its: Any = value
        if not hasattr(type(value), "reference_"):
            raise recorder.error(f"{value!r} is no value. Assign one of the type of {self!r}")
        if its.shape_ is not shape and not _are_alike(its.shape_, shape):
            raise recorder.error(
                f"{value!r} is {its.shape_.annotation!r}, and {self!r} is {shape.annotation!r}. "
                "Only what has the same type is copied"
            )
        return f'["get",[{its.reference_(recorder)}],"j"]'

    def __repr__(self) -> str:
        return shown(self.label)


def _are_alike(one: Shape, other: Shape) -> bool:
    """Say whether the values of one place are values of the other, without a look at them."""
    if one.kind != other.kind or one.rules != other.rules or one.schema != other.schema:
        return False
    # whether it is None is looked at on the server
    return one.role != "opaque" or is_same(one.annotation, other.annotation)


class Leaf(Operand):
    """A scalar in a document.

    Attributes:
        place_: Where it stands.
    """

    __slots__ = ("place_",)

    place_: Place

    @classmethod
    def at(cls, place: Place) -> Leaf:
        """Read the value at a place, as it is now."""
        shape = place.shape
        leaf = object.__new__(cls)
        leaf.recorder_ = recorder = place.recorder
        leaf.place_ = place
        leaf.shape_ = shape
        leaf.kind_ = shape.kind
        leaf.calculates_ = shape.calculates
        leaf._code = place.code
        leaf._label = place.label
        leaf._is_kept = False
        leaf._moment = recorder.now
        return leaf

    @property
    def __kinds__(self) -> tuple[Kind, ...]:
        """What the value, where it is not None, can be compared with."""
        return self.place_.shape.kinds

    def set(self, value: Any) -> None:
        """Assign a value, as `p.field = value` does; for lambdas."""
        if not self.place_.step:
            raise self.refuse_(
                f"{self!r} is what a loop is at. Assign to a place: p.numbers[0] = ..."
            )
        self.place_.assign(value)

    # -- conditions on texts ----------------------------------------------------------------------

    def contains(self, operand: str) -> Condition:
        """Say that a text contains another one."""
        return self._on_text(Contains, "contains", operand)

    def startswith(self, operand: str) -> Condition:
        """Say that a text starts with another one."""
        return self._on_text(StartsWith, "startswith", operand)

    def endswith(self, operand: str) -> Condition:
        """Say that a text ends with another one."""
        return self._on_text(EndsWith, "endswith", operand)

    def _on_text(self, node: Any, method: str, operand: object) -> Condition:
        if self.kind_ != "s" or not self.calculates_:
            raise self.refuse_(f"{self!r}.{method} is for texts, and this is no str")
        if not isinstance(operand, str):
            raise self.refuse_(f"{self!r}.{method} was given {operand!r}. Give a str")
        return TracedCondition.of_node(self.recorder_, node(self, operand))

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_"):
                raise AttributeError(name)
            raise self.refuse_(
                f"{self!r} has no {name!r} in a pipeline: it is {self.place_.shape.annotation!r}. "
                "It is calculated with, compared, and assigned"
            )

        def __getitem__(self, item: Any) -> Any:
            raise self.refuse_(f"{self!r}[{item!r}]: parts of a text are not taken in a pipeline")
