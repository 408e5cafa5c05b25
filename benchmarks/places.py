"""Places of 34 006 cities, beside the same commands by hand and pydantic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from rapyer import AtomicRedisModel, GeoPoint, Key, Mapped
from rapyer_query.index import ModelIndex

from benchmarks.cities import cities, stored
from benchmarks.rounds import Comparison, compare, print_table

PARIS = GeoPoint(2.3522, 48.8566)


class Town(AtomicRedisModel):
    """A city."""

    geoname_id: Key[int]
    name: Mapped[str]
    population: Mapped[int]
    location: Mapped[GeoPoint]

    class Config:
        prefix = "benchmark:town"


class PlainTown(BaseModel):
    """The same without rapyer."""

    geoname_id: int
    name: str
    population: int
    location: GeoPoint


def _town(raw: Mapping[str, Any]) -> Town:
    return Town(
        geoname_id=raw["geonameid"], name=raw["name"], population=raw["population"],
        location=GeoPoint(raw["longitude"], raw["latitude"]),
    )  # fmt: skip


async def run(url: str) -> None:
    """Print the tables of places."""
    async with stored(url, cities(_town)) as client:
        found = await _places(client, ModelIndex.of(Town).name)
        print_table("places of 34 006 cities, beside the same by hand", found)


async def _places(client: Any, index: str) -> list[Comparison]:
    async def search(radius: int, *words: Any) -> list[Any]:
        text = f"@location:[{PARIS.lon} {PARIS.lat} {radius} km]"
        found: list[Any] = await client.execute_command(
            "FT.SEARCH", index, text, *words, "TIMEOUT", 0, "DIALECT", 2
        )
        return found

    async def raw_rows() -> None:
        found = await search(200, "RETURN", 1, "$", "LIMIT", 0, 10_000)
        for row in found[2::2]:
            PlainTown.model_validate_json(row[1])

    async def raw_count() -> None:
        await search(500, "NOCONTENT", "LIMIT", 0, 0)

    async def raw_nearest() -> None:
        reply = await client.execute_command(
            "FT.AGGREGATE", index, f"@location:[{PARIS.lon} {PARIS.lat} 200 km]",
            "LOAD", 1, "@location", "APPLY", f"geodistance(@location,{PARIS.lon},{PARIS.lat})",
            "AS", "d", "SORTBY", 2, "@d", "ASC", "MAX", 10, "LIMIT", 0, 10, "LOAD", 1, "$",
            "TIMEOUT", 0, "DIALECT", 2,
        )  # fmt: skip
        for row in reply[1:]:
            PlainTown.model_validate_json(row[-1])

    near, far = (Town.find(Town.location.within(PARIS, km=size)) for size in (200, 500))
    nearest = near.sort(Town.location.distance_to(PARIS)).limit(10)

    async def rows() -> None:
        await near.to_list()

    async def count() -> None:
        await far.count()

    async def ten() -> None:
        await nearest.to_list()

    number = await near.count()
    return [
        await compare(f"{number} within 200 km, read", raw_rows, rows, bar=1.3, rounds=31),
        await compare("within 500 km, counted", raw_count, count, bar=1.3, number=20, rounds=31),
        await compare("the 10 nearest of 200 km", raw_nearest, ten, bar=1.3, number=5, rounds=31),
    ]
