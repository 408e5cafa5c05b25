"""Which document is meant by a key of one model, a whole key of any model, or an instance."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from rapyer.base import BaseRedisModel, key_to_write
from rapyer.errors import WrongModelError
from rapyer.host import current_host
from rapyer.keys import KeyLike, RedisKey


class Target(NamedTuple):
    """A document that is meant.

    Attributes:
        model: Its model.
        key: Its whole Redis key.
        instance: The instance that stands for it, where one was given.
    """

    model: type[BaseRedisModel]
    key: RedisKey
    instance: BaseRedisModel | None = None


#: Finds out which document is meant.
Resolve: TypeAlias = "Callable[[KeyLike | BaseRedisModel], Target]"


def resolver_of(model: type[BaseRedisModel]) -> Resolve:
    """Give what resolves keys of one model, and its instances."""
    identity = model.__rapyer_identity__

    def resolve(item: KeyLike | BaseRedisModel) -> Target:
        if isinstance(item, BaseRedisModel):
            if not isinstance(item, model):
                raise TypeError(
                    f"{item!r} is no {model.__name__}. Call it on {type(item).__name__}, or the "
                    "function of rapyer_bulk for models of all kinds."
                )
            return Target(type(item), key_to_write(item), item)
        return Target(model, identity.resolve(item))

    return resolve


def resolve_any(item: KeyLike | BaseRedisModel) -> Target:
    """Find the document that a whole Redis key of any model, or any instance, stands for.

    Raises:
        WrongModelError: It is the key of no model of this process.
    """
    if isinstance(item, BaseRedisModel):
        return Target(type(item), key_to_write(item), item)
    model = current_host().models.model_of_key(item) if isinstance(item, str) else None
    if model is None:
        raise WrongModelError(
            f"{item!r} is the key of no model of this process. Give whole keys, such as "
            "'user:1', and import the modules of their models before.",
            value=item,
        )
    return Target(model, model.__rapyer_identity__.resolve(item))
