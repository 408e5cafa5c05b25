"""Updates at their edges: what was wrong once, each found by somebody who tried to break it."""

from __future__ import annotations

import asyncio
import enum
import gc
import json
import weakref
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import (
    BaseModel,
    ConfigDict,
    ValidationError,
    ValidationInfo,
    create_model,
    field_serializer,
    field_validator,
    model_serializer,
    model_validator,
)
from rapyer import (
    AtomicRedisModel,
    ConflictError,
    DocumentGoneError,
    ExpressionError,
    Field,
    InvalidKeyError,
    InvalidPathError,
    Key,
    ModelDefinitionError,
    PathNotFoundError,
    UnstorableValueError,
    Version,
)
from rapyer.testing import use_plugins
from redis.exceptions import ResponseError
from typing_extensions import TypedDict

pytestmark = pytest.mark.usefixtures("server")

#: A double that no text stands for on the server, so that it takes two commands.
CORRECTED = 2.3458992316731146e-175


async def document(redis, instance: Any) -> Any:
    return json.loads(await redis.execute_command("JSON.GET", instance.key))


# -- validators -----------------------------------------------------------------------------------


class Bounds(AtomicRedisModel):
    lo: int = 0
    hi: int = 10

    @field_validator("hi")
    @classmethod
    def _above(cls, value: int, info: ValidationInfo) -> int:
        if value < info.data["lo"]:
            raise ValueError("hi is below lo")
        return value


async def test_a_validator_of_a_field_sees_the_new_values_of_those_before_it_in_any_order():
    bounds = await Bounds(lo=10, hi=20).save()
    await bounds.aupdate(hi=5, lo=1)
    assert await Bounds.get(bounds.key) == bounds == Bounds(lo=1, hi=5)


async def test_a_field_that_a_validator_of_another_looks_at_makes_no_document_unreadable(redis):
    bounds = await Bounds().save()
    before = await document(redis, bounds)
    with pytest.raises(ValidationError, match="hi is below lo"):
        await bounds.aupdate(lo=200)
    assert await document(redis, bounds) == before
    assert bounds == Bounds()


class Slugged(AtomicRedisModel):
    slug: Key[str] = ""
    title: str = ""
    revision: Version

    @model_validator(mode="after")
    def _derive(self) -> Slugged:
        if self.title == "count":
            vars(self)["revision"] = 7
        elif self.title:
            vars(self)["slug"] = self.title.lower()
        return self


async def test_a_validator_changes_neither_the_primary_key_nor_the_version(redis):
    slugged = await Slugged(title="Hello").save()
    before = await document(redis, slugged)
    with pytest.raises(InvalidKeyError, match="a validator has changed it"):
        await slugged.aupdate(title="New")
    with pytest.raises(ExpressionError, match="a validator has changed it"):
        await slugged.aupdate(title="count")
    assert await document(redis, slugged) == before
    assert (slugged.slug, slugged.revision) == ("hello", 1)


class Extended(AtomicRedisModel):
    model_config = ConfigDict(extra="allow")
    a: int = 0

    @model_validator(mode="before")
    @classmethod
    def _double(cls, values: Any) -> Any:
        return {**values, "double": values.get("a", 0) * 2}


async def test_an_extra_field_that_a_validator_changes_is_not_left_behind(redis):
    extended = await Extended(a=1).save()
    with pytest.raises(UnstorableValueError, match="extra fields of Extended"):
        await extended.aupdate(a=2)
    assert await document(redis, extended) == {"a": 1, "double": 2}


class Scaled(AtomicRedisModel):
    value: float = 0.0
    scale: float = 2.0

    @field_serializer("value")
    def _dump(self, value: float) -> float:
        return value * getattr(self, "scale", 1.0)

    @field_validator("value", mode="before")
    @classmethod
    def _load(cls, value: Any) -> Any:
        return value


async def test_a_serializer_that_asks_the_model_is_not_given_another_one(redis):
    scaled = Scaled(value=0.0)
    await scaled.save()
    for call in (scaled.aupdate(value=3.0), Scaled.aupdate_by_key(scaled.key, value=3.0)):
        with pytest.raises(UnstorableValueError, match="asks its model for 'scale'"):
            await call
    assert await document(redis, scaled) == {"value": 0.0, "scale": 2.0}


