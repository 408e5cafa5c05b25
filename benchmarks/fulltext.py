"""Words in the names of 34 006 cities, beside the same commands by hand and pydantic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from rapyer import AtomicRedisModel, Field, Key, Mapped
from rapyer_query.index import ModelIndex

from benchmarks.cities import cities, stored
from benchmarks.rounds import Comparison, compare, print_table


class Named(AtomicRedisModel):
    """A city."""

    geoname_id: Key[int]
    name: Mapped[str] = Field(text=True)
    others: Mapped[str] = Field(text=True)
    population: Mapped[int]

    class Config:
        prefix = "benchmark:named"


class PlainNamed(BaseModel):
    """The same without rapyer."""

    geoname_id: int
    name: str
    others: str
    population: int


def _named(raw: Mapping[str, Any]) -> Named:
    return Named(
        geoname_id=raw["geonameid"], name=raw["name"], population=raw["population"],
        others=" ".join(raw["alternatenames"]),
    )  # fmt: skip


async def run(url: str) -> None:
    """Print the tables of full-text search."""
    async with stored(url, cities(_named)) as client:
        index = ModelIndex.of(Named).name
        found = [*await _words(client, index), *await _best(client, index)]
        print_table("words of the names of 34 006 cities, beside the same by hand", found)


async def _words(client: Any, index: str) -> list[Comparison]:
    async def search(text: str, *words: Any) -> list[Any]:
        found: list[Any] = await client.execute_command(
            "FT.SEARCH", index, text, *words, "TIMEOUT", 0, "DIALECT", 2
        )
        return found

    async def raw_rows() -> None:
        found = await search("@name_words:(san)", "RETURN", 1, "$", "LIMIT", 0, 10_000)
        for row in found[2::2]:
            PlainNamed.model_validate_json(row[1])

    async def raw_count() -> None:
        await search("@others_words:(san)", "NOCONTENT", "LIMIT", 0, 0)

    named = Named.find(Named.name.matches("san"))
    called = Named.find(Named.others.matches("san"))

    async def rows() -> None:
        await named.to_list()

    async def count() -> None:
        await called.count()

    number, timing = await named.count(), {"bar": 1.3, "rounds": 31}
    given: Any = timing
    return [
        await compare(f"{number} with a word, read", raw_rows, rows, **given),
        await compare("those with a word, counted", raw_count, count, number=20, **given),
    ]


async def _best(client: Any, index: str) -> list[Comparison]:
    async def raw_best() -> None:
        # those of one score are in the order of their keys
        _, *found = await client.execute_command(
            "FT.AGGREGATE", index, "(new york)", "ADDSCORES", "LOAD", 1, "@__key",
            "SORTBY", 4, "@__score", "DESC", "@__key", "ASC", "MAX", 10, "LIMIT", 0, 10,
            "LOAD", 1, "$", "TIMEOUT", 0, "DIALECT", 2,
        )  # fmt: skip
        for row in found:
            PlainNamed.model_validate_json(row[-1])

    async def raw_any() -> None:
        found = await client.execute_command(
            "FT.SEARCH", index, "(new york)", "RETURN", 1, "$", "LIMIT", 0, 10, "TIMEOUT", 0,
            "DIALECT", 2,
        )  # fmt: skip
        for row in found[2::2]:
            PlainNamed.model_validate_json(row[1])

    best = Named.find().search("new york").limit(10)

    async def ten() -> None:
        await best.to_list()

    timing: Any = {"bar": 1.3, "rounds": 31, "number": 20}
    return [
        await compare("the 10 best of two words", raw_best, ten, **timing),
        await compare("those, by FT.SEARCH in any order", raw_any, ten, **timing),
    ]
