"""Models are pydantic models: whatever pydantic offers, stored and read back."""

from __future__ import annotations

import inspect
import json
import re
from functools import cached_property
from typing import Annotated, Any, Generic, Literal, TypeVar

import pydantic
import pytest
from pydantic import (
    AfterValidator,
    AliasChoices,
    AliasPath,
    BaseModel,
    ConfigDict,
    PrivateAttr,
    ValidationError,
    computed_field,
    create_model,
    field_serializer,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_camel
from rapyer import (
    AtomicRedisModel,
    CorruptDocumentError,
    EmbeddedModel,
    Field,
    Key,
    Mapped,
    MappedOptional,
    ModelDefinitionError,
)

pytestmark = pytest.mark.usefixtures("server")

T = TypeVar("T")


async def stored(redis, instance: AtomicRedisModel) -> Any:
    """Save an instance and give its document as any other client reads it."""
    await instance.save()
    return json.loads(await redis.execute_command("JSON.GET", instance.key))


# -- fields ---------------------------------------------------------------------------------------


async def test_defaults_and_factories_fill_what_a_document_lacks(redis):
    class Settings(AtomicRedisModel):
        name: Mapped[str] = Field(default="unnamed")
        tags: list[str] = Field(default_factory=list)
        upper: str = Field(default_factory=lambda data: data["name"].upper())
        theirs: int = pydantic.Field(default=3, ge=0)
        plain: dict[str, int] = {}

    await redis.execute_command("JSON.SET", "settings:1", "$", "{}")
    one, other = await Settings.get("1"), await Settings.get("1")
    assert one == Settings(name="unnamed", tags=[], upper="UNNAMED", theirs=3, plain={})
    one.tags.append("x")
    one.plain["y"] = 1
    assert other.tags == []
    assert other.plain == {}


async def test_constraints_hold_in_the_constructor_and_on_loading(redis):
    class Account(AtomicRedisModel):
        balance: Mapped[int] = Field(ge=0)
        code: str = Field(default="AAA", pattern="^[A-Z]{3}$")

    with pytest.raises(ValidationError):
        Account(balance=-1)
    await redis.execute_command("JSON.SET", "account:1", "$", '{"balance": -1}')
    with pytest.raises(CorruptDocumentError, match="greater than or equal to 0"):
        await Account.get("1")


@pytest.mark.parametrize(
    ("option", "remedy"),
    [
        ("primary_key", "Annotate the field as the key: `id: Key[str]`"),
        ("full_text_search", "Write text=True"),
        ("sortabel", "Did you mean 'sortable'"),
        ("max_lenght", "Did you mean 'max_length'"),
        ("extra", "Field has no option 'extra'. Did you mean"),
        ("frobnicate", "Use json_schema_extra for other settings"),
    ],
)
def test_an_option_that_a_field_does_not_have_is_refused_with_what_was_meant(option, remedy):
    options: Any = {option: True}
    with pytest.raises(TypeError, match=re.escape(remedy)):
        Field(**options)


def test_options_of_pydantic_are_those_of_fields_also_where_they_are_not_told_of():
    options: Any = {"kw_only": True, "coerce_numbers_to_str": True}
    assert Field(**options).kw_only is True
    old: Any = {"min_items": 2}
    with pytest.warns(DeprecationWarning, match="use `min_length` instead"):
        Field(**old)


async def test_an_alias_is_the_name_in_constructor_and_document(redis):
    class Street(EmbeddedModel):
        name: str = Field(alias="Name")

    class House(AtomicRedisModel):
        number: int = Field(alias="houseNumber")
        street: Street

    house = House(houseNumber=3, street=Street(Name="Elm"))
    assert await stored(redis, house) == {"houseNumber": 3, "street": {"Name": "Elm"}}
    assert await House.get(house.pk) == house


async def test_an_alias_for_input_only_does_not_lose_the_value(redis):
    class Import(AtomicRedisModel):
        age: int = Field(default=0, validation_alias=AliasChoices("Age", "AGE"))
        shown: int = Field(default=0, serialization_alias="Shown")

    record = Import(Age=36, shown=1)
    assert await stored(redis, record) == {"age": 36, "Shown": 1}
    assert await Import.get(record.pk) == record


async def test_an_alias_generator_names_the_stored_fields(redis):
    class Camel(AtomicRedisModel):
        model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)
        first_name: str

    camel = Camel(first_name="Ada")
    assert await stored(redis, camel) == {"firstName": "Ada"}
    assert await Camel.get(camel.pk) == camel


