"""The Redis types: what their values are, whose they are, and how instances follow Redis."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
import sys
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Annotated, Any, Generic, NamedTuple, TypeVar

import pytest
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError
from rapyer import (
    AtomicRedisModel,
    ConflictError,
    CorruptDocumentError,
    DetachedValueError,
    DictPath,
    EmbeddedModel,
    ExpressionError,
    Field,
    FieldPath,
    Key,
    KeyChangedError,
    KeyNotFoundError,
    ListPath,
    Mapped,
    ModelDefinitionError,
    NumberOverflowError,
    PathNotFoundError,
    RedisBytes,
    RedisDateTime,
    RedisDict,
    RedisFloat,
    RedisInt,
    RedisList,
    RedisStr,
    UnstorableValueError,
    Version,
    WrongTypeError,
    init_rapyer,
)
from rapyer.expr.evaluate import matches
from redis.exceptions import ResponseError

NOON = datetime(2026, 11, 29, 12, 30, 15, 7, tzinfo=UTC)


class Address(EmbeddedModel):
    city: RedisStr = Field(default="")
    visits: RedisInt = Field(default=0)


class Item(EmbeddedModel):
    price: RedisInt = Field(default=0)
    tags: RedisList[str] = Field(default_factory=list)
    address: Address | None = None


class User(AtomicRedisModel):
    id: Key[str]
    name: str = ""
    score: RedisInt = Field(default=0, ge=-100)
    share: RedisFloat = Field(default=0.5)
    log: RedisStr = Field(default="", max_length=20)
    blob: RedisBytes = Field(default=b"")
    at: RedisDateTime = Field(default=NOON)
    tags: RedisList[str] = Field(default_factory=list, max_length=5)
    counts: RedisDict[int] = Field(default_factory=dict)
    items: RedisList[Item] = Field(default_factory=list)
    by_name: RedisDict[Item] = Field(default_factory=dict)
    address: Mapped[Address] = Field(default_factory=Address)
    numbers: RedisList[RedisInt] = Field(default_factory=list)
    groups: RedisDict[RedisList[int]] = Field(default_factory=dict)
    maybe: RedisInt | None = None
    anything: RedisList[Any] = Field(default_factory=list)
    bare: RedisList = Field(default_factory=list)
    plain_items: list[Item] = []

    class Config:
        prefix = "redis-types:user"


class PlainUser(AtomicRedisModel):
    """The same with plain annotations."""

    id: Key[str]
    name: str = ""
    score: int = Field(default=0, ge=-100)
    share: float = 0.5
    log: str = Field(default="", max_length=20)
    blob: bytes = b""
    at: datetime = NOON
    tags: list[str] = Field(default_factory=list, max_length=5)
    counts: dict[str, int] = Field(default_factory=dict)

    class Config:
        prefix = "redis-types:plain"


class Counted(AtomicRedisModel):
    id: Key[str]
    score: RedisInt = Field(default=0)
    tags: RedisList[str] = Field(default_factory=list)
    revision: Version

    class Config:
        prefix = "redis-types:counted"


@pytest.fixture
async def user(server) -> Any:
    return await User(
        id="1",
        tags=["a"],
        counts={"a": 1},
        items=[Item(price=1), Item(price=2)],
        by_name={"a": Item(price=3)},
        numbers=[1, 2, 3],
        groups={"a": [1]},
    ).save()


# -- what the values are --------------------------------------------------------------------------


def test_values_are_those_of_python():
    user = User(id="1", score=3, tags=["a"], counts={"a": 1}, log="x", blob=b"y")
    assert user.score == 3
    assert user.score + 1 == 4
    assert (user.share, user.log, user.blob, user.at) == (0.5, "x", b"y", NOON)
    assert user.tags == ["a"]
    assert user.counts == {"a": 1}
    kinds: dict[str, Any] = {
        "score": RedisInt, "share": RedisFloat, "log": RedisStr, "blob": RedisBytes,
        "at": RedisDateTime, "tags": RedisList, "counts": RedisDict,
    }  # fmt: skip
    for name, kind in kinds.items():
        value = getattr(user, name)
        assert isinstance(value, kind)
        assert repr(value) == repr(
            getattr(PlainUser(**user.model_dump(include=set(kinds) | {"id"})), name)
        )
    assert user.maybe is None
    user.maybe = 5
    assert isinstance(user.maybe, RedisInt)


def test_an_instance_holds_what_pydantic_has_made():
    user = User.model_validate_json('{"id": "1", "score": 5, "tags": ["a"]}')
    assert {type(value) for value in user.__dict__.values()} <= {
        str, int, float, bytes, datetime, list, dict, Address, type(None),
    }  # fmt: skip
    assert user.model_fields_set == {"id", "score", "tags"}


def test_a_list_and_a_model_are_one_object_each():
    user = User(id="1", tags=["a"], items=[Item()], by_name={"a": Item()})
    assert user.tags is user.tags
    assert user.counts is user.counts
    assert user.items[0] is user.items[0]
    assert user.by_name["a"] is user.by_name["a"]
    assert user.groups is user.groups
    user.tags.append("b")
    assert user.tags == ["a", "b"]
    user.tags += ["c"]
    assert user.tags == ["a", "b", "c"]
    assert isinstance(user.tags, RedisList)


def test_dumps_and_schemas_are_those_of_plain_annotations():
    values: dict[str, Any] = {"id": "1", "score": 3, "tags": ["a"], "counts": {"a": 1}}
    user, plain = User(**values), PlainUser(**values)
    assert user.tags
    assert user.counts
    names = set(PlainUser.model_fields)
    dump = user.model_dump(include=names)
    assert dump == plain.model_dump()
    assert {type(value) for value in dump.values()} == {
        str,
        int,
        float,
        bytes,
        datetime,
        list,
        dict,
    }
    assert json.loads(user.model_dump_json(include=names)) == json.loads(plain.model_dump_json())
    properties = User.model_json_schema()["properties"]
    assert {name: properties[name] for name in names} == PlainUser.model_json_schema()["properties"]


def test_copies_and_pickles_are_plain():
    user = User(id="1", tags=["a"], counts={"a": 1}, score=5)
    values: list[tuple[Any, type]] = [
        (user.tags, list), (user.counts, dict), (user.score, int), (user.share, float),
        (user.log, str), (user.blob, bytes), (user.at, datetime), (user.numbers, list),
        (user.groups, dict),
    ]  # fmt: skip
    for value, plain in values:
        for copied in (copy.copy(value), copy.deepcopy(value), pickle.loads(pickle.dumps(value))):
            assert type(copied) is plain
            assert copied == value
    assert type(user.tags[:]) is list
    assert type(user.numbers[:]) is list
    for other in (user.at + timedelta(1), timedelta(1) + user.at, user.at - timedelta(1)):
        assert type(other) is datetime
    assert type(user.at.replace(year=2000)) is type(user.at.astimezone(UTC)) is datetime
    assert user.at - NOON == timedelta(0)
    assert NOON - user.at == timedelta(0)
    assert hash(user.at) == hash(NOON)


@pytest.mark.parametrize(
    "copied",
    [
        lambda user: user.model_copy(),
        copy.copy,
        lambda user: user.model_copy(deep=True),
        copy.deepcopy,
        lambda user: pickle.loads(pickle.dumps(user)),
    ],
)
def test_a_copy_of_an_instance_has_values_of_its_own(copied):
    user = User(id="1", tags=["a"], items=[Item()], groups={"a": [1]}, by_name={"a": Item()})
    assert [user.tags, user.items[0].tags, user.groups["a"], user.address.city, user.by_name["a"]]
    other = copied(user)
    assert other == user
    other.tags.append("b")
    other.items[0].tags.append("c")
    other.groups["a"].append(2)
    other.by_name["a"].price = 7
    other.address.visits = 3
    assert user.tags == ["a"]
    assert user.items[0].tags == []
    assert user.groups == {"a": [1]}
    assert user.by_name["a"].price == 0
    assert user.address.visits == 0


def test_assignment_is_that_of_pydantic():
    class Strict(AtomicRedisModel):
        model_config = ConfigDict(validate_assignment=True)
        score: RedisInt = Field(default=0)
        tags: RedisList[int] = Field(default_factory=list)

        class Config:
            prefix = "redis-types:strict"

    class Frozen(AtomicRedisModel):
        model_config = ConfigDict(frozen=True)
        score: RedisInt = Field(default=0)

        class Config:
            prefix = "redis-types:frozen"

    strict: Any = Strict()
    with pytest.raises(ValidationError):
        strict.tags = ["x"]
    strict.score = "5"
    strict.tags = ["7"]
    assert (strict.score, strict.tags) == (5, [7])
    assert strict.model_fields_set == {"score", "tags"}
    with pytest.raises(ValidationError):
        object.__setattr__(strict, "score", "x")
    frozen: Any = Frozen()
    with pytest.raises(ValidationError, match="frozen"):
        frozen.score = 5
    user: Any = User(id="1")
    user.tags = ["z"]
    assert user.tags == ["z"]
    del user.tags
    with pytest.raises(AttributeError, match="has no 'tags'"):
        _ = user.tags
    with pytest.raises(AttributeError):
        del user.tags


def test_a_deprecated_field_warns_as_ever():
    class Old(AtomicRedisModel):
        score: RedisInt = Field(default=0, deprecated="use points")

        class Config:
            prefix = "redis-types:old"

    with pytest.warns(DeprecationWarning, match="use points") as caught:
        assert Old().score == 0
    assert caught[0].filename == __file__


# -- classes --------------------------------------------------------------------------------------


def test_on_the_class_they_are_the_paths_of_plain_annotations():
    kinds: dict[Any, type] = {User.score: FieldPath, User.tags: ListPath, User.counts: DictPath}
    for path, kind in kinds.items():
        assert type(path) is kind
    assert repr(User.items[0].address.city) == "User.items[0].address.city"
    assert User.score is User.score
    condition: Any = (User.score > 5) & User.tags.contains("a")
    assert matches(condition, User(id="1", score=7, tags=["a"]))
    assert not matches(condition, User(id="1", score=7))
    with pytest.raises(ExpressionError):
        User.score == "x"  # type: ignore[comparison-overlap]  # noqa: B015


def test_classes_are_derived_from_overridden_and_made_generic():
    T = TypeVar("T")

    class Derived(User):
        level: int = 1

        class Config:
            prefix = "redis-types:derived"

    class Plain(User):
        tags: list[str] = ["z"]  # type: ignore[assignment]
        score: int = 9  # type: ignore[assignment]

        class Config:
            prefix = "redis-types:overridden"

    class Other(PlainUser):
        tags: RedisList[str] = Field(default_factory=list)  # type: ignore[assignment]

        class Config:
            prefix = "redis-types:other"

    class Page(AtomicRedisModel, Generic[T]):
        rows: RedisList[T] = Field(default_factory=list)

        class Config:
            prefix = "redis-types:page"

    assert isinstance(Derived(id="1", tags=["a"]).tags, RedisList)
    assert repr(Derived.tags) == "Derived.tags"
    assert type(Plain(id="1").tags) is list
    assert type(Plain(id="1").score) is int
    assert isinstance(Other(id="1").tags, RedisList)
    assert type(PlainUser(id="1").tags) is list
    page: Any = Page[Item]
    assert isinstance(page(rows=[Item()]).rows[0].price, RedisInt)
    with pytest.raises(ValidationError):
        page(rows=[1])


class Pair(NamedTuple):
    one: RedisInt
    other: int


class Node(EmbeddedModel):
    count: RedisInt = Field(default=0)
    children: RedisList[Node] = Field(default_factory=list)


class Tree(AtomicRedisModel):
    id: Key[str]
    root: Node = Field(default_factory=Node)
    later: RedisList[Later] = Field(default_factory=list)

    class Config:
        prefix = "redis-types:tree"


class Later(EmbeddedModel):
    count: RedisInt = Field(default=0)


async def test_models_in_themselves_and_later_ones_are_bound(server):
    tree = await Tree(id="1", root=Node(children=[Node(children=[Node()])]), later=[Later()]).save()
    assert await tree.root.children[0].children[0].count.aincrease(3) == 3
    assert await tree.later[0].count.aincrease() == 1
    assert await tree.root.children[0].children.aappend(Node(count=1)) == 2
    assert await Tree.get("1") == tree


@pytest.mark.parametrize(
    "annotation",
    [
        list[RedisInt],
        dict[str, RedisList[int]],
        tuple[RedisInt, ...],
        RedisList[list[RedisInt]],
        RedisInt | list[RedisStr],
        dict[str, Annotated[RedisInt, "x"]],
        RedisInt | RedisStr,
        RedisInt | str,
        RedisList[RedisInt | str],
        Pair,
    ],
)
def test_a_redis_type_where_it_could_not_be_bound_is_refused(annotation):
    namespace = {"__annotations__": {"field": annotation}, "__module__": __name__}
    with pytest.raises(ModelDefinitionError, match="would have no operations"):
        type(AtomicRedisModel)("Wrong", (AtomicRedisModel,), namespace)


def test_in_a_plain_model_of_pydantic_it_is_refused():
    class Plain(BaseModel):
        score: RedisInt = 0  # type: ignore[assignment]

    namespace = {"__annotations__": {"field": Plain}, "__module__": __name__}
    with pytest.raises(ModelDefinitionError, match="RedisInt would have no operations"):
        type(AtomicRedisModel)("Wrong", (AtomicRedisModel,), namespace)


def test_classes_that_derive_from_a_redis_type_are_refused():
    with pytest.raises(TypeError, match="Annotate them with the Redis type itself"):

        class Scores(RedisList[int]):
            pass


# -- operations -----------------------------------------------------------------------------------


async def test_operations_give_what_redis_has_and_the_instance_follows(user):
    assert await user.score.aincrease(5) == 5
    assert await user.score.aincrease() == 6
    assert await user.share.aincrease(0.25) == 0.75
    assert await user.log.aappend("héllo\0") == "héllo\0"
    assert await user.blob.aappend(b"\xff\x00") == b"\xff\x00"
    assert await user.at.ashift(timedelta(days=1, microseconds=1)) == NOON + timedelta(1, 0, 1)
    assert await user.tags.aextend(["b", "c"]) == 3
    assert await user.tags.apop(0) == "a"
    await user.tags.aremove("c")
    await user.tags.aset_item(-1, "z")
    assert await user.tags.alen() == 1
    await user.counts.aupdate({"b": 2}, c=3)
    await user.counts.adel_item("a")
    assert await user.counts.apop("x", None) is None
    assert await user.counts.alen() == 2
    assert user.tags == ["z"]
    assert user.counts == {"b": 2, "c": 3}
    assert await User.get("1") == user
    assert user.model_fields_set >= {"score", "share", "log", "blob", "at"}


async def test_parts_are_bound_where_they_are_accessed(user):
    assert await user.items[1].price.aincrease(5) == 7
    assert await user.items[-1].price.aincrease(1) == 8
    assert await user.by_name["a"].tags.aappend("x") == 1
    assert await user.address.city.aappend("Rome") == "Rome"
    assert await user.numbers[2].aincrease(10) == 13
    assert await user.groups["a"].aextend([2, 3]) == 3
    await user.items.aset_item(0, Item(address=Address()))
    assert await user.items[0].address.visits.aincrease(2) == 2
    for item in user.items:
        await item.price.aincrease(100)
    for item in reversed(user.items):
        await item.tags.aappend("y")
    for number in user.numbers:
        await number.aincrease(1)
    for item in (*user.by_name.values(), *dict(user.by_name.items()).values()):
        await item.price.aincrease(10)
    for item in user.items[:1]:
        await item.price.aincrease(1000)
    again: Any = user.by_name.get("a")
    await again.price.aincrease(1)
    assert user.by_name.get("x") is None
    assert [item.price for item in user.items] == [1100, 108]
    assert user.numbers == [2, 3, 14]
    assert user.by_name["a"].price == 24
    assert await User.get("1") == user


async def test_an_element_is_bound_by_its_index(user):
    second = user.items[1]
    price = second.price
    await user.items.apop(0)
    with pytest.raises(PathNotFoundError):
        await price.aincrease(1)
    assert await user.items[0].price.aincrease(1) == 3
    assert await second.price.aincrease(1) == 4  # it was accessed at its new place meanwhile
    assert user.items[0] is second


async def test_a_value_is_set_and_read_again(user):
    tags = user.tags
    await tags.aset(["x", "y"])
    assert tags == ["x", "y"]
    assert user.tags is tags
    await user.score.aset(7)
    assert user.score == 7
    await user.counts.aset({"z": 9})
    await user.numbers[0].aset(5)
    await user.address.city.aset("Oslo")
    assert await User.get("1") == user
    with pytest.raises(ValidationError):
        await user.score.aset("x")  # type: ignore[arg-type]
    with pytest.raises(ValidationError):
        await user.score.aset(-101)
    await User.aupdate_by_key("1", score=8, tags=["n"], counts={"n": 1})
    assert await user.score.aload() == user.score == 8
    assert await user.tags.aload() == ["n"]
    assert user.tags is tags
    assert tags == ["n"]
    assert await user.counts.aload() == user.counts == {"n": 1}
    assert await User.get("1") == user


# -- others write, too ----------------------------------------------------------------------------


async def test_what_others_have_written_is_what_the_instance_has_then(user):
    other = await User.get("1")
    await other.score.aincrease(10)
    await other.log.aappend("theirs ")
    await other.tags.aextend(["b", "c"])
    await other.at.ashift(timedelta(1))
    await other.counts.aset_item("theirs", 1)
    assert await user.score.aincrease(1) == 11
    assert await user.log.aappend("ours") == "theirs ours"
    assert await user.at.ashift(timedelta(1)) == NOON + timedelta(2)
    assert await user.tags.aappend("d") == 4
    assert user.tags == ["a", "b", "c", "d"]
    await other.tags.aset(["x", "y", "z", "d"])
    assert await user.tags.apop(0) == "x"
    assert user.tags == ["y", "z", "d"]
    await user.counts.aset_item("ours", 2)
    assert user.counts == {"a": 1, "ours": 2}  # the other entries stay as they are
    await user.load()
    assert user.counts == {"a": 1, "theirs": 1, "ours": 2}


async def test_what_was_changed_in_the_instance_alone_is_not_lost(user):
    user.tags.append("local")
    await User.tags.append("1", "theirs")
    assert await user.tags.aappend("ours") == 3
    assert user.tags == ["a", "local", "ours"]
    assert await user.tags.apop() == "ours"
    assert user.tags == ["a", "local"]
    await user.tags.aset_item(0, "b")
    await user.tags.ainsert(0, "c")
    assert user.tags == ["c", "b", "local"]
    await user.tags.aset_item(2, "t")  # which the instance has not: it is not put in its place
    await user.tags.aremove_range(1)
    assert await User.tags.get("1") == ["c"]
    await user.tags.aload()
    assert user.tags == ["c"]


async def test_after_a_save_nothing_is_in_the_instance_alone(user):
    user.tags.append("ours")
    user.counts["ours"] = 1
    await user.save()
    await User.tags.append("1", "theirs")
    assert await user.tags.aappend("x") == 4
    assert user.tags == ["a", "ours", "theirs", "x"]
    user.tags.append("later")
    saving = asyncio.create_task(user.save())
    await asyncio.sleep(0)
    user.tags.append("meanwhile")  # which is not saved
    await saving
    await User.tags.pop("1", 0)
    await user.tags.aset_item(0, "first")
    assert "meanwhile" in user.tags
    for name, arguments in (("remove", ["nope"]), ("pop", [99]), ("__delitem__", [99])):
        await user.tags.aset(["a"])
        with pytest.raises((ValueError, IndexError)):
            getattr(user.tags, name)(*arguments)  # which changes nothing
        await User.tags.append("1", "theirs")
        await user.tags.aappend("x")
        assert user.tags == ["a", "theirs", "x"]


async def test_what_was_assigned_is_not_lost(user):
    user.tags = ["b", "c"]
    await user.tags.aappend("x")
    assert user.tags == ["b", "c", "x"]
    assert await User.tags.get("1") == ["a", "x"]
    await user.save()
    assert await User.tags.get("1") == ["b", "c", "x"]
    user.items = [Item(price=5)]
    await user.items.aappend(Item(price=6))
    assert [item.price for item in user.items] == [5, 6]
    other = User(id="2", at=user.at, blob=user.blob)
    other.score, other.log = user.score, user.log
    for name in ("score", "log"):
        assert type(other.__dict__[name]) in (int, str)


async def test_what_was_popped_does_not_come_back_beside_what_was_added(user):
    user.tags.append("local")
    assert await user.tags.apop() == "a"
    assert user.tags == ["local"]
    await user.tags.aappend("b")
    assert user.tags == ["local", "b"]


async def test_what_is_done_is_told_also_when_the_rest_cannot_be_read(user, redis):
    await redis.execute_command("JSON.SET", user.key, "$.tags", '["a", 5, "precious"]')
    assert await user.tags.apop() == "precious"
    assert user.tags == ["a"]
    assert await user.tags.aappend("x") == 3
    await redis.execute_command("JSON.SET", user.key, "$.tags", '["a", "b", "x"]')
    assert await user.tags.aappend("y") == 4
    assert user.tags == ["a", "b", "x", "y"]


async def test_a_text_is_what_redis_has_also_where_the_lengths_are_equal(user):
    await user.log.aset("a")
    user.log = "b"
    assert await user.log.aappend("x") == user.log == "ax"
    await user.blob.aset(b"a")
    user.blob = b"b"
    assert await user.blob.aappend(b"x") == user.blob == b"ax"
    await user.blob.aset(b"a" * 5000)
    await User.blob.append("1", b"theirs")
    assert await user.blob.aappend(b"ours") == user.blob == b"a" * 5000 + b"theirsours"


class Color(str, Enum):  # noqa: UP042 - whose str() is not its value
    RED = "red"


class Number(int, Enum):
    FIVE = 5


async def test_members_of_enums_are_meant_as_their_values(user):
    assert await user.log.aappend(Color.RED) == "red"
    assert await user.score.aincrease(Number.FIVE) == 5
    assert await user.share.aincrease(Number.FIVE) == 5.5
    assert await user.share.aincrease(2**63) == 5.5 + 2**63
    with pytest.raises(NumberOverflowError):
        await user.share.aincrease(10**400)
    await user.tags.aappend(Color.RED)
    assert await User.get("1") == user


async def test_who_may_not_do_it_is_told_so(user, redis, redis_url):
    commands = ["JSON.ARRPOP", "JSON.NUMINCRBY", "JSON.DEL", "JSON.STRAPPEND"]
    calls: list[Any] = [
        lambda one: one.tags.apop(),
        lambda one: one.score.aincrease(1),
        lambda one: one.counts.apop("a"),
        lambda one: one.log.aappend("x"),
    ]
    for command, call in zip(commands, calls, strict=True):
        await redis.execute_command(
            "ACL", "SETUSER", "few", "reset", "on", ">pw", "~*", "+@all", f"-{command}"
        )
        async with init_rapyer(redis_url.replace("unix://", "unix://few:pw@")):
            one = await User.get("1")
            with pytest.raises(ResponseError, match=r"permission|NOPERM|ACL"):
                await call(one)
    await redis.execute_command("ACL", "DELUSER", "few")
    async with init_rapyer(redis_url):
        assert await User.get("1") == user


async def test_a_dict_of_lists_is_a_dict(user):
    made = user.groups.setdefault("z", [])
    made.append(1)
    assert user.groups["z"] == [1]
    assert made is user.groups["z"]
    assert list(reversed(user.groups.values())) == [[1], [1]]
    assert [name for name, _ in reversed(user.groups.items())] == ["z", "a"]
    assert len(user.groups.items()) == len(user.groups.values()) == 2
    assert ("a", [1]) in user.groups.items()
    assert user.groups.setdefault("a", []) == [1]
    assert user.groups.get("x", 5) == 5


async def test_offsets_that_are_none_are_said(user, redis):
    for off in ("999999", '"x"', "null", "1.5"):
        await redis.execute_command("JSON.SET", user.key, "$.at", f'{{"us":5,"off":{off}}}')
        with pytest.raises(WrongTypeError):
            await user.at.ashift(timedelta(1))
    assert json.loads(await redis.execute_command("JSON.GET", user.key, "$.at")) == [
        {"us": 5, "off": 1.5}
    ]


async def test_a_list_that_was_replaced_meanwhile_follows_as_well(user):
    tags = user.tags
    await user.load()
    assert await tags.aappend("b") == 2
    assert tags == user.tags == ["a", "b"]
    counts = user.counts
    await user.load()
    await counts.aset_item("b", 2)
    assert counts == user.counts == {"a": 1, "b": 2}
    await counts.apopitem()
    await counts.aclear()
    assert counts == user.counts == {}


async def test_a_number_keeps_its_value_and_its_place(user):
    score = user.score
    assert await score.aincrease(1) == 1
    assert await score.aincrease(1) == 2
    assert (score, user.score) == (0, 2)
    log = user.log
    await log.aappend("a")
    assert await log.aappend("b") == user.log == "ab"


async def test_parts_that_two_documents_share_belong_to_each_by_itself(user):
    other = await User(id="2", address=user.address, tags=user.tags).save()
    other.items = user.items
    await other.save()
    assert await user.address.city.aappend("ours") == "ours"
    assert await other.address.city.aappend("theirs") == "theirs"
    assert await user.tags.aappend("x") == 2
    assert await other.tags.aappend("y") == 2
    assert await other.items[0].price.aincrease(5) == 6
    assert await user.items[0].price.aincrease(7) == 8
    for one in (user, other):
        assert await User.get(one.id) == one
    item = Item()
    user.items = [item, item]
    await user.save()
    for index in range(2):
        await user.items[index].price.aincrease(index + 1)
    assert [item.price for item in user.items] == [1, 2]
    assert await User.get("1") == user


async def test_callers_at_the_same_time_lose_nothing(user):
    other = await User.get("1")
    await User.aupdate_by_key("1", numbers=[0] * 100)
    for one in (user, other):
        await one.load()

    def both(call: Any) -> Any:
        return asyncio.gather(*(call(one, n) for n in range(50) for one in (user, other)))

    scores = await both(lambda one, n: one.score.aincrease(1))
    assert sorted(scores) == list(range(1, 101))
    await both(lambda one, n: one.share.aincrease(0.5))
    await both(lambda one, n: one.blob.aappend(b"xy"))
    await both(lambda one, n: one.at.ashift(timedelta(microseconds=1)))
    await both(lambda one, n: one.anything.aappend(n))
    await both(lambda one, n: one.numbers[2 * n + (one is other)].aincrease(n))
    await both(lambda one, n: one.counts.aset_item(f"{n}{one is other}", n))
    await both(lambda one, n: one.groups["a"].ainsert(0, n))
    await both(lambda one, n: one.bare.aextend([n, one is other]))
    found = await User.get("1")
    assert (found.score, found.share, found.blob) == (100, 50.5, b"xy" * 100)
    assert found.at == NOON + timedelta(microseconds=100)
    assert sorted(found.anything) == sorted([*range(50)] * 2)
    assert found.numbers == [n // 2 for n in range(100)]
    assert len(found.counts) == 101
    assert sorted(found.groups["a"]) == sorted([1, *range(50), *range(50)])
    assert len(found.bare) == 200
    await both(lambda one, n: one.anything.apop())
    assert await User.anything.len("1") == 0


async def test_operations_of_one_instance_at_the_same_time_leave_it_as_redis_is(user):
    for _ in range(15):
        await asyncio.gather(
            *(user.score.aincrease(n) for n in range(-5, 60)),
            *(user.blob.aappend(bytes([n])) for n in range(20)),
            *(user.at.ashift(timedelta(n)) for n in range(20)),
            *(user.anything.aappend(n) for n in range(20)),
            *(user.anything.ainsert(0, n) for n in range(5)),
            *(user.counts.aset_item("b", n) for n in range(20)),
            *(user.counts.apop("b", None) for _ in range(20)),
            *(user.numbers[n % 3].aincrease(1) for n in range(20)),
            *(item.price.aincrease(1) for item in user.items for _ in range(5)),
            user.share.aset(0.25), user.share.aincrease(1), user.share.aload(),
        )  # fmt: skip
        assert await User.get("1") == user
    assert await asyncio.gather(*(user.anything.apop() for _ in range(25))) != []
    await asyncio.gather(
        *(user.numbers[0].aincrease(1) for _ in range(5)),
        user.numbers.apop(0),
        user.counts.aclear(),
    )
    assert await User.get("1") == user


async def test_one_of_several_at_the_same_time_that_fails_leaves_the_others_right(user):
    for _ in range(20):
        await user.tags.aset([])
        done = await asyncio.gather(
            *(user.tags.aappend(str(n)) for n in range(5)),
            *(user.tags.aremove("x") for _ in range(5)),
            *(user.tags.apop(7) for _ in range(5)),
            return_exceptions=True,
        )
        assert sum(isinstance(one, Exception) for one in done) == 10
        assert await User.get("1") == user


PROGRAM = """
import asyncio, sys
from rapyer import AtomicRedisModel, Field, Key, RedisDict, RedisInt, RedisList, init_rapyer

