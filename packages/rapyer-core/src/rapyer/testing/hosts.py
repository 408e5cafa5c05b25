"""Running with a given set of plugins."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from rapyer.host import host_of
from rapyer.plugin import PluginInfo
from rapyer.plugin.compose import Host
from rapyer.plugin.loading import installed_plugins


@contextmanager
def use_plugins(*plugins: object, installed: bool = False, **named: object) -> Generator[Host]:
    """Compose models of core and given plugins, in a registry of their own.

        with use_plugins(my_plugin):
            from rapyer import AtomicRedisModel

            class User(AtomicRedisModel): ...

    Inside the block, `rapyer.AtomicRedisModel` and `rapyer.EmbeddedModel` are composed of the
    given plugins, and `init_rapyer` starts these plugins. A model keeps the plugins that it was
    defined with, even afterwards. The prefixes of models outside the block may be used again. The
    block may be nested, and is meant for one thread.

    Args:
        plugins: Modules, or instances of classes, as entry points name them.
        installed: Whether the installed plugins are used as well.
        named: Further plugins, under the names that they are to have.

    Yields:
        The host, whose `AtomicRedisModel` and `EmbeddedModel` are the same classes.

    Raises:
        PluginError: A plugin has a fault, or contradicts another one.
    """
    given = [(plugin, info_of(plugin)) for plugin in plugins]
    given += [(plugin, PluginInfo(name)) for name, plugin in named.items()]
    with host_of(given, installed=installed) as host:
        yield host


def info_of(plugin: object) -> PluginInfo:
    """Return the identity of a plugin: as it is installed, or by its module or class name."""
    for one in installed_plugins():
        named: Any = sys.modules.get(one.entry_point.module)
        for attribute in filter(None, (one.entry_point.attr or "").split(".")):
            named = getattr(named, attribute, None)
        if named is plugin:
            return one.info
    if isinstance(plugin, ModuleType):
        return PluginInfo(plugin.__name__, target=plugin.__name__)
    return PluginInfo(plugin.__name__ if isinstance(plugin, type) else type(plugin).__name__)
