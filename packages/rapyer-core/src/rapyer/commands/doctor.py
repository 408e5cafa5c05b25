"""`python -m rapyer doctor`: whether rapyer can work with a server."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from rapyer.base import BaseRedisModel, channel_of
from rapyer.cli import (
    WELL,
    WRONG,
    Outcome,
    add_connection,
    add_models,
    models_of,
    run_connected,
    table,
)
from rapyer.errors import NotConnectedError, PluginError, RapyerError, UnsupportedServerError
from rapyer.plugin import Check, Command, Finding, PluginInfo
from rapyer.plugin.manager import PluginManager
from rapyer.plugin.parts import Named
from rapyer.traffic.channel import Channel
from rapyer.traffic.source import default_source

#: How rich draws the states, from the mildest to the worst.
_STYLES: Final = {"ok": "green", "note": "cyan", "warning": "yellow", "fault": "bold red"}
_BAD: Final = frozenset({"warning", "fault"})


@dataclass(frozen=True, slots=True)
class _Told:
    """A finding, with where it was made and by which check."""

    server: str
    check: str
    finding: Finding


def _add_arguments(parser: ArgumentParser) -> None:
    add_models(parser, required=False)
    add_connection(parser)


def _run(arguments: Namespace) -> int:
    return run_connected(_examine, arguments)


DOCTOR_COMMAND = Command(
    "doctor", "check the server: modules, permissions, limits, and indexes of models", _run,
    _add_arguments,
)  # fmt: skip


async def _examine(arguments: Namespace) -> Outcome:
    from rapyer.host import survey_plugins  # noqa: PLC0415 - the host has core, and so this command

    survey = survey_plugins()
    checks, faults = checks_of(survey.host.manager)
    faults += [fault for _, fault in survey.faults]
    told = [_Told("", "plugins", Finding("fault", str(fault))) for fault in faults]
    # no model can be made with a plugin that does not work
    models = [] if survey.faults else models_of(arguments.models)
    channels = _channels_of(models, required=not told)
    for channel, of_channel in channels.items():
        try:
            told += await _examined(channel, of_channel, checks)
        except (RedisConnectionError, RedisTimeoutError) as exc:
            if len(channels) == 1 and not told:  # nothing could be done
                raise
            unreachable = Finding("fault", f"it cannot be reached: {exc}")
            told.append(_Told(channel.place, "server", unreachable))
    worst = max((one.finding.state for one in told), key=[*_STYLES].index)
    value = [{"server": one.server, "check": one.check, **asdict(one.finding)} for one in told]
    status = WRONG if worst in _BAD else WELL
    return Outcome(_shown(told), {"state": worst, "findings": value}, status)


def checks_of(manager: PluginManager) -> tuple[list[Check], list[PluginError]]:
    """Return the checks of core and of plugins, and what is wrong with some of these."""
    checks: list[Check] = []
    names = Named("check")

    def add(info: PluginInfo, check: Check) -> None:
        names.add(info, check.name, lambda: checks.append(check))

    faults = manager.register_checks(add)
    return checks, faults


def _channels_of(
    models: Sequence[type[BaseRedisModel]], *, required: bool
) -> dict[Channel, list[type[BaseRedisModel]]]:
    """Return the servers of models; without models, the server of those that name none."""
    channels: dict[Channel, list[type[BaseRedisModel]]] = {}
    for model in models:
        channels.setdefault(channel_of(model), []).append(model)
    if not channels:
        try:
            channels[default_source().channel()] = []
        except NotConnectedError:
            if required:  # otherwise there is something to report without a server
                raise
    return channels


async def _examined(
    channel: Channel, models: Sequence[type[BaseRedisModel]], checks: Sequence[Check]
) -> list[_Told]:
    try:
        await channel.introduce()
    except (UnsupportedServerError, ResponseError) as exc:
        return [_Told(channel.place, "server", Finding("fault", str(exc)))]
    told: list[_Told] = []
    for check in checks:
        try:
            found = await check.run(channel, models)
        except (ResponseError, RapyerError) as exc:  # of this check; the others go on
            found = [Finding("fault", f"the check failed: {exc}")]
        told += [_Told(channel.place, check.name, finding) for finding in found]
    return told


def _shown(told: Sequence[_Told]) -> str:
    parts: list[str] = []
    for server in dict.fromkeys(one.server for one in told):
        rows: list[tuple[Any, ...]] = []
        for one in told:
            if one.server == server:
                said = ". ".join(filter(None, (one.finding.text, one.finding.remedy)))
                rows.append((one.finding.state, one.check, said))
        parts.append(f"{server or 'this environment'}\n")
        parts.append(table(("state", "check", "finding"), rows, styles=_STYLES) + "\n")
    count = {state: sum(one.finding.state == state for one in told) for state in _STYLES}
    bad = [
        f"{count[state]} {state}{'s' * (count[state] != 1)}"
        for state in ("fault", "warning", "note")
    ]
    return "\n".join([*parts, ", ".join(bad)])
