"""How a command ends."""

from __future__ import annotations

from typing import Final

from rapyer.errors import RapyerError

WELL: Final = 0
"""The exit status if everything is as it should be."""

WRONG: Final = 1
"""The exit status if something is not as it should be."""

FAILED: Final = 2
"""The exit status if nothing could be done, and for wrong arguments."""


class UsageError(RapyerError):
    """The command line asks for something impossible; the message says what to write."""
