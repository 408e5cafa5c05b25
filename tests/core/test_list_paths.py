"""Operations on lists by path and key: what Python's lists do, atomically, in documents."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import AfterValidator, ValidationError
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
    UnstorableValueError,
    Version,
    WrongTypeError,
)
from rapyer.types.spelling import spell_float


class Line(EmbeddedModel):
    name: str
    price: float = 0.0
    tags: list[str] = []


class Cart(AtomicRedisModel):
    id: Key[str]
    texts: Mapped[list[str]] = Field(default_factory=list)
    numbers: Mapped[list[int]] = Field(default_factory=list)
    floats: Mapped[list[float]] = Field(default_factory=list)
    decimals: Mapped[list[Decimal]] = Field(default_factory=list)
    moments: Mapped[list[datetime]] = Field(default_factory=list)
    keys: Mapped[list[UUID]] = Field(default_factory=list)
    blobs: Mapped[list[bytes]] = Field(default_factory=list)
    maybe: Mapped[list[int | None]] = Field(default_factory=list)
    lists: Mapped[list[list[int]]] = Field(default_factory=list)
    lines: Mapped[list[Line]] = Field(default_factory=list)
    short: Mapped[list[int]] = Field(default_factory=lambda: [0], min_length=1, max_length=3)
    optional: Mapped[list[int] | None] = Field(default=None)
    by_name: Mapped[dict[str, list[int]]] = Field(default_factory=dict)
    anything: list[Any] = []

    class Config:
        prefix = "lists:cart"


class Counted(AtomicRedisModel):
    id: Key[str]
    tags: Mapped[list[str]] = Field(default_factory=list)
    revision: Version

    class Config:
        prefix = "lists:counted"


class Odd(AtomicRedisModel):
    id: Key[str]
    numbers: set[int] = set()
    pair: tuple[int, int] = (1, 2)
    checked: Annotated[list[int], AfterValidator(sorted)] = []
    frozen: Mapped[list[int]] = Field(default_factory=list, frozen=True)

    class Config:
        prefix = "lists:odd"


@pytest.fixture
async def cart(server) -> Any:
    return await Cart(id="1").save()


OFFSETS = st.sampled_from([None, UTC, timezone(timedelta(hours=-7))])
ELEMENTS: dict[str, st.SearchStrategy[Any]] = {
    "texts": st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=5),
    "numbers": st.integers(-(2**63), 2**63 - 1),
    "floats": st.floats(allow_nan=False, allow_infinity=False),
    "decimals": st.decimals(allow_nan=False, allow_infinity=False, places=3),
    "moments": st.builds(
        lambda moment, zone: moment.replace(tzinfo=zone, fold=0), st.datetimes(), OFFSETS
    ),
    "keys": st.uuids(),
    "blobs": st.binary(max_size=5),
    "maybe": st.none() | st.integers(0, 9),
    "lists": st.lists(st.integers(0, 9), max_size=3),
    "lines": st.builds(
        Line, name=st.text("ab\0é", max_size=2), price=st.floats(0, 1), tags=st.just(["x"])
    ),
}
INDEXES = st.integers(-5, 5)


def operations(elements: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(
        st.one_of(
            st.tuples(st.just("append"), elements),
            st.tuples(st.just("extend"), st.lists(elements, max_size=4)),
            st.tuples(st.just("insert"), INDEXES, elements),
            st.tuples(st.just("pop"), INDEXES),
            st.tuples(st.just("pop")),
            st.tuples(st.just("remove_range"), INDEXES, st.none() | INDEXES),
            st.tuples(st.just("clear")),
            st.tuples(st.just("remove"), elements),
            st.tuples(st.just("remove"), INDEXES.map(ElementAt)),
            st.tuples(st.just("set_item"), INDEXES, elements),
            st.tuples(st.just("len")),
        ),
        max_size=12,
    )


class ElementAt(int):
    """Stands for the element that a list has at an index: to remove what is there."""


def in_python(values: list[Any], name: str, arguments: tuple[Any, ...]) -> Any:
    """Do the same with a plain list."""
    if name == "remove_range":
        start, stop = arguments
        number = len(values[start:stop])
        del values[start:stop]
        return number
    if name == "clear":
        number = len(values)
        values.clear()
        return number
    if name == "set_item":
        values[arguments[0]] = arguments[1]
        return None
    if name == "len":
        return len(values)
    result = getattr(values, name)(*arguments)
    return result if name in ("pop", "remove") else len(values)


def needs_two_texts(number: float) -> bool:
    """Whether no text stands for a number on the server, which has to add to get it."""
    return spell_float(number) is None


def has_a_float_of_two_texts(element: Any) -> bool:
    number = element.price if isinstance(element, Line) else element
    return isinstance(number, float) and needs_two_texts(number)


@pytest.mark.parametrize("field", ELEMENTS)
async def test_operations_do_what_a_list_of_python_does(cart, field):
    path: Any = getattr(Cart, field)

    async def both(steps: list[Any]) -> None:
        await path.clear("1")
        plain: list[Any] = []
        for name, *arguments in steps:
            if arguments and isinstance(arguments[0], ElementAt):
                if not plain:
                    continue
                arguments[0] = plain[arguments[0] % len(plain)]
            if name == "remove" and has_a_float_of_two_texts(arguments[0]):
                with pytest.raises(UnstorableValueError, match="Remove it by its index"):
                    await path.remove("1", *arguments)
                continue
            try:
                expected = in_python(plain, name, tuple(arguments))
            except (IndexError, ValueError) as exc:
                with pytest.raises(type(exc)):
                    await getattr(path, name)("1", *arguments)
                continue
            assert await getattr(path, name)("1", *arguments) == expected
        stored = await path.get("1")
        assert stored == plain
        assert [type(value) for value in stored] == [type(value) for value in plain]
        assert list(map(repr, stored)) == list(map(repr, plain))

    examples: list[list[Any]] = []

    @settings(max_examples=40, database=None)
    @given(operations(ELEMENTS[field]))
    def collect(steps: list[Any]) -> None:
        examples.append(steps)

    collect()
    for steps in examples:
        await both(steps)


async def test_elements_are_validated_and_all_come_or_none(cart):
    wrong: Any = "x"
    with pytest.raises(ValidationError):
        await Cart.numbers.append("1", wrong)
    with pytest.raises(ValidationError):
        await Cart.numbers.extend("1", [1, wrong])
    with pytest.raises(UnstorableValueError):
        await Cart.numbers.extend("1", [1, 2**63])
    with pytest.raises(TypeError, match="'0' is not a list index"):
        await Cart.numbers.pop("1", "0")  # type: ignore[arg-type]
    assert await Cart.numbers.get("1") == []
    as_text: Any = "7"
    assert await Cart.numbers.append("1", as_text) == 1  # as its assignment would be
    assert await Cart.numbers.get("1") == [7]


async def test_the_lengths_of_a_list_are_kept(cart):
    assert await Cart.short.extend("1", [1, 2]) == 3
    with pytest.raises(UnstorableValueError, match="3 elements, and 1 more would exceed"):
        await Cart.short.append("1", 3)
    with pytest.raises(UnstorableValueError, match="would exceed its max_length of 3"):
        await Cart.short.insert("1", 0, 3)
    assert await Cart.short.remove_range("1", 1) == 2
    for call in (
        Cart.short.pop("1"),
        Cart.short.clear("1"),
        Cart.short.remove_range("1", 0, 1),
        Cart.short.remove("1", 0),
    ):
        with pytest.raises(UnstorableValueError, match="fewer than its min_length of 1"):
            await call
    assert await Cart.short.get("1") == [0]


async def test_lists_are_reached_wherever_they_stand(cart):
    assert await Cart.lines.extend("1", [Line(name="a"), Line(name="b")]) == 2
    lines: Any = Cart.lines
    assert await lines[-1].tags.append("1", "x") == 1
    assert await lines[0].tags.insert("1", 0, "y") == 1
    assert [line.tags for line in (await Cart.get("1")).lines] == [["y"], ["x"]]
    await Cart.by_name.set("1", {"a b": [1]})
    assert await Cart.by_name["a b"].append("1", 2) == 2
    assert await Cart.lists.append("1", [1]) == 1
    assert await Cart.lists[0].append("1", 2) == 2
    assert await Cart.lists.pop("1") == [1, 2]
    await Cart.aupdate_by_key("1", optional=[1])
    optional: Any = Cart.optional
    assert await optional.append("1", 2) == 2
    anything: Any = Cart.anything
    assert await anything.extend("1", [1, "x", None, {"a": [1.5]}]) == 4
    assert await anything.pop("1") == {"a": [1.5]}


async def test_a_field_that_a_document_lacks_is_the_empty_list_it_is_by_default(cart, redis):
    await redis.execute_command(
        "JSON.SET", "lists:cart:2", "$", '{"id":"2","lines":[{"name":"a"}]}'
    )
    assert await Cart.texts.extend("2", []) == 0
    with pytest.raises(IndexError, match="has no elements, but none at index -1"):
        await Cart.texts.pop("2")
    assert await Cart.texts.clear("2") == 0
    assert await Cart.texts.len("2") == 0
    with pytest.raises(ValueError, match="is not in"):
        await Cart.texts.remove("2", "x")
    with pytest.raises(IndexError):
        await Cart.texts.set_item("2", 0, "x")
    assert await redis.execute_command("JSON.OBJKEYS", "lists:cart:2") == [b"id", b"lines"]
    assert await Cart.texts.append("2", "x") == 1
    lines: Any = Cart.lines
    assert await lines[0].tags.append("2", "y") == 1
    assert await Cart.texts.get("2") == ["x"]
    with pytest.raises(PathNotFoundError):  # it is not empty by default
        await Cart.short.append("2", 1)


async def test_what_is_no_list_is_said(cart, redis):
    for call in (Cart.texts.append("9", "x"), Cart.texts.len("9"), Cart.texts.remove("9", "x")):
        with pytest.raises(KeyNotFoundError):
            await call
    optional: Any = Cart.optional
    with pytest.raises(WrongTypeError, match="of the JSON type null"):
        await optional.append("1", 1)
    with pytest.raises(PathNotFoundError):
        await Cart.by_name["a"].append("1", 1)
    lines: Any = Cart.lines
    with pytest.raises(PathNotFoundError):
        await lines[3].tags.append("1", "x")
    await redis.set("lists:cart:3", "x")
    with pytest.raises(WrongTypeError, match="holds a string"):
        await Cart.texts.pop("3")
    await redis.execute_command("JSON.SET", "lists:cart:1", "$.texts", '{"a": 1}')
    with pytest.raises(WrongTypeError, match="of the JSON type object"):
        await Cart.texts.append("1", "x")


@pytest.mark.parametrize("field", ["numbers", "pair", "checked", "frozen"])
async def test_what_is_not_written_one_by_one_says_what_to_do(server, field):
    path: Any = getattr(Odd, field)
    with pytest.raises((ExpressionError, AttributeError), match=r"lock_by_key|frozen|append"):
        await path.append("1", 3)


async def test_what_is_taken_out_and_does_not_validate_is_not_lost(cart, redis):
    await redis.execute_command("JSON.SET", "lists:cart:1", "$.numbers", '[1, "x"]')
    with pytest.raises(CorruptDocumentError, match="`raw` of this error has its JSON") as caught:
        await Cart.numbers.pop("1")
    assert caught.value.raw == b'"x"'
    assert await Cart.numbers.get("1") == [1]


async def test_what_is_removed_is_what_is_stored_alike(cart, redis):
    await Cart.decimals.extend("1", [Decimal("1.0"), Decimal("1.00")])
    await Cart.decimals.remove("1", Decimal("1.00"))
    assert list(map(str, await Cart.decimals.get("1"))) == ["1.0"]
    await Cart.lines.extend("1", [Line(name="a", price=2), Line(name="a", price=1)])
    await redis.execute_command(
        "JSON.SET", "lists:cart:1", "$.lines[1]", '{"tags":[],"price":1.0,"name":"a"}'
    )
    await Cart.lines.remove("1", Line(name="a", price=1))
    assert await Cart.lines.get("1") == [Line(name="a", price=2)]
    await redis.execute_command("JSON.SET", "lists:cart:1", "$.floats", "[0.5,2,-0.0,1e22]")
    for number in (2.0, 0.0, 1e22):
        await Cart.floats.remove("1", number)
    assert await Cart.floats.get("1") == [0.5]
    with pytest.raises(ValueError, match=r"7\.0 is not in Cart\.floats of 'lists:cart:1'"):
        await Cart.floats.remove("1", 7.0)
    with pytest.raises(ValidationError):
        await Cart.floats.remove("1", "x")  # type: ignore[arg-type]


async def test_a_float_without_a_text_of_its_own_is_set_exactly(cart):
    numbers = (random.Random(seed).random() for seed in range(100_000))
    number = next(filter(needs_two_texts, numbers))
    await Cart.floats.extend("1", [0.5, 0.25])
    await Cart.floats.set_item("1", -1, number)
    assert await Cart.floats.get("1") == [0.5, number]


async def test_a_version_is_counted(server):
    await Counted(id="1").save()
    await Counted.tags.append("1", "x")
    await Counted.tags.pop("1")
    assert (await Counted.get("1")).revision == 3
    with pytest.raises(IndexError):
        await Counted.tags.pop("1")
    assert (await Counted.get("1")).revision == 3


async def test_callers_at_the_same_time_lose_nothing(cart):
    lengths = await asyncio.gather(*(Cart.numbers.append("1", n) for n in range(100)))
    assert sorted(lengths) == list(range(1, 101))
    await asyncio.gather(*(Cart.numbers.set_item("1", n, -n) for n in range(100)))
    assert await Cart.numbers.get("1") == [-n for n in range(100)]
    await asyncio.gather(*(Cart.numbers.remove("1", -n) for n in range(50)))
    assert await Cart.numbers.len("1") == 50
    popped = await asyncio.gather(*(Cart.numbers.pop("1", 0) for _ in range(50)))
    assert sorted(popped) == list(range(-99, -49))


async def test_more_than_lua_passes_on_at_once(cart):
    assert await Cart.numbers.extend("1", range(20_000)) == 20_000
    assert await Cart.numbers.insert("1", 1, -1) == 20_001
    await Cart.floats.extend("1", [0.1, 0.2])
    many = [n / 7 for n in range(7000)]
    assert await Cart.numbers.remove_range("1", 2, 20_000) == 19_998
    assert await Cart.numbers.get("1") == [0, -1, 19_999]
    floats = await Cart.floats.extend("1", many)
    assert floats == 7002
    assert await Cart.floats.get("1") == [0.1, 0.2, *many]
