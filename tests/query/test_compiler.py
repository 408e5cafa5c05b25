"""What conditions are compiled to: the texts of `compiled.txt`, and the rules of all texts."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import pytest
from pydantic import AwareDatetime
from query_texts import without_outer_nots
from rapyer import AtomicRedisModel, BigInt, EmbeddedModel, Field, Key, Mapped, MappedOptional
from rapyer_query.clauses import depth_of
from rapyer_query.index import Compiled, ModelIndex
from rapyer_query.settings import Limits

GOLDEN = Path(__file__).parent / "compiled.txt"
LIMITS = Limits(min_prefix=2, expands_all=True)


class Role(Enum):
    ADMIN = "admin"
    USER = "user"
    GUEST = "guest"


class Address(EmbeddedModel):
    city: Mapped[str]
    zip: Mapped[int | None] = Field(default=None)


class Part(EmbeddedModel):
    code: Mapped[str]


class Item(EmbeddedModel):
    name: Mapped[str]
    price: Mapped[float | None] = Field(default=None)
    count: Mapped[int]
    tags: Mapped[list[str]] = Field(default_factory=list)
    parts: Mapped[list[Part]] = Field(default_factory=list)


class User(AtomicRedisModel):
    id: Key[int]
    name: Mapped[str]
    nick: Mapped[str | None] = Field(default=None)
    age: Mapped[int]
    limit: Mapped[int] = Field(default=10)
    score: Mapped[float]
    active: Mapped[bool]
    role: Mapped[Role]
    size: Mapped[Literal["s", "m", "l"]] = Field(default="m")
    token: Mapped[UUID]
    raw: Mapped[bytes]
    big: Mapped[BigInt]
    balance: Mapped[Decimal]
    born: Mapped[date]
    seen: Mapped[datetime | None] = Field(default=None)
    due: Mapped[AwareDatetime]
    alarm: Mapped[time]
    span: Mapped[timedelta]
    tags: Mapped[list[str]] = Field(default_factory=list)
    numbers: Mapped[list[int | None]]
    flags: Mapped[list[bool]]
    pair: Mapped[tuple[int, str]]
    counts: Mapped[dict[str, int]] = Field(default_factory=dict, index_keys=["a b", "c"])
    home: Mapped[Address]
    work: MappedOptional[Address] = Field(default=None)
    items: Mapped[list[Item]] = Field(default_factory=list)
    either: Mapped[int | float]
    label: Mapped[str | UUID]
    mixed: Mapped[int | str]
    anything: Mapped[Any] = Field(default=None)
    hidden: Mapped[int] = Field(default=0, index=False)

    class Config:
        prefix = "query:compiled"


BERLIN = timezone(timedelta(hours=1))
ZONES = (UTC, BERLIN)  # which the conditions of the file name
BLOCKS = [
    block.split("\n")
    for block in GOLDEN.read_text().strip().split("\n\n")
    if not block.startswith("#")
]


def compiled(condition: Any, limits: Limits = LIMITS) -> Compiled:
    return ModelIndex.of(User).compiled(condition, limits)


def shown(condition: Any) -> list[str]:
    """A compiled condition as `compiled.txt` has it."""
    found = compiled(condition)
    lines = [f"  {'exact' if found.is_exact else 'checked'}: {found.clause.query or 'nothing'}"]
    if found.parameters:
        lines.append(f"  sent: {', '.join(map(repr, found.parameters[1::2]))}")
    if not found.is_helped:
        lines.append(f"  not indexed: {', '.join(found.unindexed)}")
    return lines


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block[0])
def test_a_condition_is_compiled_to_the_text_that_was_looked_at(block):
    condition, *lines = block
    assert shown(eval(condition)) == lines


ALLOWED = re.compile(
    r"@[a-z][a-z0-9_]*:\[\(?(\$p\d+|-inf|\+inf) \(?(\$p\d+|-inf|\+inf)\]"  # a range
    r"|@[a-z][a-z0-9_]*:\{\*?\$p\d+\*?(\|\$p\d+)*\}"  # tags, and parts of them
    r"|ismissing\(@[a-z][a-z0-9_]*\)"
    r"|[()|* ]"
)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block[0])
def test_nothing_is_in_a_text_but_generated_names_and_there_is_no_not_below_an_or(block):
    for positive in without_outer_nots(compiled(eval(block[0])).clause.query):
        assert "-(" not in positive
        assert ALLOWED.sub("", positive) == ""


def test_the_page_has_conditions_of_every_kind():
    assert len(BLOCKS) > 100
    assert sum(block[1].startswith("  checked") for block in BLOCKS) > 20


def test_operands_are_sent_beside_the_text_whatever_they_contain():
    hostile = "\"'{}|@name:[0 1]*\\\0w'x'"
    found = compiled(User.name == hostile)
    assert found.clause.query == "@name:{$p0}"
    assert found.parameters == ["p0", hostile.replace("\\", "\\\\").replace("\0", "\ufdd1")]


def test_equal_conditions_are_compiled_once():
    first, again = compiled(User.age > 3), compiled(User.age > 3)
    assert first is again
    assert compiled(User.age > 4) is not first
    assert compiled(User.score == 1) is not compiled(User.score == 1.0)


def test_a_server_that_looks_at_a_part_of_the_texts_is_not_asked_for_parts_of_them():
    condition = User.name.startswith("ab") & (User.age > 3)
    found = compiled(condition, Limits(2, expands_all=False))
    assert (found.clause.query, found.is_exact, found.expands) == ("@age:[($p0 +inf]", False, False)
    assert compiled(condition).expands


def test_conditions_nested_deeper_than_the_server_reads_are_checked():
    condition = User.age > 0
    for number in range(100):
        condition = (condition & (User.age > number)) | (User.age == -number)
    found = compiled(condition)
    assert (found.clause.query, found.is_exact) == ("*", False)
    assert depth_of(compiled((User.age > 1) | (User.age < 0) & (User.limit > 3)).clause.query) < 60


def test_what_is_sent_are_the_parameters_that_the_text_has():
    found = compiled((User.age > 2**60) & (User.age < 5) & ~(User.born > date(2000, 1, 1)))
    numbers = re.findall(r"\$(p\d+)", found.clause.query)
    assert set(found.parameters[::2]) == set(numbers)