async def test_two_fields_stored_under_one_name_are_refused():
    class Clash(AtomicRedisModel):
        a: int = Field(default=1, serialization_alias="x")
        x: int = 2

    with pytest.raises(
        ModelDefinitionError, match="'a' and 'x' of 'Clash' would both be stored as"
    ):
        await Clash().save()


async def test_a_field_excluded_from_dumps_is_stored_all_the_same(redis):
    class Login(AtomicRedisModel):
        name: str
        password_hash: str = Field(exclude=True)

    login = Login(name="ada", password_hash="#")
    assert "password_hash" not in login.model_dump()
    assert await stored(redis, login) == {"name": "ada", "password_hash": "#"}
    assert await Login.get(login.pk) == login


async def test_computed_fields_are_dumped_but_not_stored_also_where_extras_are_forbidden(redis):
    class Strict(AtomicRedisModel):
        model_config = ConfigDict(extra="forbid")
        width: int

        @computed_field
        @property
        def area(self) -> int:
            return self.width**2

        @cached_property
        def double(self) -> int:
            return self.width * 2

    square = Strict(width=3)
    assert square.double == 6
    assert square.model_dump() == {"width": 3, "area": 9}
    assert await stored(redis, square) == {"width": 3}
    assert (await Strict.get(square.pk)).area == 9
    await redis.execute_command("JSON.SET", square.key, "$.width", "5")
    await square.load()
    assert (square.area, square.double) == (25, 10)


async def test_private_attributes_are_set_up_on_loading_and_kept_when_refreshed():
    class Connection(AtomicRedisModel):
        host: str
        _attempts: int = PrivateAttr(default=0)
        _log: list[str] = PrivateAttr(default_factory=list)

        def model_post_init(self, context: Any, /) -> None:
            self._log.append(f"made for {self.host}")

    connection = await Connection(host="a").save()
    connection._attempts = 5
    read = await Connection.get(connection.pk)
    assert (read._attempts, read._log) == (0, ["made for a"])
    await connection.load()
    assert connection._attempts == 5


async def test_validators_run_on_loading_as_in_the_constructor(redis):
    class Range(AtomicRedisModel):
        low: int
        high: Annotated[int, AfterValidator(lambda v: min(v, 100))]
        name: str = ""

        @field_validator("name", mode="before")
        @classmethod
        def strip(cls, value: str) -> str:
            return value.strip()

        @model_validator(mode="after")
        def ordered(self) -> Range:
            if self.low > self.high:
                raise ValueError("low is above high")
            return self

    await redis.execute_command("JSON.SET", "range:1", "$", '{"low":1,"high":500,"name":" x "}')
    assert await Range.get("1") == Range(low=1, high=100, name="x")
    await redis.execute_command("JSON.SET", "range:2", "$", '{"low":3,"high":1}')
    with pytest.raises(CorruptDocumentError, match="low is above high"):
        await Range.get("2")


async def test_extra_fields_are_stored_where_the_model_allows_them(redis):
    class Open(AtomicRedisModel):
        model_config = ConfigDict(extra="allow")
        a: int

    document = Open(a=1, b=[1, {"c": None}])
    assert await stored(redis, document) == {"a": 1, "b": [1, {"c": None}]}
    assert await Open.get(document.pk) == document
    await document.load()
    assert document.model_extra == {"b": [1, {"c": None}]}


async def test_a_field_s_own_serializer_is_what_is_stored(redis):
    class Colour(AtomicRedisModel):
        rgb: tuple[int, int, int]

        @field_serializer("rgb")
        def as_text(self, value: tuple[int, int, int]) -> str:
            return f"#{bytes(value).hex()}"

        @field_validator("rgb", mode="before")
        @classmethod
        def from_text(cls, value: Any) -> Any:
            return tuple(bytes.fromhex(value[1:])) if isinstance(value, str) else value

    red = Colour(rgb=(255, 0, 0))
    assert await stored(redis, red) == {"rgb": "#ff0000"}
    assert await Colour.get(red.pk) == red


