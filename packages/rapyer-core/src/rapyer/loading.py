"""Making instances from the documents that the server sent."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final, TypeVar, cast

from pydantic import ValidationError

from rapyer.base import BaseRedisModel, mark_stored
from rapyer.baseline import Baseline
from rapyer.errors import CorruptDocumentError, KeyNotFoundError
from rapyer.keys import RedisKey
from rapyer.memory import remember_baseline

M = TypeVar("M", bound=BaseRedisModel)

#: Bytes of documents that are joined into one text; more would only take memory.
_AT_ONCE: Final = 256 * 1024


def loaded(model: type[M], key: RedisKey, raw: bytes) -> M:
    """Make the instance that stands for the document at `key`.

    Raises:
        CorruptDocumentError: The document does not validate, or belongs at another key.
    """
    try:
        instance = cast("M", model.__rapyer_codec__.load(raw))
    except ValidationError as exc:
        raise CorruptDocumentError(
            f"the document at {str(key)!r} is not a valid {model.__name__}: {exc}\n"
            "Correct the document, or give its missing fields a default.",
            key=key,
            raw=raw,
        ) from exc
    _note_loaded(model, (instance,), (key,), (raw,))
    return instance


def all_loaded(model: type[M], keys: Sequence[RedisKey], raws: Sequence[bytes]) -> list[M]:
    """Make the instances of several documents, in as few pydantic-core calls as is useful.

    Raises:
        CorruptDocumentError: As for `loaded`, for the first such document.
    """
    size = sum(map(len, raws))
    if size <= _AT_ONCE:
        return _all_loaded(model, keys, raws)
    number = max(1, _AT_ONCE * len(raws) // size)
    instances: list[M] = []
    for start in range(0, len(raws), number):
        part = slice(start, start + number)
        instances += _all_loaded(model, keys[part], raws[part])
    return instances


def _all_loaded(model: type[M], keys: Sequence[RedisKey], raws: Sequence[bytes]) -> list[M]:
    try:
        instances = cast("list[M]", model.__rapyer_codec__.load_all(raws))
    except ValidationError:
        return [*map(partial(loaded, model), keys, raws)]
    _note_loaded(model, instances, keys, raws)
    return instances


def _note_loaded(
    model: type[M], instances: Sequence[M], keys: Sequence[RedisKey], raws: Sequence[bytes]
) -> None:
    """Let instances remember the documents that they were made from.

    Raises:
        CorruptDocumentError: A document belongs at another key.
    """
    identity = model.__rapyer_identity__
    name = identity.key_field
    if name is not None:
        is_key_of = identity.is_key_of
        for instance, key, raw in zip(instances, keys, raws, strict=True):
            if not is_key_of(instance.__dict__[name], key):
                raise CorruptDocumentError(
                    f"the document at {str(key)!r} says that it belongs at {str(instance.key)!r}: "
                    f"its {name!r} does not match its key. Correct the document, or store it "
                    "under its own key.",
                    key=key,
                    raw=raw,
                )
    for instance, key in zip(instances, keys, strict=True):
        mark_stored(instance, key)
    if model.__rapyer_tracks__:
        for instance, raw in zip(instances, raws, strict=True):
            remember_baseline(instance, Baseline.of_reply(raw))


def not_found(model: type[BaseRedisModel], key: RedisKey) -> KeyNotFoundError:
    """Make the error for a key without a document."""
    return KeyNotFoundError(
        f"no {model.__name__} is stored at {str(key)!r}. It was never saved, was deleted or has "
        "expired; get(key, default=None) returns None instead of raising.",
        key=key,
    )