# -- places ---------------------------------------------------------------------------------------


class Loose(AtomicRedisModel):
    meta: Any = None
    numbers: dict[str, float] = {}
    f: float = 0.0
    x: int = 0


async def test_an_element_beside_says_nothing_of_a_key(redis):
    loose = await Loose(meta=[1, 2]).save()
    with pytest.raises(PathNotFoundError):
        await Loose.aupdate_by_key(loose.key, {"meta['a']": 1, "meta[0]": 7})
    with pytest.raises(PathNotFoundError):
        await Loose.aupdate_by_key(loose.key, {"meta.a": 1, "meta[-1]": 7})
    assert (await Loose.get(loose.key)).meta == [1, 2]


@pytest.mark.parametrize("number", [float("inf"), float("-inf"), float("nan")])
async def test_of_thousands_of_values_none_is_written_when_one_cannot_be(redis, number):
    loose = await Loose().save()
    before = await document(redis, loose)
    values: dict[Any, float] = {Loose.numbers[f"k{n}"]: 1.0 for n in range(2500)}
    for update in (
        {**values, Loose.numbers["last"]: number},
        {Loose.f: number},
        {Loose.numbers["q"]: number},
        {Loose.meta: [number]},
    ):
        with pytest.raises(UnstorableValueError, match="cannot be represented in JSON"):
            await loose.aupdate(update)
        with pytest.raises(UnstorableValueError, match="cannot be represented in JSON"):
            await Loose.aupdate_by_key(loose.key, update)
    assert await document(redis, loose) == before
    assert loose == Loose()


class Cell(BaseModel):
    a: int = 0
    b: int = 0
    pair: tuple[int, tuple[int, int]] = (0, (0, 0))


class CheckedCell(Cell):
    @model_validator(mode="after")
    def _look(self) -> CheckedCell:
        return self


class Grid(AtomicRedisModel):
    cells: list[Cell] = []
    checked: list[CheckedCell] = []
    tuples: tuple[Cell, Cell] = (Cell(), Cell())


async def test_two_spellings_of_one_element_are_that_element(redis):
    grid = await Grid(cells=[Cell()], checked=[CheckedCell()]).save()
    cell = grid.cells[0]
    await grid.aupdate(
        {
            "cells[-1].a": 1, "cells[0].b": 2, "cells[0].pair[1][-1]": 5, "cells[-1].pair[0]": 6,
            "checked[-1].a": 1, "checked[0].b": 2, "tuples[-1].a": 3, "tuples[1].b": 4,
        }
    )  # fmt: skip
    assert await Grid.get(grid.key) == grid
    assert cell is grid.cells[0]
    assert cell == Cell(a=1, b=2, pair=(6, (0, 5)))


async def test_updates_of_one_tuple_at_once_are_both_in_the_instance():
    grid = await Grid(cells=[Cell()]).save()
    await asyncio.gather(
        grid.aupdate({"cells[0].pair[0]": 1}),
        grid.aupdate({"cells[0].pair[1][0]": 2}),
        grid.aupdate({"cells[0].pair[1][1]": 3}),
    )
    assert grid.cells[0].pair == (1, (2, 3))
    assert await Grid.get(grid.key) == grid


class Spelled(AtomicRedisModel):
    by_amount: dict[Decimal, int] = {}
    by_time: dict[datetime, int] = {}
    by_ratio: dict[float, int] = {}
    by_number: dict[int, int] = {}


async def test_a_key_is_given_as_the_dict_has_it(redis):
    noon = datetime(2020, 1, 1, 12, tzinfo=UTC)
    spelled = await Spelled(
        by_amount={Decimal("1.0"): 1}, by_time={noon: 1}, by_ratio={0.0: 1}
    ).save()
    before = await document(redis, spelled)
    for path in (
        Spelled.by_amount[Decimal("1.00")],
        Spelled.by_time[noon.astimezone(timezone(timedelta(hours=1)))],
        Spelled.by_ratio[-0.0],
    ):
        with pytest.raises(ExpressionError, match="Give the key as the dict has it"):
            await spelled.aupdate({path: 2})
    with pytest.raises(ExpressionError, match="Give the key as the dict has it"):
        await spelled.aupdate({Spelled.by_amount[Decimal(n)]: 2 for n in ("3", "3.0")})
    assert await document(redis, spelled) == before
    await spelled.aupdate({Spelled.by_amount[Decimal("1.0")]: 5, Spelled.by_ratio[0.0]: 6})
    await spelled.aupdate(by_number__3=7)
    assert await Spelled.get(spelled.key) == spelled


