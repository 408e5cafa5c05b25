"""Queries on a cluster: each node has an index of its own, and the answers are those of one server.

What is asked is held against plain Python on all documents.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import Annotated

import pytest
from cluster_nodes import owner_of, slot_of
from hypothesis import given, settings
from hypothesis import strategies as st
from rapyer import AtomicRedisModel, Field, GeoPoint, Key, Vector, init_rapyer
from rapyer.expr.evaluate import predicate_of
from rapyer_embedded import Cluster
from rapyer_query import NotIndexedError, avg, count, max_, min_, sum_
from rapyer_query.manager import IndexManager

NUMBER = 400


class City(AtomicRedisModel):
    id: Key[str]
    name: str
    country: str = Field(sortable=True)
    people: int = Field(sortable=True)
    area: float
    mayor: str | None = None
    about: str = Field(default="", text=True)
    place: GeoPoint | None = None
    vector: Annotated[list[float], Vector(dim=2, algorithm="flat", metric="l2")] = [0.0, 0.0]
    note: str = Field(default="", index=False)


class Visit(AtomicRedisModel):
    id: Key[str]
    number: int = 0

    class Config:
        ttl = 1000
        ttl_postpone_on_access = True
        prefix = "cluster:visit"


def cities():
    draw = random.Random(5)
    return [
        City(
            id=str(n),
            name=draw.choice("abc") * draw.randrange(1, 4),
            country=draw.choice(["no", "se", "dk", "fi"]),
            people=draw.randrange(0, 50),
            area=draw.random() * 100,
            mayor=draw.choice([None, "x", "y"]),
            about=draw.choice(["old harbour", "new harbour", "hills"]),
            place=GeoPoint(draw.uniform(5, 25), draw.uniform(55, 65)),
            vector=[draw.random(), draw.random()],
        )
        for n in range(NUMBER)
    ]


@pytest.fixture
async def all_cities(cluster):
    made = cities()
    await City.bulk_insert(made)
    return made


conditions = st.recursive(
    st.one_of(
        st.integers(-1, 51).map(lambda n: City.people > n),
        st.integers(-1, 51).map(lambda n: City.people == n),
        st.sampled_from(["no", "se", "xx"]).map(lambda text: City.country == text),
        st.sampled_from(["a", "bb", ""]).map(lambda text: City.name.startswith(text)),
        st.sampled_from([None, "x"]).map(lambda value: City.mayor == value),
        st.floats(0, 100).map(lambda number: City.area <= number),
    ),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda two: two[0] & two[1]),
        st.tuples(inner, inner).map(lambda two: two[0] | two[1]),
        inner.map(lambda one: ~one),
    ),
    max_leaves=4,
)


@settings(max_examples=40)
@given(
    condition=conditions,
    order=st.sampled_from(["people", "-area", "country", None]),
    skip=st.integers(0, 5),
    limit=st.sampled_from([None, 0, 1, 7]),
)
async def test_any_query_gives_what_plain_python_gives(all_cities, condition, order, skip, limit):
    holds = predicate_of(condition)
    meant = [one for one in all_cities if holds(one)]
    query = City.find(condition)
    assert await query.count() == len(meant)
    assert await query.exists() == bool(meant)
    assert {one.pk for one in await query.to_list()} == {one.pk for one in meant}
    assert sorted(await query.keys()) == sorted(one.key for one in meant)
    end = None if limit is None else skip + limit
    window = query.skip(skip).limit(limit)
    assert await window.count() == len(meant[skip:end])
    if order is None:
        assert len(await window.to_list()) == len(meant[skip:end])
        return
    name = order.removeprefix("-")
    meant.sort(key=lambda one: one.key)
    meant.sort(key=lambda one: getattr(one, name), reverse=order.startswith("-"))
    found = await window.sort(order).to_list()
    assert [one.pk for one in found] == [one.pk for one in meant[skip:end]]


async def test_a_loop_gives_each_document_once(all_cities):
    seen = Counter([one.pk async for one in City.find(City.people >= 0)])
    assert seen == Counter(one.pk for one in all_cities)
    some = [one.pk async for one in City.find().sort("people").limit(5)]
    assert len(some) == 5


async def test_values_and_the_first_and_the_only_one(all_cities):
    values = await City.find(City.country == "no").values(City.people, City.name).to_list()
    assert sorted(values) == sorted(
        (one.people, one.name) for one in all_cities if one.country == "no"
    )
    largest = await City.find().sort(City.area.desc()).first()
    assert largest is not None
    assert largest.area == max(one.area for one in all_cities)
    assert (await City.find(City.id == "7").one()).pk == "7"
    assert await City.find(City.id == "nobody").first() is None


async def test_groups_of_all_nodes_are_one(all_cities):
    rows = await (
        City.find(City.people > 10)
        .group_by(City.country)
        .aggregate(n=count(), people=sum_(City.people), most=max_(City.people))
        .to_list()
    )
    expected = {}
    for one in all_cities:
        if one.people > 10:
            expected.setdefault(one.country, []).append(one.people)
    assert {row.country: (row.n, row.people, row.most) for row in rows} == {
        country: (len(found), sum(found), max(found)) for country, found in expected.items()
    }
    average = await City.find().avg(City.area)
    assert average == pytest.approx(sum(one.area for one in all_cities) / NUMBER, rel=1e-9)
    made = City.find().group_by().aggregate(min_(City.area), avg(City.people))
    ((low, mean),) = await made.to_list()
    assert low == min(one.area for one in all_cities)
    assert mean == sum(one.people for one in all_cities) / NUMBER


async def test_words_places_and_vectors_are_looked_for_on_each_node(all_cities):
    found = await City.find(City.about.matches("harbour -old")).to_list()
    assert {one.pk for one in found} == {one.pk for one in all_cities if one.about == "new harbour"}
    near = await City.find(City.place.within(10, 60, km=300)).count()
    assert near == sum(one.place.distance_to(GeoPoint(10, 60)) <= 300_000 for one in all_cities)
    nearest = await City.find(City.people > 5).nearest(City.vector, [0.5, 0.5], k=7).to_list()
    by_distance = sorted(
        (one for one in all_cities if one.people > 5),
        key=lambda one: (sum((v - 0.5) ** 2 for v in one.vector), one.key),
    )
    assert [one.pk for one in nearest] == [one.pk for one in by_distance[:7]]


async def test_updates_and_deletions_by_query_reach_all_nodes(all_cities):
    few = [one for one in all_cities if one.people < 10]
    assert await City.find(City.people < 10).update(mayor="new") == len(few)
    assert await City.find(City.mayor == "new").count() == len(few)
    assert await City.find(City.people < 10).sort("people").limit(3).delete() == 3
    assert await City.find(City.mayor == "new").delete() == len(few) - 3
    assert await City.find().count() == NUMBER - len(few)


async def test_what_no_index_answers_is_refused_or_scanned(all_cities):
    with pytest.raises(NotIndexedError):
        await City.find(City.note == "x").to_list()
    assert await City.find(City.note == "x").scan().to_list() == []
    assert await City.find(City.note == "").scan().count() == NUMBER


async def test_the_indexes_of_all_nodes_are_told_of_as_of_one(all_cities):
    await City.find().count()
    status = await City.index.status(scan=True)
    assert (status.state, status.documents, status.failed_keys) == ("ready", NUMBER, ())
    explained = await City.find(City.people > 3).explain()
    assert explained.nodes == 3
    assert "nodes:   3" in str(explained)
    told: list[int] = []
    await City.index.rebuild(progress=lambda done, total: told.append(done))
    assert max(told) == NUMBER
    assert (await City.index.diff()).action == "none"
    assert await City.index.drop()
    assert (await City.index.status()).state == "missing"
    await City.index.ensure()
    assert isinstance(City.index, IndexManager)
    assert await City.find().count() == NUMBER


async def test_what_a_query_gives_counts_as_read_and_what_it_passes_over_does_not(cluster):
    made = [Visit(id=str(n), number=n) for n in range(30)]
    await Visit.bulk_insert(made)
    for one in made:
        await one.set_ttl(10)
    found = await Visit.find(Visit.number >= 5).sort("number").limit(6).to_list()
    assert [one.number for one in found] == [5, 6, 7, 8, 9, 10]
    left = {one.number: await one.get_ttl() for one in made}
    assert {number for number, seconds in left.items() if seconds > 50} == {5, 6, 7, 8, 9, 10}
    assert len(await Visit.find(Visit.number < 3).to_list()) == 3
    assert await made[0].get_ttl() > 50


@pytest.mark.parametrize("limit", [None, 7])
async def test_what_has_expired_is_not_named_though_its_node_has_not_noticed(expiring, limit):
    made = [Visit(id=str(n), number=n) for n in range(40)]
    await Visit.bulk_insert(made)
    await Visit.find().count()  # the indexes are there
    for one in made[:30]:
        expiring.ask(owner_of(expiring, slot_of(one.key)), "PEXPIRE", one.key, "1")
    await asyncio.sleep(0.01)
    assert not await Visit.find(Visit.number < 30).exists()
    keys = await Visit.find().limit(limit).keys()
    assert {*keys} <= {one.key for one in made[30:]}
    assert len(keys) == (limit or 10)


@pytest.fixture
async def expiring():
    """A cluster whose nodes notice that a document has expired when it is asked for alone."""
    with Cluster(primaries=3, args=["--enable-debug-command", "yes"]) as own:
        for server in own.primaries:
            own.ask(server, "DEBUG", "SET-ACTIVE-EXPIRE", "0")
        async with init_rapyer(own.cluster_url):
            yield own
