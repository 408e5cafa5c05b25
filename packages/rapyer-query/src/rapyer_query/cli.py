"""`python -m rapyer index`: the indexes of models, from the shell."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Final

from rapyer.base import BaseRedisModel, identity_of
from rapyer.errors import RapyerError
from rapyer.guards import is_class
from rapyer.plugin import Command
from rapyer.progress import ProgressCallable
from rapyer.traffic.channel import Channel
from rapyer.traffic.source import RedisSource, default_source, use_as_default
from rapyer.traffic.urls import without_secrets
from redis.exceptions import AskError, RedisError

from rapyer_query.facts import facts_of, index_names
from rapyer_query.manager import IndexManager, IndexStatus
from rapyer_query.names import IndexName, registry_of

#: The exit status where something is not as it should be, and where nothing could be done.
_DIFFERENT: Final = 1
_FAILED: Final = 2
#: Goes to the beginning of the line of a terminal, and clears it.
_CLEAR: Final = "\r\x1b[K"
_ACTIONS: Final = {
    "list": "list the indexes of rapyer that a server has",
    "status": "tell what there is of the indexes of models",
    "diff": "tell what `ensure` would do; the exit status is 1 where that is anything",
    "ensure": "make the indexes that are missing, and wait until they have all documents",
    "rebuild": "build indexes anew while queries are answered by those of before",
    "drop": "take indexes away; documents stay",
}

#: What an action gives for a model: what is printed, what JSON has, the exit status.
Outcome = tuple[str, Any, int]


class _UsageError(Exception):
    """What was written on the command line names no model."""


def _add_arguments(parser: ArgumentParser) -> None:
    actions = parser.add_subparsers(metavar="ACTION", required=True, dest="action")
    for name, text in _ACTIONS.items():
        action = actions.add_parser(name, help=text, description=text)
        if name != "list":
            action.add_argument(
                "models",
                nargs="+",
                metavar="MODEL",
                help="`package.module:Model`, or `package.module` for all models that it defines",
            )
        if name == "status":
            action.add_argument(
                "--scan", action="store_true", help="name all documents that are not in an index"
            )
        action.add_argument(
            "--redis",
            metavar="URL",
            help="the server of models that name none; RAPYER_REDIS_URL if not given",
        )
        action.add_argument("--json", action="store_true", help="print JSON")


def _run(arguments: Namespace) -> int:
    try:
        return asyncio.run(_connected(arguments))
    except BrokenPipeError:  # whoever reads has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (_UsageError, RapyerError, RedisError, OSError) as exc:
        print(f"{type(exc).__name__.removeprefix('_')}: {exc}", file=sys.stderr)
        return _FAILED


INDEX_COMMAND = Command(
    "index", "make, rebuild, drop and look at the indexes of models", _run, _add_arguments
)


async def _connected(arguments: Namespace) -> int:
    before: RedisSource | None = None
    if arguments.redis is not None:
        try:
            before = use_as_default(RedisSource.of(arguments.redis))
        except ValueError as exc:
            shown = without_secrets(arguments.redis)
            raise _UsageError(f"--redis is {shown!r}, which {exc}.") from None
    try:
        if arguments.action == "list":
            text, value, status = await _list()
        else:
            text, value, status = await _for_models(arguments)
        print(json.dumps(value, indent=2) if arguments.json else text, flush=True)
        return status
    finally:
        await RedisSource.close_all()
        if arguments.redis is not None:
            use_as_default(before)


async def _for_models(arguments: Namespace) -> Outcome:
    act = _BY_NAME[arguments.action]
    outcomes = [await act(IndexManager(model), arguments) for model in _models_of(arguments.models)]
    return (
        "\n".join(text for text, _, _ in outcomes),
        [value for _, value, _ in outcomes],
        max(status for _, _, status in outcomes),
    )


# -- the actions ----------------------------------------------------------------------------------


async def _status(manager: IndexManager, arguments: Namespace) -> Outcome:
    status = await manager.status(scan=arguments.scan)
    unknown = status.failures - status.known_failures
    is_well = status.state == "ready" and not (
        unknown if status.failed_keys is None else status.failed_keys
    )
    return _told(status), status.to_dict(), 0 if is_well else _DIFFERENT


def _told(status: IndexStatus) -> str:
    state = status.state if status.state != "building" else f"building, {status.progress:.0%}"
    lines = [
        f"{status.model}: {state}",
        f"  alias      {status.alias}",
        f"  index      {status.index or 'none'}",
        f"  documents  {status.documents}",
        f"  memory     {status.memory / 2**20:.1f} MB",
        f"  refused    {status.failures} writes, {status.known_failures} of them mended",
    ]
    if status.last_failed_key is not None:
        lines.append(f"             the last: {status.last_failed_key}: {status.last_failure}")
    if status.failed_keys is not None:
        lines.append(f"  missing    {len(status.failed_keys)} documents")
        lines += [f"             {key}" for key in status.failed_keys]
    lines += [f"  field      {field}" for field in status.fields]
    return "\n".join(lines)


async def _diff(manager: IndexManager, _: Namespace) -> Outcome:
    diff = await manager.diff()
    return str(diff), diff.to_dict(), 0 if diff.action == "none" else _DIFFERENT


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
    return text, status.to_dict(), 0


async def _drop(manager: IndexManager, _: Namespace) -> Outcome:
    name, dropped = manager.model.__name__, await manager.drop()
    text = f"{name}: {'dropped' if dropped else 'there was no index'}"
    return text, {"model": name, "dropped": dropped}, 0


_BY_NAME: Final[dict[str, Callable[[IndexManager, Namespace], Awaitable[Outcome]]]] = {
    "status": _status, "diff": _diff, "ensure": _ensure, "rebuild": _rebuild, "drop": _drop,
}  # fmt: skip


@contextmanager
def _progress(arguments: Namespace) -> Generator[ProgressCallable | None]:
    """Show how far it is on the standard error, where somebody looks at that."""
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
    rows: list[dict[str, Any]] = []
    for node in await default_source().channel().primaries():
        rows += [await _row(node, name) for name in await index_names(node)]
    rows = [row for row in rows if row]
    return _table(rows) if rows else "no indexes", rows, 0


async def _row(channel: Channel, name: IndexName) -> dict[str, Any]:
    """Tell of an index; nothing where it is gone meanwhile, or in a slot that is elsewhere now."""
    try:
        facts = await facts_of(channel, name.name)
    except AskError:
        return {}
    if facts is None:
        return {}
    return {
        "prefix": name.prefix,
        "version": name.version,
        "index": name.name,
        "state": "building" if facts.is_building else "ready",
        "fields": len(facts.fields),
        "documents": facts.documents,
        "memory": facts.memory,
        "failures": facts.failures,
        "kept_until": await _kept_until(channel, name),
    }


async def _kept_until(channel: Channel, name: IndexName) -> int | None:
    """Give the second until which the version of an index has said to be alive."""
    reply = await channel.execute(
        "HGET", registry_of(name.prefix, name.tag), f"lease:{name.version}"
    )
    return None if reply is None else int(reply.partition(b":")[0]) // 1000


def _table(rows: Sequence[dict[str, Any]]) -> str:
    lines = [tuple(rows[0])]
    lines += [tuple("" if cell is None else str(cell) for cell in row.values()) for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


# -- naming models --------------------------------------------------------------------------------


def _models_of(targets: Sequence[str]) -> list[type[BaseRedisModel]]:
    found: dict[type[BaseRedisModel], None] = {}
    for target in targets:
        module_name, colon, path = target.partition(":")
        module = _imported(module_name, target)
        if colon:
            found[_model_at(module, path, target)] = None
        else:
            found.update(dict.fromkeys(_models_in(module, target)))
    return list(found)


def _imported(name: str, target: str) -> Any:
    remedy = "Write `package.module:Model`, and run it where Python finds the package."
    try:
        return import_module(name)
    except ModuleNotFoundError as exc:
        raise _UsageError(f"{target!r}: there is no module {exc.name!r}. {remedy}") from exc
    except (ValueError, TypeError) as exc:  # a name that no module can have
        raise _UsageError(f"{target!r} names no module: {exc}. {remedy}") from exc
    except Exception as exc:  # whatever it does when it is imported
        raise _UsageError(f"{target!r}: importing {name} failed with {exc!r}.") from exc


def _model_at(module: Any, path: str, target: str) -> type[BaseRedisModel]:
    found: Any = module
    for part in path.split("."):
        found = getattr(found, part, None)
    if not _is_model(found):
        raise _UsageError(f"{target!r} is {found!r}, and no model with documents.")
    model: type[BaseRedisModel] = found
    return model


def _models_in(module: Any, target: str) -> list[type[BaseRedisModel]]:
    # a package stands for what it exports, too
    head = f"{module.__name__}."
    names: list[str] = [*vars(module)]
    values = (getattr(module, name) for name in names)
    found = [one for one in values if _is_model(one) and f"{one.__module__}.".startswith(head)]
    indexed = [one for one in found if IndexManager(one).fields]
    if not indexed:
        what = "of which something is indexed" if found else "with documents"
        raise _UsageError(f"{target!r} defines no models {what}.")
    return indexed


def _is_model(value: Any) -> bool:
    if not (is_class(value) and issubclass(value, BaseRedisModel)):
        return False
    try:
        return bool(identity_of(value).prefix)
    except AttributeError:  # one that models derive from, or are made of
        return False
