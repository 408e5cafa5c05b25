"""Rounds over all candidates in turn, and what comes of them."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.compare.candidates import RAW
from benchmarks.compare.process import WorkerProcess
from benchmarks.compare.works import GROWTH, WORKS, Work

#: After how many seconds of one work no more rounds of it are begun.
_ENOUGH = 60.0
_FEWEST = 5


@dataclass(frozen=True, slots=True)
class Cell:
    """What a candidate has shown at a work.

    Attributes:
        seconds: What one repetition took in each round; nothing where there is no time.
        instead: What stands in the table instead of a time.
        note: What a reader has to know.
    """

    seconds: tuple[float, ...] = ()
    instead: str = ""
    note: str = ""

    @property
    def median(self) -> float:
        """The median of the seconds."""
        return statistics.median(self.seconds)


@dataclass(frozen=True, slots=True)
class Row:
    """A work, and what each candidate has shown.

    Attributes:
        work: Its name.
        title: What it is.
        cells: By the name of the candidate.
        documents: How many there were.
    """

    work: str
    title: str
    documents: int
    cells: Mapping[str, Cell]

    def ratios(self, name: str) -> tuple[float, ...]:
        """Give how many times as long as raw a candidate has taken, in each round."""
        raw, own = self.cells[RAW].seconds, self.cells[name].seconds
        return tuple(one / other for one, other in zip(own, raw, strict=False))


@dataclass(frozen=True, slots=True)
class Spread:
    """A median with the quartiles around it."""

    low: float
    median: float
    high: float


def spread(numbers: Iterable[float]) -> Spread:
    """Give the quartiles of some numbers."""
    given = [*numbers]
    if len(given) == 1:
        return Spread(given[0], given[0], given[0])
    low, median, high = statistics.quantiles(given, n=4, method="inclusive")
    return Spread(low, median, high)


@dataclass
class Run:
    """What is the same for all works of a run.

    Attributes:
        workers: The candidates.
        rounds: How many rounds count.
        documents: How many there are.
        told: Called with what is being done.
        notes: What candidates say about how they do works.
    """

    workers: Mapping[str, WorkerProcess]
    rounds: int
    documents: int
    told: Callable[[str], object] = lambda _: None
    notes: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])

    async def row(self, name: str) -> Row:
        """Let each candidate show that it does a work right, and time those that do."""
        work = {**WORKS, **GROWTH}[name]
        title = work.title.format(n=f"{self.documents:_}", half=f"{self.documents // 2:_}")
        title = title.replace("_", " ")
        self.told(title)
        shown: dict[str, Any] = {
            each: await worker.ask(check=name) for each, worker in self.workers.items()
        }
        able = [each for each, answer in shown.items() if answer.get("right")]
        seconds = await self._rounds(name, work, able)
        cells = {
            each: Cell(tuple(seconds[each]), note=self.notes.get(each, {}).get(name, ""))
            if each in able
            else _instead(answer)
            for each, answer in shown.items()
        }
        return Row(name, title, self.documents, cells)

    async def _rounds(self, name: str, work: Work, able: list[str]) -> dict[str, list[float]]:
        seconds: dict[str, list[float]] = {each: [] for each in able}
        spent = 0.0
        for turn in range(self.rounds + 1):
            first = turn % len(able) if able else 0
            for each in able[first:] + able[:first]:
                answer = await self.workers[each].must(work=name, number=work.number)
                if turn:  # the first round warms up
                    seconds[each].append(answer["seconds"])
                spent += answer["seconds"] * work.number
            if spent > _ENOUGH and turn >= _FEWEST:
                break
        return seconds


def _instead(answer: Mapping[str, str]) -> Cell:
    if "cannot" in answer:
        return Cell(instead="-", note=answer["cannot"])
    if "wrong" in answer:
        return Cell(instead=f"wrong: {answer['wrong']}")
    return Cell(instead="fails", note=answer["error"])
