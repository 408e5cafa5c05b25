"""Merge what the nodes of a cluster have found."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias

from rapyer.base import channel_of, read_policies_of
from rapyer.traffic.documents import get_documents, require_read

from rapyer_query.commands import PAGE
from rapyer_query.shapes import ModelShape
from rapyer_query.shards import (
    GONE,
    PAUSE,
    TURNS,
    are_settled,
    choose_anew,
    of_shards,
    shards_of,
)
from rapyer_query.sorting import sort_in_python
from rapyer_query.spec import Spec

#: A key, the result made from its document, and its score or its distance.
Row: TypeAlias = tuple[bytes, Any, float]
#: Keys, and the results made from their documents.
Found: TypeAlias = tuple[Sequence[bytes], Sequence[Any]]
#: Yields the results of a query, a page at a time.
PagesOf: TypeAlias = Callable[[Spec], AsyncGenerator[Found]]


async def rows_of_nodes(spec: Spec, pages_of: PagesOf) -> list[Row]:
    """Return the results of a query from all nodes, in order, each document once.

    Args:
        spec: The query.
        pages_of: Yields the results of a query on one node.

    Raises:
        Exception: As for `result_pages`.
    """
    asked = _asked_of_each(spec)
    found, _ = await of_shards(asked, partial(_rows_of, pages_of))
    known = {row[0]: row for rows in found for row in rows}
    rows = [*known.values()]
    if asked.scored:
        rows.sort(key=lambda row: (-row[2] if spec.near is None else row[2], row[0]))
    if spec.near is not None and spec.near.number is not None:
        rows = rows[: spec.near.number]
    if spec.orders:
        rows = _in_order(rows, spec)
    end = None if spec.limit is None else spec.skip + spec.limit
    rows = rows[spec.skip : end]
    if spec.touches and not asked.touches:
        await _touch(spec, [row[0] for row in rows])
    if asked.shape is not spec.shape:
        rows = [(key, spec.shape.of_instance(instance), score) for key, instance, score in rows]
    return rows


def _asked_of_each(spec: Spec) -> Spec:
    """Return what to ask each node for, so that their results include the overall results."""
    is_ranked = spec.ranks or spec.near is not None
    is_ordered = bool(spec.orders) or is_ranked
    limit = None if spec.limit is None or is_ordered else spec.skip + spec.limit
    return replace(
        spec,
        orders=(),
        skip=0,
        limit=limit,
        scored=spec.scored or is_ranked,
        shape=ModelShape() if spec.orders else spec.shape,
        # a node's results may be left out of the overall results
        touches=spec.touches and not (spec.is_windowed or spec.near is not None),
    )


def _in_order(rows: Sequence[Row], spec: Spec) -> list[Row]:
    pairs = [(key, instance) for key, instance, _ in rows]
    scores = {key: score for key, _, score in rows}
    sort_in_python(pairs, spec.orders)
    return [(key, instance, scores[key]) for key, instance in pairs]


async def _rows_of(pages_of: PagesOf, spec: Spec) -> list[Row]:
    rows: list[Row] = []
    async with aclosing(pages_of(spec)) as pages:
        async for keys, results in pages:
            if spec.scored:
                rows += [(key, *one) for key, one in zip(keys, results, strict=True)]
            else:
                rows += [(key, one, 0.0) for key, one in zip(keys, results, strict=True)]
    return rows


async def _touch(spec: Spec, keys: Sequence[bytes]) -> None:
    """Let documents count as read, if that matters to a policy of the model."""
    policies = read_policies_of(spec.model)
    if policies and keys:
        named: Any = keys  # as bytes, for others may have written keys that are not text
        for first in range(0, len(keys), PAGE):
            some = named[first : first + PAGE]
            require_read(await get_documents(channel_of(spec.model), some, policies))


async def pages_of_nodes(spec: Spec, pages_of: PagesOf) -> AsyncGenerator[Found]:
    """Yield the results of a query from all nodes, a page at a time.

    Without an order, one page and the keys of all earlier pages are in memory; otherwise all
    results are.
    """
    if spec.orders or spec.ranks or spec.near is not None or spec.is_windowed:
        rows = await rows_of_nodes(spec, pages_of)
        for first in range(0, len(rows), PAGE):
            some = rows[first : first + PAGE]
            yield [row[0] for row in some], results_of(spec, some)
        return
    async with aclosing(_streamed(spec, pages_of)) as pages:
        async for page in pages:
            yield page


async def _streamed(spec: Spec, pages_of: PagesOf) -> AsyncGenerator[Found]:
    seen: set[bytes] = set()
    is_again = False
    for turn in range(1, TURNS + 1):
        try:
            shards = await shards_of(spec)
            for shard in shards:
                async with aclosing(pages_of(replace(spec, shard=shard))) as pages:
                    async for keys, results in pages:
                        fresh = [
                            (key, one)
                            for key, one in zip(keys, results, strict=True)
                            if key not in seen
                        ]
                        seen.update(keys)
                        yield [key for key, _ in fresh], [one for _, one in fresh]
            if is_again or await are_settled(shards):
                return
            is_again = True  # by then, documents that have moved meanwhile are on the other node
            await channel_of(spec.model).refresh()
        except GONE:
            if turn == TURNS:
                raise
            await asyncio.sleep(PAUSE)
            await choose_anew(spec.model)


def results_of(spec: Spec, rows: Sequence[Row]) -> list[Any]:
    """Return the results themselves, with their scores if requested."""
    if spec.scored:
        return [(result, score) for _, result, score in rows]
    return [result for _, result, _ in rows]
