"""Groups of 34 006 cities, beside the same FT.AGGREGATE by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rapyer import AtomicRedisModel, Field, Key, Mapped
from rapyer_query import avg, count, max_, sum_
from rapyer_query.index import ModelIndex

from benchmarks.cities import cities, stored
from benchmarks.rounds import Comparison, compare, print_table


class City(AtomicRedisModel):
    """A city."""

    geoname_id: Key[int]
    name: Mapped[str]
    country: Mapped[str]
    timezone: Mapped[str] = Field(sortable=True)
    population: Mapped[int]
    inhabitants: Mapped[int] = Field(sortable=True)
    latitude: Mapped[float]

    class Config:
        prefix = "benchmark:city"


def _city(raw: Mapping[str, Any]) -> City:
    return City(
        geoname_id=raw["geonameid"], name=raw["name"], country=raw["countrycode"],
        timezone=raw["timezone"], population=raw["population"], inhabitants=raw["population"],
        latitude=raw["latitude"],
    )  # fmt: skip


async def run(url: str) -> None:
    """Print the tables of groups."""
    async with stored(url, cities(_city)) as client:
        found = await _groups(client, ModelIndex.of(City).name)
        print_table("34 006 cities in groups, beside FT.AGGREGATE by hand", found)


async def _groups(client: Any, index: str) -> list[Comparison]:
    async def raw(query: str, *words: Any) -> list[dict[bytes, bytes]]:
        reply = await client.execute_command(
            "FT.AGGREGATE", index, query, *words, "LIMIT", 0, 10_000, "TIMEOUT", 0, "DIALECT", 2
        )
        return [dict(zip(row[::2], row[1::2], strict=True)) for row in reply[1:]]

    def by_hand(query: str, key: str, number: str, *, is_kept: bool = False) -> Any:
        load = () if is_kept else ("LOAD", 2, key, number)

        async def work() -> None:
            await raw(
                query, *load, "GROUPBY", 1, key, "REDUCE", "COUNT", 0, "AS", "n",
                "REDUCE", "SUM", 1, number, "AS", "people", "REDUCE", "MAX", 1, number, "AS", "m",
            )  # fmt: skip

        return work

    async def total_by_hand() -> None:
        await raw("*", "LOAD", 1, "@latitude", "GROUPBY", 0, "REDUCE", "AVG", 1, "@latitude")

    def ours(condition: Any, key: Any, number: Any) -> Any:
        query = City.find(*condition).group_by(key)
        made = query.aggregate(n=count(), people=sum_(number), biggest=max_(number))

        async def work() -> None:
            await made.to_list()

        return work

    async def total() -> None:
        (row,) = await City.find().group_by().aggregate(avg(City.latitude)).to_list()
        del row

    some = "@population:[(100000 +inf]"
    timing: Any = {"bar": 1.3, "number": 1, "rounds": 31}
    return [
        await compare(
            "count, sum, max by country", by_hand("*", "@country", "@population"),
            ours((), City.country, City.population), **timing,
        ),
        await compare(
            "the same of 5000 of them", by_hand(some, "@country", "@population"),
            ours((City.population > 100_000,), City.country, City.population), **timing,
        ),
        await compare(
            "the same of sortable fields",
            by_hand("*", "@timezone", "@inhabitants", is_kept=True),
            ours((), City.timezone, City.inhabitants), bar=1.3, number=5, rounds=31,
        ),
        await compare("mean of all", total_by_hand, total, **timing),
    ]  # fmt: skip
