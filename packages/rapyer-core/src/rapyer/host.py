"""The host of this process: core and the installed plugins, composed on first use."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock

from rapyer import core_plugin
from rapyer.errors import PluginError
from rapyer.plugin import PluginInfo
from rapyer.plugin.compose import Host
from rapyer.plugin.info import refuse_plugin_at_work
from rapyer.plugin.loading import (
    InstalledPlugin,
    disabled_plugins,
    installed_plugins,
    tracing,
)
from rapyer.plugin.manager import PluginManager
from rapyer.version import __version__

CORE = PluginInfo("core", "rapyer-core", __version__, target="rapyer.core_plugin")


class _Current:
    """The host in use; None until it is first requested."""

    host: Host | None = None


_lock = Lock()


def current_host() -> Host:
    """Return the host in use, composed now if it has not been requested before.

    Raises:
        PluginError: A plugin cannot be loaded or contradicts another one; or the caller is a
            plugin that is being loaded.
    """
    refuse_plugin_at_work()
    if _Current.host is None:
        # imported before taking the lock: another thread may be importing a plugin and ask too
        manager, disabled = _installed()
        with _lock:
            if _Current.host is None:
                _Current.host = Host(manager, disabled)
    return _Current.host


def _installed() -> tuple[PluginManager, frozenset[str]]:
    manager = core_manager()
    installed = installed_plugins()
    disabled = disabled_plugins(plugin.info.name for plugin in installed)
    for plugin in installed:
        if plugin.info.name not in disabled:
            manager.register(plugin.load(), plugin.info)
    return manager, disabled


def core_manager() -> PluginManager:
    """Make a manager that has core itself, and accepts plugins."""
    manager = PluginManager(trace=tracing())
    manager.register(core_plugin, CORE)
    return manager


@dataclass(frozen=True, slots=True)
class Survey:
    """The installed plugins, including those that do not work.

    Attributes:
        host: Core and the plugins that work.
        faults: What is wrong with the others.
        disabled: Those that the environment disables.
    """

    host: Host
    faults: tuple[tuple[PluginInfo, PluginError], ...]
    disabled: tuple[PluginInfo, ...]


def survey_plugins() -> Survey:
    """Load all installed plugins, each of them separately."""
    installed = installed_plugins()
    names = disabled_plugins(plugin.info.name for plugin in installed)
    disabled = [plugin.info for plugin in installed if plugin.info.name in names]
    faults: list[tuple[PluginInfo, PluginError]] = []
    working = [plugin for plugin in installed if plugin.info not in disabled]
    while True:
        manager = core_manager()
        current: InstalledPlugin | None = None
        try:
            for current in working:
                manager.register(current.load(), current.info)
            current = None
            return Survey(Host(manager, names), tuple(faults), tuple(disabled))
        except PluginError as exc:
            if current is None:  # they contradict each other; if no plugin is named, drop the last
                named = (one for one in working if one.info.name == exc.plugin)
                current = next(named, working[-1])
            faults.append((current.info, exc))
            working.remove(current)


@contextmanager
def host_of(
    plugins: Iterable[tuple[object, PluginInfo]], *, installed: bool = False
) -> Generator[Host]:
    """Compose a host of given plugins, and use it until this ends.

    Args:
        plugins: The plugins, besides core itself.
        installed: Whether it also has the installed plugins.
    """
    manager, disabled = _installed() if installed else (core_manager(), frozenset[str]())
    for plugin, info in plugins:
        manager.register(plugin, info)
    before, _Current.host = _Current.host, Host(manager, disabled)
    try:
        yield _Current.host
    finally:
        _Current.host = before
