"""Loops: their bodies run once during recording, and on the server once for each element."""

from __future__ import annotations

import inspect
import opcode
from collections.abc import Generator, Iterator
from functools import cache
from types import FrameType
from typing import TYPE_CHECKING, Any, Final, Literal

from rapyer_pipeline.containers import Container, in_register
from rapyer_pipeline.operands import Operand
from rapyer_pipeline.recorded import Recorded
from rapyer_pipeline.recorder import Block, Recorder, frame_at

if TYPE_CHECKING:
    from rapyer_pipeline.dicts import TracedDict

_GET_ITER: Final = opcode.opmap["GET_ITER"]
_FOR_ITER: Final = opcode.opmap["FOR_ITER"]
#: Instructions that may come between the two in a `for` statement.
_BETWEEN: Final = frozenset(
    opcode.opmap[name] for name in ("CACHE", "EXTENDED_ARG", "NOP") if name in opcode.opmap
)

#: Functions that Python makes from comprehensions, in which a second `for` looks like a statement.
_COMPREHENSIONS: Final = frozenset({"<genexpr>", "<listcomp>", "<setcomp>", "<dictcomp>"})
#: What a comprehension does before GET_ITER since Python 3.15: it makes what it adds to.
_MAKING: Final = frozenset(
    bytes((opcode.opmap[name], 0, opcode.opmap["SWAP"], 2))
    for name in ("BUILD_LIST", "BUILD_SET", "BUILD_MAP")
)


class _Loop:
    """A loop as a part of a program; it is complete when its body has been recorded."""

    __slots__ = ("body", "columns", "kind", "start")

    def __init__(self, start: str, kind: str, columns: dict[str, None] | None = None) -> None:
        self.start = start
        self.kind = kind
        self.columns = columns
        self.body = Block()

    def __str__(self) -> str:
        columns = "" if self.columns is None else f",[{','.join(self.columns)}]"
        return f"[{self.start},{self.body},{self.kind}{columns}]"


def _require_statement(frame: FrameType | None, depth: int, looped: Recorded) -> None:
    """Make sure that a `for` statement iterates over something, and no other Python construct.

    Args:
        frame: The frame that called an `__iter__`, or one below it.
        depth: How many frames are in between.
        looped: What is iterated over.
    """
    for _ in range(depth):
        frame = frame and frame.f_back
    if not _knows_this_python():
        raise looped.refuse_(
            "a loop cannot be told from a comprehension on this version of Python. Upgrade "
            "rapyer-pipeline"
        )
    if frame is None or not _is_statement(frame):
        raise looped.refuse_(
            f"only a `for` statement can iterate over {looped!r}: list, sum, sorted, enumerate, "
            "zip, comprehensions and unpacking need the elements immediately"
        )


def _is_statement(frame: FrameType) -> bool:
    """Return whether it is a `for` statement that calls an `__iter__` in a frame.

    Its instruction is followed by FOR_ITER; that of `list()`, `sum()` and others, and until Python
    3.14 that of a comprehension, is not.
    """
    code, place = frame.f_code.co_code, frame.f_lasti
    if code[place] != _GET_ITER or code[max(place - 4, 0) : place] in _MAKING:
        return False
    place += 2
    while place < len(code) and code[place] in _BETWEEN:
        place += 2
    return code[place] == _FOR_ITER and frame.f_code.co_name not in _COMPREHENSIONS


@cache
def _knows_this_python() -> bool:
    """Return whether the answers are right in this Python, which may be newer than this module."""
    verdicts: list[bool] = []

    class Probe:
        def __iter__(self) -> Iterator[str]:
            verdicts.append(_is_statement(frame_at(1)))
            return iter("x")

    probe = Probe()
    for _ in probe:
        pass
    _ = [one * 2 for one in probe]
    _ = {one * 2 for one in probe}
    _ = {one: one * 2 for one in probe}
    _ = list(probe)
    return verdicts == [True, False, False, False, False]


def looping_over(looped: Container) -> Iterator[Any]:
    """Record the loop over a list or a set, whose `__iter__` calls this."""
    _require_statement(inspect.currentframe(), 2, looped)
    element = looped.shape_.element
    recorder = looped.recorder_
    number = recorder.begin()
    reference, register = looped.reference_(recorder), recorder.register()
    kind = f'"{element.kind}"' if element.role == "scalar" else "false"
    columns: dict[str, None] = {}
    loop = _Loop(f'"for",{number},[{reference}],{register}', kind, columns)
    recorder.columns[str(register)] = columns
    return _record(
        recorder,
        loop,
        lambda: in_register(recorder, element, register, looped, lambda: f"each of {looped!r}"),
    )


def _record(recorder: Recorder, loop: _Loop, make: Any) -> Generator[Any]:
    where = recorder.where(len(recorder.lines))
    recorder.add(loop, moves=True)
    recorder.enter(loop.body)
    depth = len(recorder.blocks)
    try:
        yield make()
    except GeneratorExit:
        recorder.break_off(
            f"{where}: the loop was left by break, return or an exception, so what its body "
            "would have done for each element is not known. Write a condition: "
            "(condition).if_true(lambda: ...)."
        )
        raise
    if len(recorder.blocks) != depth:
        recorder.break_off(f"{where}: a block in the loop was left open.")
    recorder.leave()


class Items(Recorded):
    """The keys, the values, or both, of a dict, to loop over.

    Args:
        of_dict: The dict.
        what: Which of them.
    """

    __slots__ = ("_dict", "_what", "recorder_")

    def __init__(self, of_dict: TracedDict, what: Literal["items", "keys", "values"]) -> None:
        self._dict = of_dict
        self._what = what
        self.recorder_ = of_dict.recorder_

    def __repr__(self) -> str:
        return f"{self._dict!r}.{self._what}()"

    def __iter__(self) -> Any:
        return self.loop_(inspect.currentframe())

    def loop_(self, frame: FrameType | None) -> Iterator[Any]:
        """Record the loop; `frame` is that of the `__iter__` called by a `for` statement."""
        _require_statement(frame, 1, self)
        looped, recorder = self._dict, self.recorder_
        shape, element = looped.shape_, looped.shape_.element
        key_kind = shape.key_kind
        if not key_kind and self._what != "values":
            raise recorder.error(
                f"{looped!r} has keys of type {shape.key_type!r}, and a loop supports only str "
                "and int keys. Loop over .values()"
            )
        number = recorder.begin()
        reference, register = looped.reference_(recorder), recorder.register()
        needs_values = element.role == "scalar" and self._what != "keys"
        kind = f'"{element.kind}"' if needs_values else "false"
        loop = _Loop(f'"items",{number},[{reference}],{register}', kind)

        def make() -> Any:
            key = Operand.of_(recorder, key_kind, "", lambda: f"each key of {looped!r}")
            key.keep_as_(f'["key",{register},"{key_kind}"]')
            if self._what == "keys":
                return key
            value = in_register(
                recorder, element, register, looped, lambda: f"each value of {looped!r}"
            )
            return value if self._what == "values" else (key, value)

        return _record(recorder, loop, make)
