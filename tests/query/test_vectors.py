"""Vectors, beside brute force in plain Python."""

from __future__ import annotations

import asyncio
import math
from contextlib import suppress
from random import Random
from typing import Annotated, Any

import pytest
from pydantic import ValidationError
from rapyer import (
    AtomicRedisModel,
    CorruptDocumentError,
    ExpressionError,
    Field,
    Key,
    Mapped,
    ModelDefinitionError,
    Vector,
)
from rapyer.base import channel_of
from rapyer.testing import use_plugins
from rapyer_pipeline import RecordingError
from rapyer_query import avg, count

pytestmark = pytest.mark.usefixtures("server")
DIM = 6


class Note(AtomicRedisModel):
    id: Key[int]
    author: Mapped[str] = Field(default="Ada")
    year: Mapped[int] = Field(default=2000)
    cosine: Mapped[Annotated[list[float], Vector(dim=DIM, algorithm="flat", precision="float64")]]
    l2: Mapped[list[float] | None] = Field(
        default=None, vector=Vector(dim=DIM, metric="l2", algorithm="flat", precision="float64")
    )
    ip: Mapped[Annotated[list[float], Vector(dim=DIM, metric="ip", algorithm="flat")]]
    graph: Mapped[Annotated[list[float], Vector(dim=DIM)]]

    class Config:
        prefix = "query:note"


N: Any = Note


def a_vector(random: Random) -> list[float]:
    return [random.uniform(-1, 1) for _ in range(DIM)]


def distance(metric: str, one: Any, other: Any) -> float:
    dot = math.fsum(a * b for a, b in zip(one, other, strict=True))
    if metric == "l2":
        return math.dist(one, other) ** 2
    return 1 - (dot / math.hypot(*one) / math.hypot(*other) if metric == "cosine" else dot)


async def stored(random: Random, number: int) -> list[Note]:
    channel = channel_of(Note)
    for place in range(number):
        note = await Note(
            id=place, author=random.choice(["Ada", "Bob", "Cyd"]), year=random.randrange(5),
            cosine=a_vector(random), l2=random.choice([None, a_vector(random), a_vector(random)]),
            ip=a_vector(random), graph=a_vector(random),
        ).save()  # fmt: skip
        if random.random() < 0.1:
            await channel.execute("JSON.DEL", note.key, "$.l2")
    await Note.find().count()
    return [await Note.get(place) for place in range(number)]


def ranked(notes: list[Note], name: str, vector: Any) -> list[tuple[float, int]]:
    known = [(getattr(note, name), note.id) for note in notes]
    return sorted((distance(name, one, vector), pk) for one, pk in known if one is not None)


@pytest.mark.parametrize("seed", range(3))
async def test_the_nearest_are_those_of_brute_force(seed):
    random = Random(seed)
    notes = await stored(random, 150)
    for _ in range(60):
        name, vector, k = (
            random.choice(["cosine", "l2", "ip"]),
            a_vector(random),
            random.choice([1, 5, 200]),
        )
        condition = random.choice(
            [N.year > 1, N.author == "Ada", N.author < "B", ~(N.author == "Ada"), N.id >= 0,
             (N.year == 0) | (N.author == "Bob"), N.year > 99]
        )  # fmt: skip
        meant = [note for note in notes if condition.matches(note)]
        expected = ranked(meant, name, vector)[:k]
        query = Note.find(condition).nearest(getattr(N, name), vector, k=k)
        found = await query.values(N.id).with_scores().to_list()
        assert [pk for (pk,), _ in found] == [pk for _, pk in expected]
        for (_, near), (exact, _) in zip(found, expected, strict=True):
            assert math.isclose(near, exact, rel_tol=1e-5, abs_tol=1e-6)
        assert [note.id for note in await query.to_list()] == [pk for _, pk in expected]
        assert await query.count() == len(expected)
        assert await query.keys() == [Note.key_of(pk) for _, pk in expected]
        assert await query.exists() is bool(expected)
        window = await query.skip(1).limit(2).to_list()
        assert [note.id for note in window] == [pk for _, pk in expected[1:3]]


