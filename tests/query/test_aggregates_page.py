"""docs/aggregates.md: its example runs, and its table is asked of a server."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Literal
from uuid import UUID

import pytest
import rapyer_query
from pages import Page
from rapyer import AtomicRedisModel, BigInt, ExpressionError

PAGE = Page("docs/aggregates.md")
TABLE = PAGE.text.partition("## What is made")[2]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in re.findall(r"^\| `.*\|$", TABLE, re.MULTILINE)
]


async def test_the_example_says_what_it_prints(page, capsys):
    city = page["City"]
    await city(id=1, name="Paris", country="FR", population=2_100_000, elevation=42).save()
    await city(id=2, name="Lyon", country="FR", population=900_000, elevation=161).save()
    await city(id=3, name="Zurich", country="CH", population=400_000).save()
    await city(id=4, name="Bern", country="CH", population=50_000, elevation=540).save()
    await page["ask"]()
    PAGE.check_printed(capsys.readouterr().out)


class Shade(Enum):
    DARK = "dark"
    LIGHT = "light"


class Paint(AtomicRedisModel):
    the_int: int = 1
    the_float: float = 0.5
    the_bool: bool = True
    the_str: str = "a"
    the_literal: Literal["s", "m"] = "s"
    the_enum: Shade = Shade.DARK
    the_uuid: UUID = UUID(int=1)
    the_bytes: bytes = b"a"
    the_date: date = date(2020, 1, 1)
    the_timedelta: timedelta = timedelta(1)
    the_datetime: datetime = datetime(2020, 1, 1)
    the_time: time = time(8)
    the_decimal: Decimal = Decimal("1.5")
    the_big: BigInt = 10**30
    no_int: int | None = None
    no_float: float | None = None
    no_str: str | None = None
    no_datetime: datetime | None = None
    no_time: time | None = None

    class Config:
        prefix = "query:paint"


P: Any = Paint
NAMES = {"Literal": "literal", "Enum": "enum", "str": "str"}
NUMBERS = {"the_int", "the_float", "no_int", "no_float"}
SORTED = {
    *NUMBERS, "the_bool", "the_str", "no_str", "the_literal", "the_enum", "the_date",
    "the_timedelta", "the_datetime", "the_time",
}  # fmt: skip
TOLD_APART = SORTED - {"the_datetime", "the_time", "no_float"} | {
    "the_uuid",
    "the_bytes",
    "the_big",
}
EXPECTED = {
    "count()": {*Paint.model_fields},
    "sum_(x)": NUMBERS | {"the_timedelta"},
    "avg(x)": NUMBERS | {"the_timedelta"},
    "min_(x)": SORTED,
    "max_(x)": SORTED,
    "stddev(x)": NUMBERS,
    "count_distinct(x)": TOLD_APART,
    "first_value(x, by=y.desc())": {
        name for name in SORTED | TOLD_APART if not name.startswith("no_")
    },
    "quantile(x, 0.5)": set[str](),
    "quantile(x, 0.5, approximate=True)": NUMBERS,
    "to_list(x)": set[str](),
    "to_list(x, distinct=True)": TOLD_APART | {"no_float"},
}


def test_the_table_has_all_aggregates():
    named = [name for row in ROWS for name in re.findall(r"`(.*?)`", row[0])]
    assert named == [*EXPECTED]


@pytest.mark.parametrize("written", EXPECTED)
async def test_the_server_makes_an_aggregate_of_the_types_that_the_page_says(server, written):
    made_by_server: set[str] = set()
    for name in Paint.model_fields:
        names = {**vars(rapyer_query), "x": getattr(P, name), "y": P.the_int}
        try:
            aggregate = eval(written, names)
        except ExpressionError:
            continue
        told = await Paint.find().group_by(P.the_str).aggregate(aggregate).explain()
        if told.groups == "server":
            made_by_server.add(name)
    assert made_by_server == EXPECTED[written]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
async def test_of_no_values_there_is_what_the_page_says(server, row):
    for written in re.findall(r"`(.*?)`", row[0]):
        names = {**vars(rapyer_query), "x": P.no_int, "y": P.the_int}
        aggregate = eval(written, names)
        query = Paint.find(P.the_int > 99).group_by().aggregate(aggregate)
        ((found,),) = await query.to_list()
        assert repr(found) == row[3].strip("`").removesuffix(", also of one")
