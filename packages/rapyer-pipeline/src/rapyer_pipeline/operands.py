"""Values of programs: those read from a document, and those calculated from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rapyer.expr import Condition, Value
from rapyer.expr.nodes import Comparison
from rapyer.expr.operands import Kind, kinds_of

from rapyer_pipeline.arithmetic import (
    COMPARED,
    KINDS,
    NAMES,
    PYTHON,
    REMEDIES,
    RULES,
    constant_text,
    kind_of,
)
from rapyer_pipeline.predicates import TracedCondition, condition_of
from rapyer_pipeline.recorded import TIMED, Timed, saying_where

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rapyer_pipeline.errors import RecordingError
    from rapyer_pipeline.recorder import Recorder
    from rapyer_pipeline.shapes import Shape


#: Longer expressions are kept in a register rather than repeated where they are used: `x = x + x`
#: in a loop would double them each time.
_LONG: Final = 4000


class Operand(Timed, Value[Any]):
    """A value of a program, as it was at the moment it was read.

    Attributes:
        kind_: Its kind.
        calculates_: Whether it can be calculated with and ordered, not only told apart.
        shape_: What the values are like at the place it was read from, or None.
    """

    __slots__ = (*TIMED, "calculates_", "kind_", "shape_")

    kind_: str
    calculates_: bool
    shape_: Shape | None

    @classmethod
    def of_(cls, recorder: Recorder, kind: str, code: str, label: Any) -> Operand:
        """Make the value of an expression.

        Args:
            recorder: Records the program.
            kind: Its kind.
            code: The expression.
            label: What it is made of; see `shown`.
        """
        made = object.__new__(cls)
        made.recorder_ = recorder
        made.kind_ = kind
        made.calculates_ = True
        made.shape_ = None
        made._code = code
        made._label = label
        made._is_kept = False
        made._moment = recorder.now
        if len(code) > _LONG:
            made.keep_(recorder)
        return made

    @property
    def __kinds__(self) -> tuple[Kind, ...]:
        """What the value can be compared with when it is not None."""
        return _KINDS[self.kind_]

    # -- calculating ------------------------------------------------------------------------------

    def _calculate(self, operator: str, other: Any, *, reflected: bool = False) -> Value[Any]:
        recorder = self.recorder_
        mine = self._code if self._moment is recorder.now else self.use_(recorder)
        plain: object = other
        kind = KINDS.get(type(plain))
        if kind is not None:
            theirs, is_fine = "", self.calculates_
        elif isinstance(other, Operand):
            theirs, kind = other.use_(recorder), other.kind_
            is_fine = self.calculates_ and other.calculates_
        else:
            theirs, kind, is_fine = "", kind_of(other) or "j", self.calculates_
        own = self.kind_
        rule = RULES.get((operator, kind, own) if reflected else (operator, own, kind))
        if rule is None or not is_fine:
            raise self._no_operation(operator, other, kind, reflected=reflected)
        if not theirs:
            theirs = recorder.constant(self._constant(kind, other), kind)
        left, right = (theirs, mine) if reflected else (mine, theirs)
        code, result, convert_left, convert_right, swaps = rule
        if convert_left:
            left = f'["{convert_left}",{left}]'
        if convert_right:
            right = f'["{convert_right}",{right}]'
        if swaps:
            left, right = right, left
        label = (other, operator, self) if reflected else (self, operator, other)
        return Operand.of_(recorder, result, f'["{code}",{left},{right}]', label)

    def _constant(self, kind: str, value: object) -> str:
        try:
            return constant_text(kind, value)
        except ValueError as exc:
            raise self.refuse_(f"{value!r} cannot be used in a calculation: {exc}") from exc

    def _no_operation(
        self, operator: str, other: object, kind: str, *, reflected: bool
    ) -> RecordingError:
        one, two = (other, self) if reflected else (self, other)
        pair = (kind, self.kind_) if reflected else (self.kind_, kind)
        if not self.calculates_ or (isinstance(other, Operand) and not other.calculates_):
            what = "one of them can only be compared, or is a union"
        else:
            what = f"that is {NAMES[pair[0]]} {operator} {NAMES[pair[1]]}"
        remedy = REMEDIES.get((operator, *pair))
        ending = f". {remedy}" if remedy else ""
        return self.refuse_(
            f"{one!r} {operator} {two!r} is not a supported operation: {what}{ending}"
        )

    def __neg__(self) -> Operand:
        if self.kind_ not in "ifT" or not self.calculates_:
            raise self.refuse_(f"-{self!r} is not a supported operation")
        code = "fneg" if self.kind_ == "f" else "ineg"
        mine = self.use_(self.recorder_)
        return Operand.of_(self.recorder_, self.kind_, f'["{code}",{mine}]', lambda: f"-{self!r}")

    # -- comparing --------------------------------------------------------------------------------

    def _compare(self, operator: str, other: Any) -> Condition:
        recorder, kind = self.recorder_, self.kind_
        if type(other) is PYTHON.get(kind) and self.calculates_:  # of one type: nothing to check
            text = self._constant(kind, other)
            mine = self._code if self._moment is recorder.now else self.use_(recorder)
            theirs = recorder.constant(text, kind)
            code = f'["{COMPARED[operator]}","{kind}",{mine},{theirs}]'
            return TracedCondition.of_(recorder, code, (self, operator, other))
        node = Comparison(operator, self, self._operand(operator, other))
        return TracedCondition.of_node_(recorder, node)

    def _operand(self, operator: str, other: Any) -> Any:
        with saying_where(self.recorder_):
            return super()._operand(operator, other)

    def _different(self, other: Any) -> Condition:
        return ~self._compare("==", other)

    def _for_each(self, node: Any, *parts: Any) -> Condition:
        return TracedCondition.of_node_(self.recorder_, node(self, *parts))

    def __and__(self, other: Any) -> Any:
        return self.condition_() & other

    def __or__(self, other: Any) -> Any:
        return self.condition_() | other

    def __rand__(self, other: Any) -> Any:
        return condition_of(self.recorder_, other) & self.condition_()

    def __ror__(self, other: Any) -> Any:
        return condition_of(self.recorder_, other) | self.condition_()

    def __invert__(self) -> Any:
        return ~self.condition_()

    def condition_(self) -> TracedCondition:
        """Make the condition that a bool is true."""
        if self.kind_ != "b":
            raise self.refuse_(f"{self!r} is not a condition. Compare it: == ..., is_none(), > ...")
        theirs = self.recorder_.constant("true", "b")
        code = f'["eq","b",{self.use_(self.recorder_)},{theirs}]'
        return TracedCondition.of_(self.recorder_, code, self.__repr__)

    def if_true(self, *actions: Any) -> Any:
        """Run actions if the value, a bool, is true.

        Args:
            actions: Callables that record statements, or lists of such.

        Returns:
            What you continue with `.elif_true(condition, actions)` and `.else_(actions)`.

        Raises:
            RecordingError: It is not a bool, or an argument is not an action.
        """
        return self.condition_().if_true(*actions)


def _kinds() -> Mapping[str, tuple[Kind, ...]]:
    return {kind: kinds_of(annotation) for kind, annotation in PYTHON.items()} | {
        "j": kinds_of(Any)
    }


_KINDS = _kinds()
