"""Which model a Redis key belongs to."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from rapyer.errors import ModelDefinitionError

if TYPE_CHECKING:
    from rapyer.base import BaseRedisModel


class ModelRegistry:
    """The models that can be told apart by the prefixes of their keys.

    It does not keep alive a class that nothing else refers to.
    """

    def __init__(self) -> None:
        self._models: WeakValueDictionary[str, type[BaseRedisModel]] = WeakValueDictionary()
        # those with a colon in their prefix, which may therefore be below another prefix
        self._nested: WeakValueDictionary[str, type[BaseRedisModel]] = WeakValueDictionary()

    def __iter__(self) -> Iterator[type[BaseRedisModel]]:
        """Return the models in the order of their prefixes."""
        return (model for _, model in sorted(self._models.items()))

    def register(self, model: type[BaseRedisModel], prefix: str) -> None:
        """Register `prefix` for `model`, so that its keys can be told apart from those of others.

        A class with the module and the qualified name of an earlier one replaces it, as when a
        module is reloaded. So does a class defined in a function, if one with its name was defined
        in another function.

        Raises:
            ModelDefinitionError: The keys of another model could not be told apart from those of
                this one.
        """
        other = self._conflicting(model, prefix)
        if other is not None:
            del other
            gc.collect()  # a class is part of reference cycles: it may be one that is gone
            other = self._conflicting(model, prefix)
        if other is not None:
            theirs = other.__rapyer_identity__.prefix
            raise ModelDefinitionError(
                f"models {_full_name(other)} and {_full_name(model)} cannot be told apart by their "
                f"keys: their prefixes are {theirs!r} and {prefix!r}. Give one of them a different "
                "`prefix` in its own `class Config`; a parametrized generic needs a subclass for "
                "that."
            )
        self._models[prefix] = model
        if ":" in prefix:
            self._nested[prefix] = model

    def discard(self, model: type[BaseRedisModel]) -> None:
        """Undo what `register` has done for a model."""
        prefix = model.__rapyer_identity__.prefix
        if self._models.get(prefix) is model:
            del self._models[prefix]
            self._nested.pop(prefix, None)

    def _conflicting(self, model: type[BaseRedisModel], prefix: str) -> type[BaseRedisModel] | None:
        candidates = [self._models.get(prefix), self.model_of_key(f"{prefix}:")]
        head = f"{prefix}:"
        candidates += [below for name, below in list(self._nested.items()) if name.startswith(head)]
        for other in candidates:
            if other is not None and not _replaces(model, other):
                return other
        return None

    def model_of_key(self, key: str) -> type[BaseRedisModel] | None:
        """Find the registered model that a whole Redis key belongs to."""
        end = key.find(":")
        while end != -1:
            model = self._models.get(key[:end])
            if model is not None:
                return model
            end = key.find(":", end + 1)
        return None


def _replaces(model: type[BaseRedisModel], other: type[BaseRedisModel]) -> bool:
    """Return whether a class takes the place of an earlier one rather than conflicting with it."""
    if _full_name(model) == _full_name(other):
        return True
    scope, _, name = model.__qualname__.rpartition("<locals>")
    other_scope, _, other_name = other.__qualname__.rpartition("<locals>")
    # caches of `typing` can keep alive what is left of a function that has returned
    functions = (model.__module__, scope), (other.__module__, other_scope)
    return bool(scope and other_scope) and functions[0] != functions[1] and name == other_name


def _full_name(model: type) -> str:
    """Name a class uniquely, including the arguments of a generic class."""
    name = f"{model.__module__}.{model.__qualname__}"
    metadata: dict[str, Any] = vars(model).get("__pydantic_generic_metadata__") or {}
    arguments: tuple[Any, ...] = metadata.get("args") or ()
    if not arguments:
        return name
    names = (_full_name(part) if isinstance(part, type) else repr(part) for part in arguments)
    return f"{name} of {', '.join(names)}"
