"""Models of all kinds in queries: their keys, bases, aliases, nested parts, plugins' types."""

from __future__ import annotations

import tracemalloc
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID, uuid4

import pytest
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    PlainSerializer,
    create_model,
    field_serializer,
)
from rapyer import AtomicRedisModel, EmbeddedModel, Field, Key, Mapped
from rapyer.errors import AbstractModelError, ModelDefinitionError
from rapyer.plugin import define_field_type, hookimpl
from rapyer.testing import use_plugins
from rapyer_query import NotIndexedError
from rapyer_query import plugin as query_plugin
from rapyer_query.index import ModelIndex
from typing_extensions import TypedDict

pytestmark = pytest.mark.usefixtures("server")
T = TypeVar("T")


class ByUuid(AtomicRedisModel):
    id: Key[UUID]
    name: Mapped[str]

    class Config:
        prefix = "query:models-uuid"


class Made(AtomicRedisModel):
    name: Mapped[str]

    class Config:
        prefix = "query:models-made"


async def test_documents_are_found_whatever_their_keys_are():
    one = await ByUuid(id=uuid4(), name="a").save()
    assert await ByUuid.find(ByUuid.id == one.id).one() == one
    other = Made(name="b")
    other.pk = "with:colon é*?"
    await other.save()
    found = await Made.find(Made.name == "b").one()
    assert (found, found.pk, found.key) == (other, other.pk, other.key)
    assert await Made.find().keys() == [other.key]
    assert await Made.find().scan().delete() == 1


class Base(AtomicRedisModel):
    id: Key[int]
    name: Mapped[str]

    class Config:
        abstract = True


class One(Base):
    extra: Mapped[int] = Field(default=1)

    class Config(Base.Config):
        prefix = "query:models-one"


class Two(Base):
    class Config(Base.Config):
        prefix = "query:models-two"


class Page(AtomicRedisModel, Generic[T]):
    id: Key[int]
    item: T

    class Config:
        prefix = "query:models-page"


async def test_each_model_finds_its_own_documents():
    await One(id=1, name="a").save()
    await Two(id=2, name="a").save()
    condition: Any = Base.name == "a"
    assert [found.id for found in await One.find(condition).to_list()] == [1]
    assert [found.id for found in await Two.find(condition).to_list()] == [2]
    with pytest.raises(AbstractModelError, match="Base is abstract"):
        await Base.find(condition).to_list()

    class Numbers(Page[int]):
        class Config:
            prefix = "query:models-numbers"

    await Numbers(id=1, item=7).save()
    assert await Numbers.find(Numbers.item > 6).count() == 1


@dataclass
class Point:
    x: int
    y: int = 3


class Options(TypedDict, total=False):
    colour: str
    size: int


class Inner(BaseModel):
    tags: list[str] = []


class Tree(EmbeddedModel):
    name: Mapped[str]
    children: Mapped[list[Tree]] = Field(default_factory=list)


def lower(text: str) -> str:
    return text.lower()


class Nested(AtomicRedisModel):
    id: Key[int]
    point: Point = Point(1)
    options: Options = Field(default_factory=dict)
    inner: Inner = Field(default_factory=Inner, alias="the 'inner'")
    tree: Tree | None = None
    lowered: Annotated[str, AfterValidator(lower)] = "a"
    shown: int = 1
    odd: str = Field(default="x", alias="a\\b")

    @field_serializer("shown")
    def _show(self, value: int) -> int:
        return value

    class Config:
        prefix = "query:models-nested"


async def test_what_is_of_a_model_within_itself_is_told_as_that():
    condition = Nested.path("tree.children").any(Tree.name == "x")
    with pytest.raises(NotIndexedError, match=r"Tree\.name is in a recursive model"):
        await Nested.find(condition).to_list()
    leaf = await Nested(id=7, tree=Tree(name="t", children=[Tree(name="x")])).save()
    assert await Nested.find(condition).scan().to_list() == [leaf]


