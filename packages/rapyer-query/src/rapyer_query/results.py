"""The results of a query: read, checked again if the index is coarser, and converted."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Final

from pydantic import ValidationError
from rapyer.errors import CorruptDocumentError
from rapyer.expr.evaluate import Predicate, predicate_of
from rapyer.loading import all_loaded, loaded
from rapyer.traffic.policies import Policies

from rapyer_query.commands import DOCUMENT, PAGE, Window
from rapyer_query.merged import Found
from rapyer_query.near import Near
from rapyer_query.pages import (
    Page,
    index_pages,
    read_page,
    scan_pages,
)
from rapyer_query.session import (
    Session,
)
from rapyer_query.shapes import LACKING, ModelShape, ValuesShape, corrupt, redis_key
from rapyer_query.sorting import ServerOrder, sort_in_python

_log = logging.getLogger("rapyer.query")

_SMALLEST_PAGE: Final = 50


class Results:
    """The results of one query.

    Args:
        session: The query.
        order: The order in which the server returns them.
    """

    def __init__(self, session: Session, order: ServerOrder) -> None:
        spec = session.spec
        self._session = session
        self._spec = spec
        self._order = order
        # the server's window would include hidden and skipped documents
        is_whole = not (spec.is_windowed and (session.hides or spec.on_corrupt == "skip"))
        self._is_exact = session.names_keys and is_whole
        #: Whether parts of documents suffice to make the results.
        # the values of a calculated order are read with dialect 2, like whole documents
        is_plain = spec.shape.load is not DOCUMENT and not order.before
        self._is_of_parts = self._is_exact and is_plain
        #: Whether the index is queried by a script that leaves out what counts as missing.
        self._is_seen = (
            session.hides and session.index is not None and session.is_short and spec.shard is None
        )
        self._is_read_anew = bool(session.policies) and (
            spec.touches or (session.hides and not self._is_seen)
        )
        self._holds: Predicate | None = None

    # -- from the server, in its order ------------------------------------------------------------

    def pages(self) -> AsyncGenerator[Found]:
        """Yield the results in the order of the server."""
        return self._exact() if self._is_exact else self.windowed(self.checked_pages())

    async def _exact(self) -> AsyncGenerator[Found]:
        """Yield what the server finds, as it is."""
        spec, lost, given = self._spec, 0, set[bytes]()
        window = Window(spec.skip, spec.limit, min(PAGE, spec.limit or PAGE))
        async with aclosing(self._read(window)) as pages:
            async for page in pages:
                found = await self._made(page)
                lost += page.lost + (len(page.keys) - len(found[0]) if page.is_later else 0)
                if spec.limit is not None:
                    given.update(found[0])
                yield self._with_scores(*found)
        if lost and spec.limit is not None and len(given) < spec.limit:
            async with aclosing(self._instead_of_lost(given, spec.limit)) as more:
                async for found in more:
                    yield self._with_scores(*found)

    async def _instead_of_lost(self, given: set[bytes], limit: int) -> AsyncGenerator[Found]:
        """Read further where documents of the window had expired, or were changed meanwhile."""
        missing = limit - len(given)
        async with aclosing(self._read(Window(self._spec.skip))) as pages:
            async for page in pages:
                found = await self._made(page.without(given).first(missing))
                missing -= len(found[0])
                yield found
                if missing <= 0:
                    return

    def _read(self, window: Window) -> AsyncGenerator[Page]:
        load = self._spec.shape.load if self._is_of_parts else DOCUMENT
        touches = self._spec.touches
        return index_pages(self._session, load, self._order, window, is_reading=touches)

    async def _made(self, page: Page) -> Found:
        if self._is_of_parts and not page.is_later:
            return await self._of_parts(page)
        keys, instances = self.matching(page) if page.is_later else self._instances(page)
        return keys, self._results(instances)

    def _with_scores(self, keys: Sequence[bytes], results: Sequence[Any]) -> Found:
        if not self._spec.scored:
            return keys, results
        scores = self._session.scores
        return keys, [(one, scores[key]) for key, one in zip(keys, results, strict=True)]

    def _results(self, instances: Sequence[Any]) -> Sequence[Any]:
        shape = self._spec.shape
        if isinstance(shape, ModelShape):
            return instances
        return [shape.of_instance(instance) for instance in instances]

    # -- checked in Python ------------------------------------------------------------------------

    async def checked_pages(self) -> AsyncGenerator[Found]:
        """Yield the instances that match the condition."""
        limit = None if self._spec.orders and not self._order.words else self._spec.limit
        wanted = PAGE if limit is None else min(PAGE, (limit + self._spec.skip) * 2)
        window = Window(page=max(wanted, _SMALLEST_PAGE))
        if self._session.index is None:
            source = scan_pages(self._session)
        else:
            # checking a document does not count as reading it
            looking = self._session if self._is_seen else replace(self._session, policies=())
            source = index_pages(looking, DOCUMENT, self._order, window, is_reading=False)
        async with aclosing(source) as pages:
            async for page in pages:
                yield self.matching(page)

    def matching(self, page: Page) -> Found:
        """Return the instances of documents that match the condition."""
        keys, instances = self._instances(page)
        holds = self.holds
        found = [row for row in zip(keys, instances, strict=True) if holds(row[1])]
        return [key for key, _ in found], [instance for _, instance in found]

    @property
    def holds(self) -> Predicate:
        """The predicate that tells in Python whether an instance matches the condition."""
        if self._holds is None:
            session = self._session
            is_asked = session.index is not None
            condition = session.compiled.checked if is_asked else self._spec.condition
            self._holds = (lambda _: True) if condition is None else predicate_of(condition)
        return self._holds

    async def windowed(self, pages: AsyncGenerator[Found]) -> AsyncGenerator[Found]:
        """Yield the results of the instances that are in the window."""
        skip, missing = self._spec.skip, self._spec.limit
        async with aclosing(pages):
            async for keys, instances in pages:
                start = min(skip, len(keys))
                skip -= start
                while start < len(keys):
                    end = len(keys) if missing is None else start + missing
                    found = keys[start:end], instances[start:end]
                    if self._is_read_anew:
                        # read once more, in the way that triggers the policies of the model
                        found = await self._anew(found[0], self._session.policies)
                    start = end
                    if missing is not None:
                        missing -= len(found[0])
                    yield self._with_scores(found[0], self._results(found[1]))
                    if missing == 0:
                        return

    async def _anew(self, keys: Sequence[bytes], policies: Policies) -> Found:
        """Read documents again, and return those that still match the condition."""
        return self.matching(await read_page(self._session, keys, policies))

    # -- sorted in Python -------------------------------------------------------------------------

    def pages_in_python(self) -> AsyncGenerator[Found]:
        """Yield the results, ordered and windowed by Python."""
        is_ordered = self._spec.orders or self._spec.near is not None
        return self.windowed(self._sorted() if is_ordered else self.checked_pages())

    async def _sorted(self) -> AsyncGenerator[Found]:
        """Yield the instances in the order of the query, after reading all of them."""
        rows = await self._rows()
        if self._spec.orders:
            sort_in_python(rows, self._spec.orders)
        for first in range(0, len(rows), PAGE):
            page = rows[first : first + PAGE]
            yield [key for key, _ in page], [instance for _, instance in page]

    async def _rows(self) -> list[tuple[bytes, Any]]:
        """Return all matching documents, in no particular order, or the near ones by distance."""
        near = self._spec.near
        if near is not None:
            return await self.near_rows(near, self.checked_pages())
        rows: list[tuple[bytes, Any]] = []
        async with aclosing(self.checked_pages()) as pages:
            async for keys, instances in pages:
                rows += zip(keys, instances, strict=True)
        return rows

    async def near_rows(self, near: Near, pages: AsyncGenerator[Found]) -> list[tuple[bytes, Any]]:
        """Return those of some documents that are near, noting their distances."""
        found = await near.among(pages)
        self._session.scores.update({key: distance for distance, key, _ in found})
        return [(key, instance) for _, key, instance in found]

    # -- making results from documents ------------------------------------------------------------

    def _instances(self, page: Page) -> Found:
        """Make the instances of a page, except for documents that are skipped.

        Raises:
            CorruptDocumentError: A document, or its key, does not belong to the model.
        """
        model, raws = self._spec.model, [raw for (raw,) in page.parts]
        try:
            keys = [redis_key(model, key) for key in page.keys]
            return page.keys, all_loaded(model, keys, raws)
        except CorruptDocumentError:
            if self._spec.on_corrupt != "skip":
                raise
        kept, instances = list[bytes](), list[Any]()
        for key, raw in zip(page.keys, raws, strict=True):
            try:
                instances.append(loaded(model, redis_key(model, key), raw))
                kept.append(key)
            except CorruptDocumentError as exc:
                _log.warning("skipped a corrupt document: %s", exc)
        return kept, instances

    async def _of_parts(self, page: Page) -> Found:
        shape: Any = self._spec.shape
        made = self._made_of_parts(shape, page)
        if not any(one is LACKING or one is _SKIPPED for one in made):
            return page.keys, made
        # a missing field has a default, or is below a field that has one: the document tells
        rows = [*zip(page.keys, made, strict=True)]
        anew = await self._anew([key for key, one in rows if one is LACKING], ())
        instances = dict(zip(*anew, strict=True))
        found = [
            (key, shape.of_instance(instances[key]) if one is LACKING else one)
            for key, one in rows
            if one is not _SKIPPED and (one is not LACKING or key in instances)
        ]
        return [key for key, _ in found], [one for _, one in found]

    def _made_of_parts(self, shape: ValuesShape, page: Page) -> list[Any]:
        if not page.keys:
            return []
        try:
            return shape.of_matches(page.parts)
        except ValidationError:
            rows = zip(page.keys, page.parts, strict=True)
            return [self._made_of_row(shape, key, parts) for key, parts in rows]

    def _made_of_row(self, shape: ValuesShape, key: bytes, parts: Sequence[bytes]) -> Any:
        try:
            return shape.of_matches([parts])[0]
        except ValidationError as exc:
            error = corrupt(
                self._spec.model, redis_key(self._spec.model, key), b",".join(parts), exc
            )
            if self._spec.on_corrupt == "raise":
                raise error from exc
            _log.warning("skipped a corrupt document: %s", error)
            return _SKIPPED


_SKIPPED: Final = object()
