"""How a command ends."""

from __future__ import annotations

from typing import Final

from rapyer.errors import RapyerError

WELL: Final = 0
"""The exit status where all is as it should be."""

WRONG: Final = 1
"""The exit status where something is not as it should be."""

FAILED: Final = 2
"""The exit status where nothing could be done, and that of wrong arguments."""


class UsageError(RapyerError):
    """What was written on the command line cannot be done; the message says what to write."""
