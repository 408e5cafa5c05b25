"""The sub-commands of core: `python -m rapyer plugins`."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rapyer.guards import is_list
from rapyer.plugin import Command, PluginInfo
from rapyer.plugin.info import API_VERSION

if TYPE_CHECKING:
    from rapyer.plugin.compose import Host

_HEADINGS = ("name", "distribution", "version", "api", "status", "hooks", "methods", "options",
             "field types")  # fmt: skip
_GAP = "  "


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def _list_plugins(arguments: Namespace) -> int:
    """Print the plugins that are installed; the status is 1 when one of them does not work."""
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
        print(_table(plugins))
        for info, fault in survey.faults:
            print(f"\n{info.name}: {fault}", file=sys.stderr)
    return 1 if survey.faults else 0


PLUGINS_COMMAND = Command(
    "plugins", "list the plugins that are installed, and what each adds", _list_plugins,
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


def _table(plugins: Sequence[dict[str, Any]]) -> str:
    """Lay plugins out in columns; lists are wrapped, to fit the terminal where that is possible."""
    rows = [_HEADINGS, *(tuple(_cell(plugin[name]) for name in _HEADINGS) for plugin in plugins)]
    narrow = [max(len(row[column]) for row in rows) for column in range(5)]
    lists = len(_HEADINGS) - len(narrow)
    left = shutil.get_terminal_size().columns - sum(narrow) - len(_GAP) * (len(_HEADINGS) - 1)
    widest = [
        max(len(word) for row in rows for word in row[5 + column].split(" "))
        for column in range(lists)
    ]
    spare = max(0, left - sum(widest)) // lists
    wide = [least + spare for least in widest]
    return "\n".join(_lines(row, [*narrow, *wide]) for row in rows)


def _cell(value: object) -> str:
    if is_list(value):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def _lines(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [
        textwrap.wrap(cell, width, break_on_hyphens=False) or [""]
        for cell, width in zip(row, widths, strict=True)
    ]
    height = max(map(len, cells))
    columns = [[*cell, *[""] * (height - len(cell))] for cell in cells]
    return "\n".join(
        _GAP.join(part.ljust(width) for part, width in zip(line, widths, strict=True)).rstrip()
        for line in zip(*columns, strict=True)
    )
