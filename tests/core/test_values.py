"""A value read equals the value written, for every JSON-native type."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from rapyer import AtomicRedisModel, EmbeddedModel, Field, Mapped, UnstorableValueError
from rapyer.errors import UnaddressableKeyError

pytestmark = pytest.mark.usefixtures("server")


class Point(EmbeddedModel):
    x: float
    label: str | None = None


class Plain(BaseModel):
    n: int
    inner: Point | None = None


class Everything(AtomicRedisModel):
    text: str
    whole: int
    real: Mapped[float]
    flag: bool
    nothing: None = None
    maybe: int | None = None
    either: int | str = 0
    number: int | float = 0
    mixed: bool | str | list[int] | None = None
    texts: list[str] = Field(default_factory=list)
    rows: list[list[float]] = Field(default_factory=list)
    options: list[int | None] = Field(default_factory=list)
    counts: dict[str, int] = Field(default_factory=dict)
    by_number: dict[int, str] = Field(default_factory=dict)
    point: Point | None = None
    points: list[Point] = Field(default_factory=list)
    places: dict[str, Point] = Field(default_factory=dict)
    plain: Plain | None = None
    anything: Any = None
    bare_list: list = Field(default_factory=list)  # type: ignore[type-arg]
    bare_dict: dict = Field(default_factory=dict)  # type: ignore[type-arg]


texts = st.text() | st.sampled_from(["\x00", "a\x00b", "\ufdd0", "\ufdd1", "\uffff", "\U0010ffff"])
whole = st.integers(-(2**63), 2**63 - 1) | st.sampled_from([2**53 - 1, 2**53, 2**53 + 1])
reals = st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | whole | reals | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
points = st.builds(Point, x=reals, label=st.none() | texts)
documents = st.builds(
    Everything,
    text=texts,
    whole=whole,
    real=reals,
    flag=st.booleans(),
    maybe=st.none() | whole,
    either=whole | texts,
    number=whole | reals,
    mixed=st.none() | st.booleans() | texts | st.lists(whole, max_size=3),
    texts=st.lists(texts, max_size=4),
    rows=st.lists(st.lists(reals, max_size=3), max_size=3),
    options=st.lists(st.none() | whole, max_size=4),
    counts=st.dictionaries(texts, whole, max_size=4),
    by_number=st.dictionaries(whole, texts, max_size=3),
    point=st.none() | points,
    points=st.lists(points, max_size=3),
    places=st.dictionaries(texts, points, max_size=3),
    plain=st.none() | st.builds(Plain, n=whole, inner=st.none() | points),
    anything=json_values,
    bare_list=st.lists(json_values, max_size=3),
    bare_dict=st.dictionaries(texts, json_values, max_size=3),
)


def exact(value: Any) -> Any:
    """Make a value that is equal only to one of the same types, with the same sign of zero."""
    if isinstance(value, BaseModel):
        return type(value), exact(value.__dict__)
    if isinstance(value, dict):
        return {key: exact(item) for key, item in value.items()}
    if isinstance(value, list):
        return [exact(item) for item in value]
    if isinstance(value, float):
        return float, value, math.copysign(1, value)
    return type(value), value


@settings(max_examples=300)
@given(documents)
async def test_a_document_read_equals_the_one_written(document):
    document.pk = "1"
    try:
        await document.save()
    except UnstorableValueError as exc:
        # a number whose text is corrected on the server, under a key that no path leads to
        if not isinstance(exc.__cause__, UnaddressableKeyError):
            raise
        return
    read = await Everything.get("1")
    assert exact(read) == exact(document)
    assert read == document


HARD = 2.3458992316731146e-175  # no text stands for it on the server


@settings(max_examples=300)
@given(st.floats(allow_nan=False, allow_infinity=False))
@example(HARD)
@example(-HARD)
async def test_every_finite_double_is_stored_exactly(value):
    document = Everything(text="", whole=0, real=value, flag=False)
    document.pk = "float"
    await document.save()
    assert exact((await Everything.get("float")).real) == exact(value)


@given(st.dictionaries(texts.filter(lambda key: "\\" not in key), st.just(HARD), min_size=1))
@example(
    {"": HARD, '"': HARD, "'": HARD, "]": HARD, "a b": HARD, "$": HARD, "\x00": HARD, "*": HARD}
)
async def test_doubles_without_a_spelling_are_exact_wherever_they_stand(numbers):
    numbers = {
        key: value
        for key, value in numbers.items()
        if not {'"', "'"} <= set(key) and not key.startswith(" ")
    }
    document = Everything(
        text="",
        whole=0,
        real=HARD,
        flag=False,
        rows=[[1.0], [HARD, 2.0, HARD]],
        points=[Point(x=HARD)],
        anything={**numbers, "deeper": [numbers]},
    )
    document.pk = "hard"
    await document.save()
    assert exact(await Everything.get("hard")) == exact(document)


async def test_a_double_without_a_spelling_is_exact_on_every_road_of_a_whole_document(redis):
    document = Everything(text="", whole=0, real=HARD, flag=False)
    assert await document.save(only_if="absent") is True
    assert await document.save(only_if="absent") is False
    assert await document.save(only_if="present") is True
    assert (await Everything.get(document.pk)).real == HARD
    other = document.model_copy()
    other.pk = "other"
    assert await Everything.get_or_create(other) == (other, True)
    assert (await Everything.get_or_create(other))[0].real == HARD


@pytest.mark.parametrize("key", ["back\\slash", "\"'", " leading space"])
async def test_a_double_without_a_spelling_is_refused_where_no_path_leads(redis, key):
    document = Everything(text="", whole=0, real=0.0, flag=False, anything={key: HARD})
    with pytest.raises(UnstorableValueError, match="Round it to 15 significant digits"):
        await document.save()
    assert await redis.keys() == []
    document.anything = {key: 0.1}
    await document.save()
    assert (await Everything.get(document.pk)).anything == {key: 0.1}


@pytest.mark.parametrize("levels", [125, 126])
async def test_as_many_levels_as_the_server_takes_are_stored(levels):
    value: Any = "deep"
    for _ in range(levels):
        value = [value]
    document = Everything(text="", whole=0, real=0.0, flag=False, anything=value)
    assert await Everything.get((await document.save()).pk) == document


async def test_a_document_of_a_megabyte_is_stored():
    document = Everything(text="é" * 500_000, whole=0, real=0.5, flag=True)
    assert await Everything.get((await document.save()).pk) == document
