"""The installed plugins: the entry points of the group `rapyer`."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from rapyer.errors import PluginError
from rapyer.plugin.info import PluginInfo, asked_for_models, at_work
from rapyer.plugin.spec import PROJECT

#: Names installed plugins that are not loaded, separated by commas.
DISABLED_VARIABLE = "RAPYER_DISABLED_PLUGINS"
#: If set to anything other than the empty string or 0, hook calls are written to standard error.
TRACE_VARIABLE = "RAPYER_TRACE_PLUGINS"


@dataclass(frozen=True, slots=True)
class InstalledPlugin:
    """A plugin that is installed, but not yet loaded.

    Attributes:
        info: Its identity.
        entry_point: Where it is.
    """

    info: PluginInfo
    entry_point: EntryPoint

    def load(self) -> object:
        """Import the plugin.

        Raises:
            PluginError: It cannot be imported, or uses `rapyer.AtomicRedisModel` meanwhile.
        """
        try:
            with at_work(self.info):
                plugin: object = self.entry_point.load()
        except PluginError:
            raise
        except (Exception, SystemExit) as exc:
            raise self.info.error(f"could not be imported: {type(exc).__name__}: {exc}") from exc
        if _is_being_imported(self.entry_point.module):
            raise asked_for_models(self.info)
        return plugin


def installed_plugins() -> list[InstalledPlugin]:
    """Find the installed plugins, in the order of their names."""
    found = [
        InstalledPlugin(
            PluginInfo(
                name=entry_point.name,
                distribution=entry_point.dist.name if entry_point.dist else "",
                version=entry_point.dist.version if entry_point.dist else "",
                target=entry_point.value,
            ),
            entry_point,
        )
        for entry_point in entry_points(group=PROJECT)
    ]
    return sorted(found, key=lambda plugin: (plugin.info.name, plugin.info.distribution))


def disabled_plugins(known: Iterator[str]) -> frozenset[str]:
    """Read which plugins the environment disables; warn about names that no plugin has.

    Args:
        known: The names of the installed plugins.
    """
    names = os.environ.get(DISABLED_VARIABLE, "").split(",")
    disabled = frozenset(name.strip() for name in names if name.strip())
    unknown = sorted(disabled.difference(known))
    if unknown:
        warnings.warn(
            f"{DISABLED_VARIABLE} names {', '.join(map(repr, unknown))}, but no installed plugin "
            "has that name. Run `python -m rapyer plugins` to list the installed ones.",
            RuntimeWarning,
            stacklevel=2,
        )
    return disabled


def tracing() -> bool:
    """Return whether the environment asks for every hook call to be shown."""
    return os.environ.get(TRACE_VARIABLE, "") not in ("", "0")


def _is_being_imported(module: str) -> bool:
    """Return whether a module, or a package around it, is waiting for this very import to end.

    This happens if the application imports the plugin first, and the plugin asks for models.
    """
    names = module.split(".")
    packages = (".".join(names[: end + 1]) for end in range(len(names)))
    specs = (getattr(sys.modules.get(name), "__spec__", None) for name in packages)
    return any(getattr(spec, "_initializing", False) for spec in specs)
