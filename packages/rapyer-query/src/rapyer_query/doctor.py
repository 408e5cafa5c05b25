"""The checks of `python -m rapyer doctor` for queries: rights, limits of Search, and indexes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from rapyer.base import BaseRedisModel
from rapyer.cli import rights_check
from rapyer.errors import RapyerError
from rapyer.plugin import Check, Finding
from rapyer.traffic.channel import Channel
from redis.exceptions import NoPermissionError

from rapyer_query.listing import IndexEntry, entries_of
from rapyer_query.manager import IndexManager

#: Commands that queries and indexes send in addition to those of core; docs/security.md lists the
#: same.
QUERY_COMMANDS: Final = (
    "FT.SEARCH", "FT.AGGREGATE", "FT.EXPLAIN", "FT.INFO", "FT._LIST", "FT.CREATE", "FT.ALTER",
    "FT.DROPINDEX", "FT.ALIASADD", "FT.ALIASUPDATE", "FT.ALIASDEL", "FT.CONFIG", "HGET", "HGETALL",
    "HSET", "HDEL", "SCAN", "UNLINK", "TIME", "INFO",
)  # fmt: skip
#: Commands that a user can do without if somebody else creates the indexes.
_OPTIONAL: Final = frozenset(QUERY_COMMANDS) - {"FT.SEARCH", "FT.AGGREGATE", "FT.INFO"}
#: Limits of Search that do not change answers, but how they are obtained.
_LIMITS: Final = {
    "MAXSEARCHRESULTS": "larger answers are read in parts",
    "MAXAGGREGATERESULTS": "larger ones are ordered in Python",
    "MINPREFIX": "shorter parts of texts are looked for in Python",
}


async def _search(channel: Channel, _: Sequence[type[BaseRedisModel]]) -> Sequence[Finding]:
    server = await channel.introduce()
    if not server.has_search:
        text = f"Redis {server.version} has no Search, so queries need .scan()"
        return [Finding("fault", text, "Use Redis 8 or Redis Stack.")]
    if not server.limits:
        return [Finding("note", "the user may not read its settings (FT.CONFIG)")]
    told = [
        f"{name} is {server.limits[name]}: {effect}"
        for name, effect in _LIMITS.items()
        if server.limits.get(name, "unlimited") != "unlimited"
    ]
    return [Finding("ok", "; ".join(told))]


async def _indexes(channel: Channel, models: Sequence[type[BaseRedisModel]]) -> Sequence[Finding]:
    if not (await channel.introduce()).has_search:
        return []
    try:
        found = [_of_entry(entry) for entry in await entries_of(channel)]
    except NoPermissionError as exc:  # a user who only queries need not list the indexes
        found = [Finding("note", f"the indexes of the server cannot be listed: {exc}")]
    found += [await _of_model(model) for model in models if IndexManager(model).fields]
    return found or [Finding("ok", "there are none; the first query of a model creates its index")]


def _of_entry(entry: IndexEntry) -> Finding:
    facts = entry.facts
    what = f"{len(facts.fields)} fields and {facts.documents} documents"
    text = f"{entry.name.prefix!r} has one with {what}"
    if facts.is_building:
        return Finding("note", f"{text}, which is being built ({facts.progress:.0%})")
    if facts.failures:
        return Finding(
            "note",
            f"{text}; {facts.failures} writes have been rejected since it was created, the last of "
            f"{facts.last_key!r}: {facts.last_reason}",
            "`python -m rapyer index status MODEL --scan` lists the missing documents.",
        )
    if entry.kept_until is not None and entry.kept_until < time.time():
        return Finding("note", f"{text}, whose version was last alive {_ago(entry.kept_until)} ago")
    return Finding("ok", text)


def _ago(second: int) -> str:
    return str(timedelta(seconds=round(time.time()) - second))


async def _of_model(model: type[BaseRedisModel]) -> Finding:
    try:
        status = await IndexManager(model).status()
    except RapyerError as exc:
        return Finding("fault", str(exc))
    unknown = status.failures - status.known_failures
    if unknown:
        return Finding(
            "warning",
            f"the index of {status.model} rejected {unknown} writes of documents, the last of "
            f"{status.last_failed_key!r}: {status.last_failure}",
            f"`python -m rapyer index status {model.__module__}:{model.__qualname__} --scan` lists "
            "the missing ones.",
        )
    if status.state == "missing":
        return Finding("note", f"{status.model} has none yet", "Its first query creates it.")
    return Finding("ok", f"{status.model} uses {status.index}, which is {status.state}")


QUERY_CHECKS: Final = (
    Check("rights of query", rights_check("rapyer-query", QUERY_COMMANDS, _OPTIONAL)),
    Check("search", _search),
    Check("indexes", _indexes),
)
