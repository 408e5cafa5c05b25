"""What scripts for many keys mean when they refuse a key."""

from __future__ import annotations

from rapyer.traffic.replies import wrong_redis_type
from rapyer.traffic.versions import version_error
from redis.exceptions import NoPermissionError, ResponseError

from rapyer_bulk.errors import KeyExistsError


def refusal(key: str, text: str) -> Exception:
    """Give the error that the text of a refusal means."""
    kind, _, rest = text.partition(" ")
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
    if kind == "NOPERM":
        return NoPermissionError(rest)
    error = ResponseError(text)
    return version_error(error, key) or error
