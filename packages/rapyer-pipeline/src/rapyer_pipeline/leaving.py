"""How a `with` block was left: at its end, or by `continue`, `break` or `return`.

A block that is left early records less than is written in it, and Python does not tell its
`__exit__`. What reveals it is where the caller goes on: after the block, where it would also go on
if `__exit__` had swallowed an error, or elsewhere.
"""

from __future__ import annotations

import dis
import sys
from functools import cache
from types import CodeType
from typing import Final

from rapyer_pipeline.recorder import frame_at

#: Instructions that only lead on to others.
_JUMPS: Final = frozenset({"JUMP_FORWARD", "JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT"})
_POPS: Final = frozenset({"POP_TOP", "POP_EXCEPT"})
_NOTHING: Final = frozenset({"NOP", "NOT_TAKEN", "CACHE", "EXTENDED_ARG"})
_CONSTANTS: Final = frozenset({"LOAD_CONST", "LOAD_SMALL_INT", "LOAD_COMMON_CONSTANT"})
#: How many values are popped where `__exit__` has swallowed an error: its result, the error, what
#: the handler keeps, and `__exit__` itself, which is two values since Python 3.14.
_KEPT_BY_HANDLER: Final = 5 if sys.version_info >= (3, 14) else 4

#: Previous results, by the identity of the code, which is kept alive here: hashing code is slow.
_known: dict[tuple[int, int, int], tuple[CodeType, bool]] = {}
_KEPT: Final = 1024


def is_left_at_its_end(code: CodeType, entered: int, left: int) -> bool:
    """Return whether execution continues after the end of a block.

    Args:
        code: The code that contains the block.
        entered: Where its `__enter__` was called.
        left: Where its `__exit__` was called, without an error.
    """
    key = (id(code), entered, left)
    known = _known.get(key)
    if known is None:
        if len(_known) >= _KEPT:
            _known.clear()
        known = _known[key] = code, _find_out(code, entered, left)
    return known[1]


@cache
def knows_this_python() -> bool:
    """Return whether the answers are right in this Python, which may be newer than this module.

    Instructions change with every version, and a block whose end is taken for whole although it was
    left by `continue` records less than is written in it, without an error.
    """
    verdicts: list[bool] = []

    class Probe:
        entered = 0

        def __enter__(self) -> None:
            self.entered = frame_at(1).f_lasti

        def __exit__(self, *_: object) -> None:
            frame = frame_at(1)
            verdicts.append(is_left_at_its_end(frame.f_code, self.entered, frame.f_lasti))

    for _ in range(1):
        with Probe():
            continue
        verdicts.clear()
    with Probe():
        pass
    return verdicts == [False, True]


def _find_out(code: CodeType, entered: int, left: int) -> bool:
    instructions = list(dis.get_instructions(code))
    places = {one.offset: number for number, one in enumerate(instructions)}
    if entered not in places or left not in places:
        return True
    handler = _handler_of(code, instructions[places[entered] + 1].offset)
    if handler is None or instructions[places[handler] + 1].opname != "WITH_EXCEPT_START":
        return True  # it was not entered by a `with`
    swallowed = places[handler]
    while "_IF_TRUE" not in instructions[swallowed].opname:  # `__exit__` has swallowed an error
        swallowed += 1
    behind = _next(
        instructions, places, places[instructions[swallowed].argval], pops=_KEPT_BY_HANDLER
    )
    found = _next(instructions, places, places[left] + 1, pops=1)
    return behind == found or _meaning(instructions, behind) == _meaning(instructions, found)


def _meaning(instructions: list[dis.Instruction], number: int) -> object:
    """Return a value that is equal if the compiler has written the same code twice.

    This is the constant that is returned at once, or else the position in the source.
    """
    one = instructions[number]
    if one.opname == "RETURN_CONST":
        return ("returns", one.argval)
    following = instructions[number + 1 : number + 2]
    if one.opname in _CONSTANTS and following and following[0].opname == "RETURN_VALUE":
        return ("returns", one.argval)
    return one.positions


def _handler_of(code: CodeType, offset: int) -> int | None:
    """Find the handler for errors of the instruction at an offset."""
    for entry in vars(dis.Bytecode(code))["exception_entries"]:
        if entry.start <= offset < entry.end:
            return int(entry.target)
    return None


def _next(
    instructions: list[dis.Instruction], places: dict[int, int], number: int, *, pops: int
) -> int:
    """Find the first instruction that does something, after those that pop values."""
    while number < len(instructions):
        one = instructions[number]
        if one.opname in _POPS and pops:
            pops -= 1
            number += 1
        elif one.opname in _JUMPS:
            number = places[one.argval]
        elif one.opname in _NOTHING:
            number += 1
        else:
            break
    return number
