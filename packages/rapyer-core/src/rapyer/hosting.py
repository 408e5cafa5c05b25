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
    """The plugins, including core's own, that one `AtomicRedisModel` was composed with.

    Model classes know them only through this protocol, because its implementation is on a higher
    floor.
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
        """The names of plugins that are installed but skipped."""
        ...

    def owner_of(self, part: type) -> str | None:
        """Name the plugin that a class was composed in from; None for any other class."""
        ...

    def adopt(self, model: type[BaseRedisModel]) -> None:
        """Take in a class, whose annotations may still be unresolved, and its prefix if it has one.

        Raises:
            ModelDefinitionError: Its keys could not be told apart from those of another model.
        """
        ...

    def abandon(self, model: type[BaseRedisModel]) -> None:
        """Forget a class whose definition has failed."""
        ...

    def complete(self, model: type[BaseRedisModel]) -> None:
        """Show a complete model to the plugins, and give it their access policies.

        Does nothing for a model that they have already seen.
        """
        ...


def extends(method: F) -> F:
    """Mark a method of a mixin as an extension of the core operation of the same name.

    The method takes the same parameters plus optional keyword arguments of its own, and calls the
    operation with `super()`. Several plugins may extend the same operation, so the method also
    takes `**others` and passes them on. Place the decorator below `@classmethod`.

    Returns:
        The `method` itself.
    """
    extending: Any = method
    extending.extends_core = True
    return method


def extends_core(value: object) -> bool:
    """Return whether a method has been marked by `extends`."""
    return getattr(getattr(value, "__func__", value), "extends_core", False) is True
