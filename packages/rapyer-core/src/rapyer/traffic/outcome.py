"""Writes whose reply was lost: nobody knows whether the server has executed them."""

from __future__ import annotations

from typing import TypeAlias

from redis.exceptions import (
    AskError,
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    ClusterDownError,
    MasterDownError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from rapyer.errors import OutcomeUnknownError

#: What is raised when a reply does not come; asyncio's own error when time has run out.
LostReply: TypeAlias = RedisConnectionError | RedisTimeoutError | TimeoutError
LOST_REPLY = (RedisConnectionError, RedisTimeoutError, TimeoutError)

#: What a cluster node replies about a slot that it no longer has, or does not have yet. In that
#: case nothing was executed.
ELSEWHERE = (AskError, TryAgainError, ClusterDownError, MasterDownError)

#: Replies that redis-py counts among the connection errors: the command was refused.
_REFUSALS = (AuthenticationError, AuthorizationError, BusyLoadingError)


class _ConnectionLostError(OutcomeUnknownError, RedisConnectionError):
    """The connection broke after the write was sent."""


class _TimedOutError(OutcomeUnknownError, RedisTimeoutError):
    """The reply to the write took longer than the connection waits."""


def outcome_of_write(error: LostReply, command: object) -> Exception:
    """Return the error to raise when a write was sent and `error` came instead of its reply."""
    if isinstance(error, _REFUSALS):
        return error
    kind = _TimedOutError if isinstance(error, RedisTimeoutError) else _ConnectionLostError
    return kind(
        f"{command} was sent to Redis, but its reply was lost ({error}): it may or may not have "
        "been executed. Read what is stored before you repeat it; rapyer never repeats it."
    )


def outcome_of_part(error: LostReply, done: str) -> Exception:
    """Return the error to raise when a call of several steps was interrupted between them.

    Args:
        error: What came instead of a reply.
        done: What is known to be done, as a clause.
    """
    kind = _TimedOutError if isinstance(error, RedisTimeoutError) else _ConnectionLostError
    return kind(
        f"{done} before the call was interrupted ({error}): the rest was not. Read what is stored "
        "before you repeat it; rapyer never repeats it."
    )
