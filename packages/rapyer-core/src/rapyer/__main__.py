"""`python -m rapyer`: the sub-commands of core and of the plugins."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Sequence

from rapyer.host import Survey, survey_plugins
from rapyer.plugin import Command, PluginInfo
from rapyer.plugin.parts import Named
from rapyer.version import __version__


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a sub-command, and give its exit status.

    Args:
        arguments: The words after the name of the program; those of this process if not given.
    """
    survey = survey_plugins()
    parser = ArgumentParser(prog="python -m rapyer", description="Tools of rapyer and its plugins.")
    parser.add_argument("--version", action="version", version=f"rapyer-core {__version__}")
    parsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in _commands(survey):
        of_command = parsers.add_parser(command.name, help=command.help, description=command.help)
        of_command.set_defaults(run=command.run)
        if command.add_arguments is not None:
            command.add_arguments(of_command)
    parsed = parser.parse_args(arguments)
    parsed.survey = survey
    status: int = parsed.run(parsed)
    return status


def _commands(survey: Survey) -> list[Command]:
    commands: list[Command] = []
    owners = Named("command")

    def add(info: PluginInfo, command: Command) -> None:
        owners.add(info, command.name, lambda: commands.append(command))

    survey.host.manager.register_commands(add)
    return commands


if __name__ == "__main__":
    sys.exit(main())
