"""What is proven to be read back as it is need not be read back, and nothing else is proven."""

from __future__ import annotations

import contextlib
import copy
import enum
import math
import struct
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Annotated, Any, Generic, Literal, Optional, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    PlainSerializer,
    PrivateAttr,
    RootModel,
    SecretStr,
    computed_field,
    create_model,
    field_serializer,
    field_validator,
    model_serializer,
    model_validator,
)
from random_models import cases
from rapyer import (
    AtomicRedisModel,
    BigInt,
    EmbeddedModel,
    Field,
    Key,
    UnstorableValueError,
    Version,
)
from rapyer.testing import use_plugins
from rapyer.types.codec import Codec
from rapyer.types.document import DocumentCodec
from rapyer.types.proof import NO_PROOF, proof_of

T = TypeVar("T")


class Watched(DocumentCodec):
    """A codec that tells whether a value had to be read back."""

    __slots__ = ("was_read",)

    def _check(self, document: bytes, value: Any) -> None:
        self.was_read = True
        super()._check(document, value)


def watched(model: Any) -> Watched:
    return Watched(model, AtomicRedisModel.__rapyer_host__.field_types)


def is_proven(value: Any, codec: Watched | None = None) -> bool:
    """Say whether an instance is proven; where it is, the law holds or this fails."""
    codec = watched(type(value)) if codec is None else codec
    codec.was_read = False
    text = codec.text(value, checked=True)
    if not codec.was_read:
        Codec._check(codec, text, value)  # the law: it does not raise
    return not codec.was_read


class Hue(enum.Enum):
    RED = "red"
    DEEP = "deep red"


