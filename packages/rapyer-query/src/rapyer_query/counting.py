"""Count and name what a query finds, without reading it if the index is exact."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from rapyer.keys import RedisKey

from rapyer_query.answers import all_results, result_pages
from rapyer_query.commands import Window
from rapyer_query.merged import Found, rows_of_nodes
from rapyer_query.near import BY_DISTANCE
from rapyer_query.nodes import keys_on_node, there_of
from rapyer_query.pages import NO_ORDER, named_keys
from rapyer_query.session import DoubtError, Session, repeated
from rapyer_query.shapes import ModelShape, redis_key
from rapyer_query.shards import is_on_nodes, of_shards
from rapyer_query.sorting import BY_SCORE, server_order
from rapyer_query.spec import Spec


async def count(spec: Spec) -> int:
    """Count the documents; see `Query.count`."""
    if is_on_nodes(spec):
        if spec.near is not None:
            return len(await keys(spec))
        whole = replace(spec, skip=0, limit=None)
        numbers, is_settled = await of_shards(whole, count)
        return _windowed(spec, sum(numbers) if is_settled else len(await keys(whole)))

    async def body(session: Session) -> int | None:
        if session.is_empty:
            return 0
        if not session.is_exact or session.hides:
            return None
        (reply,) = await session.send(session.ask.count())
        return _windowed(spec, int(reply[0]))

    counted = await repeated(spec, body)
    return len(await keys(spec)) if counted is None else counted


def _windowed(spec: Spec, number: int) -> int:
    number = max(0, number - spec.skip)
    return number if spec.limit is None else min(number, spec.limit)


async def keys(spec: Spec) -> list[RedisKey]:
    """Return the keys of the documents; see `Query.keys`."""
    if is_on_nodes(spec):
        return await _keys_of_nodes(spec)

    async def body(session: Session) -> list[RedisKey] | None:
        return await keys_of_index(session) if session.names_keys else None

    found = await repeated(spec, body if spec.shard is None else _named_on_node)
    if found is None:
        plain = replace(spec, shape=ModelShape(), touches=False, scored=False)
        found = [instance.key for instance in await all_results(plain)]
    return found


async def _named_on_node(session: Session) -> list[RedisKey] | None:
    """Return the keys that the index of a node names; None if the documents have to be read."""
    spec = session.spec
    if session.is_empty:
        return []
    if not session.names_keys or session.hides or spec.near is not None:
        return None
    try:
        named = await keys_on_node(session)
    except DoubtError:
        return None
    there = await there_of(session, named, spec.limit)
    return [redis_key(spec.model, key) for key in there]


async def _keys_of_nodes(spec: Spec) -> list[RedisKey]:
    if spec.orders or spec.ranks or spec.near is not None:
        plain = replace(spec, shape=ModelShape(), touches=False)
        return [redis_key(spec.model, row[0]) for row in await rows_of_nodes(plain, result_pages)]
    limit = None if spec.limit is None else spec.skip + spec.limit
    found, _ = await of_shards(replace(spec, skip=0, limit=limit), keys)
    known = [*dict.fromkeys(key for part in found for key in part)]
    return known[spec.skip : limit]


async def keys_of_index(session: Session) -> list[RedisKey] | None:
    """Return the keys that the index names; None if their order is in doubt."""
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
    # the server's window would count hidden documents too: so it is applied to what is left
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
    """Return whether there is a document; see `Query.exists`."""
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
    if is_on_nodes(spec):
        if spec.skip or spec.near is not None:
            return bool(await keys(one))
        return any((await of_shards(one, exists))[0])

    async def body(session: Session) -> list[RedisKey] | None:
        return await keys_of_index(session) if session.names_keys else None

    found = await repeated(one, body if spec.shard is None else _named_on_node)
    return bool(found) if found is not None else await _has_any(result_pages(one))


async def _has_any(pages: AsyncGenerator[Found]) -> bool:
    async with aclosing(pages) as reading:
        async for found, _ in reading:
            if found:
                return True
    return False
