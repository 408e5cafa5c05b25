"""What `python -m rapyer doctor` examines on every server, whatever plugins there are."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from redis.exceptions import ResponseError

from rapyer.base import BaseRedisModel
from rapyer.cli.rights import rights_check
from rapyer.plugin.spec import Check, Finding
from rapyer.traffic.channel import Channel
from rapyer.traffic.replies import is_of_the_moment

#: What core sends; docs/security.md has the same.
CORE_COMMANDS: Final = (
    "EVALSHA", "EVAL", "MULTI", "EXEC", "TYPE", "EXISTS", "GET", "SET", "DEL", "PTTL", "PEXPIRE",
    "LPUSH", "BLPOP", "JSON.SET", "JSON.GET", "JSON.MGET", "JSON.MSET", "JSON.DEL", "JSON.TYPE",
    "JSON.CLEAR", "JSON.NUMINCRBY", "JSON.STRAPPEND", "JSON.ARRAPPEND", "JSON.ARRINDEX",
    "JSON.ARRINSERT", "JSON.ARRLEN", "JSON.ARRPOP", "JSON.ARRTRIM", "JSON.OBJKEYS", "JSON.OBJLEN",
)  # fmt: skip
#: How often the round trip is measured; the shortest one is reported.
_PINGS: Final = 10
_MB: Final = 2**20
_UNREADABLE: Final = "the user may not read it ({command})"

_Look = Callable[[Channel], Awaitable[Sequence[Finding]]]


def _of_each_node(
    look: _Look,
) -> Callable[[Channel, Sequence[type[BaseRedisModel]]], Awaitable[Sequence[Finding]]]:
    """Look at each server on its own; on a cluster, findings say at which node they hold."""

    async def run(channel: Channel, _: Sequence[type[BaseRedisModel]]) -> Sequence[Finding]:
        if not channel.is_cluster:
            return await look(channel)
        places: dict[Finding, list[str]] = {}
        for node in await channel.primaries():
            for finding in await look(node):
                places.setdefault(finding, []).append(node.place)
        return [
            replace(finding, text=f"{', '.join(found)}: {finding.text}")
            for finding, found in places.items()
        ]

    return run


async def _server(node: Channel) -> Sequence[Finding]:
    server = await node.introduce()
    trips: list[float] = []
    for _ in range(_PINGS):
        start = time.perf_counter()
        await node.execute("PING")
        trips.append(time.perf_counter() - start)
    modules = ", ".join(
        f"{name} {number // 10_000}.{number // 100 % 100}.{number % 100}"
        for name, number in sorted(server.modules.items())
    )
    text = f"Redis {server.version}, {modules or 'its modules are unknown'}"
    found = [Finding("ok", f"{text}; a round trip takes {min(trips) * 1000:.2f} ms")]
    info = await _info(node, "replication")
    if info.get("role") == "slave":
        found.append(Finding(
            "fault", f"it is a replica of {info.get('master_host')}, which refuses writes",
            "Name the primary, or the sentinels that know it: redis+sentinel://host,host/service.",
        ))  # fmt: skip
    return found


async def _memory(node: Channel) -> Sequence[Finding]:
    info = await _info(node, "memory")
    if not info:
        return [Finding("note", _UNREADABLE.format(command="INFO"))]
    used, bound = int(info["used_memory"]), int(info.get("maxmemory", 0))
    policy = info.get("maxmemory_policy", "noeviction")
    if not bound:
        return [_memory_without_bound(used, int(info.get("total_system_memory", 0)))]
    text = f"{used // _MB} of {bound // _MB} MB are used (maxmemory, {policy})"
    if policy.startswith("allkeys"):
        return [Finding(
            "warning", f"{text}: when it is full, Redis silently deletes documents",
            "Set maxmemory-policy to noeviction, or to volatile-ttl if only documents with an "
            "expiry may be deleted.",
        )]  # fmt: skip
    if policy.startswith("volatile"):
        return [
            Finding("note", f"{text}: when it is full, documents are deleted before they expire")
        ]
    if used > 0.9 * bound:
        return [
            Finding("warning", f"{text}: writes will soon be refused", "Set a higher maxmemory.")
        ]
    return [Finding("ok", text)]


def _memory_without_bound(used: int, machine: int) -> Finding:
    text = f"{used // _MB} MB are used; no limit is set (maxmemory)"
    if machine and used > 0.8 * machine:
        return Finding(
            "warning", f"{text}, and the machine has only {machine // _MB} MB", "Set maxmemory."
        )
    return Finding("ok", text)


async def _persistence(node: Channel) -> Sequence[Finding]:
    info = await _info(node, "persistence")
    if not info:
        return [Finding("note", _UNREADABLE.format(command="INFO"))]
    for name in ("rdb_last_bgsave_status", "aof_last_write_status"):
        state = info.get(name, "ok")
        if state != "ok":
            return [Finding(
                "fault", f"it could not write to its disk ({name}: {state}) and may refuse writes",
                "Check its log; most often the disk is full.",
            )]  # fmt: skip
    if info.get("aof_enabled") == "1":
        return [Finding("ok", "writes are logged (appendonly)")]
    config = await _config(node, "save")
    if not config:
        return [Finding("note", _UNREADABLE.format(command="CONFIG GET"))]
    if config.get("save"):
        return [Finding(
            "note", f"writes since the last snapshot are lost if it stops without one "
            f"(save {config['save']})", "Set appendonly to yes if no write may be lost.",
        )]  # fmt: skip
    return [Finding(
        "note", "all data is lost when it stops", "Set appendonly to yes, unless it is a cache."
    )]  # fmt: skip


async def _connections(node: Channel) -> Sequence[Finding]:
    info = await _info(node, "clients")
    if not info:
        return [Finding("note", _UNREADABLE.format(command="INFO"))]
    used, bound = int(info["connected_clients"]), int(info.get("maxclients", 0))
    text = f"{used} of {bound or 'any number of'} connections are used (maxclients)"
    if bound and used > 0.8 * bound:
        return [Finding(
            "warning", f"{text}: new ones will soon be refused",
            "Set a higher maxclients, or limit each process: ?max_connections= in its URL.",
        )]  # fmt: skip
    return [Finding("ok", text)]


async def _limits(node: Channel) -> Sequence[Finding]:
    names = ("proto-max-bulk-len", "client-query-buffer-limit", "busy-reply-threshold")
    config = await _config(node, *names)
    if not config:
        return [Finding("note", _UNREADABLE.format(command="CONFIG GET"))]
    largest = min(int(config.get(name, 2**63)) for name in names[:2])
    text = f"values of up to {largest // _MB} MB are accepted ({', '.join(names[:2])})"
    slow = config.get(names[2])
    if slow is not None:
        text += f"; while a script takes more than {slow} ms, other clients get BUSY ({names[2]})"
    return [Finding("ok", text)]


async def _info(node: Channel, section: str) -> dict[str, str]:
    """Read a section of `INFO`; nothing if the user may not."""
    try:
        reply: bytes = await node.execute("INFO", section)
    except ResponseError as exc:
        if is_of_the_moment(exc):
            raise
        return {}
    lines = reply.decode(errors="replace").splitlines()
    pairs = (line.partition(":") for line in lines if not line.startswith("#"))
    return {name: value for name, colon, value in pairs if colon}


async def _config(node: Channel, *names: str) -> dict[str, str]:
    """Read settings; nothing if the user may not, or if the service has hidden them."""
    found: dict[str, str] = {}
    try:
        for name in names:
            reply: list[Any] = await node.execute("CONFIG", "GET", name)
            found.update({name: reply[1].decode(errors="replace")} if reply else {})
    except ResponseError as exc:
        if is_of_the_moment(exc):
            raise
        return {}
    return found


CORE_CHECKS: Final = (
    Check("server", _of_each_node(_server)),
    Check("rights", rights_check("rapyer-core", CORE_COMMANDS)),
    Check("memory", _of_each_node(_memory)),
    Check("persistence", _of_each_node(_persistence)),
    Check("connections", _of_each_node(_connections)),
    Check("limits", _of_each_node(_limits)),
)