@pytest.mark.parametrize("seed", range(3))
async def test_those_within_a_distance_are_those_of_brute_force(seed):
    random = Random(seed)
    notes = await stored(random, 150)
    for _ in range(40):
        name, vector = random.choice(["cosine", "l2", "ip"]), a_vector(random)
        condition = random.choice([N.year > 1, N.author < "B", N.id >= 0])
        meant = [note for note in notes if condition.matches(note)]
        every = ranked(meant, name, vector)
        # between two of them, so that rounding does not matter
        place = random.randrange(len(every) - 1)
        radius = max(0.0, (every[place][0] + every[place + 1][0]) / 2)
        expected = [pk for near, pk in every if near <= radius]
        query = Note.find(condition).within_distance(getattr(N, name), vector, radius)
        assert [note.id for note in await query.to_list()] == expected
        assert await query.count() == len(expected)


async def test_a_graph_finds_nearly_all_of_the_nearest_and_says_so():
    random = Random(1)
    notes = await stored(random, 200)
    hits = 0
    for _ in range(20):
        vector = a_vector(random)
        known = sorted((distance("cosine", note.graph, vector), note.id) for note in notes)
        found = await Note.find().nearest(N.graph, vector, k=10).to_list()
        hits += len({note.id for note in found} & {pk for _, pk in known[:10]})
    assert hits > 180
    told = await Note.find().nearest(N.graph, vector).explain()
    assert (told.is_exact, told.sorts) == (False, "distance")
    assert "searches along a graph (HNSW)" in told.estimates[0]
    exact = await Note.find().nearest(N.cosine, vector).explain()
    assert (exact.is_exact, exact.estimates, exact.parameters["near"]) == (True, (), "<48 bytes>")


async def test_the_nearest_are_grouped_and_sorted_like_others():
    random = Random(2)
    notes = await stored(random, 60)
    vector = a_vector(random)
    query = Note.find().nearest(N.cosine, vector, k=20)
    nearest = [pk for _, pk in ranked(notes, "cosine", vector)[:20]]
    assert [note.id for note in await query.sort(N.id).to_list()] == sorted(nearest)
    scored = query.with_scores()
    assert await scored.count() == len(await scored.keys()) == 20
    first = await scored.first()
    assert first is not None
    assert (first[0].id, await scored.exists()) == (nearest[0], True)
    looked_at = Note.find(N.author < "Z").nearest(N.cosine, vector, k=3).with_scores()
    assert await looked_at.keys() == [Note.key_of(pk) for pk in nearest[:3]]
    ((number, mean),) = await scored.group_by().aggregate(count(), avg(N.id)).to_list()
    assert (number, mean) == (20, sum(nearest) / 20)


class Lone(AtomicRedisModel):
    id: Key[int]
    at: Mapped[Annotated[list[float], Vector(dim=2, algorithm="flat")] | None] = Field(default=None)

    class Config:
        prefix = "query:lone"
        index = False


L: Any = Lone


async def test_no_documents_are_near_where_none_are_asked_for_and_all_where_many_are():
    for number in range(5):
        await Lone(id=number, at=[1, number]).save()
    assert await Lone.find().nearest(L.at, [1, 0], k=0).to_list() == []
    assert await Lone.find().nearest(L.at, [1, 0], k=0).count() == 0
    assert len(await Lone.find().nearest(L.at, [1, 0], k=1_000_000).to_list()) == 5


async def test_documents_of_others_without_a_direction_take_no_places():
    for number in range(5):
        await Lone(id=number, at=[1, number]).save()
    await Lone.find().nearest(L.at, [1, 0]).count()
    for number in range(10, 14):
        text = f'{{"id":{number},"at":[0,0]}}'
        await channel_of(Lone).execute("JSON.SET", Lone.key_of(number), "$", text)
    for k in (1, 2, 3, 4, 9):
        query = Lone.find().nearest(L.at, [1, 0], k=k)
        with suppress(CorruptDocumentError):  # where one of them was found
            assert [one.id for one in await query.to_list()] == [*range(5)][:k]
        skipping = query.on_corrupt("skip")
        assert [one.id for one in await skipping.to_list()] == [*range(5)][:k]


async def test_documents_that_expired_a_moment_ago_take_no_places(server, redis):
    for number in range(5):
        await Lone(id=number, at=[1, number]).save()
    await Lone.find().nearest(L.at, [1, 0]).count()
    for number in (0, 1):
        await redis.pexpire(Lone.key_of(number), 1)
    await asyncio.sleep(0.005)
    query = Lone.find().nearest(L.at, [1, 0], k=2)
    assert [one.id for one in await query.to_list()] == [2, 3]


