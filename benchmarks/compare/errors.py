"""What ends a comparison with a sentence instead of a traceback."""

from __future__ import annotations


class CompareError(Exception):
    """A comparison cannot be made; its text says why, and what to do."""


class EnvironmentMissingError(CompareError):
    """The environment of a peer could not be made."""


class PageError(CompareError):
    """A page has no place for what is to be written into it."""


class PlotsMissingError(CompareError):
    """matplotlib is not installed."""


class WorkerError(CompareError):
    """A candidate's process has ended, or has failed at what has to succeed."""
