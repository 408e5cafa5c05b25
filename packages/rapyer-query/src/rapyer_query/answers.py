"""How a query is answered: by an index or from all documents, by one server or by several."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import Any

from rapyer_query.errors import QueryInterruptedError
from rapyer_query.merged import Found, pages_of_nodes, results_of, rows_of_nodes
from rapyer_query.near import BY_DISTANCE
from rapyer_query.nodes import NodeResults, keys_on_node
from rapyer_query.pages import NO_ORDER
from rapyer_query.results import Results
from rapyer_query.session import (
    MOST_TURNS,
    DoubtError,
    IndexGoneError,
    LimitsChangedError,
    Session,
    gone_for_good,
    repeated,
)
from rapyer_query.shards import is_on_nodes
from rapyer_query.sorting import BY_SCORE, ServerOrder, server_order
from rapyer_query.spec import Spec


async def result_pages(spec: Spec) -> AsyncGenerator[Found]:
    """Yield the results of a query, a page at a time, each with its key.

    Raises:
        CorruptDocumentError: A document does not validate.
        QueryInterruptedError: The rest can no longer be read.
        NotIndexedError, IndexUnavailableError, QueryTimeoutError: As for `Session.open` and `send`.
    """
    if is_on_nodes(spec):
        async with aclosing(pages_of_nodes(spec, result_pages)) as merged:
            async for page in merged:
                yield page
        return
    for _ in range(MOST_TURNS):
        session = await Session.open(spec)
        is_begun = False
        try:
            async with aclosing(_pages_of(session)) as pages:
                async for page in pages:
                    is_begun = True
                    yield page
        except (IndexGoneError, LimitsChangedError) as exc:
            if is_begun:
                raise QueryInterruptedError(
                    f"the index of {spec.model.__name__} was dropped while a query was running. "
                    "Run the query again."
                ) from exc
        else:
            return
    raise gone_for_good(spec)


async def _pages_of(session: Session) -> AsyncGenerator[Found]:
    if session.is_empty:
        return
    if session.spec.shard is not None:
        async with aclosing(await _of_node(session)) as found:
            async for page in found:
                yield page
        return
    order = _order_of(session)
    if order is not None:
        try:
            async with aclosing(Results(session, order).pages()) as pages:
                async for page in pages:
                    yield page
        except DoubtError:
            order = None
            if session.spec.near is not None:  # Python finds the nearest
                session.compiled = session.compiled._replace(is_exact=False)
    if order is None:
        async with aclosing(Results(session, NO_ORDER).pages_in_python()) as pages:
            async for page in pages:
                yield page


async def _of_node(session: Session) -> AsyncGenerator[Found]:
    named = None
    if session.index is not None:
        with suppress(DoubtError):  # the server does not name that many: all documents are read
            named = await keys_on_node(session)
    if named is None:
        session = replace(session, index=None)
    return NodeResults(session, named).pages()


def _order_of(session: Session) -> ServerOrder | None:
    """Return the order for the server; None if Python sorts."""
    spec, index = session.spec, session.index
    if spec.near is not None and not session.is_exact:
        return None
    if index is None:
        return None if spec.orders else NO_ORDER
    if spec.orders:
        return server_order(spec.orders, index.attributes)
    if spec.near is not None:
        return BY_DISTANCE
    return BY_SCORE if spec.ranks else NO_ORDER


async def all_results(spec: Spec) -> list[Any]:
    """Return all results of a query; see `result_pages` for the errors.

    Nothing is returned before everything is read, so the index may disappear at any moment.
    """
    if is_on_nodes(spec):
        return results_of(spec, await rows_of_nodes(spec, result_pages))
    return await repeated(spec, _all_of)


async def _all_of(session: Session) -> list[Any]:
    found: list[Any] = []
    async with aclosing(_pages_of(session)) as pages:
        async for _, results in pages:
            found += results
    return found