class User(AtomicRedisModel):
    id: Key[str]
    score: RedisInt = Field(default=0)
    numbers: RedisList[int] = Field(default_factory=list)
    counts: RedisDict[int] = Field(default_factory=dict)
    class Config:
        prefix = "redis-types:user"

async def main(url, start):
    async with init_rapyer(url):
        mine = await User.get("1")
        await asyncio.gather(
            *(mine.score.aincrease(1) for _ in range(100)),
            *(mine.numbers.aappend(start + n) for n in range(100)),
            *(mine.counts.aset_item(str(start + n), n) for n in range(100)),
        )

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


async def test_clients_in_two_processes_lose_nothing(user, redis_url, tmp_path):
    (path := tmp_path / "operate.py").write_text(PROGRAM)
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, str(path), redis_url, str(start))
        for start in (100, 200)
    ]
    assert await asyncio.gather(*(process.wait() for process in processes)) == [0, 0]
    found = await User.get("1")
    assert found.score == 200
    assert sorted(found.numbers) == [1, 2, 3, *range(100, 300)]
    assert found.counts.keys() == {"a", *map(str, range(100, 300))}


async def test_a_version_is_compared_and_counted(server):
    one = await Counted(id="1").save()
    other = await Counted.get("1")
    assert await one.score.aincrease(1) == 1
    assert await one.tags.aappend("x") == 1
    assert await one.tags.aremove_range(5) == 0  # which writes nothing
    assert one.revision == 3
    await one.save()
    with pytest.raises(ConflictError):
        await other.score.aincrease(1)
    with pytest.raises(ConflictError):
        await other.tags.apop()
    assert (other.score, other.tags, other.revision) == (0, [], 1)
    await other.load()
    assert await other.score.aincrease(1) == 2
    done = await asyncio.gather(
        *(other.score.aincrease(1) for _ in range(20)),
        other.tags.aset(["a"]),
        other.tags.aappend("b"),
    )
    assert done[19] == 22
    assert await Counted.get("1") == other
    assert other.revision == 27


