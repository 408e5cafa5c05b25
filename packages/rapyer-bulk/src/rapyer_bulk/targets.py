"""Which documents are meant by keys of one model, by whole keys of any model, or by instances."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from rapyer.base import BaseRedisModel, key_to_write
from rapyer.errors import InvalidKeyError, KeyChangedError, WrongModelError
from rapyer.host import current_host
from rapyer.keys import KeyLike, RedisKey

#: What was given for one document: its key, or the instance that stands for it.
Item: TypeAlias = "KeyLike | BaseRedisModel"
#: A document that is meant: its whole Redis key, its model, and what was given for it; or an error
#: in the place of that, where it is no document.
Target: TypeAlias = tuple[str, type[BaseRedisModel], Any]


class Resolver:
    """Finds out which documents of one model are meant.

    Args:
        model: The model.

    Attributes:
        model: The model.
    """

    def __init__(self, model: type[BaseRedisModel]) -> None:
        self.model, self._identity = model, model.__rapyer_identity__
        self._head = f"{self._identity.prefix}:"

    def __call__(self, items: Sequence[Item]) -> list[Target]:
        """Find the documents.

        Raises:
            AbstractModelError: The model has no documents.
            InvalidKeyError: Something is no key of the model.
            KeyChangedError: The primary key of an instance was changed.
            TypeError: An instance is one of another model.
        """
        model, head, one = self.model, self._head, self._one
        if model in set(map(type, items)):
            return [
                (key_to_write(item), model, item) if type(item) is model else one(item)
                for item in items
            ]
        return [
            (item, model, item) if type(item) is RedisKey and item.startswith(head) else one(item)
            for item in items
        ]

    def with_errors(self, items: Sequence[Item]) -> list[Target]:
        """Find the documents; those of which there is none have the error in the place of the item.

        Raises:
            AbstractModelError, TypeError: As above.
        """
        try:
            return self(items)
        except (InvalidKeyError, KeyChangedError):
            return [self._one_or_error(item) for item in items]

    def _one(self, item: Item) -> Target:
        if not isinstance(item, BaseRedisModel):
            return self._identity.resolve(item), self.model, item
        if not isinstance(item, self.model):
            raise TypeError(
                f"{item!r} is no {self.model.__name__}. Call it on {type(item).__name__}, or the "
                "function of rapyer_bulk for models of all kinds."
            )
        return key_to_write(item), type(item), item

    def _one_or_error(self, item: Item) -> Target:
        try:
            return self._one(item)
        except (InvalidKeyError, KeyChangedError) as exc:
            return _with_error(item, self.model, exc)


class AnyResolver(Resolver):
    """Finds out which documents whole Redis keys of any models stand for, or instances of any."""

    def __init__(self) -> None:
        super().__init__(BaseRedisModel)

    def _one(self, item: Item) -> Target:
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


def _with_error(
    item: Item, model: type[BaseRedisModel], error: InvalidKeyError | KeyChangedError
) -> Target:
    """Give what stands for an item that names no document."""
    if isinstance(item, BaseRedisModel):
        model = type(item)
    if isinstance(error, KeyChangedError):
        return error.current, model, error
    if not model.__rapyer_identity__.prefix:  # of no model: there is no chunk that it could be in
        raise error
    return str(error.value), model, error