class Grade(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Rights(enum.Flag):
    READ = 1
    WRITE = 2


class Odd(enum.Enum):
    NAN = math.nan


class Blind(enum.Enum):
    A = "a"

    def __eq__(self, other: object) -> bool:
        return False

    __hash__ = enum.Enum.__hash__


class SubText(str):
    __slots__ = ()


class SubInt(int):
    pass


class SubFloat(float):
    pass


class UnlikeText(str):
    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return False

    __hash__ = str.__hash__


class SubList(list[Any]):
    pass


class SubDate(date):
    pass


class Moody(tzinfo):
    """A zone that has another offset each time."""

    def __init__(self) -> None:
        self._hours = 0

    def utcoffset(self, moment: datetime | None) -> timedelta:
        self._hours = (self._hours + 1) % 12
        return timedelta(hours=self._hours)

    def dst(self, moment: datetime | None) -> None:
        return None

    def tzname(self, moment: datetime | None) -> str:
        return "moody"


class Spot(BaseModel):
    x: int = 0
    y: float = 0


class DeepSpot(Spot):
    z: int = 0


class Looks(type(BaseModel)):  # type: ignore[misc]
    """A metaclass with an == of its own, as libraries have that build conditions."""

    def __eq__(cls, other: object) -> Any:
        return [other]

    __hash__ = type.__hash__


class Chameleon(BaseModel, metaclass=Looks):
    x: int = 0


zones = st.none() | st.sampled_from(
    [UTC, ZoneInfo("Europe/Berlin"), timezone(timedelta(hours=5, seconds=1))]
)
small = st.text(max_size=3)
Kind = tuple[Any, st.SearchStrategy[Any]]
KINDS: list[Kind] = [
    (str, small),
    (int, st.integers()),
    (float, st.floats(allow_nan=False) | st.integers(-(2**60), 2**60)),
    (bool, st.booleans()),
    (None, st.none()),
    (UUID, st.uuids()),
    (bytes, st.binary(max_size=4)),
    (date, st.dates()),
    (datetime, st.datetimes(timezones=zones)),
    (time, st.times(timezones=st.none() | st.just(UTC))),
    (timedelta, st.timedeltas()),
    (Hue, st.sampled_from(Hue)),
    (Grade, st.sampled_from(Grade)),
    (Literal["a", "b"], st.sampled_from(["a", "b"])),
    (Literal["a", 1], st.sampled_from(["a", 1])),
    (int | float, st.integers() | st.floats(allow_nan=False)),
    (float | int, st.integers() | st.floats(allow_nan=False)),
    (bool | int | str, st.booleans() | st.integers(-9, 9) | small),
    (Annotated[int, Field(ge=0, lt=5, multiple_of=2)], st.sampled_from([0, 2, 4])),
    (Annotated[float, Field(gt=0, le=5)], st.sampled_from([0.5, 5, 5.0])),
    (Annotated[str, Field(min_length=1, max_length=2)], st.text(min_size=1, max_size=2)),
    (Annotated[list[int], Field(max_length=2)], st.lists(st.integers(0, 9), max_size=2)),
    # of which nothing is proven
    (Decimal, st.decimals(allow_nan=False, allow_infinity=False, places=2)),
    (set[int], st.sets(st.integers(0, 9), max_size=3)),
    (tuple[int, str], st.tuples(st.integers(0, 9), small)),
    (Any, st.none() | small | st.lists(st.integers(0, 9), max_size=2)),
    (BigInt, st.integers()),
    (Rights, st.sampled_from(Rights)),
    (dict[int, str], st.dictionaries(st.integers(0, 9), small, max_size=2)),
    (UUID | str, st.uuids()),
    (Spot | str, small | st.builds(Spot)),
]
#: How many of them are such of which all is known.
CERTAIN = 22
JUNK: list[Any] = [
    None,
    True,
    False,
    0,
    1,
    -1,
    6,
    2**53 + 1,
    2**63,
    -(2**64),
    10**4299,
    10**4300,
    1.5,
    -0.0,
    1e300,
    math.nan,
    math.inf,
    -math.inf,
    "",
    "a",
    "abc",
    "5",
    "true",
    "red",
    "\x00",
    "\ud800",
    b"raw",
    (),
    [],
    [1],
    [None],
    ["a", 1],
    ["a", None],
    {},
    {"a": 1},
    {"a": None},
    {1: 2},
    {"a": [math.nan]},
    SubText("a"),
    UnlikeText("a"),
    SubInt(2),
    SubFloat(0.5),
    SubList(["a"]),
    OrderedDict(a=1),
    defaultdict(int, a=1),
    date(2026, 1, 1),
    SubDate(2026, 1, 1),
    datetime(2026, 1, 1),
    datetime(2026, 1, 1, tzinfo=Moody()),
    datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=1),
    time(1, tzinfo=Moody()),
    UUID(int=1),
    str(UUID(int=1)),
    Decimal(1),
    Decimal("NaN"),
    Hue.RED,
    Grade.LOW,
    Odd.NAN,
    Blind.A,
    Rights.READ | Rights.WRITE,
    Spot(),
    DeepSpot(),
    Spot.model_construct(x="a"),
    Spot.model_construct(y=1),
    Chameleon(),
    SecretStr("x"),
    object(),
    {1, 2},
    [[1]],
    [Spot(), DeepSpot()],
]


def list_of(kind: Kind) -> Kind:
    return list[kind[0]], st.lists(kind[1], max_size=3)


def dict_of(kind: Kind) -> Kind:
    return dict[str, kind[0]], st.dictionaries(small, kind[1], max_size=3)


def optional(kind: Kind) -> Kind:
    return Optional[kind[0]], st.none() | kind[1]  # noqa: UP045 - of None as well


def model_of(kinds: list[Kind]) -> Kind:
    model = create_model("Piece", **{f"f{n}": (kind[0], ...) for n, kind in enumerate(kinds)})
    return model, st.builds(model, **{f"f{n}": kind[1] for n, kind in enumerate(kinds)})


kinds = st.recursive(
    st.sampled_from(KINDS[:CERTAIN]) | st.sampled_from(KINDS),
    lambda inner: st.one_of(
        inner.map(list_of),
        inner.map(dict_of),
        inner.map(optional),
        st.lists(inner, min_size=0, max_size=3).map(model_of),
    ),
    max_leaves=5,
)


