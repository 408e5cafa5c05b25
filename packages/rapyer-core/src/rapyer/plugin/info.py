"""The identity of a plugin: its name, and the distribution that it comes from."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from rapyer.errors import PluginError

API_VERSION = 1
"""The version of the hooks. It grows when a plugin made for the previous one could break."""
#: The versions of the hooks that this core supports.
SUPPORTED_API_VERSIONS = frozenset({1})
#: The name of the attribute in which a plugin says which version it was made for.
API_ATTRIBUTE = "RAPYER_API_VERSION"


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """A plugin as messages and listings name it. Two with the same name are equal.

    Attributes:
        name: The name of its entry point.
        distribution: The distribution of the entry point; empty for a plugin that was registered
            by hand.
        version: The version of the distribution.
        api_version: The version of the hooks that it was made for; None before it is loaded.
        target: What the entry point names, such as `"rapyer_query.plugin"`.
    """

    name: str
    distribution: str = field(default="", compare=False)
    version: str = field(default="", compare=False)
    api_version: int | None = field(default=None, compare=False)
    target: str = field(default="", compare=False)

    def __str__(self) -> str:
        origin = f"{self.distribution} {self.version}".strip() or "registered by hand"
        return f"plugin {self.name!r} ({origin})"

    @property
    def how_to_skip(self) -> str:
        """Return how to do without the plugin."""
        if not self.distribution:
            return "Fix it, or do not register it."
        return (
            f"Install a compatible version of {self.distribution}, uninstall it, or skip it with "
            f"RAPYER_DISABLED_PLUGINS={self.name}."
        )

    def error(self, what: str, remedy: str | None = None) -> PluginError:
        """Make the error that says `what` is wrong with the plugin, and the `remedy`."""
        return PluginError(
            f"the {self} {what}. {remedy or self.how_to_skip}",
            plugin=self.name,
            distribution=self.distribution,
            version=self.version,
        )


_at_work: ContextVar[PluginInfo | None] = ContextVar("at_work", default=None)


@contextmanager
def at_work(info: PluginInfo) -> Generator[None]:
    """Note that a plugin is being imported or asked for its parts: there are no models yet."""
    token = _at_work.set(info)
    try:
        yield
    finally:
        _at_work.reset(token)


def refuse_plugin_at_work() -> None:
    """Refuse to give models to a plugin that these models will be composed of.

    Raises:
        PluginError: In this thread, the caller is a plugin whose parts are not yet known.
    """
    info = _at_work.get()
    if info is not None:
        raise asked_for_models(info)


def asked_for_models(info: PluginInfo) -> PluginError:
    """Make the error about a plugin that needs what is only made after it is loaded."""
    return info.error(
        "uses rapyer.AtomicRedisModel or rapyer.EmbeddedModel while it is being loaded, but those "
        "are composed of the plugins",
        "Import BaseRedisModel from rapyer.base; put the plugin's own models in a module that "
        f"{info.target or 'it'} does not import.",
    )
