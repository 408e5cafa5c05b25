"""Rows as a table in the terminal and as a part of a page in Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.compare.candidates import CANDIDATES, RAW
from benchmarks.compare.errors import PageError
from benchmarks.compare.growth import Sizes
from benchmarks.compare.measure import Row, spread


@dataclass(frozen=True)
class Report:
    """What a run has found.

    Attributes:
        kind: `works` or `growth`.
        rows: The works.
        about: What it was measured on, a sentence each.
        megabytes: What indexes take, by the number of documents.
    """

    kind: str
    rows: Sequence[Row]
    about: Sequence[str]
    megabytes: Sizes

    @property
    def names(self) -> list[str]:
        """The candidates."""
        return [*self.rows[0].cells]


class _Notes:
    """Numbers what readers have to know; the same text has the same number."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def number(self, text: str) -> str:
        if not text:
            return ""
        return str(self.numbers.setdefault(text, len(self.numbers) + 1))


def _duration(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} us"


def _number(ratio: float) -> str:
    return f"{ratio:.2f}" if ratio < 10 else f"{ratio:.0f}"


def _cell(row: Row, name: str) -> tuple[str, str]:
    """Give what stands in a cell, and its note."""
    cell = row.cells[name]
    if cell.instead:
        return cell.instead, cell.note
    if name == RAW or not row.cells[RAW].seconds:
        return _duration(cell.median), cell.note
    found = spread(row.ratios(name))
    return (
        f"{_number(found.median)} ({_number(found.low)} to {_number(found.high)})",
        cell.note,
    )


def _titled(report: Report) -> list[tuple[str, Row]]:
    if report.kind == "works":
        return [(row.title, row) for row in report.rows]
    works = dict.fromkeys(row.work for row in report.rows)
    return [
        (f"{row.title}, of {_thousands(row.documents)}", row)
        for work in works
        for row in report.rows
        if row.work == work
    ]


def _thousands(number: int) -> str:
    return f"{number:_}".replace("_", " ")


def _grid(report: Report, mark: str) -> tuple[list[list[str]], list[str]]:
    """Give the lines of the table, and the notes below it."""
    notes = _Notes()
    lines: list[list[str]] = []
    for title, row in _titled(report):
        line = [title]
        for name in report.names:
            text, note = _cell(row, name)
            number = notes.number(note)
            line.append(text + (mark.format(number) if number else ""))
        lines.append(line)
    for documents, sizes in report.megabytes.items():
        title = f"memory of the index, of {_thousands(documents)}"
        lines.append([title, *(f"{sizes[name]:.1f} MB" for name in report.names)])
    return lines, [f"{number}. {text}." for text, number in notes.numbers.items()]


def print_report(report: Report, console: Console) -> None:
    """Print the table, its notes, and what it was measured on."""
    table = Table(title="how many times as long as raw redis-py, with quartiles")
    table.add_column("")
    for name in report.names:
        table.add_column(CANDIDATES[name].title, justify="right")
    lines, notes = _grid(report, " [{}]")
    for line in lines:
        table.add_row(*[text.replace("[", r"\[") for text in line])
    console.print(table)
    for text in (*notes, *report.about):
        console.print(text, markup=False, highlight=False)


def markdown(report: Report) -> str:
    """Give the table with its notes as Markdown."""
    lines, notes = _grid(report, " <sup>{}</sup>")
    heads = ["", *(CANDIDATES[name].title for name in report.names)]
    rule = ["---", *["---:"] * len(report.names)]
    table = ["| " + " | ".join(line) + " |" for line in (heads, rule, *lines)]
    return "\n".join([*table, "", *notes, "", *report.about])


def write_into(page: Path, report: Report) -> None:
    """Write a report between its marks in a page; a page that does not exist is made.

    Raises:
        PageError: The page has no place for it.
    """
    start, end = _marks(report.kind)
    part = f"{start}\n{markdown(report)}\n{end}"
    place = place_in(page, report.kind)
    if place is None:
        page.write_text(part + "\n")
        return
    old = page.read_text()
    page.write_text(old[: place.start()] + part + old[place.end() :])


def place_in(page: Path, kind: str) -> re.Match[str] | None:
    """Give the place of a report in a page; None where there is no such page.

    Raises:
        PageError: The page has no such place, or several.
    """
    if not page.exists():
        return None
    start, end = _marks(kind)
    pattern = re.compile(re.escape(start) + ".*?" + re.escape(end), re.DOTALL)
    places = [*pattern.finditer(page.read_text())]
    if len(places) != 1:
        raise PageError(f"{page} has to have once {start!r} and, after it, {end!r}. Add them.")
    return places[0]


def _marks(kind: str) -> tuple[str, str]:
    return f"<!-- compare: {kind} -->", f"<!-- end of compare: {kind} -->"