async def test_loading_does_not_call_the_constructor():
    class Counted(AtomicRedisModel):
        x: int

        def __init__(self, **data: Any) -> None:
            super().__init__(**{**data, "x": data["x"] + 1})

    counted = await Counted(x=1).save()
    assert (await Counted.get(counted.pk)).x == counted.x == 2


# -- nesting --------------------------------------------------------------------------------------


class Dog(BaseModel):
    kind: Literal["dog"] = "dog"
    name: str


class Cat(EmbeddedModel):
    kind: Literal["cat"] = "cat"
    name: str
    lives: int = 9


class Owner(AtomicRedisModel):
    pet: Annotated[Dog | Cat, pydantic.Field(discriminator="kind")]
    others: list[Dog | Cat] = Field(default_factory=list)
    favourite: MappedOptional[Cat] = Field(default=None)
    by_name: dict[str, Dog] = Field(default_factory=dict)


async def test_unions_of_models_come_back_as_the_model_they_were():
    owner = await Owner(
        pet=Cat(name="Tom"),
        others=[Dog(name="Rex"), Cat(name="Kit", lives=7)],
        favourite=Cat(name="Tom"),
        by_name={"Rex": Dog(name="Rex")},
    ).save()
    read = await Owner.get(owner.pk)
    assert read == owner
    assert [type(pet) for pet in read.others] == [Dog, Cat]


class Node(EmbeddedModel):
    value: int
    children: list[Node] = Field(default_factory=list)
    parent_hint: Node | None = None


class Tree(AtomicRedisModel):
    root: Mapped[Node]


async def test_recursive_models_are_stored():
    tree = await Tree(
        root=Node(value=1, children=[Node(value=2), Node(value=3, parent_hint=Node(value=0))])
    ).save()
    assert await Tree.get(tree.pk) == tree


# -- classes --------------------------------------------------------------------------------------


async def test_a_subclass_has_the_fields_of_its_bases_and_its_own(redis):
    class Animal(AtomicRedisModel):
        id: Key[str]
        name: Mapped[str]

    class Horse(Animal):
        speed: int = 0
        name: Mapped[str] = Field(default="Silver")

    horse = Horse(id="1", speed=3)
    assert await stored(redis, horse) == {"id": "1", "name": "Silver", "speed": 3}
    assert await Horse.get("1") == horse
    assert await Animal.get("1", default=None) is None


async def test_fields_of_a_plain_model_can_be_mixed_in():
    class Timestamps(BaseModel):
        created: int = 0

    class Article(AtomicRedisModel, Timestamps):
        title: str

    article = await Article(title="x", created=7).save()
    assert await Article.get(article.pk) == article


class Batch(AtomicRedisModel, Generic[T]):
    items: list[T]


async def test_generic_models_are_stored_for_each_parameter():
    numbers = await Batch[int](items=[1, 2]).save()
    cats = await Batch[Cat](items=[Cat(name="Tom")]).save()
    assert (numbers.key, cats.key) == (f"batch_int:{numbers.pk}", f"batch_cat:{cats.pk}")
    assert await Batch[int].get(numbers.pk) == numbers
    assert (await Batch[Cat].get(cats.pk)).items == [Cat(name="Tom")]


async def test_models_defined_inside_a_function_may_name_each_other():
    class Leaf(EmbeddedModel):
        x: int

    class Branch(AtomicRedisModel):
        leaf: Leaf  # a local name, and annotations are text in this module
        later: list[Twig] = Field(default_factory=list)

    class Twig(EmbeddedModel):
        y: int

    branch = Branch(leaf=Leaf(x=1), later=[Twig(y=2)])
    await branch.save()
    assert await Branch.get(branch.pk) == branch
    assert repr(Branch.later[0].y) == "Branch.later[0].y"


async def test_an_annotation_that_cannot_be_resolved_is_pydantic_s_error():
    class Broken(AtomicRedisModel):
        x: Missing | None = None  # noqa: F821

    with pytest.raises(pydantic.errors.PydanticUndefinedAnnotation, match="Missing"):
        await Broken.get("1")


async def test_a_model_made_by_create_model_is_a_model():
    Made = create_model("Made", __base__=AtomicRedisModel, x=(int, ...))
    made = await Made(x=3).save()
    assert made.key == f"made:{made.pk}"
    assert await Made.get(made.pk) == made