async def test_in_a_block_of_a_lock_an_operation_is_written_once(user):
    async with user.lock() as fresh:
        await fresh.score.aincrease(5)
        await fresh.tags.aappend("b")
        await User.score.increase("1", 1)
        fresh.name = "x"
    found = await User.get("1")
    assert (found.score, found.tags, found.name) == (6, ["a", "b"], "x")


# -- what goes wrong ------------------------------------------------------------------------------


async def test_what_redis_refuses_changes_nothing(user):
    before = user.model_dump()
    await User.score.set("1", 2**63 - 1)
    await user.load()
    before["score"] = 2**63 - 1
    with pytest.raises(NumberOverflowError):
        await user.score.aincrease(1)
    with pytest.raises(NumberOverflowError):
        await user.at.ashift(timedelta.max)
    with pytest.raises(UnstorableValueError, match="max_length"):
        await user.log.aappend("x" * 21)
    with pytest.raises(UnstorableValueError, match="max_length"):
        await user.tags.aextend("bcdef")
    with pytest.raises(ValidationError):
        await user.tags.aappend(5)  # type: ignore[arg-type]
    with pytest.raises(ValidationError):
        await user.items.aappend(5)  # type: ignore[arg-type]
    with pytest.raises(ValidationError):
        await user.counts.aupdate({"b": 1, "c": "x"})  # type: ignore[dict-item]
    with pytest.raises(TypeError):
        await user.score.aincrease("x")  # type: ignore[arg-type]
    with pytest.raises(IndexError):
        await user.tags.apop(3)
    with pytest.raises(IndexError):
        await user.tags.aset_item(3, "x")
    with pytest.raises(ValueError, match="is not in"):
        await user.tags.aremove("x")
    for call in (user.counts.adel_item("x"), user.counts.apop("x")):
        with pytest.raises(KeyError, match="x"):
            await call
    assert user.model_dump() == before
    assert (await User.get("1")).model_dump() == before


