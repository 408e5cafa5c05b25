"""Conditions that decide what a program does: `if_true`, `elif_true` and `else_`, and blocks."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from typing import Any

from rapyer_pipeline.leaving import is_left_at_its_end, knows_this_python
from rapyer_pipeline.predicates import TracedCondition, condition_of
from rapyer_pipeline.recorder import Block, Recorder


class Decision:
    """A decision as a part of a program.

    Attributes:
        number: Its number.
        branches: The conditions, each with the statements to run if it is the first that holds.
        otherwise: The statements to run if no condition holds, or None.
    """

    __slots__ = ("branches", "number", "otherwise")

    def __init__(self, number: int) -> None:
        self.number = number
        self.branches: list[tuple[str, Block]] = []
        self.otherwise: Block | None = None

    def __str__(self) -> str:
        branches = ",".join([f"[{code},{block}]" for code, block in self.branches])
        otherwise = "" if self.otherwise is None else f",{self.otherwise}"
        return f'["if",{self.number},[{branches}]{otherwise}]'


class Branches:
    """The result of `if_true`, which goes on: `.elif_true(condition, actions).else_(actions)`.

    Args:
        recorder: Records the program.
        condition: The first condition.
    """

    __slots__ = ("_block", "_decision", "_recorder")

    def __init__(self, recorder: Recorder, condition: TracedCondition) -> None:
        code = condition.use_(recorder)
        self._recorder = recorder
        self._decision = Decision(recorder.begin())
        self._decision.branches.append((code, Block()))
        self._block = recorder.blocks[-1]
        recorder.add(self._decision, moves=True)

    def run_(self, actions: tuple[Any, ...]) -> Branches:
        """Record the actions of the last branch.

        Raises:
            RecordingError: There are no actions, or one of them is not an action.
        """
        self._record(self._decision.branches[-1][1], actions)
        return self

    def elif_true(self, condition: Any, *actions: Any) -> Branches:
        """Run actions if no earlier condition holds and this one does.

        The condition is evaluated after the earlier ones; by then none of their actions has run.

        Args:
            condition: A condition on `p`, or on paths of the model.
            actions: Callables that record statements, or lists of such.

        Returns:
            What you call for further branches.

        Raises:
            RecordingError: It does not follow its `if_true` directly, or an argument is not one of
                these.
        """
        block = self._next("elif_true")
        code = condition_of(self._recorder, condition).use_after_(self._recorder, self._decision)
        self._decision.branches.append((code, block))
        return self.run_(actions)

    def else_(self, *actions: Any) -> None:
        """Run actions if none of the conditions holds.

        Args:
            actions: Callables that record statements, or lists of such.

        Raises:
            RecordingError: It does not follow its `if_true` directly, or an argument is not one of
                these.
        """
        self._decision.otherwise = block = self._next("else_")
        self._record(block, actions)

    def _next(self, what: str) -> Block:
        if self._decision.otherwise is not None:
            raise self._recorder.error(f"{what} cannot follow else_, which must be the last branch")
        items = self._recorder.blocks[-1].items
        if self._recorder.blocks[-1] is not self._block or items[-1] is not self._decision:
            raise self._recorder.error(f"{what} must directly follow its if_true")
        return Block()

    def _record(self, block: Block, actions: tuple[Any, ...]) -> None:
        recorder = self._recorder
        recorder.enter(block)
        try:
            for action in _actions(recorder, actions):
                action()
        except BaseException:
            recorder.break_off("an action of a condition raised an error.")
            raise
        finally:
            recorder.leave()


def _actions(recorder: Recorder, actions: Iterable[Any]) -> list[Callable[[], Any]]:
    found = list(_flat(recorder, actions))
    if not found:
        raise recorder.error("no action was given. Give one: lambda: p.status.set(...)")
    return found


def _flat(recorder: Recorder, actions: Iterable[Any]) -> Generator[Callable[[], Any]]:
    for action in actions:
        if isinstance(action, list | tuple):
            yield from _flat(recorder, action)  # pyright: ignore[reportUnknownArgumentType] - each is looked at
        elif callable(action):
            yield action
        else:
            raise recorder.error(
                f"{action!r} is not an action: it was already evaluated where it is written. "
                "Give a callable: lambda: ..."
            )


class BlockOf:
    """A `with` block that runs if a condition holds, or if no earlier one did.

    Args:
        recorder: Records the program.
        begin: Called when the block is entered; returns the block to record into.
    """

    __slots__ = ("_begin", "_number", "_recorder")

    def __init__(self, recorder: Recorder, begin: Callable[[], Block]) -> None:
        self._recorder = recorder
        self._begin = begin
        self._number = 0
        recorder.unentered = self

    def __enter__(self) -> None:
        recorder = self._recorder
        recorder.unentered = None
        if not knows_this_python():
            raise recorder.error(
                "how a block is left cannot be told on this version of Python. Write "
                "(condition).if_true(...).else_(...), or upgrade rapyer-pipeline"
            )
        block = self._begin()
        self._number = len(recorder.lines)
        recorder.enter(block)

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        recorder = self._recorder
        recorder.leave()
        code, entered = recorder.lines[self._number - 1]
        frame = recorder.caller()
        is_whole = frame.f_code is not code or is_left_at_its_end(code, entered, frame.f_lasti)
        if kind is not None or not is_whole:
            recorder.break_off(
                f"{recorder.where(self._number)}: the block was left by continue, break, return "
                "or an error, so what follows, in it or after it, is not recorded. Write the "
                "alternative under `with p.otherwise():`."
            )


def when(recorder: Recorder, condition: Any) -> BlockOf:
    """Return the block that runs if a condition holds."""
    code = condition_of(recorder, condition)

    def begin() -> Block:
        expression = code.use_(recorder)
        decision = Decision(recorder.begin())
        block = Block()
        decision.branches.append((expression, block))
        recorder.add(decision, moves=True)
        return block

    return BlockOf(recorder, begin)


def otherwise_when(recorder: Recorder, condition: Any) -> BlockOf:
    """Return the block that runs if no earlier condition held, and this one does."""
    code = condition_of(recorder, condition)

    def begin() -> Block:
        decision = _last(recorder, "otherwise_when")
        expression = code.use_after_(recorder, decision)
        recorder.begin()
        block = Block()
        decision.branches.append((expression, block))
        return block

    return BlockOf(recorder, begin)


def otherwise(recorder: Recorder) -> BlockOf:
    """Return the block that runs if no earlier condition held."""

    def begin() -> Block:
        decision = _last(recorder, "otherwise")
        recorder.begin()
        decision.otherwise = block = Block()
        return block

    return BlockOf(recorder, begin)


def _last(recorder: Recorder, what: str) -> Decision:
    items = recorder.blocks[-1].items
    found = items[-1] if items else None
    if not isinstance(found, Decision) or found.otherwise is not None:
        raise recorder.error(f"{what} must directly follow the block of a `when`")
    return found
