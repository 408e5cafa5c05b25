"""Which documents are meant by keys of one model, by whole keys of any model, or by instances."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from rapyer.base import BaseRedisModel, key_to_write
from rapyer.errors import WrongModelError
from rapyer.host import current_host
from rapyer.keys import KeyLike, RedisKey

#: What was given for one document: its key, or the instance that stands for it.
Item: TypeAlias = "KeyLike | BaseRedisModel"
#: A document that is meant: its whole Redis key, its model, and what was given for it.
Target: TypeAlias = tuple[str, type[BaseRedisModel], Any]
#: Finds out which documents are meant.
Resolve: TypeAlias = "Callable[[Sequence[Item]], list[Target]]"


def resolver_of(model: type[BaseRedisModel]) -> Resolve:
    """Give what resolves keys of one model, and its instances."""
    identity = model.__rapyer_identity__
    head = f"{identity.prefix}:"

    def resolve_one(item: Item) -> Target:
        if isinstance(item, BaseRedisModel):
            if not isinstance(item, model):
                raise TypeError(
                    f"{item!r} is no {model.__name__}. Call it on {type(item).__name__}, or the "
                    "function of rapyer_bulk for models of all kinds."
                )
            return key_to_write(item), type(item), item
        return identity.resolve(item), model, item

    def resolve(items: Sequence[Item]) -> list[Target]:
        return [
            (item, model, item)
            if type(item) is RedisKey and item.startswith(head)
            else resolve_one(item)
            for item in items
        ]

    return resolve


def resolve_any(items: Sequence[Item]) -> list[Target]:
    """Find the documents that whole Redis keys of any models, or any instances, stand for.

    Raises:
        WrongModelError: A text is the key of no model of this process.
    """
    return [_resolve_any(item) for item in items]


def _resolve_any(item: Item) -> Target:
    if isinstance(item, BaseRedisModel):
        return key_to_write(item), type(item), item
    model = current_host().models.model_of_key(item) if isinstance(item, str) else None
    if model is None:
        raise WrongModelError(
            f"{item!r} is the key of no model of this process. Give whole keys, such as "
            "'user:1', and import the modules of their models before.",
            value=item,
        )
    return model.__rapyer_identity__.resolve(item), model, item