def holders(value: Any) -> Iterator[Any]:
    """All models, lists and dicts in a value, in which something can be exchanged."""
    if isinstance(value, BaseModel):
        yield value
        parts: Any = list(value.__dict__.values())
    elif isinstance(value, list | dict):
        yield value
        parts = list(value.values()) if isinstance(value, dict) else value
    else:
        return
    for part in parts:
        yield from holders(part)


def spoil(draw: Callable[[Any], Any], value: Any) -> None:
    """Put something into a value that pydantic does not look at."""
    holder = draw(st.sampled_from(list(holders(value))))
    junk = copy.deepcopy(draw(st.sampled_from(JUNK)))
    if isinstance(holder, list):
        holder.insert(draw(st.integers(0, len(holder))), junk)
        return
    inside = holder if isinstance(holder, dict) else holder.__dict__
    names = sorted(inside, key=repr)
    name = draw(st.sampled_from([*names, "extra"]))
    match draw(st.sampled_from(["set", "set", "set", "move", "delete", "key", "extra"])):
        case "set":
            inside[name] = junk
        case "move" if name in inside:
            inside[name] = inside.pop(name)
        case "delete":
            inside.pop(name, None)
        case "key" if inside is holder:
            holder[draw(st.sampled_from([1, None, SubText("k"), "\x00", "NaN"]))] = junk
        case "extra" if inside is not holder:
            object.__setattr__(holder, "__pydantic_extra__", {"more": junk})
        case _:
            pass


def outcome(codec: Watched, value: Any) -> bool | None:
    """Whether a value is proven; None where it is refused before that is asked."""
    try:
        return is_proven(value, codec)
    except UnstorableValueError:
        return False if codec.was_read else None


SLOW = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@SLOW
@given(st.data())
def test_what_is_proven_passes_the_full_check(data):
    fields = data.draw(st.lists(kinds, max_size=5))
    with use_plugins() as host:
        names = {f"f{n}": (kind[0], ...) for n, kind in enumerate(fields)}
        model = create_model("Proven", __base__=host.AtomicRedisModel, **names)
        codec = Watched(model, host.field_types)
    instance = model(**{f"f{n}": data.draw(kind[1]) for n, kind in enumerate(fields)})
    outcome(codec, instance)
    for _ in range(4):
        spoilt = instance.model_copy(deep=True)
        for _ in range(data.draw(st.integers(1, 2))):
            spoil(data.draw, spoilt)
        outcome(codec, spoilt)


@SLOW
@given(st.data())
def test_what_is_proven_of_the_random_models_passes_the_full_check(data):
    _, instance, _, _ = data.draw(cases())
    codec = Watched(type(instance), type(instance).__rapyer_host__.field_types)
    # of their kinds of values all is known
    assert is_proven(instance, codec) or "NaN" in repr(instance)
    for _ in range(4):
        spoilt = instance.model_copy(deep=True)
        spoil(data.draw, spoilt)
        outcome(codec, spoilt)


