"""Whether the user of a connection may do what a package does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence

from redis.exceptions import ResponseError

from rapyer.base import BaseRedisModel
from rapyer.plugin.spec import Finding
from rapyer.traffic.channel import Channel
from rapyer.traffic.rights import refused_commands


def rights_check(
    package: str, commands: Sequence[str], optional: Collection[str] = ()
) -> Callable[[Channel, Sequence[type[BaseRedisModel]]], Awaitable[Sequence[Finding]]]:
    """Make what a `Check` runs: it finds which commands of a package the user may not run.

    Args:
        package: The name of the distribution.
        commands: What it sends; one with a sub-command as `FUNCTION|LOAD`.
        optional: Those of them that it does without, in another way.
    """

    async def run(channel: Channel, _: Sequence[type[BaseRedisModel]]) -> Sequence[Finding]:
        node = (await channel.primaries())[0]
        try:
            refused = await refused_commands(node, commands)
        except ResponseError as exc:
            remedy = "Allow EVAL and EVALSHA, by which operations are atomic."
            return [Finding("fault", f"scripts cannot be run: {exc}", remedy)]
        needed = [name for name in refused if name not in optional]
        if needed:
            text = f"{package} sends what the user may not run: {', '.join(needed)}"
            return [Finding("fault", text, f"Allow it: ACL SETUSER ... {_granting(needed)}.")]
        if refused:
            text = f"{package} does without what the user may not run: {', '.join(refused)}"
            return [Finding("note", text, f"To allow it: ACL SETUSER ... {_granting(refused)}.")]
        return [Finding("ok", f"the user may run all commands of {package}")]

    return run


def _granting(commands: Sequence[str]) -> str:
    return " ".join(f"+{name.lower()}" for name in commands)