def test_a_key_that_has_no_name_in_json_is_refused():
    with use_plugins() as host:
        keyed = create_model("Keyed", __base__=host.AtomicRedisModel, m=(dict[bytes, int], {}))
    with pytest.raises(ExpressionError, match="cannot be a key in JSON"):
        keyed.m[b"\xff"]


class NamedOtherwise(AtomicRedisModel):
    number: int = Field(default=0, alias="NO")


async def test_messages_name_what_was_meant():
    aliased = await NamedOtherwise().save()
    with pytest.raises(InvalidPathError, match=r"'NO' is the alias of NamedOtherwise\.number"):
        await aliased.aupdate(NO=1)
    with pytest.raises(InvalidPathError, match=r"NamedOtherwise\.number is named twice"):
        await aliased.aupdate({"number": 1}, number=2)


# -- permissions ----------------------------------------------------------------------------------


class Numbered(AtomicRedisModel):
    x: int = 0
    revision: Version


async def test_what_is_not_permitted_in_the_end_is_not_begun(redis):
    loose, numbered = await Loose().save(), await Numbered().save()
    await redis.execute_command("JSON.DEL", numbered.key, "$.revision")
    before = [await document(redis, one) for one in (loose, numbered)]
    for command in ("json.numincrby", "json.set"):
        await redis.execute_command("ACL", "SETUSER", "default", f"-{command}")
        try:
            with pytest.raises(ResponseError, match="may not run"):
                await Numbered.aupdate_by_key(numbered.key, x=5)
            if command == "json.numincrby":
                for call in (
                    Loose.aupdate_by_key(loose.key, x=6, f=CORRECTED),
                    Loose(f=CORRECTED).save(),
                    Loose.get_or_create(Loose(f=CORRECTED)),
                ):
                    with pytest.raises(ResponseError, match="Nothing was written"):
                        await call
        finally:
            await redis.execute_command("ACL", "SETUSER", "default", f"+{command}")
    assert [await document(redis, one) for one in (loose, numbered)] == before
    assert len(await redis.keys()) == 2


# -- versions -------------------------------------------------------------------------------------


@pytest.mark.parametrize("default", [5, None, "0", -1, False])
def test_a_version_starts_at_0(default):
    with pytest.raises(ModelDefinitionError, match="a Version with the default"):

        class Started(AtomicRedisModel):
            revision: Version = Field(default=default)


async def test_a_version_that_is_none_is_refused():
    for revision in (True, None, -1, "1", 10**18):
        numbered = Numbered.model_construct(x=1, revision=revision)
        with pytest.raises(UnstorableValueError, match="revision"):
            await numbered.aupdate(x=2)
        with pytest.raises(UnstorableValueError, match="revision"):
            await numbered.save()


async def test_a_gone_document_has_an_error_of_its_own(redis):
    numbered = await Numbered().save()
    await redis.delete(numbered.key)
    with pytest.raises(DocumentGoneError) as caught:
        await numbered.aupdate(x=1)
    assert isinstance(caught.value, ConflictError | LookupError)


# -- tracked changes ------------------------------------------------------------------------------


class Tracked(AtomicRedisModel):
    id: Key[str]
    tags: list[str] = []
    cell: Cell | None = None
    counts: dict[str, dict[str, int]] = {}

    class Config:
        track_changes = True


async def test_an_update_within_what_was_not_saved_keeps_the_rest_a_change(redis):
    tracked = await Tracked(id="1", tags=["a"]).save()
    tracked.tags.append("b")
    tracked.cell = Cell(a=1, b=1)
    tracked.counts["x"] = {"y": 1}
    await Tracked.aupdate_by_key(
        "1", tags=["a", "c"], cell=Cell(a=2, b=2), counts={"x": {}, "other": {}}
    )
    await tracked.aupdate({"tags[1]": "z", "cell.a": 9, "counts.x.y": 5})
    assert tracked.changes().keys() == {"tags", "cell", "counts.x"}
    await tracked.save_changes()
    stored = await Tracked.get("1")
    assert (stored.tags, stored.cell, stored.counts["x"]) == (["a", "z"], tracked.cell, {"y": 5})
    assert "other" in stored.counts


