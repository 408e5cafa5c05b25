"""`python -m rapyer plugins`: what is installed."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from rapyer.cli import WELL, WRONG, table
from rapyer.plugin import Command, PluginInfo
from rapyer.plugin.info import API_VERSION

if TYPE_CHECKING:
    from rapyer.plugin.compose import Host

_COLUMNS: Final = ("name", "distribution", "version", "api", "status")
_PARTS: Final = ("hooks", "methods", "options", "field types")


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def _list_plugins(arguments: Namespace) -> int:
    """Print the installed plugins; the status is 1 if one of them does not work."""
    from rapyer.host import survey_plugins  # noqa: PLC0415 - the host has core, and so this command

    survey = survey_plugins()
    plugins = [
        *(_described(survey.host, info) for info in survey.host.manager.plugins),
        *(_not_loaded(info, "fault", str(fault)) for info, fault in survey.faults),
        *(_not_loaded(info, "disabled") for info in survey.disabled),
    ]
    plugins.sort(key=lambda plugin: plugin["name"] != "core")  # core first, the others as found
    if arguments.json:
        print(json.dumps({"api_version": API_VERSION, "plugins": plugins}, indent=2))
    else:
        print(_shown(plugins))
        for info, fault in survey.faults:
            print(f"\n{info.name}: {fault}", file=sys.stderr)
    return WRONG if survey.faults else WELL


PLUGINS_COMMAND = Command(
    "plugins", "list the installed plugins, and what each of them adds", _list_plugins,
    _add_arguments,
)  # fmt: skip


def _described(host: Host, info: PluginInfo) -> dict[str, Any]:
    return {
        **_identity(info),
        "status": "loaded",
        "hooks": host.manager.hooks_of(info),
        "methods": host.methods_of(info),
        "options": host.options_of(info),
        "field types": host.field_types_of(info),
    }


def _not_loaded(info: PluginInfo, status: str, fault: str | None = None) -> dict[str, Any]:
    described: dict[str, Any] = {**_identity(info), "status": status}
    described |= {"hooks": [], "methods": [], "options": [], "field types": []}
    return described if fault is None else {**described, "fault": fault}


def _identity(info: PluginInfo) -> dict[str, Any]:
    return {
        "name": info.name,
        "distribution": info.distribution,
        "version": info.version,
        "api": info.api_version,
    }


def _shown(plugins: Sequence[dict[str, Any]]) -> str:
    """Lay out what they are as a table, and below it what each adds, as wide as the terminal."""
    parts = [table(_COLUMNS, [[plugin[name] for name in _COLUMNS] for plugin in plugins])]
    width = max(40, shutil.get_terminal_size().columns)
    for plugin in plugins:
        lines = [
            textwrap.fill(
                ", ".join(plugin[part]),
                width,
                initial_indent=f"  {part:<13}",
                subsequent_indent=" " * 15,
                break_long_words=False,
            )
            for part in _PARTS
            if plugin[part]
        ]
        if lines:
            parts.append("\n".join([str(plugin["name"]), *lines]))
    return "\n\n".join(parts)
