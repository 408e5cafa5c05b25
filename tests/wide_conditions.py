"""Random documents of models with fields of all types, and random conditions on them.

All is drawn from a `random.Random`: a plain one for many of them, that of hypothesis where what
fails is to be made small.
"""

from __future__ import annotations

import json
import random
from collections import abc
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from types import UnionType
from typing import (
    Annotated,
    Any,
    Generic,
    Literal,
    NamedTuple,
    NewType,
    TypeVar,
    Union,
    get_args,
    get_origin,
)
from uuid import UUID

from annotated_types import Ge
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    NaiveDatetime,
    RootModel,
    StringConstraints,
    field_serializer,
    field_validator,
)
from rapyer import AtomicRedisModel, BigInt, EmbeddedModel, ExpressionError, Field, Key, Version
from rapyer.expr.annotations import fields_of, members_of, unwrapped
from rapyer.expr.paths import annotation_of
from typing_extensions import TypedDict

T = TypeVar("T")

# -- the model ------------------------------------------------------------------------------------


class Color(StrEnum):
    RED = "red"
    GREEN = "gr een|*"
    BLUE = "bl\\ue"


class Mood(Enum):
    GOOD = "good"
    BAD = ""


class Level(IntEnum):
    LOW = 0
    HIGH = 7
    BEYOND = 2**53 + 1


class Rank(Enum):
    FIRST = 1
    SECOND = 2


class Mixed(Enum):
    TEXT = "1"
    NUMBER = 1


@dataclass
class Point:
    x: int
    y: float | None = None


class Size(TypedDict, total=False):
    width: int
    unit: str | None


class Cat(EmbeddedModel):
    kind: Literal["cat"] = "cat"
    lives: int


class Dog(EmbeddedModel):
    kind: Literal["dog"] = "dog"
    lives: int | None = None
    name: str


class Leaf(EmbeddedModel):
    weight: int
    label: str = "ab"
    note: str | None = None
    on: bool | None = None


class Item(EmbeddedModel):
    number: int
    price: float | None = None
    text: str = "ab"
    other: str
    on: bool = True
    at: datetime | None = None
    exact: Decimal = Decimal("1.10")
    color: Color
    mood: Mood | None = None
    level: Level = Level.LOW
    day: date | None = None
    clock: time = time(1, 2)
    span: timedelta = timedelta(seconds=1)
    raw: bytes = b""
    tags: list[str] = []
    counts: list[int | None] = [1]
    by_key: dict[str, int] = {}
    leaves: list[Leaf] = []
    leaf: Leaf | None = None
    any_number: int | float = 3
    unknown: int = Field(default_factory=lambda: 2)
    hidden: int = Field(default=1, index=False)


class Bare(EmbeddedModel):
    """Elements without a field that has a value in all of them."""

    text: str | None = None
    number: int = 3


class Tree(EmbeddedModel):
    number: int = 0
    below: list[Tree] = []


class Home(EmbeddedModel):
    city: str
    code: int | None = None
    built: date = date(2000, 1, 1)
    at: datetime = datetime(2020, 1, 1, tzinfo=UTC)
    exact: Decimal | None = None
    on: bool = False
    tags: list[str] = ["ab"]
    leaf: Leaf = Leaf(weight=3)
    maybe: Leaf | None = None
    leaves: list[Leaf] = [Leaf(weight=1)]
    by_key: dict[str, int] = {"a": 1}
    color: Color | None = Color.RED
    mixed: int | str = 1


HOSTILE_KEYS = [
    "a", "b", "", "*", "x.y", "my key", '"', "'", "]", "[0]", "$", "\n", "\x00", "🦊", "\\", "..",
    " a", "@a:[0 1]", "\ufdd0", "null", "0", "\"'",
]  # fmt: skip
DECLARED_KEYS = ["a", "x.y", "*", '"', "\n", "\x00", "🦊", "$", "", "\ufdd0", "]"]


