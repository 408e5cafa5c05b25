"""What single calls request beyond the options of a model."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

_allowing: ContextVar[bool] = ContextVar("allowing_expired", default=False)
_life: ContextVar[int | None] = ContextVar("life", default=None)


@contextmanager
def allow_expired() -> Generator[None]:
    """Let reads, writes and queries in the block treat expired documents like any others.

        with allow_expired():
            users = await User.find(User.age > 18).to_list()

    This concerns documents in their grace period, which otherwise count as missing. Reads do not
    postpone their end. It also applies to tasks that are started in the block.
    """
    token = _allowing.set(True)
    try:
        yield
    finally:
        _allowing.reset(token)


@contextmanager
def living_for(life: int) -> Generator[None]:
    """Let writes in the block give documents another lifetime, in milliseconds."""
    token = _life.set(life)
    try:
        yield
    finally:
        _life.reset(token)


def allows_expired() -> bool:
    """Return whether the caller treats expired documents like any others."""
    return _allowing.get()


def life_of_call() -> int | None:
    """Return the lifetime that the caller requests for a document, in milliseconds."""
    return _life.get()
