"""Random documents of all types, and random conditions on them."""

from __future__ import annotations

import struct
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from random import Random
from typing import Any, Literal
from uuid import UUID

from rapyer import AtomicRedisModel, BigInt, EmbeddedModel, ExpressionError, Field, Key


class Colour(Enum):
    RED = "red"
    GREEN = "a|b"
    BLUE = ""


class Level(IntEnum):
    LOW = 1
    HIGH = 2**53 + 1


class Rank(Enum):
    FIRST = 1
    SECOND = 2


class Address(EmbeddedModel):
    city: str
    zip: int | None = None
    since: date = date(2000, 1, 1)
    lines: list[str] = Field(default_factory=list)


class Part(EmbeddedModel):
    code: str
    number: int | None = None


class Item(EmbeddedModel):
    name: str
    count: int
    price: float | None = None
    weight: int = 3
    flag: bool | None = None
    seen: datetime | None = None
    tags: list[str] = Field(default_factory=list)
    parts: list[Part] = Field(default_factory=list)
    inner: Address | None = None


class Document(AtomicRedisModel):
    id: Key[int]
    i: int
    oi: int | None = None
    di: int = 7
    odi: int | None = 3
    f: float
    of: float | None = None
    b: bool
    ob: bool | None = None
    db: bool = True
    s: str
    os: str | None = None
    ds: str = "ab"
    alias: str = Field(default="x", alias="the name")
    colour: Colour
    ocolour: Colour | None = None
    dcolour: Colour = Colour.RED
    level: Level
    rank: Rank = Rank.FIRST
    size: Literal["s", "m", "l"] = "m"
    digit: Literal[1, 2, 3] | None = None
    uuid: UUID
    raw: bytes
    big: BigInt | None = None
    dec: Decimal
    odec: Decimal | None = None
    day: date
    oday: date | None = None
    moment: datetime
    omoment: datetime | None = None
    clock: time
    span: timedelta
    tags: list[str] = Field(default_factory=list)
    dtags: list[str] = ["a"]
    otags: list[str] | None = None
    numbers: list[int | None] = Field(default_factory=list)
    floats: set[float] = Field(default_factory=set)
    days: tuple[date, ...] = ()
    moments: list[datetime] = Field(default_factory=list)
    flags: list[bool] = Field(default_factory=list)
    pair: tuple[int, str] = (1, "a")
    counts: dict[str, int] = Field(default_factory=dict)
    named: dict[str, str | None] = Field(default_factory=dict, index_keys=["k", "a.b", "*"])
    home: Address
    work: Address | None = None
    base: Address = Address(city="ab", zip=7)
    items: list[Item] = Field(default_factory=list)
    ditems: list[Item] = [Item(name="ab", count=7)]
    either: int | float = 0
    label: UUID | Literal["a", "ab", "b"] = "a"
    mixed: int | str = 1
    anything: Any = None
    hidden: int = Field(default=0, index=False)

    class Config:
        prefix = "query:random"


ALPHABET = "ab\\*?'\"| {}@:$[]-,\t\n~%é\0\ufdd0\ufdd1א(=>"
INTEGERS = [
    0,
    1,
    2,
    3,
    -1,
    7,
    2**53,
    2**53 + 1,
    2**53 - 1,
    -(2**53) - 1,
    2**63 - 1,
    -(2**63),
    10**15,
]
FLOATS = [
    0.0, -0.0, 1.0, 0.1, 0.5, 3.0, 7.0, 5e-324, -5e-324, 1.7976931348623157e308, 2.0**53,
    2.0**53 + 2, 1e22, 0.30000000000000004, 0.3, -2.5,
]  # fmt: skip
TEXTS = [
    "", "a", "b", "ab", "abc", "a b", " a", "a ", "A", "é", "e\u0301", "null", "*", "\\", "a\\*",
    "\0", "a\0b", "a\0", "\ufdd0", "\ufdd1", "x" * 300, "true", "0", "-@n:[0 1]", "@s:{ab}",
    "w'a*'", "%a%",
    "אב", "\U0001f98a", "ab\\", "ab*", "a|b",
]  # fmt: skip
ZONES = [UTC, timezone(timedelta(hours=1)), timezone(timedelta(hours=-11, minutes=-30))]
MOMENTS = [
    datetime(2026, 1, 1), datetime(2026, 1, 1, 1), datetime(1970, 1, 1), datetime(1, 1, 2),
    datetime(9999, 12, 30), datetime(2026, 1, 1, 0, 0, 0, 1), datetime(1600, 1, 1),
]  # fmt: skip
DECIMALS = [
    Decimal(text)
    for text in (
        "1.1", "1.10", "0", "-0", "1E+2", "100", "1.1000000000000000000001", "1E+400", "-1E+400",
        "9007199254740993", "9007199254740992", "0.1", "1.7976931348623157E+308", "1E-400", "3",
    )
]  # fmt: skip
KEYS = ["k", "a.b", "*", '"', "x y", "\0", "é", "q"]

