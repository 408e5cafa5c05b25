"""What subcommands of `python -m rapyer` are made of, including those of plugins.

A command that talks to Redis is a coroutine function that takes the parsed arguments and gives an
`Outcome`. `run_connected` connects for it, prints the result, as JSON if requested, and gives the
exit status. `add_connection` adds the arguments that `run_connected` needs. `add_models` adds the
arguments that name models, which `models_of` imports.
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