class Everything(AtomicRedisModel):
    class Config:
        prefix = "qdiff:[all] *"

    number: int
    maybe_number: int | None
    number_or_7: int = 7
    none_or_number: int | None = 7
    number_or_none: int | None = None
    unknown_number: int = Field(default_factory=lambda: 5)
    checked_number: int = Field(default=4, validate_default=True)
    small: int = Field(default=1, ge=-5, le=5)
    big: BigInt
    maybe_big: BigInt | None = 2**70
    ratio: float
    maybe_ratio: float | None = None
    ratio_or_half: float = 0.5
    on: bool
    maybe_on: bool | None = None
    on_by_default: bool = True
    text: str
    maybe_text: str | None = None
    text_or_ab: str = "ab"
    text_or_empty: str = Field(default_factory=str)
    aliased: str = Field(default="a", alias="al.i as")
    aliased_number: int | None = Field(default=None, alias='"n')
    hidden: int = Field(default=3, index=False)
    hidden_text: str | None = Field(default=None, index=False)
    color: Color
    maybe_color: Color | None = Color.GREEN
    mood: Mood = Mood.GOOD
    maybe_mood: Mood | None = None
    level: Level
    maybe_level: Level | None = Level.BEYOND
    rank: Rank = Rank.SECOND
    mixed_enum: Mixed = Mixed.TEXT
    word: Literal["one", "two", "*"]
    maybe_word: Literal["one", "two"] | None = "two"
    word_or_none: Literal["one", None] = None
    digit: Literal[1, 2, 3] = 2
    digit_or_word: Literal[1, "one"] = 1
    uuid: UUID
    maybe_uuid: UUID | None = None
    raw: bytes
    maybe_raw: bytes | None = b"ab"
    exact: Decimal
    maybe_exact: Decimal | None = None
    exact_by_default: Decimal = Decimal("1.1")
    day: date
    maybe_day: date | None = date(2000, 1, 1)
    clock: time
    maybe_clock: time | None = None
    clock_by_default: time = time(1, 2, 3, tzinfo=UTC)
    at: datetime
    maybe_at: datetime | None = None
    at_by_default: datetime = datetime(2020, 1, 1)
    aware_at: AwareDatetime
    naive_at: NaiveDatetime | None = None
    span: timedelta
    maybe_span: timedelta | None = timedelta(microseconds=1)
    int_or_float: int | float
    maybe_int_or_float: int | float | None = None
    text_or_uuid: str | UUID = "a"
    uuid_or_text_or_none: UUID | str | None = None
    color_or_text: Color | str = "ab"
    bytes_or_text: bytes | str = b"ab"
    int_or_text: int | str = 1
    bool_or_int: bool | int = True
    date_or_text: date | str = "a"
    anything: Any = None
    required_anything: Any
    texts: list[str]
    maybe_texts: list[str] | None = None
    texts_by_default: list[str] = ["ab", ""]
    numbers: list[int] = []
    numbers_or_none: list[int | None] = [1, None]
    ratios: list[float] = Field(default_factory=list)
    bools: list[bool] = []
    colors: list[Color] = [Color.RED]
    levels: list[Level] = []
    exacts: list[Decimal] = [Decimal("1.1")]
    days: list[date | None] = [None]
    moments: list[datetime] = []
    clocks: set[time] = set()
    spans: tuple[timedelta, ...] = ()
    uuids: set[UUID] = set()
    raws: list[bytes] = []
    bigs: list[BigInt] = []
    words: set[Literal["one", "two"]] = {"one"}
    mixed_list: list[int | str] = []
    number_list: list[int | float] = []
    text_set: set[str] = set()
    frozen: frozenset[int] = frozenset({1})
    pair: tuple[int, int] = (1, 2)
    odd_pair: tuple[int, str] = (1, "ab")
    text_pair: tuple[str, str] = ("", "ab")
    uuid_pair: tuple[UUID, UUID] | None = None
    raw_single: tuple[bytes] = (b"",)
    day_pair: tuple[date, date] = (date(2000, 1, 1), date(1970, 1, 1))
    matrix: list[list[int]] = []
    by_key: dict[str, int] = {}
    by_key_default: dict[str, int] = {"a": 1}
    maybe_by_key: dict[str, int] | None = None
    none_by_key: dict[str, int | None] = {}
    texts_by_key: dict[str, str] = {}
    moments_by_key: dict[str, datetime] = {}
    exacts_by_key: dict[str, Decimal] = {}
    bools_by_key: dict[str, bool] = {}
    by_number: dict[int, str] = {}
    lists_by_key: dict[str, list[int]] = {}
    items_by_key: dict[str, Leaf] = {}
    declared: dict[str, int] = Field(default={}, index_keys=DECLARED_KEYS)
    declared_texts: dict[str, str | None] = Field(
        default={"a": "ab", "b": None}, index_keys=DECLARED_KEYS
    )
    declared_moments: dict[str, datetime] | None = Field(default=None, index_keys=["a", "$"])
    declared_bools: dict[str, bool] = Field(default={}, index_keys=["a", "b"])
    home: Home
    maybe_home: Home | None = None
    home_by_default: Home = Home(city="ab")
    maybe_home_by_default: Home | None = Home(city="", code=3, tags=[])
    unknown_home: Home = Field(default_factory=lambda: Home(city="x"))
    hidden_home: Home | None = Field(default=None, index=False)
    point: Point
    maybe_point: Point | None = Point(1)
    size: Size = {"width": 1}
    pet: Cat | Dog = Field(default=Cat(lives=9), discriminator="kind")
    items: list[Item]
    maybe_items: list[Item] | None = None
    items_by_default: list[Item] = [Item(number=1, other="ab", color=Color.RED)]
    bares: list[Bare] = []
    points: list[Point] = []
    optional_items: list[Leaf | None] = []
    pets: list[Cat | Dog] = []
    tree: Tree = Tree()