Draw = Callable[[Random], Any]


def a_float(random: Random) -> float:
    if random.random() < 0.7:
        return random.choice(FLOATS)
    bits = random.getrandbits(64) & ~(1 << 62)
    return float(struct.unpack("<d", struct.pack("<Q", bits))[0])


def a_text(random: Random) -> str:
    if random.random() < 0.6:
        return random.choice(TEXTS)
    return "".join(random.choice(ALPHABET) for _ in range(random.randint(1, 4)))


def a_moment(random: Random) -> datetime:
    moment = random.choice(MOMENTS)
    return moment if random.random() < 0.5 else moment.replace(tzinfo=random.choice(ZONES))


def a_time(random: Random) -> time:
    clock = random.choice([time(0), time(9), time(9, 0, 0, 1), time(23, 59)])
    return clock if random.random() < 0.5 else clock.replace(tzinfo=random.choice(ZONES))


def one_of(*values: Any) -> Draw:
    return lambda random: random.choice(values)


DRAWS: dict[str, Draw] = {
    "int": one_of(*INTEGERS),
    "float": a_float,
    "bool": one_of(True, False),
    "text": a_text,
    "colour": one_of(*Colour),
    "level": one_of(*Level),
    "rank": one_of(*Rank),
    "size": one_of("s", "m", "l"),
    "digit": one_of(1, 2, 3),
    "uuid": one_of(*(UUID(int=n) for n in (0, 1, 2**127, 2**128 - 1))),
    "bytes": one_of(b"", b"a", b"\xff", b"ab", b"\0"),
    "big": one_of(0, 1, 10**30, -(10**30), 2**63),
    "decimal": one_of(*DECIMALS),
    "date": one_of(*(date(y, 1, 1) for y in (1, 1970, 2000, 9999)), date(2000, 1, 2)),
    "moment": a_moment,
    "time": a_time,
    "span": one_of(
        timedelta(0), timedelta(days=1), timedelta(microseconds=1), timedelta(days=-200000)
    ),
    "either": lambda random: random.choice([1, 2, 2**53 + 1, 0.5, 1.5, 2.0**53]),
    "label": lambda random: random.choice(["a", "ab", UUID(int=1), "b"]),
    "mixed": one_of(1, 2, "1", "a"),
    "anything": one_of(None, 1, "a", True, [1, "a"], {"a": 1}, 1.5),
}
#: The fields of scalars, with the kind of their values.
SCALARS = {
    "id": "int", "i": "int", "oi": "int", "di": "int", "odi": "int", "f": "float", "of": "float",
    "b": "bool", "ob": "bool", "db": "bool", "s": "text", "os": "text", "ds": "text",
    "alias": "text", "colour": "colour", "ocolour": "colour", "dcolour": "colour", "level": "level",
    "rank": "rank", "size": "size", "digit": "digit", "uuid": "uuid", "raw": "bytes", "big": "big",
    "dec": "decimal", "odec": "decimal", "day": "date", "oday": "date", "moment": "moment",
    "omoment": "moment", "clock": "time", "span": "span", "either": "either", "label": "label",
    "mixed": "mixed", "anything": "anything", "hidden": "int",
}  # fmt: skip
LISTS = {
    "tags": "text", "dtags": "text", "otags": "text", "numbers": "int", "floats": "float",
    "days": "date", "moments": "moment", "flags": "bool",
}  # fmt: skip
OPTIONAL = {
    name for name, field in Document.model_fields.items() if "None" in str(field.annotation)
}
#: Fields that a document may lack.
DEFAULTED = sorted(
    field.serialization_alias or name
    for name, field in Document.model_fields.items()
    if not field.is_required()
)
ORDERED = {
    "int",
    "float",
    "decimal",
    "date",
    "moment",
    "time",
    "span",
    "text",
    "uuid",
    "bytes",
    "either",
}


