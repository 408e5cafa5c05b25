"""Rows of an index, or of all documents, a page at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from typing import Any, NamedTuple

from rapyer.base import identity_of
from rapyer.traffic.documents import get_documents
from rapyer.traffic.policies import Policies
from rapyer.traffic.scripts import Operation
from redis.exceptions import ResponseError

from rapyer_query.clauses import NOTHING, Clause, all_of
from rapyer_query.commands import PAGE, Load, Window, more
from rapyer_query.errors import QueryInterruptedError
from rapyer_query.scripts import SEARCH, SEARCH_KEYS
from rapyer_query.session import DoubtError, IndexGoneError, Session
from rapyer_query.sorting import ServerOrder


class Page(NamedTuple):
    """Some documents that were found.

    Attributes:
        keys: The keys of those that are there.
        parts: What of each was asked for: its text, or the JSON arrays of what paths lead to.
        lost: How many more the index knows that have expired, or count as missing.
    """

    keys: Sequence[bytes]
    parts: Sequence[Sequence[bytes]]
    lost: int = 0

    def without(self, known: AbstractSet[bytes]) -> Page:
        """Give the page without the documents at some keys."""
        if known.isdisjoint(self.keys):
            return self
        kept = [row for row in zip(self.keys, self.parts, strict=True) if row[0] not in known]
        return Page([key for key, _ in kept], [parts for _, parts in kept], self.lost)

    def first(self, number: int) -> Page:
        """Give the page with some documents at most."""
        return Page(self.keys[:number], self.parts[:number], self.lost)


async def index_pages(
    session: Session,
    load: Load,
    order: ServerOrder,
    window: Window,
    *,
    is_reading: bool,
) -> AsyncGenerator[Page]:
    """Ask an index for rows. One round trip for each page of them.

    A document comes once, also where it is written meanwhile and the index has it twice.

    Args:
        session: The query.
        load: What of each document is sent.
        order: Their order.
        window: Which of them.
        is_reading: Whether documents are read by this, for the policies of the model.

    Raises:
        DoubtError: The order is in doubt. Nothing was given before.
        QueryInterruptedError: The rest of the rows cannot be read any more.
    """
    command = session.ask.rows(load, order.words, window)
    script = None
    if session.policies:
        script = SEARCH if is_reading else SEARCH_KEYS
    reply = await _opened(session, _first(session, command, order, script), window)
    index, policies = session.ask.index, session.policies
    cursor, seen = 0, set[bytes]()
    try:
        while True:
            rows, cursor = (reply, 0) if window.is_one_reply else reply
            page = _page_of(rows, load)
            if cursor or seen:
                page = page.without(seen)
                seen.update(page.keys)
            yield page
            if not cursor:
                return
            command = more(index, cursor, window.page)
            if script is None:
                reply = await session.go_on(command)
            else:
                reply = await session.run(script, policies, command, keys=(index,))
    except (ResponseError, IndexGoneError) as exc:
        cursor = 0
        raise QueryInterruptedError(
            f"the rest of the documents of {session.spec.model.__name__} cannot be read: the "
            "server has given the cursor up, after it was not used for five minutes, or the index "
            f"is gone ({exc}). Ask again, and take what is slow out of the loop."
        ) from exc
    finally:
        if cursor:
            await session.close(cursor)


async def _opened(session: Session, asked: Coroutine[Any, Any, Any], window: Window) -> Any:
    """Give the first reply; where nobody waits for it any more, its cursor is closed when it comes.

    A cursor that nobody knows of stays for five minutes, and an index has room for 128.
    """
    if window.is_one_reply:
        return await asked
    task = asyncio.ensure_future(asked)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        closing = asyncio.ensure_future(_abandon(session, task))
        _abandoned.add(closing)
        closing.add_done_callback(_abandoned.discard)
        raise


async def _abandon(session: Session, task: asyncio.Future[Any]) -> None:
    with suppress(Exception):  # whoever asked is gone, and nobody could be told
        await session.close_cursors(await task)


#: Tasks that close cursors: an event loop has weak references to its tasks only.
_abandoned: set[asyncio.Future[None]] = set()


async def _first(
    session: Session, command: Sequence[Any], order: ServerOrder, script: Operation | None
) -> Any:
    """Give the first rows, and the cursor where there is one."""
    doubt = _doubtful(session, order)
    if script is not None:
        if doubt is not None:
            _refuse_doubt(await session.send(doubt))
        return await session.run(script, session.policies, command)
    if doubt is None:
        (reply,) = await session.send(command)
        return reply
    counted, reply = await session.send(doubt, command)
    try:
        _refuse_doubt([counted])
    except DoubtError:
        await session.close_cursors(reply)
        raise
    return reply


def _refuse_doubt(counted: Sequence[Sequence[int]]) -> None:
    if any(found[0] for found in counted):
        raise DoubtError


def _doubtful(session: Session, order: ServerOrder) -> Sequence[Any] | None:
    """Ask how many documents there are about whose place in an order the server is in doubt."""
    if order.doubt == NOTHING:
        return None
    clause: Clause = session.compiled.clause
    text = all_of((clause.text, order.doubt))
    return session.ask_for(clause._replace(text=text).query).count()


def _page_of(rows: Sequence[Any], load: Load) -> Page:
    found: list[list[bytes]] = [row for row in rows[1:] if row is not None]
    if load.dialect == 3:
        parts = _parts_of(found, load.number)
    elif load.number:
        found = [row for row in found if row[-2] == b"$"]
        # a document that is null is told as no value
        parts = [[row[-1] or b"null"] for row in found]
    else:
        parts = [()] * len(found)
    return Page([row[1] for row in found], parts, len(rows) - 1 - len(found))


def _parts_of(rows: list[list[bytes]], number: int) -> list[Sequence[bytes]]:
    """Give what the paths lead to, which stands behind the key and what the rows are ordered by."""
    names = [f"_{place}".encode() for place in range(number)]
    width = 2 * number
    parts: list[Sequence[bytes]] = [row[1 - width :: 2] for row in rows]
    for place, row in enumerate(rows):
        if row[-width::2] != names:  # a document without something on the way has no part there
            by_name = dict(zip(row[::2], row[1::2], strict=True))
            parts[place] = [by_name.get(name) or b"[]" for name in names]
    return parts


async def scan_pages(session: Session) -> AsyncGenerator[Page]:
    """Read all documents of a model: `SCAN`, and `JSON.MGET` of what it finds.

    A document that is there from the beginning to the end is found, once.
    """
    prefix = identity_of(session.spec.model).prefix
    pattern = "".join(f"\\{one}" if one in "*?[]^-\\" else one for one in f"{prefix}:") + "*"
    cursor, seen = b"0", set[bytes]()
    while True:
        command = ("SCAN", cursor, "MATCH", pattern, "COUNT", PAGE, "TYPE", "ReJSON-RL")
        cursor, found = await session.go_on(command)
        keys = [key for key in dict.fromkeys(found) if key not in seen]
        seen.update(keys)
        for first in range(0, len(keys), PAGE):
            yield await read_page(session, keys[first : first + PAGE])
        if cursor == b"0":
            return


async def read_page(session: Session, keys: Sequence[bytes], policies: Policies = ()) -> Page:
    """Read the documents at some keys: `JSON.MGET`. One round trip."""
    if not keys:
        return Page([], [])
    outcomes = await get_documents(session.channel, [key.decode() for key in keys], policies)
    found = [
        (key, (outcome,))
        for key, outcome in zip(keys, outcomes, strict=True)
        if isinstance(outcome, bytes)
    ]
    return Page([key for key, _ in found], [parts for _, parts in found], len(keys) - len(found))


#: All documents by the order in which the server has them.
NO_ORDER = ServerOrder((), NOTHING)
