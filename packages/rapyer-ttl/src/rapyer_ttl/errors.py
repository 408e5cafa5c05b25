"""Errors about expired documents."""

from __future__ import annotations

from typing import Any

from rapyer.errors import KeyNotFoundError


class ModelExpiredError(KeyNotFoundError):
    """The document has expired, and is kept for a grace period.

    Attributes:
        key: The whole Redis key.
        model: The instance that stands for the document.
    """

    def __init__(self, message: str, *, key: str = "", model: Any = None) -> None:
        super().__init__(message, key=key)
        self.model = model