# -- a second one, of what is rarer ---------------------------------------------------------------

Positive = NewType("Positive", int)
Lower = Annotated[str, StringConstraints(to_lower=True)]


class Pair(NamedTuple):
    x: int
    y: str | None = None


class Names(RootModel[list[str]]):
    pass


class Box(EmbeddedModel, Generic[T]):
    value: T
    more: list[T] = []


class Spelled(EmbeddedModel):
    """Fields that stand under other names, or are stored by a serializer of their own."""

    model_config = ConfigDict(alias_generator=str.upper, populate_by_name=True)

    number: int = 3
    text: str | None = Field(default="ab", serialization_alias="t x", validation_alias="t x")
    backslash: int = Field(default=1, alias="a\\b")
    quotes: int = Field(default=1, alias="\"'")
    doubled: int = 1
    below: Leaf | None = None

    @field_serializer("doubled")
    def _dump_doubled(self, value: int) -> int:
        return -value

    @field_validator("doubled", mode="before")
    @classmethod
    def _load_doubled(cls, value: Any, info: Any) -> Any:
        return -value if info.mode == "json" else value


class Checked(EmbeddedModel):
    """What its fields are where a document lacks them, only loading tells."""

    model_config = ConfigDict(validate_default=True)

    lower: Lower = "AB"
    number: int = 3


class Loose(EmbeddedModel):
    model_config = ConfigDict(extra="allow")

    number: int = 1


class Sub(Leaf):
    more: int = 2


class Rare(AtomicRedisModel):
    class Config:
        prefix = "qdiff:rare"

    id: Key[int]
    version: Version = Field(default=0)
    positive: Positive = Positive(1)
    lower: Lower = "ab"
    constrained: Annotated[int, Ge(-(10**9))] | None = 3
    pair: Pair = Pair(1)
    pairs: list[Pair] = []
    names: Names = Names(["a"])
    int_box: Box[int] = Box[int](value=1)
    text_boxes: list[Box[str]] = []
    spelled: Spelled
    many_spelled: list[Spelled] = [Spelled()]
    loose: Loose | None = None
    checked: Checked
    sub: Sub = Sub(weight=1)
    leaf_or_number: Leaf | int = 3
    leaf_or_leaves: Leaf | list[Leaf] = []
    sequence: Sequence[int] = []
    mapping: Mapping[str, int] = {}
    color_keys: dict[Color, int] = {}
    day_keys: dict[date, int] = {}
    by_key_colors: dict[str, Color | None] = {"a": None}
    by_key_floats: dict[str, float] = {}
    by_key_clocks: dict[str, time] = {}
    by_key_declared_decimals: dict[str, Decimal] = Field(
        default={"a": Decimal("1.1")}, index_keys=["a", "*"]
    )
    lists_of_leaves: list[list[Leaf]] = []
    leaf_tuple: tuple[Leaf, ...] = ()
    two_leaves: tuple[Leaf, Leaf] | None = None
    maybe_leaves: list[Leaf | None] | None = None
    flag: Literal[True] = True
    color_literal: Literal[Color.RED, Color.BLUE] = Color.RED
    odd_literal: Literal["a", 1, None] = None
    literals: list[Literal[1, 2]] = []
    empty: Literal[""] = ""
    enum_or_none: Mood | Color | None = None
    rank_or_none: Rank | None = None
    ranks: list[Rank] = []
    moods: set[Mood] = set()
    a_b: int = 1
    A_B: int | None = 2
    größe: int = 3
    off: int = 4
    us: datetime | None = None
    us_off: int | None = None
    any_: str = ""
    int_default: float = 1
    decimals: set[Decimal] = {Decimal("1.10")}
    deep: dict[str, dict[str, int]] = {}
    deep_declared: dict[str, Leaf] = {"a": Leaf(weight=1)}
    home: Home | None = None
    homes: list[Home] = []
    trees: list[Tree] = [Tree(below=[Tree(number=3)])]
    unknown_items: list[Item] = Field(
        default_factory=lambda: [Item(number=2, other="b", color=Color.BLUE)]
    )
    typed: list[Size] = []
    left_to_right: int | float | str = Field(default=1, union_mode="left_to_right")
    text_or_big: str | BigInt = ""


