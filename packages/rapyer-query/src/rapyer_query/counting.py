"""Counting and naming what a query finds, without reading it where the index is exact."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from rapyer.keys import RedisKey

from rapyer_query.commands import Window
from rapyer_query.near import BY_DISTANCE
from rapyer_query.pages import NO_ORDER, named_keys
from rapyer_query.results import Found, all_results, result_pages
from rapyer_query.session import DoubtError, Session, repeated
from rapyer_query.shapes import ModelShape, redis_key
from rapyer_query.sorting import BY_SCORE, server_order
from rapyer_query.spec import Spec


async def count(spec: Spec) -> int:
    """Count the documents; see `Query.count`."""

    async def body(session: Session) -> int | None:
        if session.is_empty:
            return 0
        if not session.is_exact or session.hides:
            return None
        (reply,) = await session.send(session.ask.count())
        found = max(0, int(reply[0]) - spec.skip)
        return found if spec.limit is None else min(found, spec.limit)

    counted = await repeated(spec, body)
    return len(await keys(spec)) if counted is None else counted


async def keys(spec: Spec) -> list[RedisKey]:
    """Give the keys of the documents; see `Query.keys`."""

    async def body(session: Session) -> list[RedisKey] | None:
        return await keys_of_index(session) if session.names_keys else None

    found = await repeated(spec, body)
    if found is None:
        plain = replace(spec, shape=ModelShape(), touches=False, scored=False)
        found = [instance.key for instance in await all_results(plain)]
    return found


async def keys_of_index(session: Session) -> list[RedisKey] | None:
    """Give the keys that the index names; None where their order is in doubt."""
    spec, index = session.spec, session.index
    if session.is_empty:
        return []
    order = NO_ORDER
    if spec.orders and index is not None:
        by_server = server_order(spec.orders, index.attributes)
        if by_server is None:
            return None
        order = by_server
    elif spec.near is not None:
        order = BY_DISTANCE
    elif spec.ranks:
        order = BY_SCORE
    # the server would pass over what is hidden as well: then the window is made of what is left
    is_cut_here = session.hides and spec.skip > 0
    window = Window() if is_cut_here else Window(spec.skip, spec.limit)
    try:
        page = await named_keys(session, order, window)
    except DoubtError:
        return None
    if is_cut_here:
        end = None if spec.limit is None else spec.skip + spec.limit
        return [redis_key(spec.model, key) for key in page.keys[spec.skip : end]]
    if page.lost and spec.is_windowed:
        return None  # others take the places of those that have expired
    return [redis_key(spec.model, key) for key in page.keys]


async def exists(spec: Spec) -> bool:
    """Say whether there is a document; see `Query.exists`."""
    one = replace(
        spec,
        shape=ModelShape(),
        orders=(),
        limit=min(1, spec.limit or 1),
        touches=False,
        scored=False,
    )
    if spec.limit == 0:
        return False

    async def body(session: Session) -> list[RedisKey] | None:
        return await keys_of_index(session) if session.names_keys else None

    found = await repeated(one, body)
    return bool(found) if found is not None else await _has_any(result_pages(one))


async def _has_any(pages: AsyncGenerator[Found]) -> bool:
    async with aclosing(pages) as reading:
        async for found, _ in reading:
            if found:
                return True
    return False
