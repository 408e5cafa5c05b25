"""What an instance of a model remembers besides its fields: which document it stands for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from pydantic import BaseModel

from rapyer.errors import KeyChangedError
from rapyer.keys import RedisKey

if TYPE_CHECKING:
    from rapyer.base import BaseRedisModel
    from rapyer.baseline import Baseline

#: The class attribute that holds those of its fields whose values are of Redis types.
BOUND_FIELDS: Final = "__rapyer_bound_fields__"

V = TypeVar("V")
M = TypeVar("M", bound="BaseRedisModel")


if (
    TYPE_CHECKING
):  # a base of its own would be a dataclass to checkers, which no frozen model could derive from
    RememberingModel = BaseModel
else:

    class RememberingModel(BaseModel):
        """The base of models that remembers, in slots that are initially unset.

        Private attributes of pydantic would cost time at each construction.
        """

        __slots__ = (
            "__rapyer_baseline__",
            "__rapyer_in_lock__",
            "__rapyer_made_key__",
            "__rapyer_origin__",
            "__rapyer_saved_changes__",
            "__rapyer_stored_key__",
        )


class _Slot(Generic[V]):
    """A slot of model instances that may be unset; faster than their attribute access."""

    __slots__ = ("_read", "set")

    def __init__(self, name: str) -> None:
        slot: Any = vars(RememberingModel)[name]
        self._read: Callable[[RememberingModel], V | None] = slot.__get__
        self.set: Callable[[RememberingModel, V | None], None] = slot.__set__

    def get(self, instance: RememberingModel) -> V | None:
        try:
            return self._read(instance)
        except AttributeError:
            return None


#: The key that was made for an instance or set as its `pk`, if no field holds it.
made_key = _Slot[RedisKey]("__rapyer_made_key__")
#: The key that it was loaded from or saved to.
stored_key = _Slot[RedisKey]("__rapyer_stored_key__")
#: For a copy: the key of the document from which its values, and its version, come.
_origin = _Slot[RedisKey]("__rapyer_origin__")
#: If changes are tracked, the document as it was loaded or saved.
_baseline = _Slot["Baseline"]("__rapyer_baseline__")


#: Whether it is the instance of a lock's block.
_in_lock = _Slot[bool]("__rapyer_in_lock__")


#: The number of the last noted change that is in its document.
_saved_changes = _Slot[int]("__rapyer_saved_changes__")


class NotedChanges:
    """The changes that Python methods, and assignments, make to values of Redis types."""

    #: The number of changes so far, in all instances: each has a number.
    last = 0

    @classmethod
    def note(cls) -> int:
        """Return the number of one more change."""
        cls.last += 1
        return cls.last


def is_saved(instance: BaseRedisModel, change: int) -> bool:
    """Return whether an instance was saved after a noted change."""
    return change <= (_saved_changes.get(instance) or 0)


def mark_saved(instance: BaseRedisModel, change: int) -> None:
    """Remember that all changes up to one are in the document of an instance."""
    if getattr(type(instance), BOUND_FIELDS, None):
        _saved_changes.set(instance, change)


class _Locks:
    """How many blocks of locks there are; kept because an unset slot is slow to read."""

    held = 0


def own_made_key(instance: BaseRedisModel) -> RedisKey | None:
    """Return the key that no field of an instance holds, made now if it was not needed before."""
    identity = type(instance).__rapyer_identity__
    return instance.key if identity.prefix and identity.key_field is None else None


def hand_over(original: M, copy: M) -> M:
    """Return a copy the identity of the original, but not its memory of being stored.

    So a copy with another primary key is a new document rather than an error.
    """
    made_key.set(copy, own_made_key(original))
    origin = origin_of(original)
    if origin is not None:
        _origin.set(copy, origin)
        baseline = _baseline.get(original)
        if baseline is not None:
            _baseline.set(copy, baseline)
    return copy


def memories_of(instance: BaseRedisModel) -> tuple[Any, ...]:
    """Return everything that an instance remembers, for `restore_memories` in another process."""
    made, stored = own_made_key(instance), stored_key.get(instance)
    return made, stored, _origin.get(instance), _baseline.get(instance)


def restore_memories(instance: BaseRedisModel, memories: tuple[Any, ...] = (None,) * 4) -> None:
    """Let an instance remember what `memories_of` gave."""
    slots: tuple[_Slot[Any], ...] = (made_key, stored_key, _origin, _baseline)
    for slot, memory in zip(slots, memories, strict=True):
        slot.set(instance, memory)


def origin_of(instance: BaseRedisModel) -> RedisKey | None:
    """Return the key of the document that an instance's values come from; None for a new one."""
    return stored_key.get(instance) or _origin.get(instance)


