"""Comparing two ways to do the same work on a noisy machine."""

from __future__ import annotations

import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from rich.console import Console
from rich.table import Table

from benchmarks.timing import without_collection

Work: TypeAlias = Callable[[], object]
AsyncWork: TypeAlias = Callable[[], Awaitable[object]]
#: Does some work many times, and gives the microseconds that one time took.
Timed: TypeAlias = Callable[[], Awaitable[float]]


@dataclass(frozen=True, slots=True)
class Comparison:
    """How long one way takes beside another.

    Attributes:
        name: What was done.
        raw: Median time of the plain way, in microseconds for one repetition.
        ours: Median time of ours.
        ratios: `ours / raw` of each round.
        bar: The ratio that must not be exceeded; None where there is none.
    """

    name: str
    raw: float
    ours: float
    ratios: tuple[float, ...]
    bar: float | None

    @property
    def ratio(self) -> float:
        """The median over the rounds, each of which did both within a moment."""
        return statistics.median(self.ratios)

    @property
    def spread(self) -> tuple[float, float]:
        """The quartiles of the ratios."""
        low, _, high = statistics.quantiles(self.ratios, n=4)
        return low, high


async def compare(
    name: str,
    raw: AsyncWork,
    ours: AsyncWork,
    *,
    bar: float | None,
    number: int = 1,
    rounds: int,
    before: AsyncWork | None = None,
) -> Comparison:
    """Time two ways in turn, so that what else the machine does hits both alike.

    Args:
        name: What is done.
        raw: The plain way, done `number` times in each round.
        ours: Our way, likewise.
        bar: The ratio that must not be exceeded.
        number: Repetitions in a round.
        rounds: How many rounds; the first one, which warms up, does not count.
        before: What is done before either, and not timed.
    """
    return await _in_turn(
        name,
        lambda: _time_awaits(raw, number, before),
        lambda: _time_awaits(ours, number, before),
        bar,
        rounds,
    )


async def compare_calls(
    name: str, raw: Work, ours: Work, *, bar: float | None, number: int = 2000, rounds: int = 31
) -> Comparison:
    """Time two ways that wait for nothing; see `compare`."""
    return await _in_turn(
        name, lambda: _time_calls(raw, number), lambda: _time_calls(ours, number), bar, rounds
    )


async def _in_turn(
    name: str, raw: Timed, ours: Timed, bar: float | None, rounds: int
) -> Comparison:
    times: list[tuple[float, float]] = []
    for turn in range(rounds + 1):
        if turn % 2:
            plain, own = await raw(), await ours()
        else:
            own, plain = await ours(), await raw()
        times.append((plain, own))
    counted = times[1:]
    return Comparison(
        name,
        statistics.median(plain for plain, _ in counted),
        statistics.median(own for _, own in counted),
        tuple(own / plain for plain, own in counted),
        bar,
    )


async def _time_awaits(work: AsyncWork, number: int, before: AsyncWork | None) -> float:
    if before is not None:
        await before()
    with without_collection():
        started = time.perf_counter()
        for _ in range(number):
            await work()
        return (time.perf_counter() - started) / number * 1e6


async def _time_calls(work: Work, number: int) -> float:
    with without_collection():
        started = time.perf_counter()
        for _ in range(number):
            work()
        return (time.perf_counter() - started) / number * 1e6


def print_table(title: str, comparisons: list[Comparison]) -> None:
    """Print ratios with their spread, and whether each is below its bar."""
    table = Table(title=title, title_justify="left")
    for heading in ("", "ratio", "quartiles", "bar", "raw us", "ours us"):
        table.add_column(heading, justify="left" if not heading else "right")
    for comparison in comparisons:
        bar = comparison.bar
        colour = "" if bar is None else "[green]" if comparison.ratio <= bar else "[red]"
        low, high = comparison.spread
        table.add_row(
            comparison.name,
            f"{colour}{comparison.ratio:.2f}",
            f"{low:.2f} to {high:.2f}",
            "" if bar is None else f"<= {bar}",
            f"{comparison.raw:.2f}",
            f"{comparison.ours:.2f}",
        )
    Console(width=110).print(table)
