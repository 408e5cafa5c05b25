"""Conditions of programs: decided on the server, combined, and acted upon."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rapyer.expr import Condition

from rapyer_pipeline.recorded import TIMED, Timed

if TYPE_CHECKING:
    from collections.abc import Hashable

    from rapyer_pipeline.recorder import Recorder


class TracedCondition(Timed, Condition):
    """A condition of a program: the server decides it as of the moment at which it was made."""

    __slots__ = TIMED

    @classmethod
    def of_(cls, recorder: Recorder, code: str, label: Any) -> TracedCondition:
        """Make a condition from its expression; see `Operand.of_`."""
        made = object.__new__(cls)
        made.recorder_ = recorder
        made._code = code
        made._label = label
        made._is_kept = False
        made._moment = recorder.now
        return made

    @classmethod
    def of_node_(cls, recorder: Recorder, node: Condition) -> TracedCondition:
        """Make a condition from one of core's expression language.

        Raises:
            RecordingError: The interpreter cannot decide it.
        """
        return cls.of_(recorder, recorder.compile(node), node.__repr__)

    def __structure__(self) -> tuple[Hashable, ...]:
        """Return what tells it apart from others: it is a condition at one moment."""
        return TracedCondition, id(self)

    def __and__(self, other: Any) -> Any:
        return self._joined("and", "&", other)

    def __or__(self, other: Any) -> Any:
        return self._joined("or", "|", other)

    def __rand__(self, other: Any) -> Any:
        return condition_of(self.recorder_, other) & self

    def __ror__(self, other: Any) -> Any:
        return condition_of(self.recorder_, other) | self

    def __invert__(self) -> TracedCondition:
        code = f'["not",{self.use_(self.recorder_)}]'
        return TracedCondition.of_(self.recorder_, code, lambda: f"~({self!r})")

    def _joined(self, word: str, operator: str, other: Any) -> TracedCondition:
        recorder = self.recorder_
        right = condition_of(recorder, other)
        left, start = self.use_(recorder), f'["{word}",'
        left = left[len(start) : -1] if left.startswith(start) else left  # many are one level
        code = f"{start}{left},{right.use_(recorder)}]"
        return TracedCondition.of_(recorder, code, (self, operator, right))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise self.refuse_(
            f"{self!r} has no {name!r}. A condition has if_true(...), and its result has "
            "elif_true(condition, ...) and else_(...)"
        )

    def if_true(self, *actions: Any) -> Any:
        """Run actions if the condition holds.

        Args:
            actions: Callables that record statements, or lists of such.

        Returns:
            What you continue with `.elif_true(condition, actions)` and `.else_(actions)`.
        """
        return self.recorder_.branch(self, actions)


def condition_of(recorder: Recorder, value: object) -> TracedCondition:
    """Return the condition of a program for one made from its values or from paths of the model.

    Raises:
        RecordingError: It is not a condition.
    """
    if isinstance(value, TracedCondition):
        if value.recorder_ is not recorder:
            raise recorder.error(f"{value!r} is a condition from another pipeline")
        return value
    of_bool: Any = getattr(type(value), "condition_", None)
    if of_bool is not None:
        found: TracedCondition = of_bool(value)
        return found
    if isinstance(value, Condition):
        return TracedCondition.of_node_(recorder, value)
    if isinstance(value, bool):
        raise recorder.error(
            f"{value!r} is not a condition: it was already evaluated in Python, like `is`, `is "
            "not` and comparisons on an instance. Write p.nick == None, ~(p.nick == None), "
            "p.age > 17"
        )
    raise recorder.error(
        f"{value!r} is not a condition. Give a comparison such as p.age > 17, with each one in "
        "parentheses where & | ~ combine several"
    )
