"""Resolve documents from keys of one model, from whole keys of any model, or from instances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from typing import Any, TypeAlias, cast

from rapyer.base import BaseRedisModel, identity_of, key_to_write
from rapyer.errors import InvalidKeyError, KeyChangedError, WrongModelError
from rapyer.host import current_host
from rapyer.keys import KeyLike, RedisKey

#: What was given for one document: its key, or the instance that stands for it.
Item: TypeAlias = "KeyLike | BaseRedisModel"
#: A resolved document: its whole Redis key, and its model.
Target: TypeAlias = tuple[str, type[BaseRedisModel]]


@dataclass(frozen=True, slots=True)
class Targets:
    """Resolved documents of one model.

    Attributes:
        model: The model.
        keys: Their whole Redis keys.
        items: What was given for each.
        errors: What is wrong with each item if the items do not identify documents; else empty.
        are_keys: Whether all items are keys.
    """

    model: type[BaseRedisModel]
    keys: Sequence[str]
    items: Sequence[Any]
    errors: Mapping[int, Exception]
    are_keys: bool

    def one(self, place: int) -> Targets:
        """Return the target with a single document."""
        items = self.items[place : place + 1]
        return Targets(self.model, [self.keys[place]], items, {}, self.are_keys)


class Resolver:
    """Resolves items to documents of one model.

    Args:
        model: The model.

    Attributes:
        model: The model.
    """

    def __init__(self, model: type[BaseRedisModel]) -> None:
        self.model, self._identity = model, identity_of(model)
        self._head = f"{self._identity.prefix}:"

    def __call__(self, items: Sequence[Item]) -> list[Target]:
        """Resolve the documents.

        Raises:
            AbstractModelError: The model has no documents.
            InvalidKeyError: An item is not a key of the model.
            KeyChangedError: The primary key of an instance was changed.
            TypeError: An instance belongs to another model.
        """
        return [self._one(item) for item in items]

    def groups(self, items: Sequence[Item]) -> list[Targets]:
        """Resolve the documents, grouping consecutive documents of the same model.

        Errors of single items are reported alongside the others.

        Raises:
            AbstractModelError, TypeError: As above.
        """
        with suppress(InvalidKeyError, KeyChangedError):
            alike = self._of_one_kind(items)
            if alike is not None:
                return [alike]
        return self._groups(items)

    def _groups(self, items: Sequence[Item]) -> list[Targets]:
        found: list[Targets] = []
        known = [(*self._one_or_error(item), item) for item in items]
        for (model, is_error), own in groupby(known, lambda one: (one[1], one[2] is not None)):
            keys, _, faults, given = zip(*own, strict=True)
            errors = dict(enumerate(faults)) if is_error else {}
            are_keys = not any(isinstance(item, BaseRedisModel) for item in given)
            found.append(Targets(model, keys, given, errors, are_keys))
        return found

    def _of_one_kind(self, items: Sequence[Item]) -> Targets | None:
        """Resolve the documents if all items are instances of the model, or all are texts."""
        kinds, model = set(map(type, items)), self.model
        if kinds == {model}:
            instances = cast("Sequence[BaseRedisModel]", items)
            return Targets(model, [*map(key_to_write, instances)], items, {}, are_keys=False)
        if kinds <= {str, RedisKey}:
            texts, head, resolve = cast("Sequence[str]", items), self._head, self._identity.resolve
            keys = [
                text if type(text) is RedisKey and text.startswith(head) else resolve(text)
                for text in texts
            ]
            return Targets(model, keys, items, {}, are_keys=True)
        return None

    def _one(self, item: Item) -> Target:
        if not isinstance(item, BaseRedisModel):
            return self._identity.resolve(item), self.model
        if not isinstance(item, self.model):
            raise TypeError(
                f"{item!r} is not an instance of {self.model.__name__}. Call it on "
                f"{type(item).__name__}, or use the function of rapyer_bulk for models of all "
                "kinds."
            )
        return key_to_write(item), type(item)

    def _one_or_error(self, item: Item) -> tuple[str, type[BaseRedisModel], Exception | None]:
        try:
            return (*self._one(item), None)
        except (InvalidKeyError, KeyChangedError) as exc:
            model = type(item) if isinstance(item, BaseRedisModel) else self.model
            if isinstance(exc, KeyChangedError):
                return exc.current, model, exc
            if not identity_of(model).prefix:
                raise  # without a model: there is no chunk to put it in
            return str(exc.value), model, exc


class AnyResolver(Resolver):
    """Resolves whole Redis keys of any models, or instances of any models, to documents."""

    def __init__(self) -> None:
        super().__init__(BaseRedisModel)

    def groups(self, items: Sequence[Item]) -> list[Targets]:
        """Resolve the documents as `Resolver` does; their models are never known in advance.

        Raises:
            WrongModelError: A text is not the key of any model of this process.
        """
        return self._groups(items)

    def _one(self, item: Item) -> Target:
        if isinstance(item, BaseRedisModel):
            return key_to_write(item), type(item)
        model = current_host().models.model_of_key(item) if isinstance(item, str) else None
        if model is None:
            raise WrongModelError(
                f"{item!r} is not the key of any model of this process. Give whole keys, such as "
                "'user:1', and import the modules of their models first.",
                value=item,
            )
        return identity_of(model).resolve(item), model