def test_a_good_share_of_values_is_proven_and_a_good_share_is_not():
    counts = {True: 0, False: 0, None: 0}

    @settings(
        max_examples=100, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(st.data())
    def count(data):
        kind = data.draw(st.sampled_from(KINDS[:CERTAIN]))
        with use_plugins() as host:
            model = create_model("Counted", __base__=host.AtomicRedisModel, f=(kind[0], ...))
            codec = Watched(model, host.field_types)
        instance = model(f=data.draw(kind[1]))
        assert is_proven(instance, codec) or "NaN" in repr(instance)
        spoil(data.draw, instance)
        counts[outcome(codec, instance)] += 1

    count()
    assert counts[True] >= 5
    assert counts[False] >= 20


# -- what is proven -------------------------------------------------------------------------------


class Inner(EmbeddedModel):
    street: str
    zip: int = 0


class Tree(EmbeddedModel):
    name: str
    children: list[Tree] = Field(default_factory=list)


class Page(EmbeddedModel, Generic[T]):
    items: list[T]


class Common(AtomicRedisModel):
    id: Key[str]
    revision: Version = Field(default=0)
    name: str = Field(default="", alias="n", serialization_alias="title")
    score: float = 0
    tags: list[str] = Field(default_factory=list)
    by_name: dict[str, list[Inner | None]] = Field(default_factory=dict)
    home: Inner | None = None
    work: Inner = Inner(street="s")
    tree: Tree | None = None
    page: Page[int] = Page[int](items=[1])
    hue: Hue = Hue.RED
    made: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    hidden: str = Field(default="", exclude=True)
    _private: int = PrivateAttr(default=1)

    @computed_field
    def double(self) -> float:
        return self.score * 2


def common(**values: Any) -> Common:
    made = Common(id="1", by_name={"a": [Inner(street="x"), None]}, tree=tree(3))
    made.__dict__.update(values)
    return made


def tree(levels: int) -> Tree:
    made = Tree(name="leaf")
    for _ in range(levels):
        made = Tree(name="branch", children=[made])
    return made


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"home": Inner(street="x")},
        {"work": Inner(street="\x00\ufdd0"), "tags": ["NaN"[:2], "\U0001f98a"]},
        {"score": 5},
        {"score": math.inf},
        {"tree": tree(50)},
        {"tags": ["x"] * 10_000},
        {"revision": 5, "name": "NaM"},
        {"made": datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=1)},
        {"further": object()},  # as a cached property leaves it
    ],
)
def test_plain_values_are_proven(values):
    assert is_proven(common(**values))


def test_the_order_of_the_fields_does_not_matter():
    moved = common()
    moved.name = moved.__dict__.pop("name")
    assert is_proven(moved)


def test_more_combinations_of_types_than_are_remembered_are_proven():
    names = [f"f{n}" for n in range(9)]
    model = create_model("Many", **dict.fromkeys(names, (int | None, None)))
    codec = watched(model)
    for chosen in range(2**9):
        given = {name: n for n, name in enumerate(names) if chosen & 1 << n}
        assert is_proven(model(**given), codec)


def test_a_model_without_fields_or_with_a_single_one_is_proven():
    assert is_proven(create_model("Empty")())
    assert is_proven(create_model("Single", tags=(list[str], ...))(tags=["a"]))


@pytest.mark.parametrize("width", [1, 30, 100])
def test_models_within_models_are_proven_however_many_they_are(width):
    part = create_model("Wide", **{f"f{n}": (int, n) for n in range(width)})
    middle = create_model("Middle", a=(part, part()), b=(part, part()))
    model = create_model(
        "Outer", a=(middle, middle()), tags=(list[str], ["x"]), b=(middle, middle())
    )
    codec = watched(model)
    assert is_proven(model(), codec)
    for path in ("a.a", "a.b", "b.a", "b.b"):
        spoilt = model().model_copy(deep=True)
        one, other = path.split(".")
        getattr(getattr(spoilt, one), other).f0 = "text"
        with pytest.raises(UnstorableValueError, match=rf"{path}\.f0"):
            codec.text(spoilt, checked=True)


