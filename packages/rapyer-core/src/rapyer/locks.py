"""Locks on documents: held while a block runs and changes the document as it was read."""

from __future__ import annotations

import asyncio
import math
import secrets
import time
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Generic, TypeVar
from weakref import WeakKeyDictionary

from redis.exceptions import RedisError, ResponseError

from rapyer.base import BaseRedisModel, channel_of
from rapyer.baseline import Baseline
from rapyer.errors import (
    KeyNotFoundError,
    LockError,
    LockLostError,
    LockTimeoutError,
    OutcomeUnknownError,
    RapyerError,
    WrongTypeError,
)
from rapyer.keys import RedisKey
from rapyer.loading import loaded, not_found
from rapyer.memory import baseline_of, enter_lock, leave_lock, remember_baseline
from rapyer.traffic.beside import can_be_beside, key_beside
from rapyer.traffic.channel import Channel
from rapyer.traffic.locks import (
    LOST,
    LockKeys,
    Taken,
    acquire,
    release,
    releasing_policy,
    renew,
)
from rapyer.traffic.updates import update_document
from rapyer.writing import ChangesWrite

M = TypeVar("M", bound=BaseRedisModel)

#: How many times a lease is renewed before it ends.
_RENEWALS: Final = 3
_SHORTEST: Final = 0.05
#: Seconds that a cancelled block waits for the lock to be released; then it goes on without.
_GRACE: Final = 1.0
#: What the keys of a lock begin with: the lock, those who wait, the list they wait on.
_KINDS: Final = ("lock", "lock-waiting", "lock-wake")
#: The locks that each task holds, by their keys.
_held: WeakKeyDictionary[asyncio.Task[Any], set[str]] = WeakKeyDictionary()
#: Releases of locks that go on after the caller was cancelled.
_leaving: set[asyncio.Task[None]] = set()


def lock_keys(key: str, name: str, *, is_cluster: bool) -> LockKeys:
    """Return the keys of a lock on a document: in the document's slot, with one canonical name.

    Args:
        key: The key of the document.
        name: The name of the lock.
        is_cluster: Whether the server is one of a cluster.

    Raises:
        LockError: No key can be in the slot of the document.
    """
    if is_cluster and not can_be_beside(key):
        raise LockError(
            f"no lock can be in the slot of {key!r} on a cluster: the key has a '}}' but no hash "
            "tag. Give the document a key with a hash tag, such as 'user:{...}', or without '}'."
        )
    # without a colon in the name, the key ends at the last one
    name = name.replace("%", "%25").replace(":", "%3A")
    return LockKeys(*(f"{key_beside(f'rapyer:{kind}:', key)}:{name}" for kind in _KINDS))