def an_address(random: Random) -> Address:
    return Address(
        city=a_text(random),
        zip=random.choice([None, 1, 7]),
        since=DRAWS["date"](random),
        lines=[random.choice(["a", "b"]) for _ in range(random.randint(0, 2))],
    )


def an_item(random: Random) -> Item:
    def some(draw: Draw) -> Any:
        return draw(random) if random.random() < 0.6 else None

    return Item(
        name=random.choice(["a", "ab", "b", ""]),
        count=random.choice([0, 1, 3, 7, 2**53 + 1]),
        price=some(one_of(0.5, 1.0, 5.0)),
        weight=random.choice([1, 3]),
        flag=some(DRAWS["bool"]),
        seen=some(a_moment),
        tags=[random.choice(["a", "b"]) for _ in range(random.randint(0, 2))],
        parts=[
            Part(code=random.choice(["a", "b"]), number=random.choice([None, 1, 2]))
            for _ in range(random.randint(0, 2))
        ],
        inner=some(an_address),
    )


def a_document(random: Random, number: int) -> Document:
    """A document with a value in each field; which of them are not stored is said by `lacking`."""
    values: dict[str, Any] = {"id": number}
    for name, kind in SCALARS.items():
        if name != "id":
            is_none = name in OPTIONAL and random.random() < 0.25
            values[name] = None if is_none else DRAWS[kind](random)
    values["the name"] = values.pop("alias")
    for name, kind in LISTS.items():
        if name == "otags" and random.random() < 0.3:
            values[name] = None
            continue
        values[name] = [DRAWS[kind](random) for _ in range(random.choice([0, 0, 1, 1, 2, 3]))]
        if name == "numbers" and random.random() < 0.3:
            values[name].append(None)
    values["pair"] = (random.choice([1, 2]), random.choice(["a", "b"]))
    values["counts"] = {key: random.choice([1, 2, 7]) for key in KEYS if random.random() < 0.4}
    values["named"] = {
        key: random.choice([None, "a", "ab"]) for key in KEYS if random.random() < 0.4
    }
    values["home"], values["base"] = an_address(random), an_address(random)
    values["work"] = an_address(random) if random.random() < 0.6 else None
    for name in ("items", "ditems"):
        values[name] = [an_item(random) for _ in range(random.choice([0, 1, 1, 2, 3]))]
    return Document(**values)


def lacking(random: Random) -> list[str]:
    """JSONPaths of what is taken out of a stored document."""
    found = [f'$["{name}"]' for name in DEFAULTED if random.random() < 0.15]
    below = [
        '$["home"]["zip"]', '$["work"]["zip"]', '$["home"]["since"]', '$["items"][*]["price"]',
        '$["items"][*]["weight"]', '$["items"][*]["tags"]', '$["ditems"][0]["weight"]',
        '$["base"]["zip"]', '$["home"]["lines"]',
    ]  # fmt: skip
    return found + [path for path in below if random.random() < 0.15]


def an_operand(random: Random, kind: str) -> Any:
    if kind in ("int", "either", "float", "decimal") and random.random() < 0.3:
        pool: list[Any] = [*INTEGERS, *FLOATS, float("inf"), float("-inf"), 10**400, -(10**25), 1.5]
        return random.choice(pool + (DECIMALS if kind == "decimal" else []))
    return DRAWS[kind](random)


def on_value(random: Random, path: Any, kind: str) -> Any:
    """A condition on one value."""
    operators = ["==", "!=", "in", "none"]
    if kind in ORDERED:
        operators += ["<", "<=", ">", ">=", "between"]
    if kind in ("text", "size"):
        operators += ["startswith", "endswith", "contains"] * 2
    operator = random.choice(operators)
    if operator == "none":
        return path.is_none() if random.random() < 0.5 else path == None  # noqa: E711
    if operator == "in":
        operands = [an_operand(random, kind) for _ in range(random.randint(0, 3))]
        return path.in_(operands + ([None] if random.random() < 0.2 else []))
    if operator in ("startswith", "endswith", "contains"):
        return getattr(path, operator)(a_text(random) if kind == "text" else random.choice("abm"))
    operand = an_operand(random, kind)
    if operator == "between":
        return path.between(operand, an_operand(random, kind))
    return {
        "==": lambda: path == operand, "!=": lambda: path != operand, "<": lambda: path < operand,
        "<=": lambda: path <= operand, ">": lambda: path > operand, ">=": lambda: path >= operand,
    }[operator]()  # fmt: skip


