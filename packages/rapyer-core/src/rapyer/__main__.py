"""`python -m rapyer`: the sub-commands of core and of the plugins."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence

from rapyer.errors import PluginError
from rapyer.host import survey_plugins
from rapyer.plugin import Command, PluginInfo
from rapyer.plugin.compose import Host
from rapyer.plugin.parts import Named
from rapyer.version import __version__


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a sub-command, and give its exit status.

    Args:
        arguments: The words after the name of the program; those of this process if not given.
    """
    commands, faults = _commands(survey_plugins().host)
    parser = ArgumentParser(prog="python -m rapyer", description="Tools of rapyer and its plugins.")
    parser.add_argument("--version", action="version", version=f"rapyer-core {__version__}")
    parsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in commands:
        of_command = parsers.add_parser(command.name, help=command.help, description=command.help)
        of_command.set_defaults(_rapyer_command=command)
        if command.add_arguments is not None:
            command.add_arguments(of_command)
    for fault in faults:
        print(f"without the commands of a plugin: {fault}", file=sys.stderr)
    parsed = vars(parser.parse_args(arguments))
    chosen: Command = parsed.pop("_rapyer_command")
    return chosen.run(Namespace(**parsed))


def _commands(host: Host) -> tuple[list[Command], list[PluginError]]:
    commands: list[Command] = []
    owners = Named("command")

    def add(info: PluginInfo, command: Command) -> None:
        owners.add(info, command.name, lambda: commands.append(command))

    faults = host.manager.register_commands(add)
    return commands, faults


if __name__ == "__main__":
    sys.exit(main())
