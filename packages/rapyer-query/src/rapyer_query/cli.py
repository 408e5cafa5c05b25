"""`python -m rapyer index`: the indexes of models, from the shell."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import Final

from rapyer.base import BaseRedisModel
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
from rapyer.plugin import Command
from rapyer.progress import ProgressCallable
from rapyer.traffic.source import default_source

from rapyer_query.listing import entries_of
from rapyer_query.manager import IndexManager, IndexStatus

#: Goes to the beginning of the terminal line, and clears it.
_CLEAR: Final = "\r\x1b[K"
_ACTIONS: Final = {
    "list": "list the indexes of rapyer on a server",
    "status": "show the state of the indexes of models",
    "diff": "show what `ensure` would do; the exit status is 1 if there is anything to do",
    "ensure": "create missing indexes, and wait until they hold all documents",
    "rebuild": "rebuild indexes while the previous ones answer queries",
    "drop": "drop indexes; documents stay",
}


def _add_arguments(parser: ArgumentParser) -> None:
    actions = parser.add_subparsers(metavar="ACTION", required=True, dest="action")
    for name, text in _ACTIONS.items():
        action = actions.add_parser(name, help=text, description=text)
        if name != "list":
            add_models(action, required=True)
        if name == "status":
            action.add_argument(
                "--scan", action="store_true", help="list all documents that are not in an index"
            )
        add_connection(action)


def _run(arguments: Namespace) -> int:
    return run_connected(_act, arguments)


INDEX_COMMAND = Command(
    "index", "create, rebuild, drop and inspect the indexes of models", _run, _add_arguments
)


async def _act(arguments: Namespace) -> Outcome:
    return await (_list() if arguments.action == "list" else _for_models(arguments))


async def _for_models(arguments: Namespace) -> Outcome:
    act = _BY_NAME[arguments.action]
    models = models_of(arguments.models, only=_is_indexed, called="with indexed fields")
    outcomes = [await act(IndexManager(model), arguments) for model in models]
    return Outcome(
        "\n".join(outcome.text for outcome in outcomes),
        [outcome.value for outcome in outcomes],
        max(outcome.status for outcome in outcomes),
    )


def _is_indexed(model: type[BaseRedisModel]) -> bool:
    return bool(IndexManager(model).fields)


# -- the actions ----------------------------------------------------------------------------------


async def _status(manager: IndexManager, arguments: Namespace) -> Outcome:
    status = await manager.status(scan=arguments.scan)
    unknown = status.failures - status.known_failures
    is_well = status.state == "ready" and not (
        unknown if status.failed_keys is None else status.failed_keys
    )
    return Outcome(_told(status), status.to_dict(), WELL if is_well else WRONG)


def _told(status: IndexStatus) -> str:
    state = status.state if status.state != "building" else f"building, {status.progress:.0%}"
    lines = [
        f"{status.model}: {state}",
        f"  alias      {status.alias}",
        f"  index      {status.index or 'none'}",
        f"  documents  {status.documents}",
        f"  memory     {_size(status.memory)}",
        f"  refused    {status.failures} writes, {status.known_failures} of them fixed since",
    ]
    if status.last_failed_key is not None:
        lines.append(f"             the last: {status.last_failed_key}: {status.last_failure}")
    if status.failed_keys is not None:
        lines.append(f"  missing    {len(status.failed_keys)} documents")
        lines += [f"             {key}" for key in status.failed_keys]
    lines += [f"  field      {field}" for field in status.fields]
    return "\n".join(lines)


def _size(memory: int | None) -> str:
    return "unknown: the server has lost count" if memory is None else f"{memory / 2**20:.1f} MB"


async def _diff(manager: IndexManager, _: Namespace) -> Outcome:
    diff = await manager.diff()
    return Outcome(str(diff), diff.to_dict(), WELL if diff.action == "none" else WRONG)


async def _ensure(manager: IndexManager, arguments: Namespace) -> Outcome:
    with _progress(arguments) as shown:
        await manager.ensure(progress=shown)
    return await _done(manager)


async def _rebuild(manager: IndexManager, arguments: Namespace) -> Outcome:
    with _progress(arguments) as shown:
        await manager.rebuild(progress=shown)
    return await _done(manager)


async def _done(manager: IndexManager) -> Outcome:
    status = await manager.status()
    text = f"{status.model}: {status.index} has {status.documents} documents"
    return Outcome(text, status.to_dict())


async def _drop(manager: IndexManager, _: Namespace) -> Outcome:
    name, dropped = manager.model.__name__, await manager.drop()
    text = f"{name}: {'dropped' if dropped else 'there was no index'}"
    return Outcome(text, {"model": name, "dropped": dropped})


_BY_NAME: Final[dict[str, Callable[[IndexManager, Namespace], Awaitable[Outcome]]]] = {
    "status": _status, "diff": _diff, "ensure": _ensure, "rebuild": _rebuild, "drop": _drop,
}  # fmt: skip


@contextmanager
def _progress(arguments: Namespace) -> Generator[ProgressCallable | None]:
    """Show progress on standard error if it is a terminal."""
    if arguments.json or not sys.stderr.isatty():
        yield None
        return

    def show(done: int, total: int | None) -> None:
        of_all = "" if total is None else f" of {total}"
        print(f"{_CLEAR}{done}{of_all} documents", end="", file=sys.stderr, flush=True)

    try:
        yield show
    finally:
        print(_CLEAR, end="", file=sys.stderr, flush=True)


async def _list() -> Outcome:
    entries = await entries_of(default_source().channel())
    rows = [entry.to_dict() for entry in entries]
    if not rows:
        return Outcome("no indexes", rows)
    return Outcome(table([*rows[0]], [[*row.values()] for row in rows]), rows)