# -- what is refused as ever ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "path", "message"),
    [
        ({"id": ""}, "id", "is empty"),
        ({"id": "common:1"}, "id", "prefix"),
        ({"id": 5}, "id", "valid string"),
        ({"revision": -1}, "revision", "greater than or equal to 0"),
        ({"revision": 10**18}, "revision", "less than"),
        ({"revision": "5"}, "revision", "valid integer"),
        ({"name": None}, "title", "valid string"),
        ({"score": math.nan}, "score", "cannot be represented in JSON"),
        ({"score": 2**53 + 1}, "score", "would load as"),
        ({"score": 10**4300}, "score", "64-bit|cannot be stored"),
        ({"revision": 10**4300}, "revision", "64-bit"),
        ({"tags": ["a", 1]}, "tags[1]", "valid string"),
        ({"tags": ["a", None]}, "tags[1]", "valid string"),
        ({"tags": ("a",)}, "tags", "would load as"),
        ({"by_name": {"a": [1]}}, "by_name.a[0]", "should be an object"),
        ({"by_name": {1: []}}, "by_name", "would load as"),
        ({"work": None}, "work", "should be an object"),
        ({"work": Inner.model_construct(zip=1)}, "work.street", "required"),
        ({"work": Inner.model_construct(street=1, zip=1)}, "work.street", "valid string"),
        ({"tree": tree(100)}, "tree", "nested deeper"),
        ({"hue": "red"}, "hue", "would load as"),
        ({"made": datetime(2026, 1, 1, tzinfo=Moody())}, "made", "would load as"),
        ({"page": Page[str](items=["a"])}, "page.items[0]", "valid integer"),
    ],
)
def test_a_wrong_value_is_refused_as_by_the_full_check(values, path, message):
    with pytest.raises(UnstorableValueError, match=message) as caught:
        watched(Common).text(common(**values), checked=True)
    assert caught.value.path.startswith(path)


def test_a_subclass_in_a_field_of_its_base_is_refused():
    class Further(Inner):
        more: int = 0

    for values in ({"work": Further(street="x")}, {"home": Further(street="x")}):
        with pytest.raises(UnstorableValueError, match="would load as"):
            watched(Common).text(common(**values), checked=True)


def test_a_metaclass_with_an_equality_of_its_own_is_no_other_type():
    codec = watched(create_model("Plain1", a=(str, ""), b=(list[str], [])))
    model = create_model("Plain2", a=(str, ""), b=(list[str], []))
    for values in ({"a": Chameleon(), "b": []}, {"a": "", "b": [Chameleon()]}):
        codec = watched(model)
        assert is_proven(model(), codec)
        with pytest.raises(UnstorableValueError):
            codec.text(model.model_construct(**values), checked=True)


def test_what_a_pickle_of_an_earlier_class_brings_along_is_not_lost():
    part = Inner(street="x")
    object.__setattr__(part, "__pydantic_extra__", {"more": 1})
    with pytest.raises(UnstorableValueError, match="would load as"):
        watched(Common).text(common(work=part), checked=True)


# -- of which nothing is proven -------------------------------------------------------------------


def _same(value: Any) -> Any:
    return value


class WithValidator(BaseModel):
    a: int = 0

    @field_validator("a")
    @classmethod
    def look(cls, value: int) -> int:
        return value


class WithModelValidator(BaseModel):
    a: int = 0

    @model_validator(mode="after")
    def look(self) -> WithModelValidator:
        return self


class WithSerializer(BaseModel):
    a: int = 0

    @field_serializer("a")
    def dump(self, value: int) -> int:
        return value


class WithModelSerializer(BaseModel):
    a: int = 0

    @model_serializer
    def dump(self) -> dict[str, int]:
        return {"a": self.a}


class WithPostInit(BaseModel):
    a: int = 0

    def model_post_init(self, context: Any, /) -> None:
        pass


class WithFactory(BaseModel):
    _private: list[int] = PrivateAttr(default_factory=list)


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"