@pytest.mark.parametrize(
    "write",
    [
        lambda key: L.at[0].set(key, 1e39),
        lambda key: L.at[0].increase(key, 1.0),
        lambda key: L.at.append(key, 1.0),
        lambda key: Lone.aupdate_by_key(key, {L.at[0]: 3.0}),
        lambda key: Lone.find(L.id == 1).scan().update({L.at[0]: 3.0}),
    ],
)
async def test_a_vector_is_written_as_a_whole(write):
    lone = await Lone(id=1, at=[1, 2]).save()
    with pytest.raises(ExpressionError):
        await write(lone.key)
    assert await Lone.get(1) == lone


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p.at.append(1.0),
        lambda p: p.at.pop(),
        lambda p: p.at.clear(),
        lambda p: p.at.__setitem__(0, 3.0),
        lambda p: p.at[0].set(3.0),
        lambda p: p.at.__iadd__([1.0]),
    ],
)
async def test_a_pipeline_writes_a_vector_as_a_whole(change):
    lone = await Lone(id=1, at=[1, 2]).save()
    with pytest.raises(RecordingError, match="which only Python can check"):
        async with lone.pipeline() as p:
            change(p)
    async with lone.pipeline() as p:
        p.at = [3.0, 4.0]
    assert (await Lone.get(1)).at == [3, 4]


@pytest.mark.parametrize("annotation", [list[bool], list[str], list[float | None], set[float]])
def test_a_vector_is_a_list_of_numbers(annotation):
    with (
        use_plugins(installed=True),
        pytest.raises(ModelDefinitionError, match=r"is not a list of n"),
    ):
        type(AtomicRedisModel)(
            "Wrong",
            (AtomicRedisModel,),
            {
                "__annotations__": {"a": Annotated[annotation, Vector(dim=3)]},
                "__module__": __name__,
            },
        )


class Array:
    """What an array of numpy is to rapyer."""

    def __init__(self, numbers: list[float]) -> None:
        self.numbers = numbers

    def tolist(self) -> list[float]:
        return self.numbers


async def test_arrays_are_taken_for_lists():
    one = [1.0, 0.0, 0.0, 0.0, 0.0, 0.5]
    made: Any = Array(one)
    note = await Note(id=1, cosine=made, ip=made, graph=made).save()
    assert note.cosine == one
    assert (await Note.get(1)).cosine == one
    assert [found.id for found in await Note.find().nearest(N.cosine, made, k=1).to_list()] == [1]


@pytest.mark.parametrize(
    ("vector", "message"),
    [
        ([1.0] * (DIM - 1), r"the vector has 5 numbers, but must have 6"),
        ([1.0] * (DIM + 1), r"the vector has 7 numbers, but must have 6"),
        ([], r"the vector has 0 numbers"),
        ([0.0] * DIM, r"all numbers are 0: such a vector has no direction"),
        ([math.inf, *[1.0] * (DIM - 1)], r"inf is not a number from -1e\+150 to 1e\+150"),
        ([math.nan, *[1.0] * (DIM - 1)], r"nan is not a number from"),
    ],
)
async def test_a_vector_that_no_index_holds_is_refused_at_write_and_in_queries(vector, message):
    plain = [1.0] * DIM
    with pytest.raises(ValidationError, match=message):
        Note(id=1, cosine=vector, ip=plain, graph=plain)
    note = await Note(id=1, cosine=plain, ip=plain, graph=plain).save()
    with pytest.raises(ValidationError, match=message):
        await note.aupdate(cosine=vector)
    with pytest.raises(ExpressionError, match=rf"Note\.cosine cannot be compared with .*{message}"):
        Note.find().nearest(N.cosine, vector)
    assert (await Note.get(1)).cosine == plain