class Sparse(AtomicRedisModel):
    """Only what is asked for is indexed."""

    class Config:
        prefix = "qdiff:sparse"
        index = False

    number: int = Field(index=True)
    other: int = 3
    maybe: str | None = Field(default=None, index=True)
    home: Home | None = Field(default=None, index=True)
    other_home: Home
    items: list[Item] = Field(default=[], index=True)
    leaves: list[Leaf] = []
    declared: dict[str, int] = Field(default={}, index_keys=["a"])


MODELS = [Everything, Rare, Sparse]

# -- values ---------------------------------------------------------------------------------------

Rng = random.Random

INTEGERS = [
    0, 1, 2, 3, -1, 7, 5, -5, 2**53, 2**53 + 1, 2**53 - 1, -(2**53), -(2**53) - 1, -(2**53) + 1,
    2**53 + 2, 2**63 - 1, 2**63 - 2, 2**63 - 512, -(2**63), 1 - 2**63, 10**15,
]  # fmt: skip
HUGE = [2**63, 2**64, 10**30, -(10**30), 10**308, 10**309, -(10**400), 2**1024]
FLOATS = [
    0.0, 1.0, 0.5, 0.1, -0.0, 3.0, 7.0, 0.3, 0.30000000000000004, 5e-324, -5e-324, 2.2e-308, -2.5,
    1.79e308, 1.7976931348623157e308, -1.7976931348623157e308, 2.0**53, 2.0**53 + 2, 2.0**63, 1e22,
    1e23, 123456789.123456789, -(2.0**63), 1e15,
]  # fmt: skip
TEXTS = [
    "", "a", "b", "ab", "abc", "abcd", "bc", "a b", " a", "a ", "A", "AB", "é", "e\u0301", "null",
    "*", "**", "\\", "\\\\", "a\\", "a\\*", "\x00", "a\x00b", "a\x00", "\ufdd0", "\ufdd1",
    "ab\ufdd0",
    "\ufdd0\ufdd0", "\ufdd0\ufdd1", "\ufdd1ab", "true", "0", "1", "@a:[0 1]", "-@n:[0 1]", "{", "}",
    "{a|b}", "|", "a|b", '"', "'", "\"'", "\n", "a\nb", "\t", "$p0", "$", "%", "~", "(", ")",
    "w'a'",
    "a,b", "a-b", "a.b", ":", ";", "שלום", "\u202eab", "🦊", "🦊🦊", "\U0010ffff", "\uffff", "ab*",
    "*ab",
    "xabx", "x" * 300, "x" * 1000 + "a", "é" * 40, "\u0131s\u0131", "ß", "SS", "one", "two",
    "red", "gr een|*",
    "00000000-0000-0000-0000-000000000001", "YWI=", "\ud7ff", "\ue000", "\x7f", "\x1f", "a\r\n",
]  # fmt: skip
ALPHABET = "ab\\*?'\"| {}@:$[]-,\t\n~%é\x00\ufdd0\ufdd1.();<>=!&^#+"
OFFSETS = [timedelta(0), timedelta(hours=5, minutes=30), timedelta(hours=-12), timedelta(seconds=1)]
MOMENTS = [
    datetime(2020, 1, 1), datetime(2020, 1, 1, tzinfo=UTC), datetime(1970, 1, 1),
    datetime(1970, 1, 1, tzinfo=UTC), datetime(2020, 1, 1, 5, 30, tzinfo=timezone(OFFSETS[1])),
    datetime(2019, 12, 31, 12, tzinfo=timezone(OFFSETS[2])), datetime(1, 1, 1),
    datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999999),
    datetime(9999, 12, 31, 23, 59, 59, 999998), datetime(1, 1, 1, 0, 0, 0, 1),
    datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=timezone(OFFSETS[2])),
    datetime(1, 1, 1, tzinfo=timezone(OFFSETS[1])), datetime(2020, 1, 1, 0, 0, 0, 1),
    datetime(2255, 6, 5, 23, 47, 34, 740992), datetime(2255, 6, 5, 23, 47, 34, 740993),
    datetime(2255, 6, 5, 23, 47, 34, 740993, tzinfo=UTC),
]  # fmt: skip
CLOCKS = [
    time(0), time(1, 2), time(1, 2, 3, tzinfo=UTC), time(0, tzinfo=UTC), time(23, 59, 59, 999999),
    time(6, 32, 3, tzinfo=timezone(OFFSETS[1])), time(13, 2, 3, tzinfo=timezone(OFFSETS[2])),
    time(1, 2, 3), time(0, 0, 1, tzinfo=timezone(OFFSETS[3])),
    time(23, 59, 59, 999999, tzinfo=timezone(OFFSETS[2])),
]  # fmt: skip
DECIMALS = [
    Decimal(text)
    for text in (
        "1.10", "1.1", "0", "-0", "0.00", "1", "1.10000000000000000001", "1.09999999999999999999",
        "1E+400", "-1E+400", "1E+401", "1E-400", "-1E-400", "0.1", "0.3", "3", "7",
        "9007199254740993",
        "9007199254740992", "9007199254740992.5",
        "0.1000000000000000055511151231257827021181583404541015625",
        "1.7976931348623157E+308", "1.7976931348623159E+308", "5E-324", "2E-324", "-2.5", "1E+22",
        "1E+23",
    )
]  # fmt: skip
DAYS = [
    date(2000, 1, 1),
    date(1970, 1, 1),
    date(1969, 12, 31),
    date.min,
    date.max,
    date(2020, 1, 1),
]
SPANS = [
    timedelta(0), timedelta(microseconds=1), timedelta(seconds=1), timedelta(seconds=-1),
    timedelta(days=104249, seconds=1, microseconds=7), timedelta(microseconds=2**53),
    timedelta(microseconds=2**53 + 1), timedelta(microseconds=2**63 - 1), timedelta(days=1),
    timedelta(microseconds=-(2**53) - 1),
]  # fmt: skip
UUIDS = [UUID(int=1), UUID(int=2), UUID(int=2**128 - 1), UUID("0a" * 16)]
BYTES = [b"", b"a", b"ab", b"\x00", b"\xff\xfe", b"ab\x00", b"{|}*", b"\xfb\xff" * 3]
BIGS = [0, 1, -1, 10**30, 10**30 + 1, 2**70, -(2**70), 2**53 + 1]
JSON = [
    None, True, False, 0, 1, 2, 0.5, 1.0, "", "a", "ab", "1", [], [1], ["a", None], {}, {"a": 1},
    {"a": {"a": 1}}, [[1]], 2**53 + 1,
]  # fmt: skip


