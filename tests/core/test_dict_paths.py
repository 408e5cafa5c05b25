"""Operations on dicts by path and key: what Python's dicts do, atomically, in documents."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from rapyer import (
    AtomicRedisModel,
    CorruptDocumentError,
    EmbeddedModel,
    ExpressionError,
    Field,
    Key,
    KeyNotFoundError,
    Mapped,
    PathNotFoundError,
    UnaddressableKeyError,
    UnstorableValueError,
    Version,
    WrongTypeError,
)
from typing_extensions import TypedDict


class Line(EmbeddedModel):
    name: str


class Options(TypedDict):
    size: int


class Stock(AtomicRedisModel):
    id: Key[str]
    counts: Mapped[dict[str, int]] = Field(default_factory=dict)
    texts: Mapped[dict[str, str]] = Field(default_factory=dict)
    floats: Mapped[dict[str, float]] = Field(default_factory=dict)
    decimals: Mapped[dict[str, Decimal]] = Field(default_factory=dict)
    lines: Mapped[dict[str, Line]] = Field(default_factory=dict)
    by_number: Mapped[dict[int, str]] = Field(default_factory=dict)
    by_uuid: Mapped[dict[UUID, str]] = Field(default_factory=dict)
    short: Mapped[dict[str, int]] = Field(
        default_factory=lambda: {"a": 1}, min_length=1, max_length=2
    )
    optional: Mapped[dict[str, int] | None] = Field(default=None)
    options: Options = {"size": 1}
    revision: Version

    class Config:
        prefix = "dicts:stock"


@pytest.fixture
async def stock(server) -> Any:
    return await Stock(id="1").save()


#: Those to which paths lead.
NAMES = st.text(alphabet="ab c.$[]'é\0*", max_size=3).filter(lambda name: name[:1] != " ")
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "counts": st.integers(-(2**63), 2**63 - 1),
    "texts": st.text("ab\0\"'\\é", max_size=4),
    "floats": st.floats(allow_nan=False, allow_infinity=False),
    "decimals": st.decimals(allow_nan=False, allow_infinity=False, places=2),
    "lines": st.builds(Line, name=st.text("ab", max_size=2)),
}


def after(plain: dict[str, Any], name: str) -> None:
    """Take an entry out as the server does: the last one takes its place."""
    names = list(plain)
    place, last = names.index(name), names[-1]
    values = dict(plain)
    names[place] = last
    names.pop()
    plain.clear()
    plain.update({one: values[one] for one in names})


@pytest.mark.parametrize("field", VALUES)
async def test_operations_do_what_a_dict_of_python_does(stock, field):
    path: Any = getattr(Stock, field)
    examples: list[list[Any]] = []

    @settings(max_examples=40, database=None)
    @given(
        st.lists(
            st.one_of(
                st.tuples(st.just("update"), st.dictionaries(NAMES, VALUES[field], max_size=3)),
                st.tuples(st.just("pop"), NAMES),
                st.tuples(st.just("pop_default"), NAMES),
                st.tuples(st.just("popitem")),
                st.tuples(st.just("clear")),
                st.tuples(st.just("set_item"), NAMES, VALUES[field]),
                st.tuples(st.just("del_item"), NAMES),
                st.tuples(st.just("len")),
            ),
            max_size=12,
        )
    )
    def collect(steps: list[Any]) -> None:
        examples.append(steps)

    collect()
    for steps in examples:
        await path.clear("1")
        plain: dict[str, Any] = {}
        for name, *arguments in steps:
            await _both(path, plain, name, *arguments)
        assert await path.get("1") == plain
        if field != "floats":  # one that no text stands for is written after the others
            assert list(await path.get("1")) == list(plain)


async def _both(path: Any, plain: dict[str, Any], name: str, *arguments: Any) -> None:
    if name == "update":
        await path.update("1", *arguments)
        plain.update(*arguments)
    elif name == "set_item":
        await path.set_item("1", *arguments)
        plain[arguments[0]] = arguments[1]
    elif name == "len":
        assert await path.len("1") == len(plain)
    elif name == "clear":
        assert await path.clear("1") == len(plain)
        plain.clear()
    elif name == "popitem":
        if not plain:
            with pytest.raises(KeyError, match="is empty"):
                await path.popitem("1")
            return
        assert await path.popitem("1") == plain.popitem()
    elif arguments[0] in plain:
        if name == "del_item":
            await path.del_item("1", *arguments)
        else:
            assert await path.pop("1", *arguments) == plain[arguments[0]]
        after(plain, arguments[0])
    elif name == "pop_default":
        assert await path.pop("1", *arguments, None) is None
    else:
        with pytest.raises(KeyError) as caught:
            await getattr(path, name)("1", *arguments)
        assert caught.value.args == tuple(arguments)


async def test_keys_of_other_types_come_back_as_they_are(stock):
    await Stock.by_number.update("1", {3: "a", 10: "b"})
    assert await Stock.by_number.popitem("1") == (10, "b")
    assert await Stock.by_number.pop("1", 3) == "a"
    one = UUID(int=7)
    await Stock.by_uuid.update("1", {one: "x"})
    assert await Stock.by_uuid.popitem("1") == (one, "x")


async def test_entries_are_validated_and_all_come_or_none(stock):
    wrong: Any = {"a": 1, "b": "x"}
    with pytest.raises(ValidationError):
        await Stock.counts.update("1", wrong)
    with pytest.raises(UnstorableValueError):
        await Stock.counts.update("1", {"a": 1, "b": 2**63})
    assert await Stock.counts.get("1") == {}
    await Stock.counts.update("1", {})
    assert (await Stock.get("1")).revision == 1


async def test_the_lengths_of_a_dict_are_kept(stock):
    await Stock.short.update("1", {"b": 2})
    with pytest.raises(UnstorableValueError, match="max_length"):
        await Stock.short.update("1", {"c": 3})
    assert await Stock.short.pop("1", "a") == 1
    for call in (Stock.short.pop("1", "b"), Stock.short.popitem("1"), Stock.short.clear("1")):
        with pytest.raises(UnstorableValueError, match="fewer than its min_length of 1"):
            await call
    assert await Stock.short.get("1") == {"b": 2}


async def test_a_field_that_a_document_lacks_is_the_empty_dict_it_is_by_default(stock, redis):
    await redis.execute_command("JSON.SET", "dicts:stock:2", "$", '{"id":"2"}')
    assert await Stock.counts.pop("2", "a", 7) == 7
    assert await Stock.counts.clear("2") == await Stock.counts.len("2") == 0
    with pytest.raises(KeyError):
        await Stock.counts.popitem("2")
    await Stock.counts.update("2", {"a": 1})
    assert await Stock.counts.get("2") == {"a": 1}
    with pytest.raises(PathNotFoundError):
        await Stock.short.update("2", {"a": 1})
    with pytest.raises(PathNotFoundError):  # it is not empty by default
        await Stock.short.clear("2")


async def test_what_is_no_dict_is_said(stock, redis):
    with pytest.raises(KeyNotFoundError):
        await Stock.counts.pop("9", "a")
    with pytest.raises(KeyNotFoundError):
        await Stock.counts.len("9")
    optional: Any = Stock.optional
    with pytest.raises(WrongTypeError, match="of the JSON type null"):
        await optional.clear("1")
    await redis.set("dicts:stock:3", "x")
    with pytest.raises(WrongTypeError, match="holds a string"):
        await Stock.counts.popitem("3")
    await redis.execute_command("JSON.SET", "dicts:stock:1", "$.counts", "[1]")
    with pytest.raises(WrongTypeError, match="of the JSON type array"):
        await Stock.counts.pop("1", "a")
    options: Any = Stock.options
    with pytest.raises((ExpressionError, AttributeError)):
        await options.clear("1")


@pytest.mark.parametrize("name", ["a\\b", " a", "'\""])
async def test_a_key_that_no_path_leads_to_is_said(stock, redis, name):
    await redis.json().set("dicts:stock:1", "$.counts", {name: 1})
    with pytest.raises(UnaddressableKeyError, match="Remove it under a lock"):
        await Stock.counts.popitem("1")
    with pytest.raises(UnaddressableKeyError):
        await Stock.counts.pop("1", name)
    assert await Stock.counts.clear("1") == 1


async def test_what_is_taken_out_and_does_not_validate_is_not_lost(stock, redis):
    await redis.execute_command("JSON.SET", "dicts:stock:1", "$.counts", '{"a": "x", "b": "y"}')
    with pytest.raises(CorruptDocumentError) as caught:
        await Stock.counts.pop("1", "a")
    assert caught.value.raw == b'"x"'
    with pytest.raises(CorruptDocumentError) as caught:
        await Stock.counts.popitem("1")
    assert caught.value.raw == b'"y"'
    assert await Stock.counts.get("1") == {}


async def test_callers_at_the_same_time_lose_nothing_and_get_nothing_twice(stock):
    await asyncio.gather(*(Stock.counts.update("1", {f"k{n}": n}) for n in range(100)))
    assert await Stock.counts.get("1") == {f"k{n}": n for n in range(100)}
    taken = await asyncio.gather(*(Stock.counts.popitem("1") for _ in range(100)))
    assert sorted(taken) == sorted((f"k{n}", n) for n in range(100))
    assert (await Stock.get("1")).revision == 201
