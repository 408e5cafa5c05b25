"""The command: its options, its processes, its reports."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rapyer_embedded import Server
from rich.console import Console

from benchmarks.compare import machine
from benchmarks.compare.candidates import CANDIDATES, OURS, RAW, default_cache
from benchmarks.compare.errors import CompareError
from benchmarks.compare.growth import Sizes, grow
from benchmarks.compare.measure import Row, Run
from benchmarks.compare.plots import draw, pyplot
from benchmarks.compare.process import workers
from benchmarks.compare.report import Report, place_in, print_report, write_into
from benchmarks.compare.works import WORKS

_SIZES = (1_000, 10_000, 100_000, 1_000_000)
_FEWEST = 100


def main(arguments: Sequence[str]) -> None:
    """Compare, and end with 1 where that is not possible, or ours or raw has done a work wrong."""
    options = _parser().parse_args(arguments)
    try:
        wrong = _main(options)
    except CompareError as error:
        sys.exit(str(error))
    if wrong:
        sys.exit("\n".join(wrong))


def _main(options: argparse.Namespace) -> list[str]:
    if RAW not in options.candidates:
        options.candidates.insert(0, RAW)
    kind = "works" if options.growth is None else "growth"
    # what is missing at the end is told before the long run
    if options.markdown is not None:
        place_in(options.markdown, kind)
    if options.plots is not None:
        pyplot()
    console = Console(width=None if sys.stdout.isatty() else 140)
    report = _run(options, console)
    print_report(report, console)
    if options.markdown is not None:
        write_into(options.markdown, report)
    if options.plots is not None:
        console.print(f"drawn: {draw(report, options.plots)}")
    return _own_failures(report.rows)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks compare",
        description="Ours and its peers beside raw redis-py and pydantic, on the same works.",
    )
    parser.add_argument("--candidates", nargs="+", choices=CANDIDATES, default=[*CANDIDATES],
                        help="who is compared; raw always is")  # fmt: skip
    parser.add_argument("--works", nargs="+", choices=WORKS, default=[*WORKS], metavar="WORK",
                        help=", ".join(WORKS))  # fmt: skip
    parser.add_argument("--growth", nargs="*", type=int, metavar="DOCUMENTS",
                        help="instead, ask collections of so many documents")  # fmt: skip
    parser.add_argument("--documents", type=int, default=1000, help="of the works; at least 100")
    parser.add_argument("--rounds", type=int, default=21, help="that count, after a first one")
    parser.add_argument("--markdown", type=Path, metavar="PAGE",
                        help="write the table between its marks in this page")  # fmt: skip
    parser.add_argument("--plots", type=Path, metavar="DIRECTORY",
                        help="draw it; needs `uv run --group plots`")  # fmt: skip
    parser.add_argument("--cache", type=Path, default=default_cache(),
                        help="where environments of peers are kept")  # fmt: skip
    return parser


def _run(options: argparse.Namespace, console: Console) -> Report:
    given = os.environ.get("RAPYER_REDIS_URL")
    if given:
        return asyncio.run(_compare(given, options, console))
    with Server() as server:
        return asyncio.run(_compare(server.url, options, console))


async def _compare(url: str, options: argparse.Namespace, console: Console) -> Report:
    growing = options.growth is not None
    documents = _FEWEST if growing else max(options.documents, _FEWEST)
    redis = await machine.server(url)
    async with workers(options.candidates, options.cache) as running:
        run = Run(running, options.rounds, documents, told=console.print)
        opened = {
            name: await worker.must(open=url, documents=documents)
            for name, worker in running.items()
        }
        run.notes = {name: answer["notes"] for name, answer in opened.items()}
        rows: list[Row] = []
        megabytes: Sizes = {}
        if growing:
            rows, megabytes = await grow(run, url, options.growth or _SIZES)
        else:
            rows = [await run.row(name) for name in options.works]
    about = _about(redis, rows, {n: a["versions"] for n, a in opened.items()})
    return Report("growth" if growing else "works", rows, about, megabytes)


def _about(redis: str, rows: Sequence[Row], versions: dict[str, dict[str, str]]) -> list[str]:
    """Say what was measured on what."""
    counts = [len(cell.seconds) for row in rows for cell in row.cells.values() if cell.seconds]
    least, most = min(counts, default=0), max(counts, default=0)
    rounds = f"{most}" if least == most else f"{least} to {most}"
    used = [
        f"- {CANDIDATES[name].title}: "
        + ", ".join(f"{package} {version}" for package, version in found.items())
        for name, found in versions.items()
    ]
    return [
        f"Medians of {rounds} rounds, in each of which all candidates come in turn; quartiles in "
        "brackets. "
        f"Measured on {machine.hardware()}, {redis} on the same machine.",
        "Versions:",
        "",
        *used,
    ]


def _own_failures(rows: Sequence[Row]) -> list[str]:
    found: list[tuple[Row, str, Any]] = [
        (row, name, cell)
        for row in rows
        for name, cell in row.cells.items()
        if name in (RAW, OURS) and not cell.seconds
    ]
    return [
        f"{CANDIDATES[name].title}, {row.title!r}: {cell.instead} {cell.note}"
        for row, name, cell in found
    ]