def a_text(rng: Rng) -> str:
    if rng.random() < 0.7:
        return rng.choice(TEXTS)
    return "".join(rng.choice(ALPHABET) for _ in range(rng.randrange(1, 6)))


def a_float(rng: Rng) -> float:
    if rng.random() < 0.7:
        return rng.choice(FLOATS)
    number = rng.random() * 10.0 ** rng.randrange(-20, 20)
    return -number if rng.random() < 0.5 else number


def a_decimal(rng: Rng) -> Decimal:
    if rng.random() < 0.7:
        return rng.choice(DECIMALS)
    return Decimal(rng.randrange(-(10**20), 10**20)).scaleb(rng.randrange(-25, 5))


def an_integer(rng: Rng) -> int:
    if rng.random() < 0.9:
        return rng.choice(INTEGERS)
    return rng.randrange(-(2**63), 2**63)


VALUES: Mapping[Any, Callable[[Rng], Any]] = {
    bool: lambda rng: rng.random() < 0.5,
    int: an_integer,
    float: a_float,
    str: a_text,
    bytes: lambda rng: rng.choice(BYTES),
    UUID: lambda rng: rng.choice(UUIDS),
    Decimal: a_decimal,
    date: lambda rng: rng.choice(DAYS),
    time: lambda rng: rng.choice(CLOCKS),
    datetime: lambda rng: rng.choice(MOMENTS),
    AwareDatetime: lambda rng: rng.choice([one for one in MOMENTS if one.tzinfo]),
    NaiveDatetime: lambda rng: rng.choice([one for one in MOMENTS if not one.tzinfo]),
    timedelta: lambda rng: rng.choice(SPANS),
    Any: lambda rng: rng.choice(JSON),
    type(None): lambda rng: None,
    None: lambda rng: None,
    Pair: lambda rng: Pair(an_integer(rng), rng.choice([None, a_text(rng)])),
    Names: lambda rng: Names([a_text(rng) for _ in range(rng.randrange(3))]),
}
ARRAYS = (list, set, frozenset, tuple)


