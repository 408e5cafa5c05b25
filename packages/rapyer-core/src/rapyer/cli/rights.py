"""Whether the user of a connection may do what a package does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from typing import Final

from redis.exceptions import ResponseError

from rapyer.base import BaseRedisModel, identity_of
from rapyer.plugin.spec import Finding
from rapyer.traffic.channel import Channel
from rapyer.traffic.replies import is_of_the_moment
from rapyer.traffic.rights import Rights, rights_on

#: The primary key that is asked about, or the key if no model is named; nothing is stored there.
_ASKED_KEY: Final = "rapyer-doctor"


def rights_check(
    package: str, commands: Sequence[str], optional: Collection[str] = ()
) -> Callable[[Channel, Sequence[type[BaseRedisModel]]], Awaitable[Sequence[Finding]]]:
    """Make what a `Check` runs: it finds which commands of a package the user may not run.

    Each command is asked about with a key of each named model: one round trip per model, at each
    node of a cluster.

    Args:
        package: The name of the distribution.
        commands: What it sends; one with a subcommand as `FUNCTION|LOAD`.
        optional: Those of the commands that it can do without, by other means.
    """

    async def look(node: Channel, model: type[BaseRedisModel] | None) -> Finding:
        prefix = "" if model is None else f"{identity_of(model).prefix}:"
        key = f"{prefix}{_ASKED_KEY}"
        rights = await rights_on(node, key, commands)
        return _finding(package, rights, optional, key, prefix)

    async def run(channel: Channel, models: Sequence[type[BaseRedisModel]]) -> Sequence[Finding]:
        asked: Sequence[type[BaseRedisModel] | None] = models or [None]
        nodes = await channel.primaries()  # each of which has its own users
        places: dict[Finding, dict[str, None]] = {}
        try:
            for node in nodes:
                for model in asked:  # usually all give the same result
                    places.setdefault(await look(node, model), {})[node.place] = None
        except ResponseError as exc:
            if is_of_the_moment(exc):
                raise
            remedy = "Allow EVAL and EVALSHA, which make operations atomic."
            return [Finding("fault", f"scripts cannot be run: {str(exc).rstrip('.')}", remedy)]
        return [_at(found, len(nodes), finding) for finding, found in places.items()]

    return run


def _finding(
    package: str, rights: Rights, optional: Collection[str], key: str, prefix: str
) -> Finding:
    if rights.refused and not rights.reaches_key:
        return _of_no_key(package, rights.refused, key, prefix)
    needed = [name for name in rights.refused if name not in optional]
    if needed:
        text = f"{package} sends commands that the user may not run: {', '.join(needed)}"
        remedy = f"Allow it: ACL SETUSER ... {_granting(needed)}."
        if not rights.writes_key:  # as with `%R~*`, which refuses commands that are allowed
            remedy += f" If it may only read {key!r}, allow full access: ~{prefix}*."
        return Finding("fault", text, remedy)
    if rights.refused:
        refused = rights.refused
        text = f"{package} works without commands that the user may not run: {', '.join(refused)}"
        return Finding("note", text, f"To allow it: ACL SETUSER ... {_granting(refused)}.")
    return Finding("ok", f"the user may run all commands of {package}")


def _at(places: Collection[str], nodes: int, finding: Finding) -> Finding:
    """Say at which nodes this holds, unless it holds at all of them."""
    if len(places) == nodes:
        return finding
    return replace(finding, text=f"{', '.join(places)}: {finding.text}")


def _of_no_key(package: str, refused: Sequence[str], key: str, prefix: str) -> Finding:
    """Report that the user can do nothing with a key: that of a model, or any key."""
    if not prefix:
        text = (
            f"whether the user may run {', '.join(refused)} is unknown, because it may not access "
            f"the key {key!r}"
        )
        return Finding("note", text, "Name models whose keys it may access: doctor package.module.")
    return Finding(
        "warning",
        f"the user may not run any command on {key!r}, so it may not run those that {package} "
        "sends",
        "Unless it may access other keys with that prefix, allow them, and run this again: ACL "
        f"SETUSER ... ~{prefix}*.",
    )


def _granting(commands: Sequence[str]) -> str:
    return " ".join(f"+{name.lower()}" for name in commands)