OPERATIONS: list[Any] = [
    lambda user: user.score.aincrease(1),
    lambda user: user.share.aincrease(1),
    lambda user: user.log.aappend("x"),
    lambda user: user.blob.aappend(b"x"),
    lambda user: user.at.ashift(timedelta(1)),
    lambda user: user.tags.aappend("x"),
    lambda user: user.tags.apop(),
    lambda user: user.tags.aremove("a"),
    lambda user: user.tags.aclear(),
    lambda user: user.tags.aset_item(0, "x"),
    lambda user: user.tags.alen(),
    lambda user: user.tags.aload(),
    lambda user: user.tags.aset(["x"]),
    lambda user: user.counts.aset_item("a", 1),
    lambda user: user.counts.adel_item("a"),
    lambda user: user.counts.apop("a"),
    lambda user: user.counts.apopitem(),
    lambda user: user.counts.aclear(),
    lambda user: user.counts.alen(),
    lambda user: user.items[0].price.aincrease(1),
    lambda user: user.items[0].tags.aappend("x"),
    lambda user: user.address.city.aappend("x"),
    lambda user: user.numbers[0].aincrease(1),
    lambda user: user.groups["a"].apop(),
]


@pytest.mark.parametrize("number", range(len(OPERATIONS)))
async def test_the_instance_of_a_key_that_is_gone_raises(user, redis, number):
    before = user.model_dump()
    await redis.delete(user.key)
    with pytest.raises(KeyNotFoundError):
        await OPERATIONS[number](user)
    assert user.model_dump() == before
    assert not await redis.exists(user.key)
    await redis.set(user.key, "x")
    with pytest.raises(WrongTypeError):
        await OPERATIONS[number](user)
    assert user.model_dump() == before
    user.id = "9"
    with pytest.raises(KeyChangedError):
        await OPERATIONS[number](user)


