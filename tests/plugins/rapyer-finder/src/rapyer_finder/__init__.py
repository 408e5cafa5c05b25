"""Methods that are typed with the model's own type, as those of rapyer-query."""

from __future__ import annotations

from typing import Generic, Self, TypeVar

from rapyer.base import BaseRedisModel, RedisModelMeta
from rapyer.expr import Condition
from rapyer.plugin import RegisterMixin, hookimpl

RAPYER_API_VERSION = 1

M = TypeVar("M", bound=BaseRedisModel)


class Finding(Generic[M]):
    """What was found."""

    def __init__(self, models: list[M]) -> None:
        self._models = models

    def limit(self, number: int) -> Finding[M]:
        """Give the first ones."""
        return Finding(self._models[:number])

    async def to_list(self) -> list[M]:
        """Give all."""
        return self._models


class FinderMixin(BaseRedisModel, metaclass=RedisModelMeta):
    """`find` and `find_one`."""

    @classmethod
    def find(cls, *conditions: Condition | bool) -> Finding[Self]:
        """Find models."""
        return Finding([cls.model_construct()] * len(conditions))

    @classmethod
    async def find_one(cls, condition: Condition | bool) -> Self | None:
        """Find a model."""
        return None if condition is False else cls.model_construct()


@hookimpl
def rapyer_register_mixins(register: RegisterMixin) -> None:
    """Add them."""
    register(FinderMixin)