def on_list(random: Random, path: Any, kind: str) -> Any:
    """A condition on a list of scalars."""
    choice = random.random()
    if choice < 0.5:
        return path.contains(DRAWS[kind](random) if random.random() < 0.9 else None)
    if choice < 0.6:
        return path.is_none()
    if choice < 0.8 or repr(path).endswith("floats"):
        make = {"floats": set, "days": tuple}.get(repr(path).rpartition(".")[2], list)
        operand = make(DRAWS[kind](random) for _ in range(random.randint(0, 2)))
        return path == operand if random.random() < 0.7 else path != operand
    return on_value(random, path[random.choice([0, 1, -1, -2])], kind)


def on_address(random: Random, path: Any) -> Any:
    choice = random.randrange(5)
    if choice == 0:
        return on_value(random, path.city, "text")
    if choice == 1:
        return on_value(random, path.zip, "int")
    if choice == 2:
        return on_value(random, path.since, "date")
    if choice == 3:
        return on_list(random, path.lines, "text")
    return path.is_none() if random.random() < 0.3 else on_value(random, path.zip, "int")


def on_item(random: Random, depth: int, root: Any = Item) -> Any:
    """A condition on an element of a list of models."""
    choice = random.random()
    if depth > 0 and choice < 0.5:
        return joined(random, lambda: on_item(random, depth - 1, root))
    part = random.choice(
        ["name", "count", "price", "weight", "flag", "seen", "tags", "parts", "inner"]
    )
    if part == "tags":
        return on_list(random, root.tags, "text")
    if part == "parts":
        return root.parts.any(
            on_value(random, *random.choice([(Part.code, "text"), (Part.number, "int")]))
        )
    if part == "inner":
        return on_address(random, root.inner)
    kinds = {"name": "text", "count": "int", "price": "float", "weight": "int", "flag": "bool"}
    return on_value(random, getattr(root, part), kinds.get(part, "moment"))


def joined(random: Random, make: Callable[[], Any]) -> Any:
    """Conditions joined by one of the operators."""
    choice = random.random()
    if choice < 0.2:
        return ~make()
    one, other = make(), make()
    return one & other if choice < 0.6 else one | other


def on_items(random: Random) -> Any:
    path = random.choice([Document.items, Document.ditems])
    choice = random.random()
    if random.random() < 0.1:
        return random.choice([path == [], path != [], path.is_none(), path == None])  # noqa: E711
    if choice < 0.7:
        return path.any(on_item(random, 2))
    if choice < 0.85:
        name, kind = random.choice([("name", "text"), ("count", "int"), ("weight", "int")])
        return on_value(random, getattr(path, name), kind)
    name, kind = random.choice([("name", "text"), ("count", "int"), ("weight", "int")])
    return on_value(random, getattr(path[random.choice([0, 1, -1])], name), kind)


def a_leaf(random: Random) -> Any:
    choice = random.random()
    root: Any = Document
    if choice < 0.5:
        name = random.choice([*SCALARS])
        return on_value(random, getattr(root, name), SCALARS[name])
    if choice < 0.65:
        name = random.choice([*LISTS])
        return on_list(random, getattr(root, name), LISTS[name])
    if choice < 0.75:
        key = random.choice(KEYS)
        if random.random() < 0.5:
            return on_value(random, root.counts[key], "int")
        return on_value(random, root.named[key], "text")
    if choice < 0.85:
        return on_address(random, random.choice([root.home, root.work, root.base]))
    if choice < 0.97:
        return on_items(random)
    return random.choice(
        [root.i == root.di, root.i < root.oi, root.di + 1 > 3, root.pair[0] == 1, root.ds == root.s]
    )


def a_condition(random: Random, depth: int) -> Any:
    """A condition on `Document`; those that core refuses are not given."""
    if depth > 0 and random.random() < 0.65:
        return joined(random, lambda: a_condition(random, depth - 1))
    while True:
        try:
            return a_leaf(random)
        except ExpressionError:
            continue
