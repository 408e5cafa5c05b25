"""What unexpected replies of the server mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from redis.exceptions import ClusterDownError, ResponseError, TryAgainError

from rapyer.errors import KeyNotFoundError, UnexpectedReplyError, WrongTypeError

if TYPE_CHECKING:
    from rapyer.traffic.pool import Connection

_JSON_TYPE = b"ReJSON-RL"


def wrong_redis_type(key: str, kind: object) -> WrongTypeError | None:
    """Return the error for a key whose `TYPE` is `kind`; None for a document or no key."""
    if not isinstance(kind, bytes) or kind in (b"none", _JSON_TYPE):
        return None
    name = kind.decode()
    return WrongTypeError(
        f"the key {key!r} holds a {name}, not a JSON document. Delete it, or give the model a "
        "different prefix.",
        key=key,
        redis_type=name,
    )


def unexpected_reply(command: str, reply: object) -> UnexpectedReplyError:
    """Return the error for a reply that Redis never sends to this command."""
    return UnexpectedReplyError(
        f"unexpected reply to {command}: {reply!r}, which does not say whether it succeeded. Check "
        "what sits between the application and the server.",
        reply=reply,
    )


def no_document(key: str) -> KeyNotFoundError:
    """Make the error for a key without a document."""
    return KeyNotFoundError(
        f"no document is stored at {key!r}. It was never saved, was deleted or has expired.",
        key=key,
    )


async def reply_or_error(connection: Connection) -> Any:
    """Read the next reply of a connection; an error reply is given rather than raised."""
    try:
        return await connection.read_response(disable_decoding=True)
    except ResponseError as exc:
        return exc


def raise_first_error(replies: Sequence[Any]) -> None:
    """Raise the first of some replies that is an error, if there is one."""
    for reply in replies:
        if isinstance(reply, ResponseError):
            raise reply


def is_of_the_moment(error: ResponseError) -> bool:
    """Return whether a server temporarily refuses what it may execute later.

    A script blocks it, or the primary or a part of the cluster is away. That says nothing about
    what the server has, or what the user may do.
    """
    return isinstance(error, (ClusterDownError, TryAgainError)) or str(error).startswith("BUSY ")