async def test_a_frozen_model_can_be_refreshed(redis):
    class Fixed(AtomicRedisModel):
        model_config = ConfigDict(frozen=True)
        id: Key[str]
        x: int

    fixed = await Fixed(id="1", x=1).save()
    await redis.execute_command("JSON.SET", "fixed:1", "$.x", "2")
    assert (await fixed.load()).x == 2
    with pytest.raises(ValidationError):
        fixed.x = 3


def test_mapped_without_the_type_of_its_values_is_refused():
    with pytest.raises(ModelDefinitionError, match=r"Mapped\[str\]"):

        class Bare(AtomicRedisModel):
            x: Mapped


def test_the_json_schema_is_that_of_the_fields():
    class Described(AtomicRedisModel):
        age: Mapped[int] = Field(default=0, description="in years")

    assert Described.model_json_schema()["properties"] == {
        "age": {"default": 0, "description": "in years", "title": "Age", "type": "integer"}
    }


def test_an_instance_is_what_pydantic_makes():
    class Plain(BaseModel):
        x: int
        tags: list[str] = []

    class Ours(AtomicRedisModel):
        x: Mapped[int]
        tags: list[str] = []

    assert Ours(x="3").__dict__ == Plain(x="3").__dict__
    assert type(Ours(x=3).tags) is list
    assert Ours(x=3).__pydantic_private__ is None
    assert Ours(x=3) == Ours(x=3) != Ours(x=4)


class Keyless(AtomicRedisModel):
    number: int = 0

    class Config:
        prefix = "models:keyless"


class Aliased(AtomicRedisModel):
    id: Key[str] = Field(alias="pk")

    class Config:
        prefix = "models:aliased"


class Chosen(AtomicRedisModel):
    id: Key[str] = Field(validation_alias=AliasChoices("id", AliasPath("pk", 0)))

    class Config:
        prefix = "models:chosen"


class Open(AtomicRedisModel):
    model_config = ConfigDict(extra="allow")

    class Config:
        prefix = "models:open"


def test_a_pk_that_would_be_ignored_is_refused_with_what_sets_it():
    with pytest.raises(TypeError, match=r"Set it afterwards, `instance\.pk = \.\.\.`") as caught:
        Keyless(pk="x", number=1)
    assert "Keyless(pk=...) sets nothing" in str(caught.value)

    class Keyed(AtomicRedisModel):
        name: Key[str]

    with pytest.raises(TypeError, match=r"its field 'name'\. Write Keyed\(name=\.\.\.\)"):
        Keyed(name="x", pk="x")


def test_a_pk_that_a_field_takes_is_given():
    assert Aliased(pk="x").key == "models:aliased:x"
    assert Chosen(pk=["x"]).key == "models:chosen:x"
    assert Open(pk="x").model_extra == {"pk": "x"}
    assert Keyless.model_validate({"pk": "x"}).number == 0, "what comes from outside is as ever"


@pytest.mark.parametrize("mode", ["before", "wrap"])
def test_a_pk_that_a_validator_of_the_model_may_read_is_given_to_it(mode):
    def named(data: dict[str, Any]) -> dict[str, Any]:
        return {"name": data["pk"]}

    class Named(AtomicRedisModel):
        name: Key[str]

        if mode == "before":

            @model_validator(mode="before")
            @classmethod
            def take(cls, data: dict[str, Any]) -> dict[str, Any]:
                return named(data)

        else:

            @model_validator(mode="wrap")
            @classmethod
            def take(cls, data: dict[str, Any], validate: Any) -> Any:
                return validate(named(data))

        class Config:
            prefix = f"models:named-{mode}"

    assert Named(pk="x").pk == "x"


def test_a_validator_that_gives_another_instance_is_warned_about():
    class Replaced(AtomicRedisModel):
        number: int = 0

        @model_validator(mode="after")
        def replace(self) -> Replaced:
            return Replaced.model_construct(number=5)

    with pytest.warns(UserWarning, match="a validator of Replaced") as caught:
        assert Replaced().number == 0
    assert caught[0].filename == __file__


def test_models_are_constructed_by_pydantic_itself():
    assert Keyless.__pydantic_custom_init__ is False
    assert str(inspect.signature(Keyless)) == "(*, number: int = 0) -> None"
