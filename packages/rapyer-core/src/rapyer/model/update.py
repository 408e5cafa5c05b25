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
        """Set some fields in Redis, and then in the instance; the rest of the document stays.

            await user.aupdate(name="Ada", age=36)
            await user.aupdate(profile__address__city="London")
            await user.aupdate({User.tags[0]: "x", "meta['a b']": 1}, name="Ada")

        All of them are set, or none. Each value is validated as its assignment would be, and where
        a model has validators of its own, they see all new values; what they change beside is set
        as well. What was changed in the instance without being saved is not written, private
        attributes stay as they are. One round trip.

        Args:
            values: Values by paths (`User.age`) or by their texts, as `User.path` takes them.
            fields: Values by names. Two underscores lead to the field of a nested model, or to the
                key of a dict; a field of exactly that name goes first.

        Returns:
            The instance itself.

        Raises:
            pydantic.ValidationError: Values do not validate; all that do not are named.
            KeyNotFoundError: The document is gone; it is not created again.
            PathNotFoundError: Something on the way is not there or is null, in the instance or in
                the document, or an index is out of range.
            ConflictError: The model has a Version, and the document another one than the instance.
            InvalidPathError: A name leads nowhere or has two readings, or two are about one place.
            TypeError: Nothing was given, or `values` is no mapping.
            ExpressionError: A field is frozen or is the Version, or a path is one of another model
                or leads to many values.
            InvalidKeyError: A field is the primary key.
            UnstorableValueError: JSON or the server cannot hold a value exactly; validators make
                another value of what is around it, which then has to be assigned as a whole; or a
                dict has as many entries already as it may have.
            UnaddressableKeyError: A key on the way has no spelling on the server.
            KeyChangedError: The primary key was changed since the instance was loaded or saved.
            WrongTypeError: The key holds another Redis type than a JSON document.
            OutcomeUnknownError: The reply was lost; the write may have been carried out or not, and
                the instance is as it was.
            NotConnectedError: rapyer was not told where Redis is.
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

        As `aupdate`, but each value is validated by itself: what is around it is not at hand. So
        validators of models are not run, and one that looks at other fields is an error. The
        max_length of a dict is looked at by the script. A Version is counted and not compared.

        Args:
            key: A primary key or a whole Redis key, as for `get`.
            values: Values by paths or by their texts.
            fields: Values by names.

        Raises:
            pydantic.ValidationError: Values do not validate; all that do not are named.
            KeyNotFoundError: No document is there; none is created.
            PathNotFoundError: Something on the way is not there or is null, or an index is out of
                range.
            InvalidPathError: A name leads nowhere or has two readings, or two are about one place.
            TypeError: Nothing was given, or `values` is no mapping.
            ExpressionError: A field is frozen or is the Version, or has a validator that looks at
                others, or a path is one of another model or leads to many values.
            InvalidKeyError: A field is the primary key, or the value cannot be one of this model.
            WrongModelError: It is the key of another registered model.
            UnstorableValueError: JSON or the server cannot hold a value exactly, or a dict has as
                many entries already as it may have.
            UnaddressableKeyError: A key on the way has no spelling on the server.
            WrongTypeError: The key holds another Redis type than a JSON document.
            OutcomeUnknownError: The reply was lost; the write may have been carried out or not.
            NotConnectedError: rapyer was not told where Redis is.
        """
        redis_key = cls.__rapyer_identity__.resolve(key)
        writes = update_by_key(cls, values, fields)
        await update_document(channel_of(cls), redis_key, writes, policies_by_key(cls))