async def test_what_is_taken_out_and_does_not_validate_is_not_lost(user, redis):
    await redis.json().set(user.key, "$.tags", ["a", 5])
    user.tags.append("5")
    with pytest.raises(CorruptDocumentError) as caught:
        await user.tags.apop()
    assert caught.value.raw == b"5"
    assert user.tags == await User.tags.get("1") == ["a"]
    await redis.json().set(user.key, "$.counts", {"a": "x"})
    with pytest.raises(CorruptDocumentError) as caught:
        await user.counts.apop("a")
    assert caught.value.raw == b'"x"'
    assert user.counts == await User.counts.get("1") == {}


async def test_a_value_that_belongs_to_no_document_says_so(user):
    unbound: list[Any] = [
        RedisInt(5).aincrease(1),
        RedisList(["a"]).aappend("b"),
        RedisDict({"a": 1}).alen(),
        RedisStr("x").aload(),
        RedisDateTime.now(UTC).ashift(timedelta(1)),
        Item(price=1).price.aincrease(1),
        Item(price=1).tags.aset(["x"]),
    ]
    user.plain_items = [Item()]
    unbound.append(user.plain_items[0].price.aincrease(1))
    for call in unbound:
        with pytest.raises(DetachedValueError, match="Start at the model"):
            await call