def a_value(rng: Rng, annotation: Any) -> Any:
    """A value of an annotation, as instances have it."""
    annotation = unwrapped(annotation)
    known = VALUES.get(annotation)
    if known is not None:
        return known(rng)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return a_value(rng, rng.choice(arguments))
    if origin is Literal:
        return rng.choice(arguments)
    if origin in (dict, abc.Mapping):
        keys = keys_of(arguments[0])
        chosen = {rng.choice(keys) for _ in range(rng.randrange(4))}
        return {key: a_value(rng, arguments[1]) for key in chosen}
    if origin is tuple and arguments[-1] is not Ellipsis:
        return tuple(a_value(rng, argument) for argument in arguments)
    if origin in (*ARRAYS, abc.Sequence):
        make = list if origin is abc.Sequence else origin
        return make([a_value(rng, arguments[0]) for _ in range(rng.choice([0, 1, 1, 2, 2, 3]))])
    if issubclass(annotation, Enum):
        return rng.choice(list(annotation))
    return an_object(rng, annotation)


def keys_of(annotation: Any) -> list[Any]:
    """The keys that dicts have."""
    if annotation is str:
        return HOSTILE_KEYS + DECLARED_KEYS * 2
    if annotation is int:
        return [0, 1, -1, 7]
    return DAYS if annotation is date else list(annotation)


def an_object(rng: Rng, annotation: Any, depth: int = 0) -> Any:
    """An instance of a model, of a dataclass, or a typed dict."""
    values = {}
    for name, inner in fields_of(annotation).items():
        info = getattr(annotation, "model_fields", {}).get(name)
        has_default = annotation is Size or (info is not None and not info.is_required())
        if name in ("pk", "id", "version") or (has_default and rng.random() < 0.2):
            continue
        if annotation is Tree and name == "below":
            number = rng.choice([0, 0, 1, 2]) if depth < 2 else 0
            values[name] = [an_object(rng, Tree, depth + 1) for _ in range(number)]
        elif name in _OWN_VALUES:
            values[name] = _OWN_VALUES[name](rng)
        else:
            values[name] = a_value(rng, inner)
    if issubclass(annotation, BaseModel):
        values |= {"id": 0} if annotation is Rare else {}
        return annotation.model_validate(values, by_name=True)
    return annotation(**values)


#: The values of fields of which the annotation alone does not say what they may be.
_OWN_VALUES: Mapping[str, Callable[[Rng], Any]] = {
    "small": lambda rng: rng.randrange(-5, 6),
    "constrained": lambda rng: rng.randrange(-3, 8),
    "positive": an_integer,
    "lower": lambda rng: a_text(rng).lower(),
    "flag": lambda rng: True,
    "big": lambda rng: rng.choice(BIGS),
    "maybe_big": lambda rng: rng.choice([*BIGS, None]),
    "bigs": lambda rng: [rng.choice(BIGS)],
    "text_or_big": a_text,
}