class Dog(BaseModel):
    kind: Literal["dog"] = "dog"


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (RootModel[int], RootModel[int](1)),
        (Annotated[int, AfterValidator(_same)], 1),
        (Annotated[int, PlainSerializer(_same)], 1),
        (Annotated[str, Field(pattern="^a")], "a"),
        (Annotated[float, Field(allow_inf_nan=False)], 0.5),
        (Annotated[float, Field(multiple_of=0.5)], 0.5),
        (Annotated[int | str, Field(union_mode="left_to_right")], 1),
        (Annotated[Cat | Dog, Field(discriminator="kind")], Cat()),
        (Odd, Odd.NAN),
        (Blind, Blind.A),
        (Rights, Rights.READ),
        (Literal[True], True),
        (Literal[Hue.RED], Hue.RED),
        (WithValidator, WithValidator()),
        (WithModelValidator, WithModelValidator()),
        (WithSerializer, WithSerializer()),
        (WithModelSerializer, WithModelSerializer()),
        (WithPostInit, WithPostInit()),
        (WithFactory, WithFactory()),
        (SecretStr | None, None),
        *[(kind, None) for kind in (Decimal | None, Any, BigInt | None, set[int] | None)],
    ],
    ids=repr,
)
def test_nothing_is_proven_where_something_else_has_a_say(annotation, value):
    codec = watched(create_model("Unproven", a=(annotation, ...)))
    with contextlib.suppress(UnstorableValueError):
        codec.text(create_model("Unproven", a=(Any, ...))(a=value))
    assert codec._proves is NO_PROOF.holds


@pytest.mark.parametrize(
    "config",
    [
        {"extra": "allow"},
        {"str_strip_whitespace": True},
        {"str_to_lower": True},
        {"str_max_length": 3},
        {"coerce_numbers_to_str": True},
        {"allow_inf_nan": False},
        {"use_enum_values": True},
    ],
    ids=repr,
)
def test_nothing_is_proven_under_settings_that_change_values(config):
    model = create_model(
        "Unsettled", __config__=ConfigDict(**config), a=(str, ""), b=(Hue, Hue.RED)
    )
    assert not is_proven(model(b="red"), watched(model))
    outer = create_model("Around", part=(model, model(b="red")))
    assert not is_proven(outer(), watched(outer))


@pytest.mark.parametrize(
    "config",
    [
        {"extra": "forbid"},
        {"frozen": True},
        {"strict": True},
        {"validate_assignment": True},
        {"populate_by_name": True},
        {"validate_by_name": True, "validate_by_alias": False},
        {"ser_json_inf_nan": "null"},
        {"from_attributes": True},
    ],
    ids=repr,
)
def test_other_settings_are_not_in_the_way(config):
    model = create_model("Settled", __config__=ConfigDict(**config), a=(str, Field("", alias="x")))
    assert is_proven(model(), watched(model))


def test_annotations_that_are_resolved_anew_are_looked_at_anew():
    class Early(AtomicRedisModel):
        later: Later | None = None

    class Later(BaseModel):
        n: int = 0

    Early.model_rebuild(_types_namespace={"Later": Later})
    codec = watched(Early)
    early = Early(later=Later())
    assert is_proven(early, codec)

    class Later2(BaseModel):
        n: int = Field(0, ge=5)

    Early.__annotations__["later"] = "Later2 | None"
    codec.reset()
    assert codec._proves(early) is False
    assert is_proven(Early(), codec)


def test_a_value_that_is_no_whole_document_is_proven_as_well():
    proof = proof_of({"type": "list", "items_schema": {"type": "float"}}, {})
    assert proof.holds([1.5, 2, -1])
    assert not proof.holds([1.5, 2**60])
    assert not proof.holds([1.5, True])
    assert not proof.holds((1.5,))


@given(st.integers(0, 2**64 - 1))
def test_every_finite_double_is_read_back_from_what_is_written(bits):
    value = struct.unpack("d", struct.pack("Q", bits))[0]
    if math.isfinite(value):
        codec = watched(Spot)
        assert is_proven(Spot.model_construct(x=1, y=value), codec)


class Colour(enum.Enum):
    NONE = None
    RED = 1


def test_a_member_of_an_enum_whose_value_is_none_is_not_proven_beside_none():
    class Painted(AtomicRedisModel):
        id: Key[str]
        colour: Colour | None = None

        class Config:
            prefix = "proof:painted"

    codec = watched(Painted)
    assert codec._proves(Painted(id="1", colour=None)) is False  # nothing is known of the field
    with pytest.raises(UnstorableValueError, match="would load as None"):
        codec.text(Painted(id="1", colour=Colour.NONE), checked=True)
