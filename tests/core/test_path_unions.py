"""Paths into unions of models, frozen models and dicts with keys of their own kinds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from rapyer import (
    AtomicRedisModel,
    EmbeddedModel,
    ExpressionError,
    InvalidPathError,
    PathNotFoundError,
)

pytestmark = pytest.mark.usefixtures("server")


class Cat(EmbeddedModel):
    kind: Literal["cat"] = "cat"
    name: str = "Tom"
    lives: int = 9
    mark: int = 1
    age: int = 5
    toys: list[str] = Field(default_factory=lambda: ["mouse"])


class Dog(EmbeddedModel):
    model_config = ConfigDict(extra="forbid")
    kind: Literal["dog"] = "dog"
    name: str = "Tom"
    bark: bool = True
    mark: str = "s"
    age: int = 7


Pet = Annotated[Cat | Dog, Field(discriminator="kind")]


class Colour(Enum):
    RED = "red"


Short = Annotated[str, StringConstraints(max_length=3, to_lower=True)]


@dataclass(frozen=True)
class Fixed:
    n: int = 0


class Closed(BaseModel):
    model_config = ConfigDict(frozen=True)
    n: int = 0


class Keeper(AtomicRedisModel):
    pet: Pet = Cat()
    pets: list[Pet] = []
    author: Cat | str = "unknown"
    floats: dict[float, int] = {}
    decimals: dict[Decimal, int] = {}
    moments: dict[datetime, int] = {}
    colours: dict[Colour, int] = {}
    shorts: dict[Short, int] = {}
    fixed: Fixed = Fixed()
    closed: Closed = Closed()
    anything: Any = None
    texts: dict[str, int] = {}
    either: list[int] | dict[str, int] = []
    first: int = 1
    second: int = 1

    @field_validator("second")
    @classmethod
    def at_least_the_first(cls, value: int, info: ValidationInfo) -> int:
        return max(value, info.data["first"])


NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("pet", [Cat(mark=3, lives=2, toys=["x"]), Dog(mark="3", bark=False)])
async def test_a_path_into_a_union_reads_what_the_model_that_is_there_has(pet):
    keeper = await Keeper(pet=pet, pets=[pet]).save()
    for name in ("kind", "name", "lives", "mark", "age", "bark", "toys"):
        for path in (Keeper.path(f"pet.{name}"), Keeper.path(f"pets[0].{name}")):
            if hasattr(pet, name):
                read = await path.get(keeper.key)
                assert read == getattr(pet, name)
                assert type(read) is type(getattr(pet, name))
            else:
                assert await path.get(keeper.key, default="none") == "none"
                with pytest.raises(PathNotFoundError, match=rf'has no value at .*\["{name}"\]'):
                    await path.get(keeper.key)


async def test_what_the_document_of_a_union_lacks_is_the_default_of_the_model_that_is_there(redis):
    keeper = await Keeper(pet=Dog(), pets=[Cat()]).save()
    for name in ("$.pet.age", "$.pets[0].age", "$.pets[0].toys"):
        await redis.execute_command("JSON.DEL", keeper.key, name)
    assert await Keeper.pet.age.get(keeper.key) == 7
    assert await Keeper.pets[0].age.get(keeper.key) == 5
    with pytest.raises(PathNotFoundError):  # a factory may make another one each time
        await Keeper.pets[0].toys.get(keeper.key)
    await redis.execute_command("JSON.DEL", keeper.key, "$.pet")
    assert await Keeper.pet.lives.get(keeper.key) == 9
    with pytest.raises(PathNotFoundError):
        await Keeper.path("pet.bark").get(keeper.key)


async def test_what_differs_between_the_models_of_a_union_is_set_as_a_whole_only():
    keeper = await Keeper(pet=Dog()).save()
    for name, value in (("lives", 3), ("mark", 5), ("age", 1)):
        with pytest.raises(ExpressionError, match=r"Set the whole Keeper\.pet"):
            await Keeper.path(f"pet.{name}").set(keeper.key, value)
    assert await Keeper.get(keeper.key) == keeper
    await Keeper.pet.name.set(keeper.key, "Rex")  # the same in both
    assert (await Keeper.get(keeper.key)).pet == Dog(name="Rex")


async def test_a_list_or_a_dict_is_each_written_by_its_own_steps():
    keeper = await Keeper(either=[1]).save()
    await Keeper.either[0].set(keeper.key, 2)
    with pytest.raises(PathNotFoundError):
        await Keeper.either["a"].set(keeper.key, 2)
    assert (await Keeper.get(keeper.key)).either == [2]
    await Keeper.either.set(keeper.key, {"a": 1})
    await Keeper.either["a"].set(keeper.key, 3)
    with pytest.raises(PathNotFoundError):
        await Keeper.either[0].set(keeper.key, 2)
    assert (await Keeper.get(keeper.key)).either == {"a": 3}


async def test_several_fields_of_a_union_are_read_together():
    keeper = await Keeper(pet=Dog(bark=False)).save()
    paths = (Keeper.pet.bark, Keeper.first, Keeper.pet.mark, Keeper.pet, Keeper.pet.name)
    assert await Keeper.extract(keeper.key, *paths) == (False, 1, "s", keeper.pet, "Tom")
    assert await Keeper.extract(keeper.key, *paths[:1], Keeper.path("pet.kind")) == (False, "dog")


async def test_below_a_model_or_a_text_there_is_nothing_where_the_text_stands():
    keeper = await Keeper(author="x").save()
    assert await Keeper.author.name.get(keeper.key, default="none") == "none"
    for operation in (Keeper.author.name.get(keeper.key), Keeper.author.name.set(keeper.key, "y")):
        with pytest.raises(PathNotFoundError):
            await operation
    await Keeper.author.set(keeper.key, Cat())
    await Keeper.author.name.set(keeper.key, "Kit")
    assert await Keeper.author.name.get(keeper.key) == "Kit"


def test_conditions_know_all_models_of_a_union():
    cat, dog = Keeper(pet=Cat(), pets=[Cat()]), Keeper(pet=Dog(), pets=[Dog()])
    assert (Keeper.pet.mark == "s").matches(dog)
    assert not (Keeper.pet.mark == "s").matches(cat)
    assert (Keeper.pet.mark == 1).matches(cat)
    assert Keeper.pet.mark is Keeper.path("pet.mark")
    assert (Keeper.pets.bark == True).matches(dog)  # noqa: E712
    assert not (Keeper.pets.bark == True).matches(cat)  # noqa: E712
    assert Keeper.pets.any(Dog.bark == True).matches(dog)  # noqa: E712
    assert Keeper.pets.any(Cat.lives == 9).matches(cat)
    assert (Keeper.pets.age > 6).matches(dog)
    with pytest.raises(ExpressionError, match=r"Write Keeper\.pets\.any\(Cat\.mark == \.\.\.\)"):
        _ = Keeper.pets.mark == 1
    with pytest.raises(ExpressionError, match="the elements are Cat or Dog"):
        Keeper.pets.any(Keeper.author == "x")


async def test_a_key_of_a_dict_is_read_by_how_it_is_written_in_the_document():
    keeper = await Keeper(
        floats={1.0: 1, 2.0: 2}, decimals={Decimal("1.10"): 1}, moments={NOON: 1}
    ).save()
    assert await Keeper.floats[2].get(keeper.key) == 2
    assert Keeper.floats[2] is Keeper.floats[2.0]
    assert await Keeper.decimals[Decimal("1.1")].get(keeper.key, default=None) is None
    assert await Keeper.decimals[Decimal("1.10")].get(keeper.key) == 1
    east = NOON.astimezone(timezone(timedelta(hours=1)))
    assert east == NOON
    assert await Keeper.moments[east].get(keeper.key, default=None) is None
    assert await Keeper.moments[NOON].get(keeper.key) == 1


async def test_a_validator_that_looks_at_other_fields_is_named():
    keeper = await Keeper().save()
    message = "without the other fields"
    for operation in (
        Keeper.second.get(keeper.key),
        Keeper.second.set(keeper.key, 2),
        Keeper.extract(keeper.key, Keeper.first, Keeper.second),
    ):
        with pytest.raises(ExpressionError, match=message):
            await operation


async def test_a_key_is_validated_before_it_is_set():
    keeper = await Keeper(shorts={"a": 1}).save()
    with pytest.raises(ValidationError, match="at most 3 characters"):
        await Keeper.shorts["toolong"].set(keeper.key, 1)
    with pytest.raises(ExpressionError, match="stores that key as 'b'"):
        await Keeper.shorts["B"].set(keeper.key, 1)
    await Keeper.shorts["b"].set(keeper.key, 2)
    assert (await Keeper.get(keeper.key)).shorts == {"a": 1, "b": 2}


@pytest.mark.parametrize("name", ["fixed", "closed"])
async def test_a_field_of_a_frozen_model_is_not_set(name):
    keeper = await Keeper().save()
    with pytest.raises(ExpressionError, match="is frozen"):
        await Keeper.path(f"{name}.n").set(keeper.key, 1)
    assert await Keeper.get(keeper.key) == keeper


@pytest.mark.parametrize("index", [2**53 + 1, -(2**53) - 1, 2**63, -(2**63) - 1, 10**19])
def test_an_index_that_no_list_has_is_refused_before_the_server_sees_it(index):
    with pytest.raises(ExpressionError, match="is out of range for a list index"):
        _ = Keeper.pets[index]
    with pytest.raises(ExpressionError, match="is out of range for a list index"):
        _ = Keeper.anything[index]
    with pytest.raises(InvalidPathError):
        Keeper.path(f"pets[{index}]")
    with pytest.raises(InvalidPathError):
        Keeper.path(f"pets[{'9' * 5000}]")


@pytest.mark.parametrize("index", [2**53, -(2**53), 2**31, -(2**31) - 1, 2**32])
async def test_the_largest_indexes_are_only_not_there(index, redis):
    keeper = await Keeper(pets=[Cat()]).save()
    for path in (Keeper.pets[index], Keeper.pets[index].name):
        assert await path.get(keeper.key, default=None) is None
        with pytest.raises(PathNotFoundError):
            await path.set(keeper.key, Cat() if path is Keeper.pets[index] else "x")
    assert await Keeper.get(keeper.key) == keeper
    assert await redis.ping()


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("texts['a\nb']", "a\nb"), (r"texts['a\nb']", "a\nb"), (r"texts['\x00\u00e9']", "\0é"),
        (r"texts['\U0001f511']", "🔑"), (r"texts['\'\\']", "'\\"), ('texts["it\'s"]', "it's"),
    ],
)  # fmt: skip
def test_a_key_in_a_text_is_written_as_python_writes_it(text, key):
    assert Keeper.path(text) is Keeper.texts[key]
    assert Keeper.path(repr(Keeper.texts[key]).removeprefix("Keeper.")) is Keeper.texts[key]


@pytest.mark.parametrize("text", [r"texts['\x']", r"texts['\N{DASH}']", "texts['\\\n']"])
def test_an_escape_that_there_is_not_is_no_path(text):
    with pytest.raises(InvalidPathError, match="A backslash must come before"):
        Keeper.path(text)


def test_a_text_leads_into_anything_and_to_keys_that_are_no_texts():
    assert Keeper.path("anything['a'][1].b") is Keeper.anything["a"][1]["b"]
    assert Keeper.path("colours['red']") is Keeper.colours[Colour.RED]
    assert Keeper.path("floats['2.5']") is Keeper.floats[2.5]
    with pytest.raises(InvalidPathError, match="does not exist"):
        Keeper.path("colours['blue']")
