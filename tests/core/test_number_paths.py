"""Adding to numbers by path and key, atomically and exactly."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from rapyer import (
    AtomicRedisModel,
    EmbeddedModel,
    ExpressionError,
    Field,
    InvalidKeyError,
    Key,
    KeyNotFoundError,
    Mapped,
    NumberOverflowError,
    PathNotFoundError,
    UnstorableValueError,
    Version,
    WrongTypeError,
)


class Part(EmbeddedModel):
    price: Mapped[float] = Field(default=1.5)
    count: Mapped[int]


class Score(AtomicRedisModel):
    id: Key[int]
    whole: Mapped[int] = Field(default=0)
    real: Mapped[float] = Field(default=0.0)
    small: Mapped[int] = Field(default=5, ge=0, lt=10)
    share: Mapped[float] = Field(default=0.5, gt=0, le=1)
    even: Mapped[int] = Field(default=0, multiple_of=2)
    optional: Mapped[int | None] = Field(default=None)
    exact: Mapped[Decimal] = Field(default=Decimal(0))
    name: Mapped[str] = Field(default="")
    flag: Mapped[bool] = Field(default=False)
    part: Mapped[Part] = Field(default_factory=lambda: Part(count=1))
    parts: Mapped[list[Part]] = Field(default_factory=list)
    counts: Mapped[dict[str, int]] = Field(default_factory=dict)
    revision: Version

    class Config:
        prefix = "numbers:score"


@pytest.fixture
async def score(server) -> Any:
    return await Score(id=1).save()


INTEGERS = st.integers(-(2**63), 2**63 - 1)


async def test_integers_are_added_exactly_or_not_at_all(score):
    pairs: list[tuple[int, int]] = [(2**63 - 1, 1), (-(2**63), -1), (2**53, 1), (2**62, 2**62 - 1)]

    @settings(max_examples=200, database=None)
    @given(st.tuples(INTEGERS, INTEGERS))
    def collect(pair: tuple[int, int]) -> None:
        pairs.append(pair)

    collect()
    for old, amount in pairs:
        await Score.whole.set(1, old)
        if -(2**63) <= old + amount < 2**63:
            assert await Score.whole.increase(1, amount) == old + amount
            assert await Score.whole.get(1) == old + amount
        else:
            with pytest.raises(NumberOverflowError, match="exceeds the range of 64 bits"):
                await Score.whole.increase(1, amount)
            assert await Score.whole.get(1) == old


DOUBLES = st.floats(allow_nan=False, allow_infinity=False)


async def test_doubles_are_added_as_python_adds_them_or_not_at_all(score):
    pairs: list[tuple[float, float]] = [(0.1, 0.2), (1e308, 1e308), (-0.0, 0.0), (5.0, 2)]
    pairs.append((0.0, 3.39214514143811e243))

    @settings(max_examples=300, database=None)
    @given(st.tuples(DOUBLES, DOUBLES | st.integers(-9, 9)))
    def collect(pair: tuple[float, float]) -> None:
        pairs.append(pair)

    collect()
    added = 0
    for old, amount in pairs:
        await Score.real.set(1, old)
        try:
            new = await Score.real.increase(1, amount)
        except NumberOverflowError:
            assert abs(old + amount) == float("inf")
        except UnstorableValueError:
            digits = repr(amount).split("e")[0].strip("-").replace(".", "")
            assert len(digits) > 15 or not 1e-7 < abs(amount) < 1e36  # by which powers are exact
        else:
            added += 1
            assert new == old + amount
            assert type(new) is float
        stored = await Score.real.get(1)
        assert stored in (old, old + amount)
        assert type(stored) is float
    assert added > len(pairs) * 0.8


async def test_the_bounds_of_a_field_hold(score):
    assert await Score.small.increase(1, 4) == 9
    with pytest.raises(ValidationError, match="less than 10"):
        await Score.small.increase(1, 1)
    assert await Score.small.increase(1, -9) == 0
    with pytest.raises(ValidationError, match="greater than or equal to 0"):
        await Score.small.increase(1, -1)
    with pytest.raises(NumberOverflowError):
        await Score.small.increase(1, 2**63)
    assert await Score.small.get(1) == 0
    assert await Score.share.increase(1, 0.5) == 1.0
    with pytest.raises(ValidationError, match="less than or equal to 1"):
        await Score.share.increase(1, 5e-16)
    with pytest.raises(ValidationError, match="greater than 0"):
        await Score.share.increase(1, -1.0)
    assert await Score.share.increase(1, -0.75) == 0.25


async def test_numbers_are_reached_wherever_they_stand(score):
    await Score.counts["a b"].set(1, 3)
    assert await Score.counts["a b"].increase(1, 4) == 7
    assert await Score.part.price.increase(1, 0.25) == 1.75
    await Score.parts.append(1, Part(count=7))
    parts: Any = Score.parts
    assert await parts[-1].count.increase(1, -7) == 0
    await Score.optional.set(1, 4)
    optional: Any = Score.optional
    assert await optional.increase(1, 1) == 5


async def test_a_field_that_a_document_lacks_has_its_default(score, redis):
    await redis.execute_command(
        "JSON.SET", "numbers:score:2", "$", '{"id":2,"parts":[{"count":1}]}'
    )
    assert await Score.small.increase(2, 1) == 6
    with pytest.raises(ValidationError):
        await Score.share.increase(2, 1.0)
    parts: Any = Score.parts
    assert await parts[0].price.increase(2, 1.0) == 2.5
    with pytest.raises(PathNotFoundError):
        await Score.part.count.increase(2, 1)
    with pytest.raises(PathNotFoundError):
        await Score.counts["a"].increase(2, 1)
    keys = await redis.execute_command("JSON.OBJKEYS", "numbers:score:2")
    assert set(keys) == {b"id", b"parts", b"small", b"revision"}


async def test_what_is_no_number_is_said(score, redis):
    with pytest.raises(KeyNotFoundError):
        await Score.whole.increase(9, 1)
    optional: Any = Score.optional
    with pytest.raises(WrongTypeError, match="of the JSON type null"):
        await optional.increase(1, 1)
    await redis.execute_command("JSON.SET", "numbers:score:1", "$.whole", '"x"')
    with pytest.raises(WrongTypeError, match="of the JSON type string"):
        await Score.whole.increase(1, 1)
    await redis.execute_command("JSON.SET", "numbers:score:1", "$.whole", "5.5")
    with pytest.raises(WrongTypeError, match=r"is 5\.5, which is not an integer"):
        await Score.whole.increase(1, 1)
    assert await redis.execute_command("JSON.GET", "numbers:score:1", "$.whole") == b"[5.5]"
    for path in (Score.exact, Score.name, Score.flag, Score.even, Score.part, Score.counts):
        anything: Any = path
        with pytest.raises((ExpressionError, AttributeError)):
            await anything.increase(1, 2)
    key: Any = Score.id
    with pytest.raises(InvalidKeyError):
        await key.increase(1, 1)
    version: Any = Score.revision
    with pytest.raises(ExpressionError, match="rapyer counts it"):
        await version.increase(1, 1)


@pytest.mark.parametrize("amount", ["1", None, True, 1.0, Decimal(1)])
async def test_what_is_nothing_to_add_is_refused(score, amount):
    with pytest.raises(TypeError, match=r"cannot be added to Score\.whole\. Give an integer"):
        await Score.whole.increase(1, amount)
    for value in (float("nan"), float("inf")):
        with pytest.raises(UnstorableValueError):
            await Score.real.increase(1, value)


async def test_a_version_is_counted_where_something_was_added(score):
    await Score.whole.increase(1, 1)
    with pytest.raises(ValidationError):
        await Score.small.increase(1, 100)
    assert (await Score.get(1)).revision == 2


async def test_callers_at_the_same_time_lose_nothing(score):
    results = await asyncio.gather(*(Score.whole.increase(1, 1) for _ in range(100)))
    assert sorted(results) == list(range(1, 101))
