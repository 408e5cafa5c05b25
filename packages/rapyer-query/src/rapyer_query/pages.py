"""Rows of an index, or of all documents, a page at a time."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import aclosing
from itertools import groupby
from typing import Any, NamedTuple, cast

from rapyer.base import identity_of
from rapyer.traffic.documents import get_documents, require_read
from rapyer.traffic.policies import Policies
from rapyer.traffic.scripts import Operation

from rapyer_query.clauses import NOTHING, Clause, all_of
from rapyer_query.commands import KEY_ALONE, Load, Window
from rapyer_query.scanning import document_keys
from rapyer_query.scripts import SEARCH, SEARCH_KEYS
from rapyer_query.session import DoubtError, Session
from rapyer_query.sorting import ServerOrder


class Page(NamedTuple):
    """Some documents that were found.

    Attributes:
        keys: The keys of those that exist.
        parts: The requested parts of each: its text, or the JSON arrays of what paths lead to.
        lost: How many more the index knows that have expired, or count as missing.
        is_later: Whether the documents were read, as a whole, after they were found: they may no
            longer match the condition.
    """

    keys: Sequence[bytes]
    parts: Sequence[Sequence[bytes]]
    lost: int = 0
    is_later: bool = False

    def without(self, known: AbstractSet[bytes]) -> Page:
        """Return the page without the documents at some keys."""
        if known.isdisjoint(self.keys):
            return self
        kept = [row for row in zip(self.keys, self.parts, strict=True) if row[0] not in known]
        return self._replace(keys=[key for key, _ in kept], parts=[parts for _, parts in kept])

    def first(self, number: int) -> Page:
        """Return the page with a number of documents at most."""
        return self._replace(keys=self.keys[:number], parts=self.parts[:number])


async def index_pages(
    session: Session,
    load: Load,
    order: ServerOrder,
    window: Window,
    *,
    is_reading: bool,
) -> AsyncGenerator[Page]:
    """Yield documents found by an index, each of them once.

    One round trip if they fit into a page; otherwise two, and one for each page. A server cursor is
    not read any further: it skips documents that others write while it is open, most of them if
    numbers are written. So one reply names all keys as of a single moment, and the documents are
    read by key.

    Args:
        session: The query.
        load: What is sent of each document.
        order: Their order.
        window: Which of them.
        is_reading: Whether this counts as reading the documents, for the policies of the model.

    Raises:
        DoubtError: The order is in doubt, or the server does not keep such a window. Nothing was
            yielded before.
    """
    script = SEARCH if is_reading else SEARCH_KEYS
    rows = await _first_rows(session, load, order, window, script)
    if len(rows) - 1 <= window.page:
        yield _page_of(session, rows, load)
        return
    named = await named_keys(session, order, window)
    known: set[bytes] = set()
    if not order.words:
        first = _page_of(session, rows[: window.page + 1], load)
        yield first
        known = {*first.keys}
    keys = [key for key in named.keys if key not in known]
    if window.limit is not None:
        keys = keys[: max(0, window.limit - len(known))]
    policies = session.policies if is_reading else ()
    for start in range(0, len(keys), window.page):
        page = await read_page(session, keys[start : start + window.page], policies)
        yield page._replace(lost=page.lost + named.lost, is_later=True)
        named = named._replace(lost=0)


async def _first_rows(
    session: Session, load: Load, order: ServerOrder, window: Window, script: Operation
) -> Any:
    """Return the rows of a page, and one more if there are more."""
    # a script would count one row too many as read
    if order.kept[0] and not session.policies and 0 < _end_of(window) <= window.page:
        rows = await _rows_by_value(session, load, order, window)
        if rows is not None:
            return rows
    most = window.page + 1
    first = window._replace(limit=most if window.limit is None else min(most, window.limit))
    try:
        return await _reply_to(
            session,
            session.ask.rows(load, order.words, first, order.options, order.before),
            order,
            script,
        )
    except DoubtError:
        if order.words or window != Window(page=window.page):
            raise
        # a server that does not keep a window of a page names all keys without a window
        return [0] * (most + 1)


def _end_of(window: Window) -> int:
    """Return the largest number of rows up to the end of a window; 0 for unlimited."""
    return 0 if window.limit is None else window.skip + window.limit


async def _rows_by_value(
    session: Session, load: Load, order: ServerOrder, window: Window
) -> list[Any] | None:
    """Return the rows of a window if the sort values alone determine which these are.

    Ties are broken by the keys, which are read only for these rows: about the others it is only
    known that their values differ. One round trip.

    Returns:
        None if the last row and the next one have the same value, or if values may only look the
        same: numbers that are not whole are sent with twelve digits.
    """
    end = _end_of(window)
    command = session.ask.rows_by_value(load, order.words, end + 1)
    _, *found = await _reply_to(session, command, order, SEARCH)
    name, family = order.kept
    values = [row[1] if row and row[0] == name.encode() else None for row in found]
    if len(found) > end and values[end] == values[end - 1]:
        return None
    if family == "float" and len({*values}) < len(values):
        return None
    rows = [row if value is None else row[2:] for row, value in zip(found, values, strict=True)]
    if not all(len(row) > 1 and row[0] == b"__key" for row in rows):
        return None  # one has expired meanwhile
    kept: list[Any] = []
    for _, alike in groupby(zip(values, rows, strict=True), key=lambda pair: pair[0]):
        kept += sorted((row for _, row in alike), key=lambda row: row[1])
    return [len(found), *kept[window.skip : end]]


async def named_keys(session: Session, order: ServerOrder, window: Window) -> Page:
    """Ask an index for keys, all of them in one reply. One round trip.

    Raises:
        DoubtError: As for `index_pages`.
    """
    command = session.ask.rows(KEY_ALONE, order.words, window, order.options, order.before)
    reply = await _reply_to(session, command, order, SEARCH_KEYS)
    return _page_of(session, reply if window.limit is not None else reply[0], KEY_ALONE)


async def _reply_to(
    session: Session, command: Sequence[Any], order: ServerOrder, script: Operation
) -> Any:
    doubt = _doubtful(session, order)
    if session.policies:
        if doubt is not None:
            _refuse_doubt(await session.send(doubt))
        return await session.run(script, session.policies, command)
    asked = [command] if doubt is None else [doubt, command]
    *counted, reply = await session.send(*asked)
    _refuse_doubt(counted)
    return reply


def _refuse_doubt(counted: Sequence[Sequence[int]]) -> None:
    if any(found[0] for found in counted):
        raise DoubtError


def _doubtful(session: Session, order: ServerOrder) -> Sequence[Any] | None:
    """Return a command that counts the documents whose position in an order is in doubt."""
    if order.doubt == NOTHING:
        return None
    clause: Clause = session.compiled.clause
    text = all_of((clause.text, order.doubt))
    return session.ask_for(clause._replace(text=text).query).count()


def _page_of(session: Session, rows: Sequence[Any], load: Load) -> Page:
    found: list[list[bytes]] = [row for row in rows[1:] if row]
    if found and found[0][0] != b"__key":
        found = _scored(session, found)
    near = session.spec.near
    is_cut = near is not None and near.number is not None and len(found) < len(rows) - 1
    if is_cut and session.is_exact:
        raise DoubtError  # documents that expired, or have no distance, took the places of others
    if load.dialect == 3:
        parts = _parts_of(found, load.number)
    elif load.number:
        found = [row for row in found if row[-2] == b"$"]
        # the server reports a document that is null as having no value
        parts = [[row[-1] or b"null"] for row in found]
    else:
        parts = [()] * len(found)
    return Page([row[1] for row in found], parts, len(rows) - 1 - len(found))


def _scored(session: Session, rows: list[list[bytes]]) -> list[list[bytes]]:
    """Note the scores, or distances, that precede the keys; return the rows without them.

    A document that has expired has no key, and one without a distance is near to nothing.
    """
    known = [(float(row[1]), row) for row in rows if len(row) > 2]
    session.scores.update({row[3]: score for score, row in known})
    return [row[2:] for score, row in known if not math.isnan(score)]


def _parts_of(rows: list[list[bytes]], number: int) -> list[Sequence[bytes]]:
    """Return what the paths lead to, which comes after the key and the values of the order."""
    names = [f"_{place}".encode() for place in range(number)]
    width = 2 * number
    parts: list[Sequence[bytes]] = [row[1 - width :: 2] for row in rows]
    for place, row in enumerate(rows):
        if row[-width::2] != names:  # a document that lacks something on the way has no such part
            by_name = dict(zip(row[::2], row[1::2], strict=True))
            parts[place] = [by_name.get(name) or b"[]" for name in names]
    return parts


async def scan_pages(session: Session) -> AsyncGenerator[Page]:
    """Read all documents of a model: `SCAN`, and `JSON.MGET` of what it finds.

    A document that exists from the beginning to the end is found, once.
    """
    prefix = identity_of(session.spec.model).prefix
    async with aclosing(document_keys(session.go_on, prefix)) as naming:
        async for keys in naming:
            yield await read_page(session, keys)


async def read_page(session: Session, keys: Sequence[bytes], policies: Policies = ()) -> Page:
    """Read the documents at some keys: `JSON.MGET`. One round trip.

    Raises:
        redis.exceptions.RedisError: A document could not be read.
    """
    if not keys:
        return Page([], [])
    # as bytes, for others may have written keys that are not text
    outcomes = await get_documents(session.documents, cast("Any", keys), policies)
    require_read(outcomes)  # existing documents must not be left out
    found = [
        (key, (outcome,))
        for key, outcome in zip(keys, outcomes, strict=True)
        if isinstance(outcome, bytes)
    ]
    return Page([key for key, _ in found], [parts for _, parts in found], len(keys) - len(found))


#: All documents, in the order in which the server has them.
NO_ORDER = ServerOrder((), NOTHING)
