"""The nearest of 10 000 vectors, beside the same commands by hand and pydantic."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from random import Random
from typing import Annotated, Any

from pydantic import BaseModel
from rapyer import AtomicRedisModel, Key, Mapped, Vector
from rapyer_query.index import ModelIndex

from benchmarks.cities import stored
from benchmarks.rounds import Comparison, compare, print_table

DIM, NUMBER = 64, 10_000


class Page(AtomicRedisModel):
    """A page with an embedding."""

    id: Key[int]
    title: Mapped[str]
    year: Mapped[int]
    flat: Mapped[Annotated[list[float], Vector(dim=DIM, algorithm="flat")]]
    graph: Mapped[Annotated[list[float], Vector(dim=DIM)]]

    class Config:
        prefix = "benchmark:page"


class PlainPage(BaseModel):
    """The same without rapyer."""

    id: int
    title: str
    year: int
    flat: list[float]
    graph: list[float]


def _pages(random: Random) -> Iterator[Page]:
    for number in range(NUMBER):
        vector = [random.uniform(-1, 1) for _ in range(DIM)]
        yield Page(id=number, title="x", year=number % 50, flat=vector, graph=vector)


async def run(url: str) -> None:
    """Print the tables of vectors."""
    random = Random(1)
    async with stored(url, _pages(random)) as client:
        found = await _nearest(client, ModelIndex.of(Page).name, random)
        print_table(f"the 10 nearest of {NUMBER:,} vectors of {DIM}", found)


async def _nearest(client: Any, index: str, random: Random) -> list[Comparison]:
    vector = [random.uniform(-1, 1) for _ in range(DIM)]

    def by_hand(name: str, text: str) -> Any:
        async def work() -> None:
            reply = await client.execute_command(
                "FT.SEARCH", index, f"({text})=>[KNN 10 @{name} $v AS d]", "SORTBY", "d", "ASC",
                "RETURN", 2, "d", "$", "LIMIT", 0, 10, "TIMEOUT", 0, "DIALECT", 2,
                "PARAMS", 2, "v", struct.pack(f"<{DIM}f", *vector),
            )  # fmt: skip
            for row in reply[2::2]:
                PlainPage.model_validate_json(row[-1])

        return work

    def ours(query: Any) -> Any:
        async def work() -> None:
            await query.to_list()

        return work

    timing: Any = {"bar": 1.3, "number": 5, "rounds": 31}
    of_year = Page.find(Page.year == 3)
    return [
        await compare(
            "of all, flat", by_hand("flat", "*"), ours(Page.find().nearest(Page.flat, vector)),
            **timing,
        ),
        await compare(
            "of all, hnsw", by_hand("graph", "*"), ours(Page.find().nearest(Page.graph, vector)),
            **timing,
        ),
        await compare(
            "of one year, flat", by_hand("flat", "@year:[3 3]"),
            ours(of_year.nearest(Page.flat, vector)), **timing,
        ),
    ]  # fmt: skip