# -- what stays behind ----------------------------------------------------------------------------


async def test_models_that_are_gone_are_not_kept(redis):
    kept: list[Any] = []

    async def use_once() -> None:
        inner = create_model("Once", a=(int, 0), b=(int, 0))
        inner.__doc__ = "dynamic"

        class Around(AtomicRedisModel):
            part: inner = inner()  # type: ignore[valid-type]
            many: list[inner] = []  # type: ignore[valid-type]

            @model_validator(mode="after")
            def _look(self) -> Any:
                return self

        around = await Around(many=[inner()]).save()
        await around.aupdate({"many[0].a": 1}, part__a=1)
        kept.append(weakref.ref(inner))

    for _ in range(3):
        await use_once()
    with use_plugins():
        gc.collect()
    gc.collect()
    assert sum(reference() is not None for reference in kept) <= 1


class Wider(BaseModel):
    x: int = 0
    y: int = 0


class Narrower(BaseModel):
    x: int = 0


class Varied(AtomicRedisModel):
    one: Narrower | Wider | None = None
    many: list[Narrower | Wider] = []

    class Config:
        track_changes = True


async def test_another_model_of_a_union_is_a_change_though_its_fields_are_the_same(redis):
    varied = await Varied(one=Wider(x=1, y=2), many=[Wider(x=1, y=2), Wider(x=3)]).save()
    varied.one, varied.many[0] = Narrower(x=1), Narrower(x=5)
    assert varied.changes().keys() == {"one", "many[0]"}
    await varied.save_changes()
    assert await Varied.get(varied.key) == varied
    varied.one, varied.many[0] = Wider(x=1), Wider(x=5)
    await varied.save_changes()
    assert await Varied.get(varied.key) == varied


class ByInteger(enum.Enum):
    ONE = 1


class ByKey(AtomicRedisModel):
    numbers: dict[int, int] = {}
    short: dict[Annotated[str, Field(max_length=3)], int] = {}
    uuids: dict[UUID, int] = {}
    integers: dict[ByInteger, int] = {}

    class Config:
        track_changes = True


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("numbers", "x"),
        ("numbers", "1"),
        ("short", "long"),
        ("uuids", "x"),
        ("integers", ByInteger.ONE),
    ],
)
async def test_a_key_that_could_not_be_read_back_is_refused(redis, name, key):
    by_key = await ByKey(numbers={1: 10, 2: 20}).save()
    before = await document(redis, by_key)
    getattr(by_key, name)[key] = 1
    for save in (by_key.save, by_key.save_changes):
        with pytest.raises(UnstorableValueError, match=name):
            await save()
    assert await document(redis, by_key) == before


async def test_a_key_that_an_update_could_not_read_back_is_refused(redis):
    by_key = await ByKey().save()
    before = await document(redis, by_key)
    for call in (
        by_key.aupdate({ByKey.integers[ByInteger.ONE]: 1}),
        ByKey.aupdate_by_key(by_key.key, {ByKey.integers[ByInteger.ONE]: 1}),
        ByKey.integers[ByInteger.ONE].set(by_key.key, 1),
    ):
        with pytest.raises(UnstorableValueError, match="cannot be restored from '1'"):
            await call
    assert (await document(redis, by_key), by_key) == (before, ByKey())


class OpenEnded(AtomicRedisModel):
    model_config = ConfigDict(extra="allow")
    a: int = Field(default=0, alias="x")

    class Config:
        track_changes = True


@pytest.mark.parametrize("name", ["__all__", "x"])
async def test_extra_fields_with_names_that_mean_something_else_are_no_loss(name):
    opened = await OpenEnded(x=1).save()
    opened.__pydantic_extra__[name] = 5
    opened.a = 2
    with pytest.raises(ExpressionError, match="Save the whole instance"):
        await opened.save_changes()
    assert opened.changes().keys() == {""}


