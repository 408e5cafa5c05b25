"""The models composed of core and plugins: what `rapyer.AtomicRedisModel` is made of."""

from __future__ import annotations

from collections.abc import Mapping
from types import new_class
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakSet

from rapyer import base
from rapyer.base import BaseRedisModel
from rapyer.errors import PluginError
from rapyer.options import Option, OptionTable
from rapyer.plugin.parts import Mixins, Named
from rapyer.registry import ModelRegistry
from rapyer.types.registry import FieldTypes
from rapyer.types.table import FieldType

if TYPE_CHECKING:
    from rapyer.plugin.info import PluginInfo
    from rapyer.plugin.manager import PluginManager

_DOCUMENTATION = """A pydantic model whose instances are RedisJSON documents.

    class User(AtomicRedisModel):
        name: str
        age: Mapped[int] = Field(default=0)

    user = User(name="Ada")
    await user.save()
    user = await User.get(user.pk)

The documentation of models tells about keys, options (`class Config`), aliases and inheritance.
"""


class Host:
    """Core and plugins, composed: it implements `rapyer.hosting.ModelHost`.

    Args:
        manager: The plugins; it accepts no more plugins afterwards.
        disabled: The names of plugins that are installed but skipped.

    Attributes:
        manager: The plugins.
        options: What a `class Config` may set.
        field_types: The types of values that have a stored form of their own.
        models: The models whose keys can be told apart.
        disabled: The names of plugins that are installed but skipped.
        AtomicRedisModel: The class that models with documents derive from.
        EmbeddedModel: The class that models inside documents derive from.

    Raises:
        PluginError: Plugins contradict each other, or register something invalid.
    """

    def __init__(self, manager: PluginManager, disabled: frozenset[str] = frozenset()) -> None:
        manager.freeze("rapyer.AtomicRedisModel has already been composed")
        self.manager = manager
        self.disabled = disabled
        self.options = OptionTable(disabled)
        self.field_types = FieldTypes()
        self.models = ModelRegistry()
        self._all: WeakSet[type[BaseRedisModel]] = WeakSet()
        self._complete: WeakSet[type[BaseRedisModel]] = WeakSet()
        self._mixins = Mixins()
        self._option_owners = Named("option")
        self._field_type_owners = Named("field type")
        manager.register_options(self._add_option)
        manager.register_field_types(self._add_field_type)
        manager.register_mixins(self._mixins.add)
        self.AtomicRedisModel = self._compose_models()
        self.EmbeddedModel = self._compose(
            "EmbeddedModel", (base.EmbeddedModel,), base.EmbeddedModel.__doc__
        )

    def _compose_models(self) -> Any:
        mixins = tuple(self._mixins.classes)
        try:
            return self._compose("AtomicRedisModel", mixins, _DOCUMENTATION)
        except TypeError as exc:  # both define __slots__, or one has a metaclass of its own
            named = ", ".join(f"{mixin.__name__} of the {self.owner_of(mixin)}" for mixin in mixins)
            raise PluginError(
                f"AtomicRedisModel cannot be composed of {named}: {exc}. Skip plugins with "
                "RAPYER_DISABLED_PLUGINS to find the incompatible one."
            ) from exc

    def _compose(self, name: str, bases: tuple[type, ...], documentation: str | None) -> Any:
        namespace = {
            "__module__": "rapyer",
            "__doc__": documentation,
            "__rapyer_host__": self,
        }
        return new_class(name, bases, exec_body=lambda body: body.update(namespace))

    def _add_option(self, info: PluginInfo, option: Option[Any]) -> None:
        if not isinstance(cast("object", option), Option):
            raise info.error(f"registers {option!r} as an option", "Register an Option.")
        self._option_owners.add(info, option.name, lambda: self.options.register(option))

    def _add_field_type(self, info: PluginInfo, registered: tuple[Any, FieldType]) -> None:
        annotation, field_type = registered
        if not isinstance(cast("object", field_type), FieldType):
            raise info.error(
                f"registers {field_type!r} as the field type of {annotation!r}",
                "Register the result of define_field_type.",
            )
        self._field_type_owners.add(
            info, field_type.name, lambda: self.field_types.register(annotation, field_type)
        )

    # -- which part is from which plugin ----------------------------------------------------------

    def owner_of(self, part: type) -> str | None:
        """Name the plugin that `part` was composed in from; None for any other class."""
        info = self._mixins.plugin_of(part)
        return None if info is None else str(info)

    def methods_of(self, info: PluginInfo) -> list[str]:
        """Name what the plugin `info` adds to models, in alphabetical order."""
        return self._mixins.members_of(info)

    def options_of(self, info: PluginInfo) -> list[str]:
        """Name the options that the plugin `info` adds, in alphabetical order."""
        return self._option_owners.names_of(info)

    def field_types_of(self, info: PluginInfo) -> list[str]:
        """Name the field types that the plugin `info` adds, in alphabetical order."""
        return self._field_type_owners.names_of(info)

    # -- models -----------------------------------------------------------------------------------

    def adopt(self, model: type[BaseRedisModel]) -> None:
        """Take in a model, whose annotations may still be unresolved, and its prefix if it has one.

        Raises:
            ModelDefinitionError: Its keys could not be told apart from those of another model.
        """
        if model.__rapyer_identity__.prefix:
            self.models.register(model, model.__rapyer_identity__.prefix)
        self._all.add(model)

    def abandon(self, model: type[BaseRedisModel]) -> None:
        """Forget a model whose definition has failed."""
        self.models.discard(model)
        self._all.discard(model)

    def complete(self, model: type[BaseRedisModel]) -> None:
        """Show a complete model to the plugins, once, and give it their access policies."""
        if model not in self._complete:
            self.manager.model_created(model)
            self._set_policies(model)
            self._complete.add(model)

    def _set_policies(self, model: type[BaseRedisModel]) -> None:
        policies = self.manager.access_policies(model)
        model.__rapyer_policies__ = policies
        model.__rapyer_read_policies__ = tuple([policy for policy in policies if policy.reads])

    def set_options_for_all(self, checked: Mapping[str, Any]) -> None:
        """Set options for all models that do not set them, including future ones.

        Args:
            checked: What `OptionTable.check_for_all` gives.

        Raises:
            RapyerError: A plugin refuses what would then hold for a model; the previous options
                remain in force.
        """
        before = self.options.set_for_all(checked)
        try:
            self._apply_options()
        except BaseException:
            self.options.set_for_all(before)
            self._apply_options()
            raise

    def forget_options_for_all(self) -> list[Exception]:
        """Undo what `set_options_for_all` has set, whatever plugins say.

        Returns:
            The errors that they raised about models, which keep their previous policies.
        """
        self.options.set_for_all({})
        errors: list[Exception] = []
        for model in self._classes():
            try:
                self._apply_to(model)
            except Exception as exc:  # noqa: BLE001 - handed on, when all models had their turn
                errors.append(exc)
        return errors

    def _apply_options(self) -> None:
        for model in self._classes():
            self._apply_to(model)

    def _classes(self) -> list[type[BaseRedisModel]]:
        return sorted(self._all, key=lambda model: model.__rapyer_identity__.prefix)

    def _apply_to(self, model: type[BaseRedisModel]) -> None:
        options = self.options.effective(model.__rapyer_own_options__)
        if not _are_same(options, model.__rapyer_options__):
            model.__rapyer_apply_options__(options)
            if model in self._complete:
                self._set_policies(model)


def _are_same(options: Mapping[str, Any], others: Mapping[str, Any]) -> bool:
    """Return whether two sets of options are equal, including their types: 0 is not False."""
    return options == others and all(
        type(value) is type(others[name]) for name, value in options.items()
    )
