"""What model classes ask of the plugins that they were composed with."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from rapyer.base import BaseRedisModel
    from rapyer.options import OptionTable
    from rapyer.registry import ModelRegistry
    from rapyer.types.registry import FieldTypes

F = TypeVar("F", bound=Callable[..., Any])


class ModelHost(Protocol):
    """The plugins, core's own among them, that one `AtomicRedisModel` was composed with.

    Model classes know them through this protocol alone: what implements it stands above them.
    """

    @property
    def options(self) -> OptionTable:
        """What a `class Config` may set."""
        ...

    @property
    def field_types(self) -> FieldTypes:
        """The types of values that have a stored form of their own."""
        ...

    @property
    def models(self) -> ModelRegistry:
        """The models whose keys can be told apart."""
        ...

    @property
    def disabled(self) -> frozenset[str]:
        """The names of plugins that are installed and skipped."""
        ...

    def owner_of(self, part: type) -> str | None:
        """Name the plugin that a class was composed in from; None for any other class."""
        ...

    def adopt(self, model: type[BaseRedisModel]) -> None:
        """Take a class in, whose annotations may still be unresolved, and its prefix if it has one.

        Raises:
            ModelDefinitionError: Its keys could not be told from those of another model.
        """
        ...

    def abandon(self, model: type[BaseRedisModel]) -> None:
        """Forget a class whose definition has failed."""
        ...

    def complete(self, model: type[BaseRedisModel]) -> None:
        """Let the plugins see a model that is complete, and give it their access policies.

        For a model that they have seen it does nothing.
        """
        ...


def extends(method: F) -> F:
    """Mark a method of a mixin as one that extends an operation of core of the same name.

    It takes what that takes, and optional keyword arguments of its own, and calls it by `super()`.
    Several plugins may extend one: it takes `**others`, too, and passes them on. It stands below
    `@classmethod`.

    Returns:
        The `method` itself.
    """
    extending: Any = method
    extending.extends_core = True
    return method


def extends_core(value: object) -> bool:
    """Say whether a method is one that `extends` has marked."""
    return getattr(getattr(value, "__func__", value), "extends_core", False) is True
