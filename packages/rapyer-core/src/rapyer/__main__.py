"""`python -m rapyer`, and the script `rapyer`: the subcommands of core and of the plugins."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, HelpFormatter, Namespace
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Final

from rapyer import first_party
from rapyer.cli.errors import FAILED, WELL
from rapyer.errors import PluginError
from rapyer.host import survey_plugins
from rapyer.plugin import Command, PluginInfo
from rapyer.plugin.compose import Host
from rapyer.plugin.parts import Named
from rapyer.version import __version__

#: The exit status if the user has interrupted it, as in shells: 128 plus SIGINT.
_INTERRUPTED: Final = 130


def script() -> int:
    """Run the script `rapyer`: a subcommand, which finds what `python -m rapyer` finds.

    Models are named by their modules, and usually those in the working directory are meant.
    `python -m` has that directory on its path and a script does not, so it is added here, unless
    `python -P` or `PYTHONSAFEPATH` asks to leave it out.

    Returns:
        The exit status, as for `main`.
    """
    if not sys.flags.safe_path:
        sys.path.insert(0, "")
    return main()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand, and return its exit status.

    Args:
        arguments: The words after the name of the program; by default, those of this process.

    Returns:
        What the command gives: 0 if all is well, 1 if something is not as it should be, 2 if
        nothing could be done, 130 if it was interrupted. Also 0 if nobody reads the output any
        more, as with `| head`.

    Raises:
        SystemExit: The arguments are wrong (2), or ask for help or the version (0).
    """
    try:
        try:
            return _run(arguments)
        finally:
            sys.stdout.flush()  # otherwise a closed pipe shows where nothing can catch it any more
    except BrokenPipeError:  # the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return WELL
    except KeyboardInterrupt:
        return _INTERRUPTED


def _run(arguments: Sequence[str] | None) -> int:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # names may have letters that a terminal lacks
            stream.reconfigure(errors="backslashreplace")
    survey = survey_plugins()
    commands, faults = commands_of(survey.host)
    formatter = _formatter()
    parser = ArgumentParser(
        prog="rapyer" if Path(sys.argv[0]).stem == "rapyer" else "python -m rapyer",
        description="Tools of rapyer and its plugins.",
        formatter_class=formatter,
    )
    parser.add_argument("--version", action="version", version=f"rapyer-core {__version__}")
    parsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for info, command in commands:
        text = command.help.replace("%", "%%")
        of_command = parsers.add_parser(
            command.name, help=text, description=text, formatter_class=formatter
        )
        of_command.set_defaults(_rapyer_command=command)
        try:
            if command.add_arguments is not None:
                command.add_arguments(of_command)
        except Exception as exc:  # noqa: BLE001 - of one command; the others go on
            what = f"failed to add the arguments of its command {command.name!r}: {exc!r}"
            faults.append(info.error(what))
    for fault in faults:
        print(f"the commands of a plugin are missing: {fault}", file=sys.stderr)
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given:
        parser.print_help(sys.stderr)
        return FAILED
    extra = first_party.COMMANDS.get(given[0]) if given else None
    is_there = any(given[:1] == [command.name] for _, command in commands)
    if extra and not (is_there or faults or survey.faults):  # these explain its absence already
        parser.error(f"{given[0]} {first_party.how_to_get(extra, survey.host.disabled)}")
    parsed = vars(parser.parse_args(given))
    chosen: Command = parsed.pop("_rapyer_command")
    return chosen.run(Namespace(**parsed))


def _formatter() -> type[HelpFormatter]:
    """Return what lays out help texts: in color if `rapyer[cli]` is installed."""
    try:
        from rich_argparse import RichHelpFormatter  # noqa: PLC0415 - an extra
    except ImportError:
        return HelpFormatter
    return RichHelpFormatter


def commands_of(host: Host) -> tuple[list[tuple[PluginInfo, Command]], list[PluginError]]:
    """Return the subcommands of core and of plugins, and what is wrong with some of these."""
    commands: list[tuple[PluginInfo, Command]] = []
    owners = Named("command")

    def add(info: PluginInfo, command: Command) -> None:
        owners.add(info, command.name, lambda: commands.append((info, command)))

    faults = host.manager.register_commands(add)
    return commands, faults


if __name__ == "__main__":
    sys.exit(main())
