"""What it means when a script for many keys refuses a key, or everything."""

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

#: How the scripts begin an error before which they have written nothing.
_REFUSED: Final = "RAPYERREFUSED "
#: What a server says before it begins with a command.
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
    """Give the error that the text of the refusal of one key means."""
    kind, _, rest = text.partition(" ")
    if kind == "ERR":  # which Redis puts before a text of one word, and before its own
        return refusal(key, rest)
    if kind == "RAPYERTYPE":
        wrong = wrong_redis_type(key, rest.encode())
        if wrong is not None:
            return wrong
    if kind == "RAPYEREXISTS":
        return KeyExistsError(
            f"there is a document at {key!r} already, and mode is 'insert'. It was left as it is. "
            "mode='replace' writes over it, mode='skip' passes over it.",
            key=key,
        )
    if kind in _BY_WORD:
        return _BY_WORD[kind](rest)
    if text.startswith("ACL failure"):
        return NoPermissionError(text)
    error = ResponseError(text)
    return version_error(error, (key,)) or error


def refusal_of_all(error: Exception) -> Exception:
    """Give the error that a refusal of everything by a script means, without our own marks."""
    text = str(error)
    return refusal("", text.removeprefix(_REFUSED)) if text.startswith(_REFUSED) else error


def may_have_written(error: Exception) -> bool:
    """Say whether something may have been written before an error came in place of the answer."""
    if isinstance(error, OutcomeUnknownError | UnexpectedReplyError):
        return True
    if not isinstance(error, ResponseError) or isinstance(error, _BEFORE):
        return False
    return not str(error).startswith((_REFUSED, *_WORDS_BEFORE))
