"""Operations of the Redis types do in Redis, and to the instance, what those of Python do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapyer import (
    AtomicRedisModel,
    EmbeddedModel,
    Field,
    Key,
    NumberOverflowError,
    RedisBytes,
    RedisDateTime,
    RedisDict,
    RedisFloat,
    RedisInt,
    RedisList,
    RedisStr,
    UnstorableValueError,
    Version,
)
from rapyer.types.spelling import spell_float

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


class Line(EmbeddedModel):
    name: RedisStr = Field(default="")
    prices: RedisList[float] = Field(default_factory=list)


class Everything(AtomicRedisModel):
    """The instance keeps what its document is, which has to be right after each operation."""

    id: Key[str]
    whole: RedisInt = Field(default=0)
    real: RedisFloat = Field(default=0.0)
    text: RedisStr = Field(default="")
    blob: RedisBytes = Field(default=b"")
    at: RedisDateTime = Field(default=NOON)
    numbers: RedisList[int] = Field(default_factory=list)
    texts: RedisList[str] = Field(default_factory=list)
    counters: RedisList[RedisInt] = Field(default_factory=list)
    lines: RedisList[Line] = Field(default_factory=list)
    counts: RedisDict[int] = Field(default_factory=dict)
    groups: RedisDict[RedisList[int]] = Field(default_factory=dict)
    revision: Version

    class Config:
        prefix = "types:everything"
        track_changes = True


INTEGERS = st.integers(-(2**63), 2**63 - 1) | st.integers(-9, 9)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\0\ufdd0\ufdd1\\"))
BLOBS = st.binary(max_size=7)
MOMENTS = st.builds(
    lambda moment, zone: moment.replace(tzinfo=zone, fold=0),
    st.datetimes(),
    st.none() | st.integers(-86_399, 86_399).map(lambda s: timezone(timedelta(seconds=s))),
)
LINES = st.builds(Line, name=st.text("ab", max_size=2), prices=st.lists(st.just(0.5), max_size=2))
NAMES = st.text("ab c.$[]'é\0*", max_size=2).filter(lambda name: name[:1] != " ")
INDEXES = st.integers(-4, 4)


def steps_of_scalar(values: Any, operation: str, arguments: Any) -> Any:
    return st.lists(
        st.one_of(st.tuples(st.just(operation), arguments), st.tuples(st.just("aset"), values)),
        max_size=6,
    )


def steps_of_list(elements: Any) -> Any:
    return st.lists(
        st.one_of(
            st.tuples(st.just("aappend"), elements),
            st.tuples(st.just("aextend"), st.lists(elements, max_size=3)),
            st.tuples(st.just("ainsert"), INDEXES, elements),
            st.tuples(st.just("apop")),
            st.tuples(st.just("apop"), INDEXES),
            st.tuples(st.just("aremove"), elements),
            st.tuples(st.just("aremove_range"), INDEXES, st.none() | INDEXES),
            st.tuples(st.just("aclear")),
            st.tuples(st.just("aset_item"), INDEXES, elements),
            st.tuples(st.just("alen")),
            st.tuples(st.just("aset"), st.lists(elements, max_size=3)),
        ),
        max_size=10,
    )


def steps_of_dict(values: Any) -> Any:
    return st.lists(
        st.one_of(
            st.tuples(st.just("aset_item"), NAMES, values),
            st.tuples(st.just("adel_item"), NAMES),
            st.tuples(st.just("aupdate"), st.dictionaries(NAMES, values, max_size=3)),
            st.tuples(st.just("apop"), NAMES),
            st.tuples(st.just("apop"), NAMES, st.none()),
            st.tuples(st.just("apopitem")),
            st.tuples(st.just("aclear")),
            st.tuples(st.just("alen")),
            st.tuples(st.just("aset"), st.dictionaries(NAMES, values, max_size=3)),
        ),
        max_size=10,
    )


STEPS: dict[str, Any] = {
    "whole": steps_of_scalar(INTEGERS, "aincrease", INTEGERS),
    "real": steps_of_scalar(FLOATS, "aincrease", FLOATS),
    "text": steps_of_scalar(TEXTS, "aappend", TEXTS),
    "blob": steps_of_scalar(BLOBS, "aappend", BLOBS),
    "at": steps_of_scalar(MOMENTS, "ashift", st.timedeltas() | st.timedeltas(timedelta(-1))),
    "numbers": steps_of_list(st.integers(-9, 9)),
    "texts": steps_of_list(st.text("ab\0", max_size=2)),
    "counters": steps_of_list(INTEGERS),
    "lines": steps_of_list(LINES),
    "counts": steps_of_dict(INTEGERS),
    "groups": steps_of_dict(st.lists(st.integers(0, 9), max_size=2)),
}


def added(value: Any, amount: Any) -> Any:
    """Add as the server does, whose integers have 64 bits and whose floats are finite."""
    total = value + amount
    if isinstance(value, int):
        if not -(2**63) <= total < 2**63:
            raise NumberOverflowError("")
    elif isinstance(value, float):
        if spell_float(amount) is None:
            raise UnstorableValueError("")
        if total in (float("inf"), float("-inf")):
            raise NumberOverflowError("")
    return total


def in_python(value: Any, name: str, *arguments: Any) -> tuple[Any, Any]:
    """Do the same with a plain value: give the result, and the value then."""
    if name == "aset":
        return None, arguments[0]
    if name in ("aincrease", "aappend", "ashift") and not isinstance(value, list):
        total = added(value, *arguments)
        return total, total
    if name == "alen":
        return len(value), value
    if name == "aset_item":
        value[arguments[0]] = arguments[1]
        return None, value
    if name == "adel_item":
        del value[arguments[0]]
        return None, value
    if name in ("aremove_range", "aclear"):
        number = len(value)
        if isinstance(value, dict):
            value.clear()
        else:
            del value[slice(*(arguments or (None,)))]
        return number - len(value), value
    result = getattr(value, name.removeprefix("a"))(*arguments)
    return (len(value) if name in ("aappend", "aextend", "ainsert") else result), value


@pytest.mark.parametrize("field", STEPS)
async def test_operations_do_what_those_of_python_do(server, field):
    examples: list[list[Any]] = []

    @settings(max_examples=50, database=None)
    @given(STEPS[field])
    def collect(steps: list[Any]) -> None:
        examples.append(steps)

    collect()
    for steps in examples:
        thing = await Everything(id="1").save()
        plain: Any = Everything(id="1").__dict__[field]
        for name, *arguments in steps:
            if name == "apopitem" and plain:  # the last as it is stored, which need not be the last
                taken, value = (
                    await thing.counts.apopitem()
                    if field == "counts"
                    else (await thing.groups.apopitem())
                )
                assert plain.pop(taken) == value
            else:
                plain = await _both(thing, field, plain, name, arguments)
            held = getattr(thing, field)
            assert held == plain
            assert repr(held) == repr(plain) or isinstance(plain, dict)
            assert thing.changes() == {}
        stored = await Everything.get("1")
        assert stored == thing
        assert repr(getattr(stored, field)) == repr(plain) or isinstance(plain, dict)
        await Everything.delete_by_key("1")


async def _both(thing: Any, field: str, plain: Any, name: str, arguments: list[Any]) -> Any:
    """Do one operation on both, which raise the same or give the same; give the plain value."""
    bound = getattr(thing, field)
    before = repr(thing)
    try:
        expected, plain = in_python(plain, name, *arguments)
    except (IndexError, KeyError, ValueError, OverflowError, UnstorableValueError) as exc:
        with pytest.raises(type(exc)):
            await getattr(bound, name)(*arguments)
        assert repr(thing) == before
        return plain
    result = await getattr(bound, name)(*arguments)
    assert result == expected
    assert type(result) is type(expected)
    return plain


@settings(max_examples=30, database=None)
@given(st.lists(st.tuples(st.sampled_from(["name", "prices", "counters", "groups"]), INDEXES)))
def _places(steps: list[Any]) -> None:
    _collected.append(steps)


_collected: list[list[Any]] = []


async def test_parts_of_parts_are_operated_on_where_they_stand(server):
    _places()
    for steps in _collected:
        thing = await Everything(
            id="1", lines=[Line(), Line(name="b")], counters=[1, 2, 3], groups={"a": [1]}
        ).save()
        for kind, number in steps:
            if kind == "name":
                await thing.lines[number % 2].name.aappend(str(number))
            elif kind == "prices":
                await thing.lines[number % 2].prices.aappend(number / 2)
            elif kind == "counters":
                await thing.counters[number % 3].aincrease(number)
            else:
                await thing.groups["a"].aappend(number)
            assert thing.changes() == {}
        assert await Everything.get("1") == thing
        names = "".join(str(n) for kind, n in steps if kind == "name" and n % 2 == 1)
        assert thing.lines[1].name == f"b{names}"
        sums = [sum(n for kind, n in steps if kind == "counters" and n % 3 == i) for i in range(3)]
        assert thing.counters == [1 + sums[0], 2 + sums[1], 3 + sums[2]]
        assert thing.groups["a"] == [1, *(n for kind, n in steps if kind == "groups")]
        await Everything.delete_by_key("1")
