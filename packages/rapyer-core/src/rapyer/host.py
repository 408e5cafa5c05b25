"""The host of this process: core and the plugins that are installed, composed on first use."""

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
    """The host in use; None until it is first asked for."""

    host: Host | None = None


_lock = Lock()


def current_host() -> Host:
    """Give the host in use, composed now if nobody asked before.

    Raises:
        PluginError: A plugin cannot be loaded or contradicts another one; or a plugin that is
            being loaded asks.
    """
    refuse_plugin_at_work()
    if _Current.host is None:
        # imported before the lock is taken: another thread may be importing a plugin and ask, too
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
    """Make a manager that has core itself, and takes plugins."""
    manager = PluginManager(trace=tracing())
    manager.register(core_plugin, CORE)
    return manager


@dataclass(frozen=True, slots=True)
class Survey:
    """The plugins that are installed, those included that do not work.

    Attributes:
        host: Core and the plugins that work.
        faults: What is wrong with the others.
        disabled: Those that the environment disables.
    """

    host: Host
    faults: tuple[tuple[PluginInfo, PluginError], ...]
    disabled: tuple[PluginInfo, ...]


def survey_plugins() -> Survey:
    """Load all plugins that are installed, each of them on its own account."""
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
            if current is None:  # they contradict each other; without a name, the last one goes
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
        plugins: The plugins, beside core itself.
        installed: Whether those that are installed belong to it as well.
    """
    manager, disabled = _installed() if installed else (core_manager(), frozenset[str]())
    for plugin, info in plugins:
        manager.register(plugin, info)
    before, _Current.host = _Current.host, Host(manager, disabled)
    try:
        yield _Current.host
    finally:
        _Current.host = before