def absences(rng: Rng, instance: Any, share: float) -> list[str]:
    """JSONPaths of fields with defaults, to be taken out of a document that was stored."""
    return list(_absences(rng, instance, "$", share))


def _absences(rng: Rng, value: Any, path: str, share: float) -> Iterator[str]:
    if isinstance(value, list):
        for number, element in enumerate(value):
            yield from _absences(rng, element, f"{path}[{number}]", share)
    elif isinstance(value, BaseModel):
        for name, info in type(value).model_fields.items():
            below = f"{path}{_step(name, info)}"
            if below == path:
                continue
            if not info.is_required() and rng.random() < share:
                yield below
            else:
                yield from _absences(rng, getattr(value, name), below, share)
    elif isinstance(value, Point) and rng.random() < share:
        yield f"{path}.y"


def _step(name: str, info: Any) -> str:
    """The step to a field that may be taken out; nothing for one that stays, or has no path."""
    stored = info.serialization_alias or name
    # what tells the members of a union apart stays, as well as what the library itself writes
    stays = name in ("pk", "id", "version", "kind") or "\\" in stored or {'"', "'"} <= set(stored)
    return "" if stays else "[" + json.dumps(stored, ensure_ascii=False) + "]"


# -- conditions -----------------------------------------------------------------------------------

#: A condition, or None where core refuses to build it.
Condition = Any


def an_operand(rng: Rng, annotation: Any) -> Any:
    """An operand for a field: often a value of its type, sometimes one near it."""
    chosen = rng.choice(list(members_of(annotation)) or [None])
    if rng.random() < 0.85:
        return a_value(rng, chosen)
    if chosen in (int, float, Decimal):
        return rng.choice([a_float, an_integer, a_decimal, lambda r: r.choice(HUGE), _infinite])(
            rng
        )
    if isinstance(chosen, type) and issubclass(chosen, IntEnum | StrEnum):
        return rng.choice([one.value for one in chosen])
    if chosen is str:
        return a_text(rng) + a_text(rng)
    return None if rng.random() < 0.5 else a_value(rng, chosen)


def _infinite(rng: Rng) -> Any:
    return rng.choice([float("inf"), float("-inf"), Decimal("Infinity"), Decimal("-Infinity")])


def _part_of(rng: Rng, text: str) -> str:
    start = rng.randrange(len(text) + 1)
    return rng.choice([text, text[start:], text[:start], text[start : start + 3]])


def a_path(rng: Rng, path: Any, among: Sequence[str] = ()) -> Any:
    """Go on from a path, or from a model, to some place below it.

    Args:
        rng: Where chance comes from.
        path: The start.
        among: The fields of the model of which one is the first step; any where there are none.
    """
    following = path
    if among and isinstance(path, type):
        following = getattr(path, rng.choice(among))
    while following is not None:
        path = following
        following = _further(rng, path)
    return path


def _further(rng: Rng, path: Any) -> Any:
    """Go on by one step; None where the way ends."""
    is_start = isinstance(path, type)
    members = members_of(path if is_start else annotation_of(path))
    names = [name for member in members for name in fields_of(member) if name != "pk"]
    if names:
        return _get(path, rng.choice(names)) if is_start or rng.random() < 0.95 else None
    member = rng.choice(list(members)) if members else None
    origin, arguments, chance = get_origin(member), get_args(member), rng.random()
    if origin in (dict, abc.Mapping) and chance < 0.9:
        return _item(path, rng.choice(keys_of(arguments[0])))
    if origin in (list, tuple) and chance < 0.35:
        return _item(path, rng.choice([0, 1, -1, -2, 2, 5]))
    if origin in ARRAYS and chance < 0.7:
        names = [name for one in members_of(arguments[0]) for name in fields_of(one)]
        return _get(path, rng.choice(names)) if names else None
    if member is Any and chance < 0.4:
        return path[rng.choice(["a", "b", 0, -1])]
    return None


def _get(path: Any, name: str) -> Any:
    try:
        return getattr(path, name, None)
    except ExpressionError:
        return None


