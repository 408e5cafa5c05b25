"""What has changed in an instance since it was loaded or saved."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, NamedTuple, Self

from pydantic import ValidationError
from pydantic_core import to_json

from rapyer.base import BaseRedisModel, RedisModelMeta, channel_of
from rapyer.differences import MISSING, Difference, compare
from rapyer.errors import ExpressionError
from rapyer.expr.steps import Step
from rapyer.traffic.updates import update_document
from rapyer.types.values import path_text
from rapyer.writing import ChangesWrite, tracked


class Change(NamedTuple):
    """One change to an instance.

    Attributes:
        old: The value that was loaded or saved; `MISSING` if the dict key was not there.
        new: The value that the instance has now; `MISSING` if the dict key was removed.
    """

    old: Any
    new: Any


class ChangesMixin(BaseRedisModel, metaclass=RedisModelMeta):
    """`changes`, `save_changes` and `rollback`, for models with `track_changes = True`."""

    def changes(self) -> dict[str, Change]:
        """Return what has changed since the instance was last loaded or saved. No round trip.

        Returns:
            The changes, keyed by path: `{"address.city": Change(old="Rome", new="Oslo")}`. The
            paths are texts that `User.path` accepts, except those of extra fields. A list whose
            length has changed is a single change, and so is a value that paths do not lead into.

        Raises:
            ChangesNotTrackedError: The model does not set `track_changes = True`, or the instance
                was neither loaded nor saved.
            UnstorableValueError: The instance holds a value that has no stored form.
        """
        return {
            path_text(map(_shown, difference.steps)): _change(type(self), difference)
            for difference in compare(tracked(self).text, self).differences
        }

    async def save_changes(self) -> Self:
        """Write only what has changed since the instance was last loaded or saved.

        All changes are written or none, in one round trip; without changes there is none. What
        others have written to the rest of the document in the meantime is kept.

        Returns:
            The instance itself.

        Raises:
            ChangesNotTrackedError: The model does not set `track_changes = True`, or the instance
                was neither loaded nor saved.
            UnstorableValueError: A value could not be read back, because it does not validate where
                it is; or JSON or the server cannot hold it exactly. Nothing was written.
            KeyNotFoundError: The document is gone; it is not created again.
            PathNotFoundError: Something along the path to a change is no longer in the document.
            ConflictError: The model has a Version, and the stored one differs from the instance's.
            ExpressionError: No path leads to what has changed; use `save` to write it.
            KeyChangedError: The primary key has changed since the instance was loaded or saved.
            WrongTypeError: The key holds a Redis type other than a JSON document.
            OutcomeUnknownError: The reply was lost; the write may or may not have been applied.
            NotConnectedError: rapyer has not been told where Redis is.
        """
        write = ChangesWrite(self)
        if write.writes:
            await update_document(channel_of(type(self)), write.key, write.writes, write.policies)
            write.done()
        return self

    def rollback(self) -> None:
        """Undo what has changed since the instance was last loaded or saved. No round trip.

        All fields except the Version return to the values they had then. Private attributes stay
        as they are.

        Raises:
            ChangesNotTrackedError: The model does not set `track_changes = True`, or the instance
                was neither loaded nor saved.
        """
        model, version = type(self), type(self).__rapyer_version__
        restored = model.__rapyer_codec__.read(tracked(self).text)
        if version is not None:
            restored.__dict__[version.name] = self.__dict__[version.name]
        # bypasses pydantic's assignment, which a frozen model refuses
        for name in ("__dict__", "__pydantic_extra__", "__pydantic_fields_set__"):
            object.__setattr__(self, name, getattr(restored, name))


def _shown(step: Step) -> str | int:
    """Return a step as a path spells it; a key that is neither text nor a number, by its name."""
    if type(step.value) in (str, int) or step.stored_key is None:
        shown: str | int = step.value
        return shown
    return step.stored_key


def _change(model: type[BaseRedisModel], difference: Difference) -> Change:
    steps, old, _, value = difference
    if old is not MISSING:
        place = model.__rapyer_locations__.behind(steps) if steps else model.__rapyer_codec__
        with suppress(ValidationError, ExpressionError):  # its JSON, if it is not read on its own
            old = place.read(to_json(old))
    return Change(old, value)
