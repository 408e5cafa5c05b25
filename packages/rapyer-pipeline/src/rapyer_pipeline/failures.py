"""Convert failures of programs on the server to errors."""

from __future__ import annotations

import linecache
from typing import TYPE_CHECKING, Any, Final

from rapyer_pipeline.errors import (
    DivisionByZeroError,
    InvalidValueError,
    MissingValueError,
    NoneValueError,
    PipelineAborted,
    ProgramFailedError,
    ResultOverflowError,
    StoredTypeError,
    TooManyStepsError,
)

if TYPE_CHECKING:
    from rapyer_pipeline.recorder import Recorder

#: What is raised for each code of the interpreter, and what to do then.
REMEDIES: Final[dict[str, tuple[type[ProgramFailedError], str]]] = {
    "missing": (MissingValueError, "Set the missing value first, or check for it in a condition."),
    "none": (NoneValueError, "Check for None in a condition first: p.field.is_none()."),
    "type": (StoredTypeError, "Correct the document."),
    "zones": (StoredTypeError, "Give both a time zone, or neither."),
    "invalid": (InvalidValueError, "Check it in a condition first, or change the constraints."),
    "length": (InvalidValueError, "That is shorter, or longer, than the field allows."),
    "overflow": (ResultOverflowError, "Check it in a condition first."),
    "not_finite": (ResultOverflowError, "JSON has neither infinity nor NaN."),
    "zero": (DivisionByZeroError, "Check for 0 in a condition first."),
    "steps": (TooManyStepsError, "Give pipeline(max_steps=...) a larger number."),
    "unaddressable": (ProgramFailedError, "Load and save the whole document."),
    "unsupported": (ProgramFailedError, "Compare the parts."),
    "unspellable": (ProgramFailedError, "Calculate with fewer digits."),
    "decimal": (StoredTypeError, "Correct the document."),
    "text": (StoredTypeError, "Correct the document."),
}


def failure_of(recorder: Recorder, key: str, reply: list[Any]) -> ProgramFailedError:
    """Make the error for a program that has failed.

    Args:
        recorder: Recorded the program.
        key: The key of its document.
        reply: What the interpreter reports: a code, a message, the number of the statement.
    """
    _, code, message, number = reply
    text = bytes(message).decode("utf-8", "replace")
    where = recorder.where(number)
    kind = code.decode()
    if kind == "abort":
        return PipelineAborted(
            f"{_at(where)}: {text}. The program on {key!r} was rolled back: nothing was written.",
            reason=text,
            key=key,
            where=where,
        )
    error, remedy = REMEDIES[kind]
    if kind == "invalid" and "//" not in text:
        text = f"{text} is not a valid value for the field"
    elif kind == "length":
        text = f"the length would be {text}"
    return error(
        f"{_at(where)}: {text}. {remedy} The program on {key!r} was rolled back: nothing was "
        "written.",
        key=key,
        where=where,
    )


def _at(where: str) -> str:
    """Return the file, line and text of a statement."""
    file, _, line = where.rpartition(":")
    source = linecache.getline(file, int(line)).strip() if line.isdigit() else ""
    return f"{where}: `{source}`" if source else where or "the program"