def test_numbers_beyond_those_of_an_index_are_refused():
    plain = [1.0] * DIM
    with pytest.raises(ValidationError, match=r"1e\+39 is not a number from -1e\+18"):
        Note(id=1, cosine=plain, ip=[1e39, *plain[1:]], graph=plain)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda q: q.nearest(N.author, [1]),
            ExpressionError,
            r"Note\.author is not a vector of Note",
        ),
        (lambda q: q.nearest("cosine", [1]), ExpressionError, r"'cosine' is not a vector"),
        (
            lambda q: q.nearest(N.cosine, "abcdef"),
            ExpressionError,
            r"cannot be compared with 'abcdef'",
        ),
        (lambda q: q.nearest(N.cosine, 3), ExpressionError, r"cannot be compared with 3"),
        (lambda q: q.nearest(N.cosine, [1.0] * DIM, k=-1), ValueError, r"k is -1"),
        (lambda q: q.nearest(N.cosine, [1.0] * DIM, k=2.5), ValueError, r"k is 2\.5"),
        (lambda q: q.within_distance(N.cosine, [1.0] * DIM, "x"), ValueError, r"distance is 'x'"),
        (lambda q: q.within_distance(N.cosine, [1.0] * DIM, 10**400), ValueError, r"is 1000"),
        (lambda q: q.nearest(N.cosine, [10**400] * DIM), ExpressionError, r"is not a number from"),
        (lambda q: q.nearest(N.cosine, [1.0] * DIM, k=2**64), ValueError, r"Give 1000000 at most"),
        (lambda q: q.nearest(Lone.at, [1.0, 1.0]), ExpressionError, r"Lone\.at is of Lone"),
        (
            lambda q: q.nearest(N.cosine, [1.0] * DIM).with_scores().sort(N.id),
            ExpressionError,
            r"call sort before with_scores",
        ),
        (lambda q: q.within_distance(N.cosine, [1.0] * DIM, math.inf), ValueError, r"is inf"),
        (lambda q: q.with_scores(), ExpressionError, r"with_scores needs a query with nearest"),
        (
            lambda q: q.nearest(N.cosine, [1.0] * DIM).with_scores().values(N.id),
            ExpressionError,
            r"call values before with_scores",
        ),
    ],
)
def test_what_is_no_vector_is_refused_where_it_is_written(make, error, message):
    with pytest.raises(error, match=message):
        make(Note.find())


async def test_documents_are_not_changed_by_how_near_they_are():
    query = Note.find().nearest(N.cosine, [1.0] * DIM)
    with pytest.raises(ExpressionError, match=r"Get their keys\(\) first"):
        await query.delete()
    with pytest.raises(ExpressionError, match=r"Get their keys\(\) first"):
        await query.update(year=3)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"dim": 0}, r"dim of a Vector is 0"),
        ({"dim": True}, r"dim of a Vector is True"),
        ({"dim": 3, "m": 1}, r"m of a Vector is 1\. Give a number from 2 to 512"),
        (
            {"dim": 3, "metric": "hamming"},
            r"metric of a Vector is 'hamming'\. Give one of 'cosine'",
        ),
        ({"dim": 3, "algorithm": "tree"}, r"algorithm of a Vector is 'tree'"),
        ({"dim": 3, "precision": "float16"}, r"precision of a Vector is 'float16'"),
    ],
)
def test_a_vector_that_cannot_be_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        Vector(**given)


def test_a_field_that_is_no_list_of_numbers_is_no_vector():
    with pytest.raises(TypeError, match=r"index=False and vector="):
        Field(index=False, vector=Vector(dim=3))
    with (
        use_plugins(installed=True),
        pytest.raises(ModelDefinitionError, match=r"is not a list of n"),
    ):
        type(AtomicRedisModel)(
            "Wrong",
            (AtomicRedisModel,),
            {"__annotations__": {"number": Annotated[int, Vector(dim=3)]}, "__module__": __name__},
        )


async def test_another_definition_of_a_vector_takes_an_index_of_its_own():
    def page(vector: Vector) -> Any:
        config = type("Config", (), {"prefix": "query:page", "index_retention": 60})
        annotations = {"id": Key[int], "at": Annotated[list[float], vector]}
        body = {"__annotations__": annotations, "Config": config, "__module__": __name__}
        return type(AtomicRedisModel)("Page", (AtomicRedisModel,), body)

    with use_plugins(installed=True):
        before = page(Vector(dim=2, algorithm="flat"))
        await before(id=1, at=[1, 0]).save()
        assert await before.find().nearest(before.at, [1, 0]).keys() == ["query:page:1"]
        assert (await before.index.diff()).action == "none"
    with use_plugins(installed=True):
        after = page(Vector(dim=2, metric="l2"))
        assert (await after.index.diff()).action == "build"
        assert await after.find().nearest(after.at, [1, 0]).keys() == ["query:page:1"]
        assert (await after.index.diff()).action == "none"
