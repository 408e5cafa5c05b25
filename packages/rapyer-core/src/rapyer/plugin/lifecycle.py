"""What the plugins do between `init_rapyer` and `teardown_rapyer`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING, cast

from rapyer.plugin.manager import blaming

if TYPE_CHECKING:
    from rapyer.plugin.compose import Host
    from rapyer.plugin.info import PluginInfo
    from rapyer.plugin.spec import Shutdown
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
        self._shutdowns: list[tuple[PluginInfo, Shutdown]] = []
        self._not_started: set[str] = set()
        self.source = source

    async def start(self) -> None:
        """Set the options, and await what each plugin's `rapyer_startup` returns.

        Raises:
            Exception: What a plugin raises, after those that had started were shut down.
        """
        manager = self._host.manager
        startups, shutdowns = manager.startups(), manager.shutdowns()
        self._host.set_options_for_all(self._options)
        self._shutdowns = shutdowns
        self._not_started = {info.name for info, _ in startups}
        try:
            for info, startup in startups:
                with blaming(info, "rapyer_startup", passing=Exception):
                    begun = startup(self.source.channel(), tuple(self._host.models))
                    await _awaitable(info, "rapyer_startup", begun)
                self._not_started.discard(info.name)
        except BaseException as exc:
            try:
                await self.stop()
            except Exception as also:  # noqa: BLE001 - the first one is raised, and names this one
                exc.add_note(f"Shutting down the started plugins also failed: {also!r}")
            raise

    async def stop(self) -> None:
        """Await what `rapyer_shutdown` of the started plugins returned, the last one first.

        Whatever a plugin raises, the others are shut down as well, and the previous options are
        restored. This also holds if the caller is cancelled in the meantime.

        Raises:
            Exception: What a plugin raised; an `ExceptionGroup` if several did.
        """
        errors: list[Exception] = []
        cancelled: asyncio.CancelledError | None = None
        for info, shutdown in self._shutdowns:
            if info.name in self._not_started:
                continue
            try:
                with blaming(info, "rapyer_shutdown", passing=Exception):
                    begun = shutdown(self.source.channel())
                    await _awaitable(info, "rapyer_shutdown", begun)
            except asyncio.CancelledError as exc:
                cancelled = exc
            except Exception as exc:  # noqa: BLE001 - raised below, when all had their turn
                errors.append(exc)
        errors += self._host.forget_options_for_all()
        if cancelled is not None:
            for error in errors:
                cancelled.add_note(f"A plugin failed to shut down: {error!r}")
            raise cancelled
        if len(errors) == 1:
            raise errors[0]
        if errors:
            raise ExceptionGroup("plugins failed to shut down", errors)


def _awaitable(info: PluginInfo, hook: str, begun: object) -> Awaitable[None]:
    if not isinstance(begun, Awaitable):
        raise info.error(
            f"gave a function for {hook} that returned {begun!r}, which cannot be awaited",
            "Return an async function.",
        )
    return cast("Awaitable[None]", begun)
