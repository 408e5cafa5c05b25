"""What Redis finds is what plain Python finds: for random documents and conditions of all types."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_conditions import (
    LISTS,
    SCALARS,
    Document,
    a_condition,
    a_document,
    lacking,
)
from rapyer.base import channel_of
from rapyer.expr.evaluate import getter_of
from rapyer_query.index import ModelIndex
from rapyer_query.settings import limits_of
from rapyer_query.sorting import sort_in_python

pytestmark = pytest.mark.usefixtures("server")


async def stored(seed: int, number: int) -> dict[int, Document]:
    """Random documents as they are loaded, some of which lack fields, by their primary keys."""
    random, channel = Random(seed), channel_of(Document)
    for place in range(number):
        document = a_document(random, place)
        await document.save()
        for path in lacking(random):
            await channel.execute("JSON.DEL", document.key, path)
    return {place: await Document.get(place) for place in range(number)}


async def check(condition: Any, documents: dict[int, Document]) -> None:
    """All ways to ask for the documents that fulfil a condition give those, each once."""
    expected = sorted(pk for pk, document in documents.items() if condition.matches(document))
    query = Document.find(condition).scan()
    keys = await query.keys()
    assert sorted(int(key.rpartition(":")[2]) for key in keys) == expected
    assert await query.count() == len(expected)
    found = await query.to_list()
    assert sorted(document.id for document in found) == expected
    assert all(document == documents[document.id] for document in found)


async def test_no_document_is_out_of_the_index(server):
    await Document.find().count()
    await stored(7, 200)
    channel = channel_of(Document)
    reply = await channel.execute("FT.INFO", ModelIndex.of(Document).name)
    info = dict(zip(reply[::2], reply[1::2], strict=True))
    assert (int(info[b"num_docs"]), int(info[b"hash_indexing_failures"])) == (200, 0)


@pytest.mark.parametrize("seed", range(2))
async def test_redis_finds_what_python_finds(seed):
    documents = await stored(seed, 120)

    @settings(max_examples=80, deadline=None, database=None)
    @given(st.randoms(use_true_random=False), st.integers(0, 3))
    def conditions(random: Random, depth: int) -> None:
        drawn.append(a_condition(random, depth))

    drawn: list[Any] = []
    conditions()
    for condition in drawn:
        await check(condition, documents)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 108))
async def test_redis_finds_what_python_finds_in_tens_of_thousands_of_cases(seed):
    documents, random = await stored(seed, 200), Random(seed)
    for _ in range(1500):
        await check(a_condition(random, random.randint(0, 4)), documents)


@pytest.mark.parametrize("seed", range(3))
async def test_an_order_is_that_of_python_with_none_last_and_ties_by_key(seed):
    documents, random = await stored(seed, 100), Random(seed)
    root: Any = Document
    paths = [
        getattr(root, name)
        for name, kind in SCALARS.items()
        if kind not in ("mixed", "anything", "label") and name not in LISTS
    ]
    paths += [root.home.city, root.work.zip, root.base.since, root.named["k"]]
    for _ in range(60):
        orders = [
            path.desc() if random.random() < 0.5 else path.asc()
            for path in random.sample(paths, random.randint(1, 3))
        ]
        condition = a_condition(random, 1)
        rows = [
            (document.key.encode(), document)
            for document in documents.values()
            if condition.matches(document)
        ]
        sort_in_python(rows, orders)
        skip, limit = random.randint(0, 5), random.choice([None, 0, 1, 7, 1000])
        query = Document.find(condition).scan().sort(*orders).skip(skip).limit(limit)
        expected = [document.id for _, document in rows][skip:][:limit]
        assert [document.id for document in await query.to_list()] == expected, (orders, condition)
        assert [int(key.rpartition(":")[2]) for key in await query.keys()] == expected
        assert [pk for (pk,) in await query.values(Document.id).to_list()] == expected


@pytest.mark.parametrize("seed", range(3))
async def test_values_are_those_of_the_documents_as_they_are_loaded(seed):
    documents, random = await stored(seed, 60), Random(seed)
    root: Any = Document
    paths = [getattr(root, name) for name in (*SCALARS, *LISTS, "pair", "counts", "items", "work")]
    paths += [root.home.city, root.work.zip, root.base.since, root.items[0].name, root.counts["q"]]
    for _ in range(25):
        asked = random.sample(paths, random.randint(1, 4))
        found = await Document.find().values(root.id, *asked).to_list()
        assert len(found) == len(documents)
        for pk, *values in found:
            instance = documents[pk]
            assert values == [getter_of(path)(instance) for path in asked], asked


async def test_limits_are_read_of_the_server(server):
    limits = await limits_of(channel_of(Document))
    assert limits[:2] == (2, True)