def _item(path: Any, item: Any) -> Any:
    try:
        return path[item]
    except ExpressionError:
        return None


def a_comparison(rng: Rng, root: Any, among: Sequence[str] = ()) -> Condition:
    """A condition without & | ~ on a place below a model."""
    path = a_path(rng, root, among)
    annotation = annotation_of(path)
    elements = [one for one in members_of(annotation) if get_origin(one) in ARRAYS]
    if elements and rng.random() < 0.8:
        return _on_list(rng, path, elements[0])
    if rng.random() < 0.05:
        return _between_paths(rng, root, path)
    if rng.random() < 0.05:
        return _calculated(rng, path, annotation)
    operators = ["==", "==", "!=", "<", "<=", ">", ">=", "in", "between", "none"]
    if any(
        one is str or (isinstance(one, type) and issubclass(one, str))
        for one in members_of(annotation)
    ):
        operators += ["startswith", "endswith", "contains"] * 2
    return _compared(rng, path, rng.choice(operators), lambda: an_operand(rng, annotation))


def _on_list(rng: Rng, path: Any, annotation: Any) -> Condition:
    arguments = get_args(annotation)
    models = [
        one
        for one in members_of(arguments[0])
        if isinstance(one, type) and issubclass(one, BaseModel)
    ]
    if models and rng.random() < 0.85:
        return path.any(a_condition(rng, rng.choice(models), rng.choice([0, 1, 1, 2, 2, 3])))
    chance = rng.random()
    if chance < 0.05:  # where core takes anything
        return path.contains(a_value(rng, rng.choice(list(VALUES))))
    if chance < 0.5:
        return path.contains(
            an_operand(rng, rng.choice([one for one in arguments if one is not Ellipsis]))
        )
    if chance < 0.6:
        return path.contains(None)
    if chance < 0.7:
        return path.is_none()
    value = a_value(rng, annotation)
    return path == value if chance < 0.9 else path != value


def _compared(rng: Rng, path: Any, operator: str, operand: Callable[[], Any]) -> Condition:
    match operator:
        case "==":
            return path == operand()
        case "!=":
            return path != operand()
        case "<":
            return path < operand()
        case "<=":
            return path <= operand()
        case ">":
            return path > operand()
        case ">=":
            return path >= operand()
        case "none":
            return path.is_none()
        case "in":
            some = [operand() for _ in range(rng.randrange(4))]
            return path.in_([*some, None] if rng.random() < 0.2 else some)
        case "between":
            return path.between(operand(), operand())
        case method:
            return getattr(path, method)(_part_of(rng, a_text(rng)))


def _between_paths(rng: Rng, root: Any, path: Any) -> Condition:
    for _ in range(8):
        other = a_path(rng, root)
        operator = rng.choice(["==", "!=", "<", "<=", ">", ">="])
        try:
            return _compared(rng, path, operator, lambda other=other: other)
        except ExpressionError:
            continue
    return path.is_none()


def _calculated(rng: Rng, path: Any, annotation: Any) -> Condition:
    operand = an_operand(rng, annotation)
    value = rng.choice([lambda: path + operand, lambda: path - operand, lambda: operand + path])()
    operator = rng.choice(["==", "!=", "<", ">=", "none", "between"])
    return _compared(rng, value, operator, lambda: an_operand(rng, annotation))


def a_condition(rng: Rng, root: Any, depth: int, among: Sequence[str] = ()) -> Condition:
    """A condition on a model, with & | ~ up to a depth.

    Args:
        rng: Where chance comes from.
        root: The model.
        depth: How often conditions may be joined, one within the other.
        among: The fields that it is about; any where there are none.

    Raises:
        ExpressionError: Core refuses it, for what it would mean is not clear.
    """
    chance = rng.random()
    if depth <= 0 or chance < 0.25:
        for _ in range(20):
            try:
                return a_comparison(rng, root, among)
            except ExpressionError:
                continue
        return a_comparison(rng, root, among)
    if chance < 0.5:
        return a_condition(rng, root, depth - 1, among) & a_condition(rng, root, depth - 1, among)
    if chance < 0.75:
        return a_condition(rng, root, depth - 1, among) | a_condition(rng, root, depth - 1, among)
    return ~a_condition(rng, root, depth - 1, among)
