"""What sub-commands of `python -m rapyer` are made of, those of plugins too.

A command that talks to Redis is a coroutine function that takes the parsed arguments and gives an
`Outcome`; `run_connected` connects for it, prints what came out, as JSON where that is asked for,
and gives the exit status. `add_connection` adds the arguments of that, `add_models` those that name
models, which `models_of` imports.
"""

from rapyer.cli.errors import FAILED, WELL, WRONG, UsageError
from rapyer.cli.naming import add_models, models_of
from rapyer.cli.rights import rights_check
from rapyer.cli.running import Outcome, add_connection, run_connected
from rapyer.cli.tables import table

__all__ = [
    "FAILED",
    "WELL",
    "WRONG",
    "Outcome",
    "UsageError",
    "add_connection",
    "add_models",
    "models_of",
    "rights_check",
    "run_connected",
    "table",
]
