"""What the plugins do between `init_rapyer` and `teardown_rapyer`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rapyer.plugin.manager import blaming

if TYPE_CHECKING:
    from rapyer.plugin.compose import Host
    from rapyer.traffic.source import RedisSource


class Lifecycle:
    """The plugins of a host, started for one server.

    Args:
        host: The plugins.
        source: The server.
        options: What `init_rapyer` sets for all models, checked.
    """

    def __init__(self, host: Host, source: RedisSource, options: Mapping[str, object]) -> None:
        self._host = host
        self._options = options
        self._not_started: set[str] = set()
        self.source = source

    async def start(self) -> None:
        """Set the options, and await what `rapyer_startup` of each plugin returns.

        Raises:
            Exception: What a plugin raises, after those that had started were shut down.
        """
        host = self._host
        host.set_options_for_all(self._options)
        try:
            startups = host.manager.startups()
            self._not_started = {info.name for info, _ in startups}
            for info, startup in startups:
                with blaming(info, "rapyer_startup", passing=Exception):
                    await startup(self.source.channel(), tuple(host.models))
                self._not_started.discard(info.name)
        except BaseException as exc:
            try:
                await self.stop()
            except Exception as also:  # noqa: BLE001 - the first one is raised, and names this one
                exc.add_note(f"Shutting down what had started failed too: {also!r}")
            raise

    async def stop(self) -> None:
        """Await what `rapyer_shutdown` of each plugin that has started returns, the last one first.

        Raises:
            Exception: What a plugin raises, after all were shut down; several in an
                `ExceptionGroup`.
        """
        errors: list[Exception] = []
        for info, shutdown in self._host.manager.shutdowns():
            if info.name in self._not_started:
                continue
            try:
                with blaming(info, "rapyer_shutdown", passing=Exception):
                    await shutdown(self.source.channel())
            except Exception as exc:  # noqa: BLE001 - raised below, when all had their turn
                errors.append(exc)
        self._host.set_options_for_all({})
        if len(errors) == 1:
            raise errors[0]
        if errors:
            raise ExceptionGroup("plugins failed while they were shut down", errors)