async def test_thousands_of_changes_are_found_and_saved():
    tracked = await Tracked(id="1", tags=["x"] * 20_000).save()
    for index in range(0, 20_000, 2):
        tracked.tags[index] = "y"
    assert len(tracked.changes()) == 10_000
    await tracked.save_changes()
    assert await Tracked.get("1") == tracked


class HouseCat(BaseModel):
    type: Literal["cat"] = "cat"
    name: str = ""


class HouseDog(BaseModel):
    type: Literal["dog"] = "dog"
    name: str = ""


class Limits(TypedDict):
    low: int
    high: int


class Word(enum.Enum):
    FIRST = "a b"


class Household(AtomicRedisModel):
    id: Key[str] = "1"
    pet: Annotated[HouseCat | HouseDog, Field(discriminator="type")] = HouseCat()
    pets: list[Annotated[HouseCat | HouseDog, Field(discriminator="type")]] = []
    limits: Limits = {"low": 0, "high": 9}
    cell: Cell = Cell()
    words: dict[Word, int] = {}
    numbers: dict[int, int] = {}

    class Config:
        track_changes = True


async def test_models_of_a_union_with_the_same_fields_are_told_apart():
    household = await Household(pet=HouseCat(name="a"), pets=[HouseCat(name="b")]).save()
    household.pet.name = "x"
    household.pets[0] = HouseDog(name="b")
    assert household.changes().keys() == {"pet", "pets[0]"}
    await household.save_changes()
    assert await Household.get("1") == household


async def test_the_keys_of_a_typed_dict_are_changed_one_by_one():
    one = await Household().save()
    other = await Household.get("1")
    one.limits["low"], other.limits["high"] = 5, 6
    assert one.changes().keys() == {"limits.low"}
    await one.save_changes()
    await other.save_changes()
    assert (await Household.get("1")).limits == {"low": 5, "high": 6}


async def test_what_the_document_lacks_is_not_taken_for_stored_when_something_else_was(redis):
    await redis.execute_command("JSON.SET", "household:1", "$", '{"id":"1"}')
    household = await Household.get("1")
    household.numbers = {1: 1}
    await household.save_changes()
    household.cell.a = 5
    assert household.changes().keys() == {"cell"}
    await household.save_changes()
    assert await Household.get("1") == household


async def test_keys_of_other_types_are_told_as_paths_take_them():
    household = await Household(words={Word.FIRST: 1}, numbers={7: 1}).save()
    household.words[Word.FIRST], household.numbers[7] = 2, 2
    for path in household.changes():
        assert await Household.path(path).get("1") == 1
    assert household.changes().keys() == {"words['a b']", "numbers[7]"}
    del household.words[Word.FIRST], household.numbers[7]
    assert household.changes().keys() == {"words['a b']", "numbers[7]"}
    await household.save_changes()
    assert await Household.get("1") == household


async def test_an_attribute_that_was_deleted_is_no_change_that_could_be_written():
    household = await Household().save()
    del household.cell
    with pytest.raises(ExpressionError, match="Save the whole instance"):
        await household.save_changes()
    with pytest.raises(UnstorableValueError, match="would load as"):
        await household.save()


class WrappedWhole(AtomicRedisModel):
    f: float = 0.0
    revision: Version

    class Config:
        track_changes = True

    @model_serializer(mode="wrap")
    def _dump(self, handler: Any) -> Any:
        return handler(self)


async def test_another_text_of_a_number_is_no_change_of_a_whole_document():
    wrapped = await WrappedWhole(f=1e22).save()
    for one in (wrapped, await WrappedWhole.get(wrapped.key)):
        assert one.changes() == {}
        await one.save_changes()


class Hidden(AtomicRedisModel):
    model_config = ConfigDict(extra="allow")
    a: int = Field(default=0, serialization_alias="x", validation_alias="x")
    b: int = 0

    class Config:
        track_changes = True


async def test_an_extra_field_with_the_name_of_an_aliased_one_deletes_nothing(redis):
    await redis.execute_command("JSON.SET", "hidden:1", "$", '{"x":7,"b":0,"a":4}')
    hidden = await Hidden.get("1")
    assert hidden.changes() == {}
    hidden.b = 1
    with pytest.raises(ExpressionError, match="Save the whole instance"):
        await hidden.save_changes()
    assert await redis.execute_command("JSON.GET", "hidden:1") == b'{"x":7,"b":0,"a":4}'
