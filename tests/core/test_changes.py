"""Tracked changes: what differs from what was loaded or saved, saved by itself, or taken back."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import json
import pickle
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    RootModel,
    ValidationInfo,
    field_serializer,
    field_validator,
    model_serializer,
    model_validator,
)
from rapyer import (
    MISSING,
    AtomicRedisModel,
    Change,
    ChangesNotTrackedError,
    ConflictError,
    EmbeddedModel,
    ExpressionError,
    FieldPath,
    Key,
    KeyChangedError,
    KeyNotFoundError,
    PathNotFoundError,
    UnstorableValueError,
    Version,
    init_rapyer,
)
from rapyer.differences import _middle

pytestmark = pytest.mark.usefixtures("server")


class Size(NamedTuple):
    width: int
    height: int


@dataclasses.dataclass
class Binding:
    kind: str = "paper"
    price: Decimal = Decimal(1)


class Author(EmbeddedModel):
    name: str = ""
    born: date | None = None


class Volume(AtomicRedisModel):
    id: Key[str]
    title: str = ""
    author: Author | None = None
    authors: list[Author] = []
    tags: list[str] = []
    copies: dict[str, int] = {}
    by_year: dict[int, Author] = {}
    printed: datetime = datetime(2020, 1, 1, tzinfo=UTC)
    price: Decimal = Decimal("1.10")
    ratio: float = 0.0
    size: Size = Size(1, 2)
    pair: tuple[int, Author] = (1, Author())
    binding: Binding = Binding()
    readers: set[int] = set()
    anything: Any = None
    count: int = Field(default=0, alias="the count")
    _memory: int = PrivateAttr(default=0)

    class Config:
        track_changes = True


class Plain(AtomicRedisModel):
    title: str = ""


async def a_volume(**values: Any) -> Volume:
    return await Volume(id="1", **values).save()


async def others_write(redis, path: str, value: Any) -> None:
    await redis.execute_command("JSON.SET", "volume:1", path, json.dumps(value))


# -- changes --------------------------------------------------------------------------------------


def set_author(volume):
    volume.author = Author(name="B")


def change(text):
    def apply(volume):
        exec(text, {"v": volume, "Author": Author, "Decimal": Decimal, "Size": Size})

    return apply


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("v.title = 'B'", {"title": ("A", "B")}),
        ("v.author.name = 'B'", {"author.name": ("A", "B")}),
        ("v.author = None", {"author": (Author(name="A"), None)}),
        ("v.authors[1].name = 'B'", {"authors[1].name": ("Y", "B")}),
        (
            "v.authors.pop()",
            {"authors": ([Author(name="X"), Author(name="Y")], [Author(name="X")])},
        ),
        ("v.tags[0] = 'B'", {"tags[0]": ("a", "B")}),
        ("v.tags.append('c')", {"tags": (["a", "b"], ["a", "b", "c"])}),
        ("v.copies['x'] += 1", {"copies.x": (1, 2)}),
        ("v.copies['a b'] = 1", {"copies['a b']": (MISSING, 1)}),
        ("del v.copies['x']", {"copies.x": (1, MISSING)}),
        ("v.copies['\\\\'] = 1", {"copies": ({"x": 1}, {"x": 1, "\\": 1})}),
        ("v.by_year[1999].name = 'B'", {"by_year[1999].name": ("", "B")}),
        ("v.by_year[2000] = Author()", {"by_year[2000]": (MISSING, Author())}),
        ("v.price = Decimal('1.1')", {"price": (Decimal("1.10"), Decimal("1.1"))}),
        ("v.ratio = -0.0", {"ratio": (0.0, -0.0)}),
        ("v.size = Size(1, 3)", {"size": (Size(1, 2), Size(1, 3))}),
        ("v.pair = (2, v.pair[1])", {"pair[0]": (1, 2)}),
        ("v.pair[1].name = 'B'", {"pair[1].name": ("", "B")}),
        ("v.binding.kind = 'cloth'", {"binding.kind": ("paper", "cloth")}),
        ("v.readers.add(1)", {"readers": (set(), {1})}),
        ("v.anything['x'][0] = True", {"anything.x[0]": (1, True)}),
        ("v.anything['x'][0] = 1.0", {"anything.x[0]": (1, 1.0)}),
        ("v.anything = 5", {"anything": ({"x": [1, 2]}, 5)}),
        ("v.count = 3", {"count": (0, 3)}),
        (
            "v.title = 'B'; v.count = 1; v.tags[1] = 'B'",
            {"title": ("A", "B"), "count": (0, 1), "tags[1]": ("b", "B")},
        ),
        ("v.tags[0] = 'a'; v.copies = dict(v.copies)", {}),
    ],
)
async def test_changes_are_told_by_path_saved_alone_and_taken_back(redis, code, changes):
    given = {
        "title": "A", "author": Author(name="A"), "authors": [Author(name="X"), Author(name="Y")],
        "tags": ["a", "b"], "copies": {"x": 1}, "by_year": {1999: Author()},
        "anything": {"x": [1, 2]},
    }  # fmt: skip
    for load in (False, True):
        volume = await a_volume(**copy.deepcopy(given))
        if load:
            volume = await Volume.get("1")
        assert volume.changes() == {}
        before = copy.deepcopy(volume)
        change(code)(volume)
        assert volume.changes() == {path: Change(*values) for path, values in changes.items()}
        for path in changes:
            assert isinstance(Volume.path(path), FieldPath)
        volume.rollback()
        assert volume == before
        assert volume.changes() == {}
        change(code)(volume)
        assert await volume.save_changes() is volume
        assert volume.changes() == {}
        assert repr(await Volume.get("1")) == repr(volume)
        stored = json.loads(await redis.execute_command("JSON.GET", volume.key))
        await volume.save()
        assert json.loads(await redis.execute_command("JSON.GET", volume.key)) == stored


async def test_what_others_have_written_meanwhile_stays(redis):
    volume = await a_volume(title="A", copies={"x": 1}, tags=["a", "b"])
    await others_write(redis, "$.copies.y", 2)
    await others_write(redis, "$.tags[1]", "of another")
    await others_write(redis, "$.ratio", 5.5)
    volume.title, volume.copies["x"], volume.tags[0] = "B", 7, "z"
    await volume.save_changes()
    stored = await Volume.get("1")
    assert (stored.title, stored.copies, stored.tags, stored.ratio) == (
        "B", {"x": 7, "y": 2}, ["z", "of another"], 5.5,
    )  # fmt: skip


async def test_without_changes_nothing_is_sent(redis):
    volume = await a_volume()
    await redis.config_resetstat()
    await volume.save_changes()
    assert [name for name in await redis.info("commandstats") if "config" not in name] == []


async def test_several_changes_are_one_round_trip(redis):
    volume = await a_volume(title="A", copies={"x": 1})
    volume.title, volume.copies = "B", {"y": 1}
    await volume.save_changes()
    volume.title, volume.copies = "C", {"z": 1}
    await redis.config_resetstat()
    await volume.save_changes()
    info = await redis.info("commandstats")
    assert info["cmdstat_evalsha"]["calls"] == 1
    assert "cmdstat_json.get" not in info


async def test_an_update_is_no_change_any_more():
    volume = await a_volume(title="A", copies={"x": 1})
    volume.count = 5
    await volume.aupdate({Volume.copies["y"]: 2}, title="B")
    assert volume.changes() == {"count": Change(0, 5)}
    volume.rollback()
    assert (volume.title, volume.copies, volume.count) == ("B", {"x": 1, "y": 2}, 0)
    assert await Volume.get("1") == volume
    for number in range(250):
        await volume.aupdate(count=number)
    assert volume.changes() == {}


async def test_loading_again_forgets_changes(redis):
    volume = await a_volume(title="A")
    volume.title = "B"
    await others_write(redis, "$.ratio", 5.5)
    await volume.load()
    assert (volume.title, volume.ratio, volume.changes()) == ("A", 5.5, {})


async def test_what_get_or_create_gives_is_tracked():
    for _ in range(2):
        volume, _ = await Volume.get_or_create(Volume(id="1", title="A"))
        volume.title = "B"
        assert volume.changes() == {"title": Change("A", "B")}


async def test_what_a_document_lacks_and_has_a_default_is_no_change(redis):
    await redis.execute_command("JSON.SET", "volume:1", "$", '{"id":"1","unknown":[1], "ratio":1}')
    volume = await Volume.get("1")
    assert volume.changes() == {}
    volume.title = "B"
    await volume.save_changes()
    stored = json.loads(await redis.execute_command("JSON.GET", "volume:1"))
    assert stored == {"id": "1", "unknown": [1], "ratio": 1, "title": "B"}


async def test_text_with_nul_and_doubles_of_full_precision_are_followed():
    volume = await a_volume(title="a\x00\ufdd0", ratio=0.1 + 0.2, copies={"\x00": 1})
    for current in (volume, await Volume.get("1")):
        assert current.changes() == {}
    for number in range(200):
        volume.ratio = (number + 0.1) / 7
        volume.copies["\x00"] = number
        await volume.save_changes()
        assert await Volume.get("1") == volume


# -- what fails -----------------------------------------------------------------------------------


async def test_without_the_option_it_is_named():
    plain = await Plain().save()
    for call in (plain.changes, plain.rollback):
        with pytest.raises(ChangesNotTrackedError, match=r"Plain.*track_changes = True"):
            call()
    with pytest.raises(ChangesNotTrackedError, match="track_changes = True"):
        await plain.save_changes()


async def test_an_instance_that_was_never_stored_has_nothing_to_compare_with():
    volume = Volume(id="1")
    for call in (volume.changes, volume.rollback):
        with pytest.raises(ChangesNotTrackedError, match="neither loaded nor saved"):
            call()
    await volume.save()
    await volume.delete()
    with pytest.raises(ChangesNotTrackedError, match="neither loaded nor saved"):
        await volume.save_changes()


async def test_the_option_can_be_set_for_all_models(redis_url):
    async with init_rapyer(redis_url, track_changes=True):
        plain = await Plain().save()
        plain.title = "x"
        assert plain.changes() == {"title": Change("", "x")}
    async with init_rapyer(redis_url):
        await plain.save()
        with pytest.raises(ChangesNotTrackedError):
            plain.changes()


@pytest.mark.parametrize(
    ("code", "error", "match"),
    [
        ("v.count = 'many'", UnstorableValueError, r"count.*cannot be stored"),
        ("v.title = 'B'; v.author.born = 'x'", UnstorableValueError, "author.born"),
        ("v.anything = {1}", UnstorableValueError, "anything"),
        ("v.anything = 2 ** 64", UnstorableValueError, "64-bit"),
    ],
)
async def test_values_that_cannot_be_stored_are_refused_and_stay_changes(redis, code, error, match):
    volume = await a_volume(author=Author())
    before = await redis.execute_command("JSON.GET", "volume:1")
    change(code)(volume)
    with pytest.raises(error, match=match):
        await volume.save_changes()
    assert await redis.execute_command("JSON.GET", "volume:1") == before
    volume.rollback()
    assert volume.changes() == {}


async def test_a_document_that_is_gone_is_not_created_again(redis):
    volume = await a_volume(title="A")
    await redis.delete("volume:1")
    volume.title = "B"
    for _ in range(2):
        with pytest.raises(KeyNotFoundError):
            await volume.save_changes()
    assert await redis.exists("volume:1") == 0
    assert volume.changes() == {"title": Change("A", "B")}


async def test_a_change_within_what_others_have_taken_away_is_refused(redis):
    volume = await a_volume(author=Author(name="A"), title="A")
    await others_write(redis, "$.author", None)
    volume.author.name, volume.title = "B", "B"
    with pytest.raises(PathNotFoundError, match="author"):
        await volume.save_changes()
    assert (await Volume.get("1")).title == "A"


async def test_another_primary_key_is_refused():
    volume = await a_volume(title="A")
    copied = volume.model_copy(update={"id": "2", "title": "B"})
    with pytest.raises(ChangesNotTrackedError, match="a different primary key"):
        await copied.save_changes()
    volume.id = "2"
    with pytest.raises(KeyChangedError):
        await volume.save_changes()


async def test_copies_and_pickles_know_what_was_stored():
    volume = await a_volume(title="A")
    for copied in (
        volume.model_copy(update={"title": "B"}),
        copy.deepcopy(volume),
        pickle.loads(pickle.dumps(volume)),
    ):
        copied.title = "B"
        assert copied.changes() == {"title": Change("A", "B")}
        await copied.save_changes()
        assert (await Volume.get("1")).title == "B"
        await volume.save()


# -- models of other kinds ------------------------------------------------------------------------


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"
    lives: int = 9


class Dog(BaseModel):
    kind: Literal["dog"] = "dog"
    lives: str = "one"


class Ids(RootModel[list[int]]):
    pass


class Odd(AtomicRedisModel):
    model_config = ConfigDict(extra="allow")
    pet: Annotated[Cat | Dog, Field(discriminator="kind")] = Cat()
    ids: Ids = Ids([1])
    items: dict[str, int] = {}
    low: int = 0
    high: int = 5
    marks: dict[str, int] = Field(default={}, max_length=2)

    class Config:
        track_changes = True

    @field_serializer("items")
    def _dump_items(self, value: dict[str, int]) -> list[list[Any]]:
        return [list(pair) for pair in value.items()]

    @field_validator("items", mode="before")
    @classmethod
    def _load_items(cls, value: Any) -> Any:
        return dict(value)

    @field_validator("high")
    @classmethod
    def _not_below(cls, value: int, info: ValidationInfo) -> int:
        if value < info.data["low"]:
            raise ValueError("high is below low")
        return value


@pytest.mark.parametrize(
    ("code", "paths"),
    [
        ("v.pet.lives = 8", {"pet"}),
        ("v.pet = Dog()", {"pet"}),
        ("v.ids.root.append(2)", {"ids"}),
        ("v.items['a'] = 1", {"items"}),
        ("v.extra = {'a': [1]}", {"extra"}),
        ("v.known['a'] = 2", {"known.a"}),
        ("del v.known", {"known"}),
        ("v.low = 3; v.high = 4", {"low", "high"}),
        ("v.marks['b'] = 1", {"marks.b"}),
        ("del v.marks['a']; v.marks['b'] = 1; v.marks['c'] = 1", {"marks.a", "marks.b", "marks.c"}),
    ],
)
async def test_what_paths_do_not_lead_into_is_saved_as_a_whole(code, paths):
    odd = await Odd(known={"a": 1}, marks={"a": 1}).save()
    exec(code, {"v": odd, "Dog": Dog})
    assert odd.changes().keys() == paths
    await odd.save_changes()
    assert await Odd.get(odd.key) == odd
    assert odd.changes() == {}


@pytest.mark.parametrize(
    ("code", "match"),
    [
        ("v.low = 6", "high is below low"),
        ("v.high = -1", "high is below low"),
        ("v.marks['b'] = 1; v.marks['c'] = 1", "at most 2 items"),
    ],
)
async def test_rules_of_what_is_around_a_change_are_kept(redis, code, match):
    odd = await Odd(marks={"a": 1}).save()
    before = await redis.execute_command("JSON.GET", odd.key)
    exec(code, {"v": odd})
    with pytest.raises(UnstorableValueError, match=match):
        await odd.save_changes()
    assert await redis.execute_command("JSON.GET", odd.key) == before


class NamedInFull(AtomicRedisModel):
    first: str = ""
    full: str = ""

    class Config:
        track_changes = True

    @model_validator(mode="after")
    def _fill(self) -> NamedInFull:
        self.__dict__["full"] = f"{self.first}!"
        return self


async def test_a_change_that_readers_would_see_otherwise_is_refused_as_by_save():
    strict = await NamedInFull(first="a").save()
    strict.first = "b"
    for save in (strict.save, strict.save_changes):
        with pytest.raises(UnstorableValueError, match="full"):
            await save()
    await strict.aupdate(first="c")
    assert strict.changes() == {}
    assert await NamedInFull.get(strict.key) == strict


class Whole(AtomicRedisModel):
    value: int = 0

    class Config:
        track_changes = True

    @model_serializer
    def _dump(self) -> dict[str, Any]:
        return {"stored": self.value}

    @model_validator(mode="before")
    @classmethod
    def _load(cls, value: Any) -> Any:
        return {"value": value["stored"]} if "stored" in value else value


async def test_a_document_that_is_not_made_of_its_fields_is_saved_as_a_whole_only():
    whole = await Whole(value=1).save()
    assert whole.changes() == {}
    whole.value = 2
    assert whole.changes().keys() == {""}
    with pytest.raises(ExpressionError, match="Save the whole instance"):
        await whole.save_changes()
    whole.rollback()
    assert whole.value == 1


class Ledger(AtomicRedisModel):
    id: Key[str]
    balance: int = 0
    owner: str = ""
    entries: dict[str, int] = {}
    revision: Version

    class Config:
        track_changes = True


async def test_versions_are_compared_counted_and_no_change():
    ledger = await Ledger(id="1").save()
    other = await Ledger.get("1")
    assert ledger.changes() == other.changes() == {}
    ledger.balance = 5
    assert ledger.changes() == {"balance": Change(0, 5)}
    await ledger.save_changes()
    assert (ledger.revision, ledger.changes()) == (2, {})
    assert await Ledger.get("1") == ledger
    other.owner = "x"
    with pytest.raises(ConflictError):
        await other.save_changes()
    assert other.changes() == {"owner": Change("", "x")}
    ledger.owner = "y"
    ledger.rollback()
    assert (ledger.owner, ledger.revision) == ("", 2)
    ledger.owner = "z"
    await ledger.save_changes()
    assert ledger.revision == 3


async def test_two_clients_that_save_their_changes_lose_nothing():
    await a_volume(copies={"a": 0, "b": 0})

    async def writer(name: str) -> None:
        own = await Volume.get("1")
        for number in range(300):
            own.copies[name] = number
            if name == "a":
                own.title = f"a{number}"
            await own.save_changes()

    await asyncio.gather(writer("a"), writer("b"))
    stored = await Volume.get("1")
    assert (stored.copies, stored.title) == ({"a": 299, "b": 299}, "a299")


# -- comparing texts ------------------------------------------------------------------------------


PARTS = st.lists(
    st.sampled_from([b"1", b"11", b"2", b"12", b"[1,1]", b'"a,1"', b'{"a":1}', b'","']),
    max_size=6,
)


@given(PARTS, PARTS, PARTS, PARTS)
def test_what_is_left_between_parts_that_are_alike_is_the_rest_of_the_text(before, old, new, after):
    text = b"[%b]" % b",".join([*before, *old, *after])
    parts = [*before, *new, *after]
    middle, first, last = _middle(text, parts)
    assert 0 <= first <= last <= len(parts)
    left = [middle] if middle else []
    assert text == b"[%b]" % b",".join([*parts[:first], *left, *parts[last:]])
    if len(old) == len(new) > 0 and old[0] != new[0] and old[-1] != new[-1]:
        assert (first, last) == (len(before), len(before) + len(new))


@pytest.mark.parametrize(
    ("text", "parts", "middle"),
    [
        (b'{"a":1,"b":2}', [b'"a":1', b'"b":2'], (b"", 2, 2)),
        (b'{"a":1,"b":2,"c":3}', [b'"a":1', b'"b":5', b'"c":3'], (b'"b":2', 1, 2)),
        (b'{"a":12}', [b'"a":1'], (b'"a":12', 0, 1)),
        (b'{"a":1,"b":2}', [b'"a":11', b'"b":2'], (b'"a":1', 0, 1)),
        (b'{"a":{"b":2}}', [b'"a":1', b'"b":2'], (b'"a":{"b":2}', 0, 2)),
        (b'{"a":"x,\\"b\\":2","b":2}', [b'"a":1', b'"b":2'], (b'"a":"x,\\"b\\":2"', 0, 1)),
        (b"{}", [b'"a":1'], (b"", 0, 1)),
        (b"[1,2,3]", [b"1", b"5", b"3"], (b"2", 1, 2)),
        (b"[1,1]", [b"1"], (b"1", 1, 1)),
        (b"[[1],[2]]", [b"[1]", b"[3]"], (b"[2]", 1, 2)),
    ],
)
def test_parts_that_are_alike_are_skipped_from_both_ends(text, parts, middle):
    assert _middle(text, parts) == middle
