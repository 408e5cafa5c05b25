"""Making instances of the documents that the server sent."""

from __future__ import annotations

from typing import TypeVar, cast

from pydantic import ValidationError

from rapyer.base import BaseRedisModel, mark_stored
from rapyer.baseline import Baseline
from rapyer.errors import CorruptDocumentError, KeyNotFoundError
from rapyer.keys import RedisKey
from rapyer.memory import remember_baseline

M = TypeVar("M", bound=BaseRedisModel)


def loaded(model: type[M], key: RedisKey, raw: bytes) -> M:
    """Make the instance that stands for the document at `key`.

    Raises:
        CorruptDocumentError: The document does not validate, or belongs at another key.
    """
    try:
        instance = cast("M", model.__rapyer_codec__.load(raw))
    except ValidationError as exc:
        raise CorruptDocumentError(
            f"the document at {str(key)!r} is no {model.__name__}: {exc}\n"
            "Correct the document, or give the fields that it lacks a default.",
            key=key,
            raw=raw,
        ) from exc
    identity = model.__rapyer_identity__
    name = identity.key_field
    if name is not None and not identity.is_key_of(instance.__dict__[name], key):
        raise CorruptDocumentError(
            f"the document at {str(key)!r} says that it belongs at {str(instance.key)!r}: its "
            f"{name!r} is another one. Correct the document, or store it under its own key.",
            key=key,
            raw=raw,
        )
    mark_stored(instance, key)
    if model.__rapyer_tracks__:
        remember_baseline(instance, Baseline.of_reply(raw))
    return instance


def not_found(model: type[BaseRedisModel], key: RedisKey) -> KeyNotFoundError:
    """Make the error about a key where no document is."""
    return KeyNotFoundError(
        f"no {model.__name__} is stored at {str(key)!r}. It was never saved, was deleted or has "
        "expired; get(key, default=None) returns None instead of raising.",
        key=key,
    )
