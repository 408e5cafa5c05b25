"""What the plugins have registered, each part with the plugin that it comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any

from rapyer._pydantic import is_made_by_pydantic
from rapyer.base import BaseRedisModel
from rapyer.hosting import extends_core
from rapyer.plugin.info import PluginInfo


class _Empty(BaseRedisModel):
    """A mixin with nothing in it."""


#: What every class has in its namespace, whatever its body contains.
_OF_EVERY_CLASS = frozenset(vars(_Empty)) | {
    "__annotate__", "__annotate_func__", "__annotations__", "__annotations_cache__",
    "__conditional_annotations__", "__orig_bases__", "__parameters__", "__qualname__", "__slots__",
}  # fmt: skip


class Mixins:
    """The classes that `AtomicRedisModel` is composed of."""

    def __init__(self) -> None:
        self._classes: list[type[BaseRedisModel]] = []
        self._owners: dict[str, tuple[type, PluginInfo | None]] = {}
        self._plugins: dict[type, PluginInfo] = {}
        self._extending: set[type] = set()
        for base in reversed(BaseRedisModel.__mro__[:-1]):
            for name in vars(base).keys() - _OF_EVERY_CLASS:
                self._owners[name] = base, None

    def plugin_of(self, part: type) -> PluginInfo | None:
        """Return the plugin that registered a class, or a class derived from it."""
        return self._plugins.get(part)

    def members_of(self, info: PluginInfo) -> list[str]:
        """Name the public attributes that a plugin adds to models, in alphabetical order."""
        return sorted(
            name
            for name, (_, owner) in self._owners.items()
            if owner == info and not name.startswith("_")
        )

    def add(self, info: PluginInfo, mixin: type[BaseRedisModel]) -> None:
        """Add a mixin of a plugin.

        Raises:
            PluginError: It is not a mixin, or has something that exists already.
        """
        self._check_class(info, mixin)
        for part in mixin.__mro__:
            if part in BaseRedisModel.__mro__ or part.__module__ in ("abc", "typing"):
                continue
            owner = self._plugins.get(part)
            if owner is not None:
                if owner != info and part is mixin:
                    raise info.error(
                        f"registers {part.__name__}, which the {owner} has already registered"
                    )
                continue  # a base that several mixins share
            for name, value in vars(part).items():
                if extends_core(value):
                    self._check_extension(info, part, name)
                    self._extending.add(mixin)
                elif name not in _OF_EVERY_CLASS and not is_made_by_pydantic(value):
                    self._claim(info, part, name)
            for name, attribute in vars(part).get("__private_attributes__", {}).items():
                inherited = getattr(part.__mro__[1], "__private_attributes__", {})
                if inherited.get(name) is not attribute:
                    self._claim(info, part, name)
            self._plugins[part] = info
        self._classes.append(mixin)

    @property
    def classes(self) -> list[type[BaseRedisModel]]:
        """The mixins that no other mixin derives from; those that extend methods come first."""
        last = [
            mixin
            for mixin in self._classes
            if not any(other is not mixin and issubclass(other, mixin) for other in self._classes)
        ]
        return sorted(last, key=lambda mixin: mixin not in self._extending)

    def _check_extension(self, info: PluginInfo, part: type, name: str) -> None:
        owner, plugin = self._owners.get(name, (None, None))
        if owner is None or plugin is None or plugin.name != "core":
            raise info.error(
                f"extends {name!r} with {part.__name__}.{name}, but core has no such operation",
                "Register it as a separate method.",
            )

    def _claim(self, info: PluginInfo, part: type, name: str) -> None:
        owner, plugin = self._owners.get(name, (None, None))
        if owner is not None and plugin != info:
            theirs = f"{owner.__name__}.{name}" + ("" if plugin is None else f" of the {plugin}")
            raise info.error(
                f"adds {part.__name__}.{name} to all models, but {theirs} already exists",
                f"Keep only one of them: {info.how_to_skip}",
            )
        self._owners[name] = part, info

    def _check_class(self, info: PluginInfo, mixin: Any) -> None:
        if not isinstance(mixin, type) or not issubclass(mixin, BaseRedisModel):
            raise info.error(
                f"registers {mixin!r} as a mixin", "Derive it from rapyer.base.BaseRedisModel."
            )
        if mixin is BaseRedisModel or mixin.__rapyer_host__ is not None:
            raise info.error(
                f"registers {mixin.__name__}, which is a model, not a mixin",
                "Derive it from rapyer.base.BaseRedisModel.",
            )
        if mixin.model_config != BaseRedisModel.model_config:
            raise info.error(
                f"registers {mixin.__name__}, whose model_config would apply to all models",
                "Put pydantic settings in the models.",
            )
        decorators = mixin.__pydantic_decorators__
        for kind in fields(decorators):
            decorated: dict[str, Any] = getattr(decorators, kind.name)
            if decorated:
                raise info.error(
                    f"registers {mixin.__name__}, whose {next(iter(decorated))!r} is one of "
                    f"pydantic's {kind.name} and would be part of all models",
                    "Put validators, serializers and computed fields in the models.",
                )
        abstract: frozenset[str] = getattr(mixin, "__abstractmethods__", frozenset())
        if abstract:
            raise info.error(
                f"registers {mixin.__name__}, whose {min(abstract)!r} is abstract, so no model "
                "could have instances",
                "Implement it.",
            )
        names = list(mixin.__pydantic_fields__)
        if names:
            raise info.error(
                f"registers {mixin.__name__}, whose field {names[0]!r} would be part of "
                "the documents of all models",
                "A mixin has methods; keep its data for an instance in a PrivateAttr, and put "
                "fields that a user stores in a model or in a mixin that is not registered.",
            )


class Named:
    """Things with unique names.

    Args:
        what: What they are called in messages.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._owners: dict[str, PluginInfo] = {}

    def __iter__(self) -> Iterator[tuple[str, PluginInfo]]:
        return iter(self._owners.items())

    def names_of(self, info: PluginInfo) -> list[str]:
        """Name those of a plugin, in alphabetical order."""
        return sorted(name for name, owner in self._owners.items() if owner == info)

    def add(self, info: PluginInfo, name: str, register: Callable[[], None]) -> None:
        """Add one of a plugin.

        Args:
            info: The plugin.
            name: Its name.
            register: Adds it; raises ValueError with a clause that says why it is refused.

        Raises:
            PluginError: Its name is taken, or it was refused.
        """
        other = self._owners.get(name)
        if other is not None:
            raise info.error(
                f"registers the {self._what} {name!r}, which already belongs to the {other}",
                f"Keep only one of them: {info.how_to_skip}",
            )
        try:
            register()
        except ValueError as exc:
            raise info.error(f"registers the {self._what} {name!r}, which {exc}") from exc
        self._owners[name] = info
