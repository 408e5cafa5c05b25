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
        found = await _words(client, ModelIndex.of(Named).name)
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

    async def raw_best() -> None:
        found = await search("(new york)", "RETURN", 1, "$", "LIMIT", 0, 10)
        for row in found[2::2]:
            PlainNamed.model_validate_json(row[1])

    named = Named.find(Named.name.matches("san"))
    called = Named.find(Named.others.matches("san"))
    best = Named.find().search("new york").limit(10)

    async def rows() -> None:
        await named.to_list()

    async def count() -> None:
        await called.count()

    async def ten() -> None:
        await best.to_list()

    number, timing = await named.count(), {"bar": 1.3, "rounds": 31}
    given: Any = timing
    return [
        await compare(f"{number} with a word, read", raw_rows, rows, **given),
        await compare("those with a word, counted", raw_count, count, number=20, **given),
        await compare("the 10 best of two words", raw_best, ten, number=20, **given),
    ]
