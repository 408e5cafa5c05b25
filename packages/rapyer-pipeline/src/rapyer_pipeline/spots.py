"""Where values are in documents, and what may be assigned there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rapyer.errors import RapyerError
from rapyer.expr import Condition, Value
from rapyer.expr.annotations import is_same

from rapyer_pipeline.arithmetic import NAMES
from rapyer_pipeline.natures import is_same_schema
from rapyer_pipeline.operands import Operand
from rapyer_pipeline.predicates import TracedCondition
from rapyer_pipeline.recorded import Recorded, shown

if TYPE_CHECKING:
    from rapyer_pipeline.recorder import Recorder
    from rapyer_pipeline.shapes import Shape

#: Conversions between kinds, as validation would do them.
_CONVERSIONS: Final = {("i", "f"): "i-f", ("f", "i"): "f-i"}


class Spot:
    """Where a value is: in a container, at a step from there.

    Args:
        shape: What the values there are like.
        above: The container around it, as the parts of a reference.
        step: The step, as a part of a program; empty for what a register holds.
        label: The place as written in Python; see `shown`.
        top: The top-level field that it is, or is in; itself if not given.

    Attributes:
        reference: The place as the parts of a reference.
    """

    __slots__ = ("_code", "above", "label", "reference", "shape", "step", "top")

    def __init__(
        self, shape: Shape, above: str, step: str, *, label: Any, top: Spot | None = None
    ) -> None:  # fmt: skip
        self.shape = shape
        self.above = above
        self.step = step
        self.label = label
        self.top: Spot = self if top is None else top
        self.reference = f"{above},{step}" if step else above
        self._code = ""

    @property
    def code(self) -> str:
        """The expression that reads it."""
        if not self._code:
            self._code = f'["get",[{self.reference}],"{self.shape.kind}"]'
        return self._code

    @property
    def is_calculated(self) -> bool:
        """Whether values of the document lead there, as in `p.items[p.number]`."""
        return '["get"' in self.reference  # not a name or a key: in JSON, their quotes are escaped

    def assign(self, recorder: Recorder, value: Any) -> None:
        """Record the assignment of a value.

        Raises:
            RecordingError: The field could not have it, or cannot be assigned.
            pydantic.ValidationError: It does not validate.
        """
        shape = self.shape
        number = recorder.begin()
        if not shape.is_writable:
            shape.require_writable()
        text = shape.plain_text(value) if type(value) is shape.plain else None
        if text is not None:
            code = recorder.constant(text, shape.kind)
        elif type(value) is Operand and value.kind_ == shape.takes:
            code = value.use_(recorder)
        else:
            code = self.code_of(recorder, value)
        if recorder.refreshes:
            recorder.touch(self.top, "s" if self.top.shape.role == "scalar" else "c")
        statement = f'["set",{number},[{self.reference}],{code},{shape.type_text}]'
        recorder.add(statement, moves=shape.kind == "j")

    def code_of(self, recorder: Recorder, value: Any) -> str:
        """Return the expression for a value at this place; see `assign` for the errors."""
        shape = self.shape
        if isinstance(value, Operand):
            return self._code_of_operand(recorder, value)
        if isinstance(value, Recorded):
            return self._code_of_container(recorder, value)
        if isinstance(value, Value | Condition):
            raise recorder.error(
                f"{value!r} is a path of the model, or made from one, but {self!r} takes a "
                "value. Start from the p of the pipeline"
            )
        try:
            text = shape.constant(value)
        except (ValueError, RapyerError) as exc:
            exc.add_note(str(recorder.error(f"{self!r} was given {value!r}")))
            raise
        return recorder.constant(text, shape.kind)

    def _code_of_operand(self, recorder: Recorder, value: Operand) -> str:
        shape = self.shape
        code, own = value.use_(recorder), value.shape_
        if own is not None and (own is shape or _are_alike(own, shape)):
            return f'["same",{code}]' if own.nullable <= shape.nullable else code
        if shape.rules:
            raise recorder.error(
                f"{self!r} {shape.rules}, which only Python can check, and {value!r} is known "
                "only on the server. Assign a value that is known in Python"
            )
        is_told_apart = not (shape.calculates or shape.kind in "btc") or not (
            value.calculates_ or value.kind_ in "btc"
        )
        if shape.kind == value.kind_ and not is_told_apart:
            return code
        conversion = _CONVERSIONS.get((value.kind_, shape.kind))
        if conversion is None or is_told_apart:
            raise recorder.error(
                f"{value!r} is {NAMES[value.kind_]}, and {self!r} is {shape.type_name}. Assign a "
                "value of that type"
            )
        return f'["{conversion}",{code}]'

    def _code_of_container(self, recorder: Recorder, value: Recorded) -> str:
        shape = self.shape
        if isinstance(value, TracedCondition):
            if shape.kind != "b" or shape.rules:
                raise recorder.error(f"{value!r} is a bool, and {self!r} is {shape.type_name}")
            return value.use_(recorder)
        its: Any = value
        if not hasattr(type(value), "reference_"):
            raise recorder.error(f"{value!r} is not a value. Assign one of the type of {self!r}")
        if its.shape_ is not shape and not _are_alike(its.shape_, shape):
            raise recorder.error(
                f"{value!r} is {its.shape_.type_name}, and {self!r} is {shape.type_name}. Only a "
                "value of the same type can be copied"
            )
        return f'["get",[{its.reference_(recorder)}],"j"]'

    def __repr__(self) -> str:
        return shown(self.label)


class GuardedSpot(Spot):
    """A place in a container whose contents only Python can check."""

    __slots__ = ()

    def assign(self, recorder: Recorder, value: Any) -> None:
        """Refuse an assignment."""
        del value
        raise recorder.error(
            f"{self!r} is part of a value with a custom validator, which only Python can check. "
            "Assign that value as a whole"
        )


def _are_alike(one: Shape, other: Shape) -> bool:
    """Return whether values of one place are valid in the other without further checks."""
    if one.kind != other.kind or one.rules != other.rules:
        return False
    if not is_same_schema(one.schema, other.schema, one.locator):
        return False
    # the server checks whether it is None
    return one.role != "opaque" or is_same(one.annotation, other.annotation)
