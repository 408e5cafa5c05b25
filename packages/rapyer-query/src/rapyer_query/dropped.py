"""Documents that an index rejected: noticing, reporting and finding them."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from rapyer.base import BaseRedisModel, identity_of
from rapyer.traffic.channel import Argument, Channel
from redis.exceptions import ResponseError

from rapyer_query.errors import DroppedDocumentsWarning
from rapyer_query.facts import IndexFacts
from rapyer_query.reports import Report
from rapyer_query.scanning import document_keys

if TYPE_CHECKING:
    from rapyer_query.index import ModelIndex

_OURS: Final = ("rapyer.", "rapyer_query.")


class _Last(NamedTuple):
    """The last document that an index rejected, and why."""

    key: str
    reason: str


@dataclass(slots=True, eq=False)
class Refusals:
    """What an index rejected, as far as the user was told.

    Attributes:
        index: The index that was last looked at.
        run: The run of the server at that time: a new run counts from zero.
        told: How many rejected writes the user knows about.
        message: What is to be reported; empty for nothing.
    """

    index: str = ""
    run: str = ""
    told: int = 0
    message: str = ""

    async def note(self, index: ModelIndex, channel: Channel, report: Report) -> None:
        """Process the report of a script. No round trip if nothing was rejected."""
        if (report.name, report.run) != (self.index, self.run):
            self.index, self.run, self.told = report.name, report.run, 0
        self.told = max(self.told, report.known)
        await self._note(
            index, channel, report.failures, _Last(report.last_key, report.last_reason)
        )

    async def note_facts(self, index: ModelIndex, channel: Channel, facts: IndexFacts) -> None:
        """Process what the server reports. No round trip if nothing was rejected."""
        last = _Last(facts.last_key or "", facts.last_reason or "")
        await self._note(index, channel, facts.failures, last)

    async def _note(self, index: ModelIndex, channel: Channel, failures: int, last: _Last) -> None:
        if failures <= self.told:
            return
        is_missing = await _is_missing(channel, index.name, last.key)
        new, self.told = failures - self.told, max(failures, self.told)
        if new <= 0:  # somebody else has reported it meanwhile
            return
        if new == 1 and not is_missing:
            return  # that document is in the index now, or is gone
        name = index.model.__name__
        times = "1 write" if new == 1 else f"{new} writes"
        which = "lacks these" if is_missing else "may lack some of these"
        since = "" if is_missing else ", which is in the index by now, or deleted"
        self.message = (
            f"the index of {name} rejected {times} of documents. It {which}, and no query finds "
            f"them. The last one was {last.key!r}{since}: {last.reason}. `await "
            f"{name}.index.status(scan=True)` lists all missing documents; save them again with "
            "values of the right types, or delete them."
        )

    def warn(self) -> None:
        """Warn the user at the line that ran the query."""
        if self.message:
            message, self.message = self.message, ""
            warnings.warn(message, DroppedDocumentsWarning, stacklevel=_level_of_the_user())


def _level_of_the_user() -> int:
    """Find the first caller outside of rapyer, counted as `warnings.warn` does from `warn`."""
    frame, level = inspect.currentframe(), 0
    while frame is not None and f"{frame.f_globals.get('__name__', '')}.".startswith(_OURS):
        frame, level = frame.f_back, level + 1
    return level


async def _is_missing(channel: Channel, alias: str, key: str) -> bool:
    exists, found = await channel.execute_many(
        [("EXISTS", key.encode(errors="surrogateescape")), *_named(alias, [key])]
    )
    return exists == 1 and not isinstance(found, ResponseError) and found[0] == 0


def _named(alias: str, keys: Sequence[bytes | str]) -> list[Sequence[Argument]]:
    named = [
        key if isinstance(key, bytes) else key.encode(errors="surrogateescape") for key in keys
    ]
    return [
        ("FT.SEARCH", alias, "*", "INKEYS", len(named), *named, "NOCONTENT", "LIMIT", 0, len(named),
         "TIMEOUT", 0, "DIALECT", 2)
    ]  # fmt: skip


async def find_dropped(channel: Channel, model: type[BaseRedisModel], alias: str) -> list[bytes]:
    """Return the keys of all documents that an index lacks.

    Two round trips for 1000 keys of the database, and one more if some are missing.
    """

    async def send(command: Sequence[Argument]) -> Any:
        return await channel.execute(*command)

    dropped: list[bytes] = []
    async with aclosing(document_keys(send, identity_of(model).prefix)) as naming:
        async for keys in naming:
            missing = await _missing_of(channel, alias, keys)
            # a document created or deleted in between is looked at again
            dropped += await _missing_of(channel, alias, missing)
    return sorted(dropped)


async def _missing_of(channel: Channel, alias: str, keys: Sequence[bytes]) -> list[bytes]:
    if not keys:
        return []
    (command,) = _named(alias, keys)
    found, *there = await channel.execute_many([command, *(("EXISTS", key) for key in keys)])
    if isinstance(found, ResponseError):
        raise found
    named = {*found[1:]}
    return [
        key for key, exists in zip(keys, there, strict=True) if exists == 1 and key not in named
    ]
