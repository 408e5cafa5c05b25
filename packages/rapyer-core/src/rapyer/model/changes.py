"""What was changed in an instance since it was loaded or saved."""

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
    """What was changed at one place of an instance.

    Attributes:
        old: The value that was loaded or saved; `MISSING` for a key of a dict that was not there.
        new: The value that the instance has; `MISSING` for a key of a dict that was taken out.
    """

    old: Any
    new: Any


class ChangesMixin(BaseRedisModel, metaclass=RedisModelMeta):
    """`changes`, `save_changes` and `rollback`, for models with `track_changes = True`."""

    def changes(self) -> dict[str, Change]:
        """Tell what was changed since the instance was last loaded or saved. No round trip.

        Returns:
            The changes by their paths, as texts that `User.path` takes but for extra fields:
            `{"address.city": Change(old="Rome", new="Oslo")}`. A list whose length has changed, and
            a value that paths do not lead into, is one change.

        Raises:
            ChangesNotTrackedError: The model has no `track_changes = True`, or the instance was
                neither loaded nor saved.
            UnstorableValueError: The instance has a value that has no stored form.
        """
        return {
            path_text(map(_shown, difference.steps)): _change(type(self), difference)
            for difference in compare(tracked(self).text, self).differences
        }

    async def save_changes(self) -> Self:
        """Write what was changed since the instance was last loaded or saved, and nothing else.

        All of it is written, or nothing, in one round trip; without changes there is none. What
        others have written to the rest of the document meanwhile stays.

        Returns:
            The instance itself.

        Raises:
            ChangesNotTrackedError: The model has no `track_changes = True`, or the instance was
                neither loaded nor saved.
            UnstorableValueError: A value could not be read back, because it does not validate where
                it stands; or JSON or the server cannot hold it exactly. Nothing was written.
            KeyNotFoundError: The document is gone; it is not created again.
            PathNotFoundError: Something on the way to a change is not in the document any more.
            ConflictError: The model has a Version, and the document another one than the instance.
            ExpressionError: No path leads to what was changed; `save` writes it.
            KeyChangedError: The primary key was changed since the instance was loaded or saved.
            WrongTypeError: The key holds another Redis type than a JSON document.
            OutcomeUnknownError: The reply was lost; the write may have been carried out or not.
            NotConnectedError: rapyer was not told where Redis is.
        """
        write = ChangesWrite(self)
        if write.writes:
            await update_document(channel_of(type(self)), write.key, write.writes, write.policies)
            write.done()
        return self

    def rollback(self) -> None:
        """Take back what was changed since the instance was last loaded or saved. No round trip.

        All fields take the values that they then had, but for the Version; private attributes stay
        as they are.

        Raises:
            ChangesNotTrackedError: The model has no `track_changes = True`, or the instance was
                neither loaded nor saved.
        """
        model, version = type(self), type(self).__rapyer_version__
        restored = model.__rapyer_codec__.read(tracked(self).text)
        if version is not None:
            restored.__dict__[version.name] = self.__dict__[version.name]
        # past pydantic's assignment, which a frozen model refuses
        for name in ("__dict__", "__pydantic_extra__", "__pydantic_fields_set__"):
            object.__setattr__(self, name, getattr(restored, name))


def _shown(step: Step) -> str | int:
    """Give a step as it is written in a path: a key that is neither text nor number by its name."""
    if type(step.value) in (str, int) or step.stored_key is None:
        shown: str | int = step.value
        return shown
    return step.stored_key


def _change(model: type[BaseRedisModel], difference: Difference) -> Change:
    steps, old, _, value = difference
    if old is not MISSING:
        place = model.__rapyer_locations__.behind(steps) if steps else model.__rapyer_codec__
        with suppress(ValidationError, ExpressionError):  # its JSON, if it is not read by itself
            old = place.read(to_json(old))
    return Change(old, value)
