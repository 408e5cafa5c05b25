"""Field types of others: classes that pydantic knows, that it does not, and annotations."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, ValidationError
from pydantic_core import core_schema
from rapyer import CorruptDocumentError, Key, PluginError, UnstorableValueError
from rapyer.plugin import FieldType, FieldTypeMarker, define_field_type, hookimpl, mark
from rapyer.testing import use_plugins
from typing_extensions import TypedDict


class Money:
    """A class that pydantic knows nothing of."""

    def __init__(self, cents: int) -> None:
        self.cents = cents

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Money) and self.cents == other.cents

    def __hash__(self) -> int:
        return hash(self.cents)

    def __repr__(self) -> str:
        return f"Money({self.cents})"


def load_money(cents: int) -> Money:
    if cents < 0:
        raise ValueError("is less than nothing")
    return Money(cents)


MONEY = define_field_type(
    Money,
    stored_as=int,
    dump=lambda money: money.cents,
    load=load_money,
    form="1999",
    order="number",
    index="numeric",
    operations={"increase"},
)


@dataclass
class Point:
    """A class that pydantic knows, with a stored form of its own."""

    lon: float
    lat: float


class Lonely(TypedDict):
    at: list[float]


POINT = define_field_type(
    Point,
    stored_as=str,
    dump=lambda point: f"{point.lon},{point.lat}",
    load=lambda text: Point(*map(float, text.split(","))),
    form='"2.35,48.85"',
)


class Span(BaseModel):
    """A model with a stored form of its own."""

    low: float
    high: float


SPAN = define_field_type(
    Span,
    stored_as=tuple[float, float],
    dump=lambda span: [span.low, span.high],
    load=lambda pair: Span(low=pair[0], high=pair[1]),
    form="[0.5,1.5]",
)

#: An annotation with a stored form of its own.
Celsius = Annotated[float, FieldTypeMarker("Celsius")]
KELVIN = 273.15
CELSIUS = FieldType(
    "Celsius",
    "300.5",
    "number",
    "numeric",
    stored=core_schema.no_info_after_validator_function(
        lambda kelvin: kelvin - 273.0,
        core_schema.float_schema(strict=True),
        serialization=core_schema.plain_serializer_function_ser_schema(
            lambda celsius: celsius + 273.0, return_schema=core_schema.float_schema()
        ),
    ),
)


class Colour:
    """A class with a schema of its own."""

    def __init__(self, code: str) -> None:
        self.code = code

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Colour) and self.code == other.code

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> core_schema.CoreSchema:
        schema = core_schema.no_info_plain_validator_function(
            lambda value: value if isinstance(value, cls) else cls(value),
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda colour: f"colour {colour.code}"
            ),
            json_schema_input_schema=core_schema.str_schema(),
        )
        return mark(schema, "Colour")


COLOUR = define_field_type(
    Colour,
    stored_as=int,
    dump=lambda colour: int(colour.code, 16),
    load=lambda number: Colour(f"{number:x}"),
    form="255",
)


class Types:
    """A plugin with all of them."""

    RAPYER_API_VERSION = 1

    @hookimpl
    def rapyer_register_field_types(self, register):
        register(Money, MONEY)
        register(Point, POINT)
        register(Span, SPAN)
        register(Celsius, CELSIUS)
        register(Colour, COLOUR)


with use_plugins(Types()) as host:

    class Part(host.EmbeddedModel):
        price: Money
        where: Point | None = None

    class PlainPart(BaseModel):
        where: Point
        span: Span

    class Shop(host.AtomicRedisModel):
        id: Key[str]
        price: Money
        prices: list[Money] = []
        by_name: dict[str, Money] = {}
        maybe: Money | None = None
        where: Point = Point(0.5, 0.25)
        way: list[Point] = []
        span: Span = Span(low=0.1 + 0.2, high=1e300 / 3)
        warm: Celsius = 20.5
        positive: Annotated[Celsius, Field(ge=0)] = 1.5
        colour: Colour = Colour("ff")
        part: Part | None = None
        plain: PlainPart | None = None

    class Override(host.AtomicRedisModel):
        price: Annotated[Money, PlainSerializer(lambda money: f"{money.cents} cents")]
        where: Annotated[Point, PlainSerializer(lambda point: [point.lon, point.lat])]


FULL = {
    "price": Money(1999),
    "prices": [Money(1), Money(2)],
    "by_name": {"x": Money(3)},
    "maybe": Money(4),
    "where": Point(2.35, 48.85),
    "way": [Point(1.0, 2.0), Point(0.1 + 0.2, 1 / 3)],
    "part": {"price": Money(5), "where": Point(3.0, 4.0)},
    "plain": {"where": Point(5.0, 6.0), "span": Span(low=0.1 + 0.2, high=2.5)},
}


async def test_values_come_back_as_they_were_at_any_depth(redis, server):
    shop = Shop(id="1", **FULL)
    await shop.save()
    assert await Shop.get("1") == shop
    stored = json.loads(await redis.execute_command("JSON.GET", "shop:1"))
    assert stored["price"] == 1999
    assert stored["prices"] == [1, 2]
    assert stored["by_name"] == {"x": 3}
    assert stored["maybe"] == 4
    assert stored["where"] == "2.35,48.85"
    assert stored["way"][0] == "1.0,2.0"
    assert stored["span"] == [0.1 + 0.2, 1e300 / 3], "numbers in a form are exact too"
    assert stored["warm"] == 293.5
    assert stored["colour"] == 255
    assert stored["part"] == {"price": 5, "where": "3.0,4.0"}
    assert stored["plain"] == {"where": "5.0,6.0", "span": [0.1 + 0.2, 2.5]}


def test_what_pydantic_knows_it_goes_on_dumping_for_others():
    dumped = json.loads(Shop(id="1", **FULL).model_dump_json())
    assert dumped["where"] == {"lon": 2.35, "lat": 48.85}
    assert dumped["span"] == {"low": 0.1 + 0.2, "high": 1e300 / 3}
    assert dumped["warm"] == 20.5
    assert dumped["colour"] == "colour ff"


def test_what_pydantic_does_not_know_is_dumped_and_taken_in_its_stored_form():
    shop = Shop(id="1", price=Money(7), colour="ff")
    assert json.loads(shop.model_dump_json(include={"price"})) == {"price": 7}
    assert shop.model_dump(include={"price"}) == {"price": Money(7)}
    assert Shop.model_validate_json('{"id":"1","price":7,"colour":"ff"}') == shop
    assert Shop(id="1", price=7, colour="ff") == shop
    with pytest.raises(ValidationError, match="instance of Money"):
        Shop(id="1", price="seven")


async def test_a_document_with_another_form_is_corrupt_and_the_error_shows_the_form(redis, server):
    await Shop(id="1", price=Money(1)).save()
    await redis.execute_command("JSON.SET", "shop:1", "$.price", '"7"')
    with pytest.raises(CorruptDocumentError, match="stored form of a Money, such as 1999"):
        await Shop.get("1")
    await redis.execute_command("JSON.SET", "shop:1", "$.price", "-1")
    with pytest.raises(CorruptDocumentError, match="price"):
        await Shop.get("1")


async def test_constraints_of_the_annotation_hold_when_it_is_loaded(redis, server):
    await Shop(id="1", price=Money(1)).save()
    await redis.execute_command("JSON.SET", "shop:1", "$.positive", "272.5")
    with pytest.raises(CorruptDocumentError, match="greater than or equal to 0"):
        await Shop.get("1")


async def test_what_cannot_be_dumped_is_refused_with_its_path(server):
    with pytest.raises(UnstorableValueError, match=r"Shop\.way\[0\]"):
        await Shop(id="1", price=Money(1), way=[Point.__new__(Point)]).save()
    with pytest.raises(UnstorableValueError, match=r"Shop\.price"):
        await Shop(id="1", price=Money(-1)).save()
    with pytest.raises(UnstorableValueError, match=r"Shop\.span"):
        await Shop(id="1", price=Money(1), span=Span(low=float("nan"), high=1.0)).save()


def test_a_serializer_of_the_field_decides_what_is_stored():
    override = Override(price=Money(5), where=Point(1.0, 2.0))
    assert Override.__rapyer_codec__.dump(override)[0] == b'{"price":"5 cents","where":[1.0,2.0]}'


def test_the_json_schema_of_a_model_is_that_of_the_stored_form():
    assert Shop.model_json_schema()["properties"]["price"] == {"title": "Price", "type": "integer"}


def test_a_type_that_no_plugin_knows_is_pydantic_s_error():
    with use_plugins() as bare, pytest.raises(Exception, match=r"Unable to generate .*Money"):

        class Doc(bare.AtomicRedisModel):
            price: Money


def test_arbitrary_types_that_are_registered_are_stored_and_others_are_refused_when_saved():
    class Unknown:
        pass

    with use_plugins(Types()) as host:

        class Doc(host.AtomicRedisModel):
            model_config = ConfigDict(arbitrary_types_allowed=True)
            price: Money
            unknown: Unknown | None = None

        class Plain(BaseModel):
            model_config = ConfigDict(arbitrary_types_allowed=True)
            price: Money

        class Outer(host.AtomicRedisModel):
            plain: Plain

    codec = Doc.__rapyer_codec__
    assert codec.dump(Doc(price=Money(1)))[0] == b'{"price":1,"unknown":null}'
    with pytest.raises(UnstorableValueError, match="unknown"):
        codec.dump(Doc(price=Money(1), unknown=Unknown()), checked=True)
    outer = Outer(plain=Plain(price=Money(1)))
    assert Outer.__rapyer_codec__.dump(outer)[0] == b'{"plain":{"price":1}}'
    assert Outer.__rapyer_codec__.load(b'{"plain":{"price":1}}') == outer


class Unmarked:
    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(lambda value: value)


class Level(Enum):
    LOW = "low"


def simple(kind: Any, name: str = "Simple") -> FieldType:
    return define_field_type(
        kind, name=name, stored_as=int, dump=lambda v: 1, load=lambda v: v, form="1"
    )


@pytest.mark.parametrize(
    ("annotation", "field_type", "message"),
    [
        (Money, simple(Money, "Money"), None),
        (Level, simple(Level), None),
        (
            Point,
            simple(Point, "datetime"),
            "'datetime', which already belongs to the plugin 'core'",
        ),
        (
            Unmarked,
            simple(Unmarked),
            r"'function-plain' that does not identify it.*rapyer.types.mark",
        ),
        (int, FieldType("Other", "1", None, None), "'int' that does not identify it"),
        (list[int], simple(list), r"list\[int\], which is neither a class nor an Annotated"),
        (Annotated[int, 3], simple(int), "neither a class nor an Annotated"),
        (Money, FieldType("Money", "1", None, None), "does not define how it is validated"),
    ],
)
def test_a_field_type_has_to_be_found_by_what_pydantic_makes_of_its_annotation(
    annotation, field_type, message
):
    class Plugin:
        RAPYER_API_VERSION = 1

        @hookimpl
        def rapyer_register_field_types(self, register):
            register(annotation, field_type)

    if message is None:
        with use_plugins(Plugin()) as host:
            assert field_type in list(host.field_types)
    else:
        with pytest.raises(PluginError, match=message), use_plugins(plugin=Plugin()):
            raise AssertionError("not refused")


def test_an_annotation_has_one_field_type():
    class Plugin:
        RAPYER_API_VERSION = 1

        @hookimpl
        def rapyer_register_field_types(self, register):
            register(Money, simple(Money, "Another"))

    with (
        pytest.raises(PluginError, match="is for Money, which already has the field type Money"),
        use_plugins(Types(), other=Plugin()),
    ):
        raise AssertionError("not refused")


@pytest.mark.parametrize("form", [bytes, Point, set[int], Money])
def test_a_stored_form_is_made_of_what_json_has(form):
    with pytest.raises(Exception, match=r"which JSON does not have|Unable to generate"):
        define_field_type(Money, stored_as=form, dump=str, load=Money, form="1")


def test_typed_dicts_and_lists_of_them_are_forms():
    form = define_field_type(
        Money, stored_as=Lonely, dump=lambda m: {"at": [m.cents]}, load=lambda d: d, form="{}"
    )
    assert form.stored is not None


def test_a_mixin_may_name_types_that_only_its_models_know():
    from rapyer.base import BaseRedisModel

    class Priced(BaseRedisModel):
        price: Money

    with use_plugins(Types()) as host:

        class Book(host.AtomicRedisModel, Priced):
            title: str

    book = Book(title="x", price=Money(3))
    assert Book.__rapyer_codec__.dump(book)[0] == b'{"price":3,"title":"x"}'