async def test_parts_of_all_kinds_are_indexed_under_their_stored_names():
    names = {attribute.name for attribute in ModelIndex.of(Nested).attributes.all}
    assert {"point_x", "point_y", "options_size", "inner_tags", "tree_name", "lowered"} <= names
    assert {"tree_children_name", "shown", "odd"}.isdisjoint(names)
    document = Nested(
        id=1, point=Point(5), options={"size": 2}, tree=Tree(name="t"), lowered="B",
        **{"the 'inner'": Inner(tags=["x"])},
    )  # fmt: skip
    await document.save()
    await Nested(id=2, options={"colour": "red"}, lowered="c").save()
    root: Any = Nested
    for condition in (
        root.point.x == 5, root.options.size > 1, root.options.colour.is_none(),
        root.inner.tags.contains("x"), root.tree.name == "t", root.lowered == "b",
    ):  # fmt: skip
        explanation = await Nested.find(condition).explain()
        assert explanation.is_exact, explanation
        assert await Nested.find(condition).to_list() == [document]


async def test_a_field_with_a_serializer_of_its_own_or_without_a_path_is_not_indexed():
    root: Any = Nested
    for condition in (root.shown == 1, root.odd == "x"):
        with pytest.raises(NotIndexedError):
            await Nested.find(condition).to_list()


class Celsius:
    def __init__(self, degrees: float) -> None:
        self.degrees = degrees

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Celsius) and self.degrees == other.degrees

    def __lt__(self, other: Celsius) -> bool:
        return self.degrees < other.degrees

    def __hash__(self) -> int:
        return hash(self.degrees)


class Degrees:
    RAPYER_API_VERSION = 1

    @hookimpl
    def rapyer_register_field_types(self, register: Any) -> None:
        kind = define_field_type(
            Celsius, stored_as=float, dump=lambda value: value.degrees, load=Celsius, form="0.5",
            order="number", index="numeric",
        )  # fmt: skip
        register(Celsius, kind)


async def test_types_of_plugins_are_found_by_their_stored_form_and_looked_at_again():
    with use_plugins(degrees=Degrees(), query=query_plugin) as host:

        class Reading(host.AtomicRedisModel):
            id: Key[int]
            value: Celsius
            others: list[Celsius] = Field(default_factory=list)

            class Config:
                prefix = "query:models-degrees"

    for n in range(5):
        await Reading(id=n, value=Celsius(n / 10), others=[Celsius(n)]).save()
    root: Any = Reading
    assert await Reading.find(root.value == Celsius(0.3)).count() == 1
    assert await Reading.find(root.value < Celsius(0.2)).count() == 2
    assert await Reading.find(root.others.contains(Celsius(4))).count() == 1
    assert (await Reading.find(root.value < Celsius(0.2)).explain()).query == "@value:[-inf $p0]"


def test_a_model_with_more_places_than_an_index_has_room_for_says_what_to_do():
    names = {f"field_{number}": (int, 0) for number in range(1030)}

    class Wide(AtomicRedisModel):
        class Config:
            prefix = "query:models-wide"

    wide = create_model("Wider", __base__=Wide, **names)
    with pytest.raises(ModelDefinitionError, match=r"has 1030 places .* Field\(index=False\)"):
        ModelIndex.of(wide)


async def test_an_iteration_holds_a_page_of_documents_in_memory(redis):
    await Made.find().count()
    text = '{"name":"' + "x" * 2000 + '"}'
    async with redis.pipeline(transaction=False) as pipe:
        for n in range(10_000):
            pipe.execute_command("JSON.SET", f"query:models-made:{n}", "$", text)
        await pipe.execute()
    tracemalloc.start()
    number = 0
    async for _ in Made.find():
        number += 1
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert number == 10_000
    assert peak < 12_000_000  # all of them are 20 MB as text alone


class Odd(AtomicRedisModel):
    """Lists that are stored as something else by serializers of their own."""

    id: Key[int]
    numbers: Annotated[
        list[str],
        PlainSerializer(lambda texts: [int(text) for text in texts]),
        BeforeValidator(lambda values: [str(value) for value in values]),
    ] = []
    line: Annotated[
        list[int],
        PlainSerializer(lambda numbers: ",".join(map(str, numbers))),
        BeforeValidator(
            lambda text: list(map(int, text.split(","))) if text == str(text) else text
        ),
    ] = []

    class Config:
        prefix = "query:models-odd"


async def test_a_list_with_a_serializer_of_its_own_is_not_indexed_as_a_list():
    await Odd(id=1, numbers=["1", "2"], line=[3]).save()
    assert await Odd.find().count() == 1
    numbers: Any = Odd.numbers
    with pytest.raises(NotIndexedError):
        await Odd.find(numbers.contains("1")).count()
    assert await Odd.find(numbers.contains("1")).scan().count() == 1
