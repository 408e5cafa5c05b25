"""The one interpreter that runs programs on the server, put together of its parts in Lua."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

from rapyer.traffic.scripts import Operation

#: The parts in the order in which they stand on each other. Each is the body of a function that
#: returns a table, under its own name for those that follow.
PARTS: Final = (
    "magnitudes", "integers", "floats", "decimals", "texts", "parsing", "kinds", "mirror",
    "lists", "dicts", "expressions", "calculations", "conditions", "statements", "changes",
    "commit",
)  # fmt: skip
#: Why a program fails is an error that is a table, so that the place of the code stays out of it.
_START: Final = """
local function fail(code, message) error({code = code, message = message}) end
local {names}
"""


def _read(part: str) -> str:
    return files("rapyer_pipeline").joinpath("lua", f"{part}.lua").read_text("utf-8")


def _library() -> str:
    """Give the Lua that makes the interpreter: a function of keys, arguments, check and touched."""
    parts = [_START.replace("{names}", ", ".join(PARTS))]
    parts += [f"{part} = (function()\n{_read(part)}\nend)()\n" for part in PARTS]
    parts.append(_read("run"))
    return "".join(parts)


#: Runs a program. Arguments: the program; for each key the document to make where there is none
#: (else empty); the constants.
RUN: Final = Operation(
    "pipeline",
    "return library(KEYS, arg, check, touched)",
    writes=True,
    library=_library(),
)
