"""Interpret refusals of a script for many keys: of a single key, or of the whole chunk."""

from __future__ import annotations

from typing import Final

from rapyer.errors import OutcomeUnknownError, UnexpectedReplyError
from rapyer.traffic.replies import wrong_redis_type
from rapyer.traffic.versions import version_error
from redis.exceptions import (
    AskError,
    BusyLoadingError,
    ClusterDownError,
    MasterDownError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
    TryAgainError,
)

from rapyer_bulk.errors import KeyExistsError

#: The start of script errors that are raised before anything is written.
_REFUSED: Final = "RAPYERREFUSED "
#: Errors that a server reports before it starts a command.
_BEFORE: Final = (
    NoPermissionError, OutOfMemoryError, ReadOnlyError, BusyLoadingError,
    AskError, TryAgainError, ClusterDownError, MasterDownError,
)  # fmt: skip
_BY_WORD: Final = {
    "NOPERM": NoPermissionError,
    "OOM": OutOfMemoryError,
    "READONLY": ReadOnlyError,
}
_WORDS_BEFORE: Final = ("NOREPLICAS", "MISCONF", "BUSY", "MASTERDOWN", "CLUSTERDOWN", "UNKILLABLE")


def refusal(key: str, text: str) -> Exception:
    """Convert the text of the refusal of a key to an error."""
    kind, _, rest = text.partition(" ")
    if kind == "ERR":  # which Redis prepends to texts of one word, and to its own errors
        return refusal(key, rest)
    if kind == "RAPYERTYPE":
        wrong = wrong_redis_type(key, rest.encode())
        if wrong is not None:
            return wrong
    if kind == "RAPYEREXISTS":
        return KeyExistsError(
            f"a document already exists at {key!r}, and mode is 'insert'. It was left as it is. "
            "Give mode='replace' to overwrite it, or mode='skip' to skip it.",
            key=key,
        )
    if kind in _BY_WORD:
        return _BY_WORD[kind](rest)
    if text.startswith("ACL failure"):
        return NoPermissionError(text)
    error = ResponseError(text)
    return version_error(error, (key,)) or error


def refusal_of_all(error: Exception) -> Exception:
    """Convert the refusal of a whole chunk to an error, without our own markers."""
    text = str(error)
    return refusal("", text.removeprefix(_REFUSED)) if text.startswith(_REFUSED) else error


def may_have_written(error: Exception) -> bool:
    """Return whether something may have been written before an error replaced the reply."""
    if isinstance(error, OutcomeUnknownError | UnexpectedReplyError):
        return True
    if not isinstance(error, ResponseError) or isinstance(error, _BEFORE):
        return False
    return not str(error).startswith((_REFUSED, *_WORDS_BEFORE))
