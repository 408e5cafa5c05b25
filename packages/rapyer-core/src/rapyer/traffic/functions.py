"""Operations with a library, as functions kept by the server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from redis.exceptions import ResponseError

from rapyer.traffic.policies import ScriptArgument
from rapyer.traffic.scripts import Script

#: Stands for the reply of an operation that was not run.
NOT_RUN: Final = object()
#: The same, for one that should not be tried again.
NO_FUNCTIONS: Final = object()


async def call_function(
    execute: Callable[..., Awaitable[Any]], script: Script, rest: Sequence[ScriptArgument]
) -> Any:
    """Call an operation as a function, which is loaded if the server does not know it.

    Args:
        execute: Sends a command, like that of a `Channel`.
        script: The operation, with a library.
        rest: The number of keys, the keys and the arguments.

    Returns:
        The reply; `NOT_RUN` if none of it has run; `NO_FUNCTIONS` if, in addition, the server has
        no functions or the user may not load them.
    """
    writes = script.operation.leaves_outcome
    for _ in range(3):  # somebody may flush the functions in the meantime
        try:
            return await execute("FCALL", script.function_name, *rest, writes=writes)
        except ResponseError as exc:
            if _has_no_functions(exc):
                return NO_FUNCTIONS
            if "Function not found" not in str(exc):
                raise
        # none of it has run, so even a write may be sent again
        try:
            await execute("FUNCTION", "LOAD", script.function or "")
        except ResponseError as exc:
            if _has_no_functions(exc):
                return NO_FUNCTIONS
            if "already exists" not in str(exc):  # loaded by somebody else in the meantime
                raise
    return NOT_RUN


def _has_no_functions(error: ResponseError) -> bool:
    """Return whether a server has no functions, or the user may not call or load them."""
    text = str(error).lower()
    about = "'fcall'" in text or "'function" in text
    return about and ("unknown command" in text or "no permissions" in text)
