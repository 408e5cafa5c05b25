"""The methods that this plugin adds to models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, Self, TypeVar, overload

from rapyer.base import (
    BaseRedisModel,
    RedisModelMeta,
    channel_of,
    identity_of,
    key_to_write,
    read_policies_of,
    require_instance,
)
from rapyer.errors import KeyNotFoundError, OptionError
from rapyer.keys import KeyLike
from rapyer.loading import loaded
from rapyer.plugin import extends

from rapyer_ttl import expiry
from rapyer_ttl.calls import allow_expired as allowing_expired
from rapyer_ttl.calls import allows_expired, living_for
from rapyer_ttl.durations import Duration, milliseconds_of_call
from rapyer_ttl.errors import ModelExpiredError
from rapyer_ttl.settings import expiry_of, require_life

if TYPE_CHECKING:
    from rapyer.traffic.documents import Condition

D = TypeVar("D")


class _Required:
    """Stands for a default that was not given."""


_REQUIRED: Final = _Required()


class TtlMixin(BaseRedisModel, metaclass=RedisModelMeta):
    """`get_ttl`, `set_ttl`, `postpone_ttl`, `persist`, and their variants by key."""

    # -- core's own, with one more option ---------------------------------------------------------

    @overload
    @classmethod
    async def get(cls, key: KeyLike, *, allow_expired: bool = ...) -> Self: ...
    @overload
    @classmethod
    async def get(cls, key: KeyLike, default: D, *, allow_expired: bool = ...) -> Self | D: ...
    @classmethod
    @extends
    async def get(
        cls, key: KeyLike, default: Any = _REQUIRED, *, allow_expired: bool = False, **others: Any
    ) -> Any:
        """Read a document as a new instance, like `get` of core.

        One round trip for a document that exists; at most two more if there is none or it has
        expired, and another one, without `default` and with a `ttl_grace_period`, to tell which.

        Args:
            key: A primary key, or a whole Redis key.
            default: What is returned if there is no document, or it has expired.
            allow_expired: Whether a document that has expired, and is kept for its grace period, is
                returned like any other.
            others: Options of other plugins.

        Raises:
            ModelExpiredError: The document has expired; its `model` is the instance, which is read
                again for this purpose.
            RapyerError: As for `get` of core.
        """
        core: Any = super()
        given = () if default is _REQUIRED else (default,)
        if allow_expired:
            with allowing_expired():
                return await core.get(key, *given, **others)
        while True:
            try:
                return await core.get(key, *given, **others)
            except KeyNotFoundError as exc:
                expired = None if allows_expired() else await _expired(cls, exc.key)
                if expired == "alive":  # it was created, or postponed, since
                    continue
                if expired is None:
                    raise
                error = exc
            raise ModelExpiredError(
                f"the {cls.__name__} at {str(expired.key)!r} has expired and is kept for its "
                "grace period. The instance is `model` of this error; read it with get(key, "
                "allow_expired=True), or revive it with postpone_ttl() or save().",
                key=expired.key,
                model=expired,
            ) from error

    @overload
    async def save(self, *, ttl: Duration | None = ...) -> Self: ...
    @overload
    async def save(self, *, only_if: Condition, ttl: Duration | None = ...) -> bool: ...
    @extends
    async def save(
        self, *, only_if: Condition | None = None, ttl: Duration | None = None, **others: Any
    ) -> Self | bool:
        """Write the whole document, like `save` of core. One round trip.

        Args:
            only_if: As for `save` of core; an expired document counts as absent.
            ttl: How long this document lives from now, overriding the model: seconds, a `timedelta`
                or a text such as `"2h30m"`.
            others: Options of other plugins.

        Returns:
            As for `save` of core: the instance, or with `only_if` whether it was written.

        Raises:
            OptionError: The model has no `ttl`, so that writes set no expiry: use `set_ttl`.
            ValueError, TypeError: `ttl` is not a duration.
            RapyerError: As for `save` of core.
        """
        require_instance(self)
        core: Any = super()
        saved: Self | bool
        if ttl is None:
            saved = await core.save(only_if=only_if, **others)
            return saved
        model = type(self)
        settings = expiry_of(model)
        if settings is None or settings.life is None:
            raise OptionError(
                f"{model.__name__} has no `ttl`, so its writes set no expiry and "
                f"save(ttl={ttl!r}) has none to change. Await set_ttl({ttl!r}) after save(), or "
                "set `ttl` in its `class Config`."
            )
        with living_for(milliseconds_of_call(ttl)):
            saved = await core.save(only_if=only_if, **others)
        return saved

    # -- the expiry itself ------------------------------------------------------------------------

    async def get_ttl(self) -> float | None:
        """Read the remaining lifetime of the document. One round trip.

        Returns:
            Seconds; None if the document does not expire.

        Raises:
            KeyNotFoundError: There is no document, or it has expired.
            KeyChangedError: The primary key was changed since the instance was loaded or saved.
            WrongTypeError: The key holds a Redis type other than a JSON document.
            NotConnectedError: rapyer was not told where Redis is.
        """
        return await _time_left(type(self), key_to_write(self))

    async def set_ttl(self, ttl: Duration) -> None:
        """Let the document expire after a time from now. One round trip.

        Args:
            ttl: Seconds, a `timedelta` or a text such as `"2h30m"`.

        Raises:
            ValueError, TypeError: It is not a duration.
            OutcomeUnknownError: The reply was lost.
            RapyerError: As for `get_ttl`.
        """
        await _set_time(type(self), key_to_write(self), ttl)

    async def postpone_ttl(self, by: Duration | None = None) -> float | None:
        """Restart the lifetime of the document, or extend it; an expired document lives again.

        One round trip. A lifetime that is already longer is not shortened.

        Args:
            by: How much to add to what is left, as seconds, a `timedelta` or a text such as
                `"2h30m"`; by default the full lifetime starts again.

        Returns:
            The remaining lifetime in seconds; None for a document that does not expire, which stays
            so.

        Raises:
            OptionError: `by` is not given, and the model has no `ttl`.
            RapyerError, ValueError, TypeError: As for `set_ttl`.
        """
        return await _postpone(type(self), key_to_write(self), by)

    async def persist(self) -> bool:
        """Remove the expiry of the document; later reads and writes leave it without one.

        One round trip.

        Returns:
            Whether it had an expiry.

        Raises:
            RapyerError: As for `set_ttl`.
        """
        return await _persist(type(self), key_to_write(self))

    @classmethod
    async def get_ttl_by_key(cls, key: KeyLike) -> float | None:
        """Read the remaining lifetime of the document at a key. One round trip.

        Returns:
            Seconds; None if the document does not expire.

        Raises:
            InvalidKeyError: `key` cannot be one of this model.
            RapyerError: As for `get_ttl`.
        """
        return await _time_left(cls, identity_of(cls).resolve(key))

    @classmethod
    async def set_ttl_by_key(cls, key: KeyLike, ttl: Duration) -> None:
        """Let the document at a key expire after a time from now. One round trip.

        Args:
            key: A primary key, or a whole Redis key.
            ttl: Seconds, a `timedelta` or a text such as `"2h30m"`.

        Raises:
            InvalidKeyError: `key` cannot be one of this model.
            RapyerError, ValueError, TypeError: As for `set_ttl`.
        """
        await _set_time(cls, identity_of(cls).resolve(key), ttl)

    @classmethod
    async def postpone_ttl_by_key(cls, key: KeyLike, by: Duration | None = None) -> float | None:
        """Restart the lifetime of the document at a key, or extend it. One round trip.

        Args:
            key: A primary key, or a whole Redis key.
            by: How much to add to what is left, as seconds, a `timedelta` or a text such as
                `"2h30m"`; by default the full lifetime starts again.

        Returns:
            The remaining lifetime in seconds; None for a document that does not expire, which stays
            so.

        Raises:
            InvalidKeyError: `key` cannot be one of this model.
            RapyerError, ValueError, TypeError: As for `postpone_ttl`.
        """
        return await _postpone(cls, identity_of(cls).resolve(key), by)

    @classmethod
    async def persist_by_key(cls, key: KeyLike) -> bool:
        """Remove the expiry of the document at a key. One round trip.

        Returns:
            Whether it had an expiry.

        Raises:
            InvalidKeyError: `key` cannot be one of this model.
            RapyerError: As for `persist`.
        """
        return await _persist(cls, identity_of(cls).resolve(key))


async def _expired(model: type[BaseRedisModel], key: str) -> Any:
    """Return the instance of an expired document, `"alive"` if it has not expired, or None."""
    grace = _grace_of(model)
    if not grace:
        return None
    with allowing_expired():
        found = await expiry.get_expired(channel_of(model), read_policies_of(model), key, grace)
    if isinstance(found, bytes):
        return loaded(model, identity_of(model).resolve(key), found)
    return found if found == "alive" else None


def _grace_of(model: type[BaseRedisModel]) -> int:
    how = expiry_of(model)
    return 0 if how is None else how.grace


def _seconds(left: int | None) -> float | None:
    return None if left is None else left / 1000


async def _time_left(model: type[BaseRedisModel], key: str) -> float | None:
    return _seconds(await expiry.time_left(channel_of(model), key, _grace_of(model)))


async def _set_time(model: type[BaseRedisModel], key: str, ttl: Duration) -> None:
    life = milliseconds_of_call(ttl)
    await expiry.set_time(channel_of(model), key, _grace_of(model), life)


async def _postpone(model: type[BaseRedisModel], key: str, by: Duration | None) -> float | None:
    anew: Literal[True, False] = by is None
    life = require_life(model, expiry_of(model)) if by is None else milliseconds_of_call(by)
    left = await expiry.postpone(channel_of(model), key, _grace_of(model), life, anew=anew)
    return _seconds(left)


async def _persist(model: type[BaseRedisModel], key: str) -> bool:
    return await expiry.persist(channel_of(model), key, _grace_of(model))
