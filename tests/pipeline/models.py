"""Models for the tests of pipelines."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from rapyer import AtomicRedisModel, BigInt, EmbeddedModel, Field, Version


class Color(StrEnum):
    RED = "red"
    BLUE = "blue"


class Rank(IntEnum):
    LOW = 1
    HIGH = 2


class Part(EmbeddedModel):
    name: str = ""
    weight: float = 0.0
    codes: list[int] = Field(default_factory=list)


class Item(EmbeddedModel):
    name: str = ""
    price: float = 0.0
    qty: int = 0
    expired: bool = False
    parts: list[Part] = Field(default_factory=list)
    labels: dict[str, str] = Field(default_factory=dict)


class Address(EmbeddedModel):
    city: str = "London"
    zip: int | None = None
    lines: list[str] = Field(default_factory=list)
    marks: dict[str, int] = Field(default_factory=dict)
    signs: set[str] = Field(default_factory=set)


class Everything(AtomicRedisModel):
    """A field of each type that a pipeline works on."""

    number: int = 7
    other: int = 3
    big: BigInt = 2**70
    ratio: float = 1.5
    share: float = 0.1
    name: str = "Ada"
    title: str = "Dr"
    raw: bytes = b"\x00\xff"
    flag: bool = False
    born: datetime = datetime(2000, 1, 2, 3, 4, 5, 6, tzinfo=timezone(timedelta(hours=2)))
    seen: datetime = datetime(2020, 5, 6, 7, 8, 9)
    day: date = date(2024, 2, 28)
    hour: time = time(12, 30)
    span: timedelta = timedelta(hours=3, microseconds=5)
    color: Color = Color.RED
    rank: Rank = Rank.LOW
    kind: Literal["a", "b"] = "a"
    uid: UUID = UUID(int=5)
    cost: Decimal = Decimal("1.10")
    maybe: int | None = None
    nick: str | None = None
    mixed: int | str = 5
    anything: Any = None
    pair: tuple[int, str] = (1, "x")
    age: Annotated[int, Field(ge=0, lt=150)] = 20
    level: Annotated[float, Field(gt=0, le=10)] = 5.0
    even: Annotated[int, Field(multiple_of=2)] = 4
    short: Annotated[str, Field(min_length=1, max_length=5)] = "abc"
    numbers: list[int] = Field(default_factory=lambda: [3, 1, 2])
    floats: list[float] = Field(default_factory=lambda: [0.1, 2.5, -1.0])
    tags: list[str] = Field(default_factory=lambda: ["a", "b"])
    grid: list[list[int]] = Field(default_factory=lambda: [[1, 2], [3]])
    few: Annotated[list[int], Field(min_length=1, max_length=3)] = Field(default=[1, 2])
    counts: dict[str, int] = Field(default_factory=lambda: {"a": 1, "b": 2})
    by_number: dict[int, str] = Field(default_factory=lambda: {1: "one"})
    boxes: dict[str, Item] = Field(default_factory=lambda: {"x": Item(name="in x", qty=1)})
    roles: set[str] = Field(default_factory=lambda: {"user", "guest"})
    digits: set[int] = Field(default_factory=lambda: {10, 9, 100})
    maybes: list[Item | None] = Field(default_factory=list)
    address: Address = Field(default_factory=Address)
    second: Address | None = None
    items: list[Item] = Field(
        default_factory=lambda: [
            Item(
                name=f"item {n}", price=n + 0.25, qty=n, expired=n % 2 == 0, parts=[Part(name="p")]
            )
            for n in range(4)
        ]
    )

    class Config:
        prefix = "pipeline-everything"


class Counted(AtomicRedisModel):
    """A model whose documents have a Version."""

    stock: int = 0
    tags: list[str] = Field(default_factory=list)
    revision: Version = Field(default=0)

    class Config:
        prefix = "pipeline-counted"


NOW = datetime(2026, 1, 1, tzinfo=UTC)


async def run(pipeline: Any, program: Any) -> None:
    """Record a program in the block of a pipeline."""
    async with pipeline as p:
        program(p)
