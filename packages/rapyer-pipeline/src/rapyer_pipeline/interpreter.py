"""The interpreter that runs programs on the server, assembled from its parts in Lua."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

from rapyer.traffic.scripts import Operation

#: The parts, each of which builds on the ones before. Each is the body of a function that returns a
#: table, which the later parts see under the part's own name.
PARTS: Final = (
    "magnitudes", "integers", "floats", "decimals", "texts", "parsing", "kinds", "mirror",
    "lists", "dicts", "expressions", "calculations", "conditions", "statements", "changes",
    "commit",
)  # fmt: skip
#: A program fails with an error that is a table, so that Lua does not add the code position to it.
_START: Final = """
local function fail(code, message) error({code = code, message = message}) end
local {names}
"""


def _read(part: str) -> str:
    return files("rapyer_pipeline").joinpath("lua", f"{part}.lua").read_text("utf-8")


def _library() -> str:
    """Return the interpreter in Lua: a function of keys, arguments, check and touched."""
    parts = [_START.replace("{names}", ", ".join(PARTS))]
    parts += [f"{part} = (function()\n{_read(part)}\nend)()\n" for part in PARTS]
    parts.append(_read("run"))
    return "".join(parts)


#: Runs a program. Arguments: the program; for each key the document to create if there is none
#: (else empty); the constants.
RUN: Final = Operation(
    "pipeline",
    "return library(KEYS, arg, check, touched)",
    writes=True,
    library=_library(),
)