async def test_what_has_rules_of_its_own_says_what_to_do(server):
    class Ruled(AtomicRedisModel):
        id: Key[str]
        tags: Annotated[RedisList[str], AfterValidator(sorted)] = Field(default_factory=list)
        score: RedisInt = Field(default=0, frozen=True)

        class Config:
            prefix = "redis-types:ruled"

    ruled = await Ruled(id="1").save()
    with pytest.raises(ExpressionError, match="lock_by_key"):
        await ruled.tags.aappend("x")
    with pytest.raises(ExpressionError, match="frozen"):
        await ruled.score.aincrease(1)
    await ruled.tags.aset(["b", "a"])
    assert ruled.tags == ["a", "b"]


async def test_a_field_that_the_document_lacks_has_its_default(user, redis):
    await redis.json().set(user.key, "$", {"id": "1"})
    await user.load()
    assert await user.score.aincrease(1) == 1
    assert await user.tags.aappend("a") == 1
    assert await user.tags.alen() == 1
    await user.counts.aset_item("a", 1)
    assert await user.groups.alen() == 0
    assert await user.share.aincrease(1) == 1.5
    assert await user.at.ashift(timedelta(1)) == NOON + timedelta(1)
    assert await user.items.alen() == 0
    assert await User.get("1") == user


@pytest.mark.parametrize("field", ["tags", "counts"])
async def test_what_others_have_cleared_before_is_clear_in_the_instance_too(user, field):
    others = await User.get(user.key)
    assert getattr(user, field)
    await getattr(others, field).aclear()
    assert await getattr(user, field).aclear() == 0
    assert not getattr(user, field)
