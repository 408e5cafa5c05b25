"""Queries, beside the same query sent by hand and pydantic."""

from __future__ import annotations

import json
from typing import Any

import redis.asyncio as redis
from pydantic import BaseModel
from rapyer import AtomicRedisModel, Condition, Mapped, init_rapyer
from rapyer_query.index import ModelIndex
from rapyer_query.settings import Limits

from benchmarks.core import Address, PlainUser
from benchmarks.rounds import Comparison, compare, compare_calls, print_table
from benchmarks.values import VALUES

NUMBER = 1000


class Person(AtomicRedisModel):
    """The user of the other suites, with fields that checkers know as paths."""

    name: Mapped[str]
    age: Mapped[int]
    score: Mapped[float]
    active: Mapped[bool]
    tags: Mapped[list[str]]
    counts: Mapped[dict[str, int]]
    address: Mapped[Address]


class PersonView(BaseModel):
    """A part of it."""

    name: str
    tags: list[str]


class Raw:
    """The same work with redis-py and pydantic.

    Args:
        client: The client.
        index: The name of the index, which is ours.
    """

    def __init__(self, client: Any, index: str) -> None:
        self.client = client
        self.index = index

    async def _search(self, *options: Any, dialect: int = 2) -> list[Any]:
        found: list[Any] = await self.client.execute_command(
            "FT.SEARCH", self.index, "@age:[($p0 +inf]", *options, "LIMIT", 0, NUMBER,
            "TIMEOUT", 0, "PARAMS", 2, "p0", "499", "DIALECT", dialect,
        )  # fmt: skip
        return found

    async def rows(self) -> list[PlainUser]:
        found = await self._search("RETURN", 1, "$")
        return [PlainUser.model_validate_json(row[1]) for row in found[2::2]]

    async def count(self) -> int:
        reply = await self.client.execute_command(
            "FT.SEARCH", self.index, "@age:[($p0 +inf]", "NOCONTENT", "LIMIT", 0, 0,
            "TIMEOUT", 0, "PARAMS", 2, "p0", "499", "DIALECT", 2,
        )  # fmt: skip
        return int(reply[0])

    async def values(self) -> list[tuple[str, list[str]]]:
        found = await self._search(
            "RETURN", 6, "$.name", "AS", "name", "$.tags", "AS", "tags", dialect=3
        )
        return [(json.loads(row[1])[0], json.loads(row[3])[0]) for row in found[2::2]]

    async def views(self) -> list[PersonView]:
        found = await self._search(
            "RETURN", 6, "$.name", "AS", "name", "$.tags", "AS", "tags", dialect=3
        )
        return [
            PersonView.model_validate_json(b'{"name":%b,"tags":%b}' % (row[1][1:-1], row[3][1:-1]))
            for row in found[2::2]
        ]

    async def keys(self) -> list[Any]:
        return (await self._search("NOCONTENT"))[1:]

    async def delete(self) -> None:
        await self.client.unlink(*await self.keys())

    async def update(self) -> None:
        triples: list[Any] = []
        for key in await self.keys():
            triples += (key, "$.name", '"x"')
        await self.client.execute_command("JSON.MSET", *triples)


async def run(url: str) -> None:
    """Print the tables of queries."""
    client: Any = redis.Redis.from_url(url, protocol=2)  # pyright: ignore[reportUnknownMemberType]
    async with client, init_rapyer(url):
        people = [Person.model_validate({**VALUES, "age": place}) for place in range(NUMBER)]

        async def save() -> None:
            for person in people:
                await person.save()

        await save()
        await Person.find().count()
        raw = Raw(client, ModelIndex.of(Person).name)
        print_table("500 of 1000 documents, beside FT.SEARCH by hand", await _queries(raw, save))
        await client.unlink(*[person.key for person in people])
    print_table("compiling, beside the bar of 60 us", await _compiling())


async def _queries(raw: Raw, save: Any) -> list[Comparison]:
    query = Person.find(Person.age > 499)

    async def rows() -> None:
        await query.to_list()

    async def count() -> None:
        await query.count()

    async def values() -> None:
        await query.values(Person.name, Person.tags).to_list()

    async def views() -> None:
        await query.project(PersonView).to_list()

    async def sort() -> None:
        await query.sort(Person.name, Person.age.desc()).to_list()

    async def update() -> None:
        await query.update({Person.name: "x"})

    async def delete() -> None:
        await query.delete()

    timing: Any = {"rounds": 31}
    return [
        await compare("to_list", raw.rows, rows, bar=1.3, **timing),
        await compare("count", raw.count, count, bar=1.2, number=20, **timing),
        await compare("values of 2 fields", raw.values, values, bar=1.4, **timing),
        await compare("project to 2 fields", raw.views, views, bar=1.4, **timing),
        await compare("sorted by 2 fields, raw unsorted", raw.rows, sort, bar=None, **timing),
        await compare("update of one field", raw.update, update, bar=1.5, **timing),
        await compare("delete", raw.delete, delete, bar=1.5, before=save, rounds=15),
    ]


def _condition(number: int) -> Condition:
    condition: Any = (
        (Person.age > number)
        & (Person.score <= 2.5)
        & (Person.active == True)  # noqa: E712 - this is how it is written
        & Person.tags.contains("poetry")
        & (Person.name == "Ada")
    )
    return condition  # type: ignore[no-any-return]


async def _compiling() -> list[Comparison]:
    index, limits = ModelIndex.of(Person), Limits(2, expands_all=True)
    conditions = [_condition(number) for number in range(5000)]
    fresh = iter(conditions * 100)
    known = _condition(1)
    index.compiled(known, limits)

    def nothing() -> None:
        next(fresh)

    return [
        await compare_calls("5 comparisons, built", nothing, lambda: _condition(3), bar=None),
        await compare_calls(
            "5 comparisons, compiled",
            nothing,
            lambda: index.compiled(next(fresh), limits),
            bar=None,
        ),
        await compare_calls(
            "the same again", nothing, lambda: index.compiled(known, limits), bar=None
        ),
    ]
