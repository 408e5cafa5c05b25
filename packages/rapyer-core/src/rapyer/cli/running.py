"""Running a command on a server, and printing the result."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, TypeAlias

from redis.exceptions import RedisError

from rapyer.cli.errors import FAILED, WELL, UsageError
from rapyer.errors import NotConnectedError, RapyerError
from rapyer.traffic.source import URL_VARIABLE, RedisSource, use_as_default
from rapyer.traffic.urls import without_secrets


class Outcome(NamedTuple):
    """The result of a command.

    Attributes:
        text: What is printed for people.
        value: What is printed with `--json`: something that JSON can hold.
        status: The exit status: `WELL`, `WRONG` or `FAILED`.
    """

    text: str
    value: Any
    status: int = WELL


Action: TypeAlias = Callable[[Namespace], Awaitable[Outcome]]
"""Does the work of a command, given its arguments."""


def add_connection(parser: ArgumentParser) -> None:
    """Add the arguments `--redis` and `--json`, which `run_connected` needs.

    Args:
        parser: Receives the arguments.
    """
    parser.add_argument(
        "--redis",
        metavar="URL",
        help=f"the server for models that do not name one; default: {URL_VARIABLE}",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run_connected(action: Action, arguments: Namespace) -> int:
    """Run an action, print the result, and return the exit status.

    While it runs, models without a `redis` option of their own use the server that `--redis`
    names. Connections are made when they are needed, and closed at the end. Errors are written to
    standard error, one line each, without passwords.

    Args:
        action: Does the work.
        arguments: The arguments of the command, including those of `add_connection`.

    Returns:
        The exit status of the result; `FAILED` if the action raised an error of rapyer, such as
        `UsageError`, or of Redis or the connection.
    """
    try:
        return asyncio.run(_run(action, arguments))
    except BrokenPipeError:  # from the reader of the output; `main` handles it
        raise
    except (RapyerError, RedisError, OSError) as exc:
        print(f"{_documented(type(exc)).__name__}: {exc}", file=sys.stderr)
        return FAILED


def _documented(kind: type[Exception]) -> type[Exception]:
    """Return the class by which an error can be caught: for a private class, its public base."""
    return next(one for one in kind.__mro__ if not one.__name__.startswith("_"))


async def _run(action: Action, arguments: Namespace) -> int:
    before: RedisSource | None = None
    if arguments.redis is not None:
        try:
            before = use_as_default(RedisSource.of(arguments.redis))
        except ValueError as exc:
            shown = without_secrets(arguments.redis)
            raise UsageError(f"--redis is {shown!r}, which {exc}.") from None
    try:
        text, value, status = await action(arguments)
    except NotConnectedError as exc:  # its message addresses programmers, not users of a terminal
        if arguments.redis is None and not os.environ.get(URL_VARIABLE):
            raise UsageError(
                "rapyer does not know where Redis is. Give --redis redis://localhost:6379, or set "
                f"{URL_VARIABLE}."
            ) from exc
        raise
    else:
        print(json.dumps(value, indent=2) if arguments.json else text, flush=True)
        return status
    finally:
        await RedisSource.close_all()
        if arguments.redis is not None:
            use_as_default(before)
