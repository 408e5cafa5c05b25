"""What single calls ask for beside what the options of a model say."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

_allowing: ContextVar[bool] = ContextVar("allowing_expired", default=False)
_life: ContextVar[int | None] = ContextVar("life", default=None)


@contextmanager
def allow_expired() -> Generator[None]:
    """Let reads, writes and queries in the block take expired documents for what they are.

        with allow_expired():
            users = await User.find(User.age > 18).to_list()

    It is about documents in their grace period, which else count as missing. Reads do not postpone
    their end. What tasks do that are started in the block is meant, too.
    """
    token = _allowing.set(True)
    try:
        yield
    finally:
        _allowing.reset(token)


@contextmanager
def living_for(life: int) -> Generator[None]:
    """Let writes in the block give documents another life, in milliseconds."""
    token = _life.set(life)
    try:
        yield
    finally:
        _life.reset(token)


def allows_expired() -> bool:
    """Say whether the caller takes expired documents for what they are."""
    return _allowing.get()


def life_of_call() -> int | None:
    """Give the life that the caller wants a document to have, in milliseconds."""
    return _life.get()