class DocumentLock(Generic[M]):
    """A lock on a document, as returned by `lock` and `lock_by_key`: an async context manager.

    Entering it waits for the lock and gives a fresh instance of the document, in one round trip
    plus the wait. Leaving it writes what has changed in that instance and releases the lock, in
    another round trip. See `lock` of models for the errors.
    """

    __slots__ = ("_channel", "_fresh", "_key", "_keys", "_lease", "_model", "_name", "_renewal",
                 "_task", "_token", "_wait")  # fmt: skip

    def __init__(
        self, model: type[M], key: RedisKey, name: str, *, lease: float, wait: float | None
    ) -> None:
        self._model = model
        self._key = key
        self._name = _checked_name(name)
        self._lease = _checked_lease(lease)
        self._wait = _checked_wait(wait)
        self._token = ""
        self._fresh: M | None = None
        self._task: asyncio.Task[Any] | None = None
        self._renewal: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        state = "held" if self._fresh is not None else "not held"
        return f"<the lock {self._name!r} of {str(self._key)!r}, {state}>"

    # -- taking it --------------------------------------------------------------------------------

    async def __aenter__(self) -> M:
        self._begin()
        try:
            server = await self._channel.introduce()
            self._keys = lock_keys(self._key, self._name, is_cluster=server.is_cluster)
            self._mark()
            raw = await self._acquired()
        except (LockError, KeyNotFoundError, WrongTypeError):  # the lock was not taken
            self._unmark()
            raise
        except BaseException:
            self._unmark()
            self._give_back_later()
            raise
        try:
            fresh = loaded(self._model, self._key, raw)
            remember_baseline(fresh, Baseline.of_reply(raw))
        except BaseException:
            self._unmark()
            await release(self._channel, self._keys, self._token)
            raise
        enter_lock(fresh)
        self._fresh = fresh
        self._renewal = asyncio.create_task(self._renew())
        return fresh

    def _begin(self) -> None:
        if self._token:
            raise LockError(
                f"{self!r} has already been entered. Call lock() again for each block: `async with "
                "user.lock(...) as fresh:`."
            )
        self._token = secrets.token_hex(16)
        self._channel: Channel = channel_of(self._model)

    def _mark(self) -> None:
        """Note that this task holds the lock, or waits for it."""
        task = asyncio.current_task()
        assert task is not None  # a coroutine always runs in one
        held = _held.setdefault(task, set())
        if self._keys.lock in held:
            raise LockError(
                f"this task already holds the lock {self._name!r} of {str(self._key)!r}, and would "
                "wait for itself forever. Use the instance from the outer block."
            )
        held.add(self._keys.lock)
        self._task = task

    def _unmark(self) -> None:
        if self._task is not None:
            _held[self._task].discard(self._keys.lock)
            self._task = None

    async def _acquired(self) -> bytes:
        """Take the lock, and return the document.

        Raises:
            KeyNotFoundError: There is no document.
            LockTimeoutError: Another holder keeps the lock for too long.
        """
        deadline = math.inf if self._wait is None else time.monotonic() + self._wait
        while True:
            taken = await acquire(
                self._channel, self._key, self._keys, self._token, lease=self._lease,
                waits=self._wait != 0, policies=self._model.__rapyer_read_policies__,
            )  # fmt: skip
            if taken is None:
                raise not_found(self._model, self._key)
            if not isinstance(taken, Taken):
                return taken
            left = deadline - time.monotonic()
            if left <= 0:
                raise LockTimeoutError(
                    f"the lock {self._name!r} of {str(self._key)!r} is held by someone else, and "
                    f"was not released within {self._wait} seconds. Give it more time, or try "
                    "again later.",
                    key=self._key,
                    name=self._name,
                )
            # a caller that loses its connection tries again, and then gets any error that there is
            with suppress(OutcomeUnknownError):
                await self._channel.wait_for(self._keys.wake, max(0.001, min(left, taken.left)))

    def _give_back_later(self) -> asyncio.Task[None] | None:
        """Release the lock, if it is held, in a task that is not cancelled with the caller."""
        if not hasattr(self, "_keys"):
            return None  # nothing was sent
        leaving = asyncio.create_task(self._give_back())
        _leaving.add(leaving)
        leaving.add_done_callback(_leaving.discard)
        return leaving

    async def _give_back(self) -> None:
        with suppress(RedisError, RapyerError):  # otherwise the lock ends with its lease
            await release(self._channel, self._keys, self._token)

    # -- holding it -------------------------------------------------------------------------------

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._lease / _RENEWALS)
            with suppress(RedisError, RapyerError):  # tried again as long as the lock may be held
                if not await renew(self._channel, self._keys, self._token, lease=self._lease):
                    return  # the end of the block notices, and says so

    # -- releasing it -----------------------------------------------------------------------------

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        fresh, self._fresh = self._fresh, None
        assert fresh is not None  # it was entered
        if self._renewal is not None:
            self._renewal.cancel()
        try:
            if exc is not None:
                await self._given_back(_GRACE if isinstance(exc, asyncio.CancelledError) else None)
            else:
                await self._write(fresh)
        finally:
            self._unmark()
            leave_lock(fresh)

    async def _write(self, fresh: M) -> None:
        """Write what has changed, and release the lock, in one step."""
        try:
            baseline = baseline_of(fresh)  # without one, the block has deleted the document
            write = None if baseline is None else ChangesWrite(fresh, baseline)
            if write is not None and write.writes:
                policies = (releasing_policy(self._keys, self._token), *write.policies)
                await update_document(
                    self._channel, self._key, write.writes, policies, beside=self._keys
                )
                write.done()
                return
        except ResponseError as exc:
            if str(exc).startswith(LOST):
                raise self._lost() from exc
            await self._given_back()
            raise
        except asyncio.CancelledError:
            await self._given_back(_GRACE)
            raise
        except BaseException:
            await self._given_back()
            raise
        try:
            held = await release(self._channel, self._keys, self._token)
        except BaseException:
            self._give_back_later()
            raise
        if not held:
            raise self._lost()

    async def _given_back(self, seconds: float | None = None) -> None:
        """Release the lock, whatever happens to the caller; wait for that up to a time limit."""
        leaving = self._give_back_later()
        if leaving is not None:
            await asyncio.wait([leaving], timeout=seconds)

    def _lost(self) -> LockLostError:
        return LockLostError(
            f"the lock {self._name!r} of {str(self._key)!r} was lost before the block ended: its "
            f"lease of {self._lease} seconds was not renewed in time, or someone deleted it. "
            "Someone else may have changed the document; nothing was written. Repeat the block, "
            "without code in it that blocks the event loop for longer than the lease.",
            key=self._key,
            name=self._name,
        )


def _checked_name(name: object) -> str:
    if not isinstance(name, str) or not name:
        raise TypeError(f"the name of a lock is {name!r}. Give a string, such as 'profile'.")
    try:
        name.encode()
    except UnicodeEncodeError as exc:
        raise ValueError(f"the name of a lock is {name!r}, which is not valid text.") from exc
    return name


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _checked_lease(lease: float) -> float:
    if not _is_number(lease) or not _SHORTEST <= lease < 1e9:
        raise ValueError(f"lease is {lease!r}. Give a number of seconds, {_SHORTEST} or more.")
    return lease


def _checked_wait(wait: float | None) -> float | None:
    if wait is not None and (not _is_number(wait) or not 0 <= wait < 1e9):
        raise ValueError(
            f"wait is {wait!r}. Give a number of seconds, 0 to try once, or None to wait without "
            "limit."
        )
    return wait
