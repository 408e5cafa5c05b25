"""Writing parts of documents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from rapyer.assignments import make_write, places_of
from rapyer.base import BaseRedisModel, RedisModelMeta, channel_of, key_to_write
from rapyer.baseline import Patch
from rapyer.draft import plan_update
from rapyer.keys import KeyLike
from rapyer.memory import baseline_of, remember_baseline
from rapyer.traffic.updates import update_document
from rapyer.versions import WriteOfInstance, policies_by_key
from rapyer.writing import update_by_key


class UpdateMixin(BaseRedisModel, metaclass=RedisModelMeta):
    """`aupdate` and `aupdate_by_key`."""

    async def aupdate(self, values: Mapping[Any, Any] | None = None, /, **fields: Any) -> Self:
        """Set some fields in Redis and then in the instance; the rest of the document stays.

            await user.aupdate(name="Ada", age=36)
            await user.aupdate(profile__address__city="London")
            await user.aupdate({User.tags[0]: "x", "meta['a b']": 1}, name="Ada")

        All of them are set, or none. Each value is validated as its assignment would be. Validators
        of the model itself see all new values, and what they change in addition is set too. Unsaved
        changes to the instance are not written, and private attributes stay as they are. One round
        trip.

        Args:
            values: Values by path (`User.age`) or by the text of a path, as `User.path` takes it.
            fields: Values by name. Two underscores lead to a field of a nested model, or to a key
                of a dict; a field of exactly that name takes precedence.

        Returns:
            The instance itself.

        Raises:
            pydantic.ValidationError: Some values do not validate; all of those are named.
            KeyNotFoundError: The document is gone; it is not created again.
            PathNotFoundError: Something along the path is missing or null, in the instance or in
                the document, or an index is out of range.
            ConflictError: The model has a Version, and the stored one differs from the instance's.
            InvalidPathError: A name leads nowhere or is ambiguous, or two refer to the same place.
            TypeError: Nothing was given, or `values` is not a mapping.
            ExpressionError: A field is frozen or is the Version, or a path belongs to another model
                or leads to many values.
            InvalidKeyError: A field is the primary key.
            UnstorableValueError: JSON or the server cannot hold a value exactly; or validators
                change the value around it, which then has to be assigned as a whole; or a dict
                already has as many entries as it may have.
            UnaddressableKeyError: A key along the path cannot be spelled on the server.
            KeyChangedError: The primary key has changed since the instance was loaded or saved.
            WrongTypeError: The key holds a Redis type other than a JSON document.
            OutcomeUnknownError: The reply was lost; the write may or may not have been applied. The
                instance is unchanged.
            NotConnectedError: rapyer has not been told where Redis is.
        """
        model, key = type(self), key_to_write(self)
        plan = plan_update(self, *places_of(model, values, fields))
        made = [make_write(location, value, around=True) for location, value in plan.parts]
        write = WriteOfInstance(self, key)
        await update_document(channel_of(model), key, [one for one, _ in made], write.policies)
        plan.apply()
        write.done()
        baseline = baseline_of(self)
        if baseline is not None:
            places = [location for location, _ in plan.parts]
            patches = [
                Patch(place.names, text) for place, (_, text) in zip(places, made, strict=True)
            ]
            remember_baseline(self, baseline.patched(patches))
        return self

    @classmethod
    async def aupdate_by_key(
        cls, key: KeyLike, values: Mapping[Any, Any] | None = None, /, **fields: Any
    ) -> None:
        """Set some fields of the document at a key, without loading it. One round trip.

        As `aupdate`, but each value is validated on its own, because the values around it are not
        known. So validators of models do not run, and a validator that looks at other fields is an
        error. The script checks the max_length of a dict. A Version is incremented, but not
        compared.

        Args:
            key: A primary key or a whole Redis key, as for `get`.
            values: Values by path or by the text of a path.
            fields: Values by name.

        Raises:
            pydantic.ValidationError: Some values do not validate; all of those are named.
            KeyNotFoundError: There is no such document; none is created.
            PathNotFoundError: Something along the path is missing or null, or an index is out of
                range.
            InvalidPathError: A name leads nowhere or is ambiguous, or two refer to the same place.
            TypeError: Nothing was given, or `values` is not a mapping.
            ExpressionError: A field is frozen or is the Version, or has a validator that looks at
                other fields; or a path belongs to another model or leads to many values.
            InvalidKeyError: A field is the primary key, or the value cannot be one of this model.
            WrongModelError: The key belongs to another registered model.
            UnstorableValueError: JSON or the server cannot hold a value exactly, or a dict already
                has as many entries as it may have.
            UnaddressableKeyError: A key along the path cannot be spelled on the server.
            WrongTypeError: The key holds a Redis type other than a JSON document.
            OutcomeUnknownError: The reply was lost; the write may or may not have been applied.
            NotConnectedError: rapyer has not been told where Redis is.
        """
        redis_key = cls.__rapyer_identity__.resolve(key)
        writes = update_by_key(cls, values, fields)
        await update_document(channel_of(cls), redis_key, writes, policies_by_key(cls))