def mark_stored(instance: BaseRedisModel, key: RedisKey) -> None:
    """Remember that an instance stands for the document at `key`, as it is now."""
    stored_key.set(instance, key)
    _baseline.set(instance, None)  # if changes are tracked, the new one is remembered afterwards


def mark_deleted(instance: BaseRedisModel, key: RedisKey) -> None:
    """Remember that the document of an instance is gone; it keeps its primary key.

    Its version is reset to 0, as for a new instance.
    """
    restore_memories(instance)
    made_key.set(instance, key)
    version = type(instance).__rapyer_version__
    if version is not None:
        vars(instance)[version.name] = 0


def keeps_baseline(instance: BaseRedisModel) -> bool:
    """Return whether an instance keeps its baseline, because of its model or of a lock."""
    return type(instance).__rapyer_tracks__ or (_Locks.held > 0 and bool(_in_lock.get(instance)))


def enter_lock(instance: BaseRedisModel) -> None:
    """Note that an instance is that of a lock's block, which keeps what its document is."""
    _Locks.held += 1
    _in_lock.set(instance, True)


def leave_lock(instance: BaseRedisModel) -> None:
    """Note that the block is over."""
    _Locks.held -= 1
    _in_lock.set(instance, None)
    if not type(instance).__rapyer_tracks__:
        _baseline.set(instance, None)


def remember_baseline(instance: BaseRedisModel, baseline: Baseline) -> None:
    """Remember what the document of an instance was when it was loaded or saved."""
    _baseline.set(instance, baseline)


def baseline_of(instance: BaseRedisModel) -> Baseline | None:
    """Return what the document of an instance was when it was loaded or saved, if known."""
    return _baseline.get(instance)


def require_instance(value: object) -> None:
    """Make sure that an instance method was not called on the class, as in `User.save("1")`.

    Raises:
        TypeError: It was: the value is not an instance of a model.
    """
    if not hasattr(value, "__rapyer_identity__"):
        raise TypeError(
            f"{value!r} is not an instance of a model. This method needs an instance; to use a "
            "key, call get(key) or exists(key) on the class, or a method that ends in _by_key or "
            "_for: aupdate_by_key(key), delete_by_key(key), lock_by_key(key), set_ttl_by_key(key), "
            "pipeline_for(key)."
        ) from None


def key_to_write(instance: BaseRedisModel) -> RedisKey:
    """Return the key of an instance for an operation on its own document.

    Raises:
        AbstractModelError: The model has no keys.
        InvalidKeyError: Its primary key was set to a value that cannot be one.
        KeyChangedError: Its primary key differs from when it was loaded or saved, so that the
            operation would affect another document and leave its own behind.
    """
    try:
        key, stored = instance.key, stored_key.get(instance)
    except (AttributeError, TypeError):
        require_instance(instance)
        raise
    if stored is not None and stored != key:
        raise KeyChangedError(
            f"the primary key of this {type(instance).__name__} was changed: it was stored at "
            f"{str(stored)!r} and would now be at {str(key)!r}. Save a copy, which is a new "
            "document (`instance.model_copy()`), and delete the old one by its key.",
            stored=stored,
            current=key,
        )
    return key
