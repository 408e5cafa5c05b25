"""The results of one node of a cluster, whose index is asked only for keys.

A command of Search is bound to the slot of the index there, and finds no document of another slot
(Redis 7.4 takes the slot of the command for that of each key that is looked up meanwhile). The keys
that it names are nevertheless correct, and the documents are read by key.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any, Final

from redis.exceptions import ResponseError

from rapyer_query.commands import ALL_ROWS, PAGE
from rapyer_query.merged import Found
from rapyer_query.pages import NO_ORDER, read_page
from rapyer_query.results import Results
from rapyer_query.session import DoubtError, Session

#: Extra documents to read beyond a limit, for those that have changed since they were named.
_MORE: Final = 50


async def keys_on_node(session: Session) -> list[bytes]:
    """Return the keys that the index of a node names, noting the scores if they are wanted.

    One round trip.

    Raises:
        DoubtError: The server does not name that many.
    """
    ranks = session.spec.ranks
    (reply,) = await session.send(session.ask.keys(ALL_ROWS, scored=ranks))
    number: int = reply[0]
    named: list[Any] = reply[1::2] if ranks else reply[1:]
    if len(named) != number and session.spec.near is None:
        raise DoubtError
    if ranks:
        session.scores.update(zip(named, map(float, reply[2::2]), strict=True))
    return named


async def there_of(session: Session, named: Sequence[bytes], limit: int | None) -> list[bytes]:
    """Return those of some keys that have documents: an index also names what has just expired.

    One round trip for every 1000 of them if there is no limit.

    Raises:
        redis.exceptions.ResponseError: The server refuses to tell.
    """
    found: list[bytes] = []
    size = PAGE if limit is None else min(PAGE, limit + _MORE)
    for first in range(0, len(named), size):
        some = named[first : first + size]
        replies = await session.documents.execute_many([("EXISTS", key) for key in some])
        for key, reply in zip(some, replies, strict=True):
            if isinstance(reply, ResponseError):
                raise reply
            if reply:
                found.append(key)
        if limit is not None and len(found) >= limit:
            return found[:limit]
    return found


class NodeResults(Results):
    """The results of one query on one node, in no particular order.

    Args:
        session: The query.
        named: The keys that the index has named; None if it has not, and all documents of the node
            are read.
    """

    def __init__(self, session: Session, named: Sequence[bytes] | None) -> None:
        super().__init__(session, NO_ORDER)
        self._named = named

    async def pages(self) -> AsyncGenerator[Found]:
        """Yield the results, a page at a time."""
        pages = self.checked_pages() if self._named is None else self._read_later(self._named)
        near = self._spec.near
        if near is not None:
            pages = _one_page(await self.near_rows(near, pages))
        async with aclosing(self.windowed(pages)) as windowed:
            async for page in windowed:
                yield page

    async def _read_later(self, named: Sequence[bytes]) -> AsyncGenerator[Found]:
        limit = self._spec.limit
        size = PAGE if limit is None else min(PAGE, limit + _MORE)
        for first in range(0, len(named), size):
            yield self.matching(await read_page(self._session, named[first : first + size]))


async def _one_page(rows: Sequence[tuple[bytes, Any]]) -> AsyncGenerator[Found]:
    yield [key for key, _ in rows], [instance for _, instance in rows]
