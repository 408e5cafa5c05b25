"""Plots of a report, as SVG; they need matplotlib, which `uv run --group plots` brings."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.compare.candidates import CANDIDATES, RAW
from benchmarks.compare.errors import PlotsMissingError
from benchmarks.compare.measure import Row, spread
from benchmarks.compare.report import Report

_COLOURS = {"raw": "#6b7280", "ours": "#0f766e", "rapyer1": "#c2410c", "redis-om": "#7c3aed"}
_MARKS = {"raw": "o", "ours": "D", "rapyer1": "s", "redis-om": "^"}


def draw(report: Report, directory: Path) -> Path:
    """Draw a report into a file of a directory, and give its path.

    Raises:
        PlotsMissingError: matplotlib is not installed.
    """
    plot = pyplot()
    directory.mkdir(parents=True, exist_ok=True)
    figure = _ratios(plot, report) if report.kind == "works" else _growth(plot, report)
    path = directory / f"{report.kind}.svg"
    figure.savefig(path, metadata={"Date": None, "Creator": None})
    plot.close(figure)
    # so that git and editors have no complaint about what matplotlib leaves at ends of lines
    path.write_text("\n".join(line.rstrip() for line in path.read_text().splitlines()) + "\n")
    return path


def pyplot() -> Any:
    """Give matplotlib's `pyplot`, set to draw SVG.

    Raises:
        PlotsMissingError: It is not installed.
    """
    try:
        matplotlib: Any = import_module("matplotlib")
    except ImportError as error:
        raise PlotsMissingError(
            "matplotlib is not installed, and draws the plots. "
            "Run this with `uv run --group plots`, or without `--plots`."
        ) from error
    matplotlib.use("svg")
    matplotlib.rcParams.update(
        {"svg.fonttype": "none", "svg.hashsalt": "compare", "font.size": 9, "axes.axisbelow": True}
    )
    return import_module("matplotlib.pyplot")


def _ratios(plot: Any, report: Report) -> Any:
    """Draw a line for each work, with a mark where each candidate stands beside raw."""
    rows = [row for row in report.rows if row.cells[RAW].seconds]
    figure, axes = plot.subplots(figsize=(8, 0.32 * len(rows) + 1.4), layout="constrained")
    for name in report.names:
        if name == RAW:
            continue
        drawn = [(place, spread(row.ratios(name))) for place, row in enumerate(rows)
                 if row.cells[name].seconds]  # fmt: skip
        axes.errorbar(
            [found.median for _, found in drawn],
            [place for place, _ in drawn],
            xerr=[
                [found.median - found.low for _, found in drawn],
                [found.high - found.median for _, found in drawn],
            ],
            fmt=_MARKS[name], color=_COLOURS[name], label=CANDIDATES[name].title, markersize=5,
            linewidth=0, elinewidth=1,
        )  # fmt: skip
    axes.axvline(1, color=_COLOURS[RAW], linewidth=1)
    axes.set_xscale("log")
    axes.set_xticks(ticks := [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100], map(str, ticks))
    axes.minorticks_off()
    axes.set_xlabel("time, in times that of redis-py + pydantic by hand (less is better)")
    axes.set_yticks(range(len(rows)), [row.title for row in rows])
    axes.invert_yaxis()
    axes.grid(color="#e5e7eb", linewidth=0.6)
    figure.legend(loc="outside upper right", ncols=3, frameon=False)
    return figure


def _growth(plot: Any, report: Report) -> Any:
    """Draw a panel for each question, with the time of each candidate over the documents."""
    titles = [*dict.fromkeys(row.title for row in report.rows)]
    figure, panels = plot.subplots(
        1, len(titles), figsize=(11, 3.4), layout="constrained", sharey=True
    )
    for axes, title in zip(panels, titles, strict=True):
        rows = [row for row in report.rows if row.title == title]
        for name in report.names:
            _line(axes, rows, name)
        axes.set(xscale="log", yscale="log", xlabel="documents")
        axes.set_title(title, fontsize=10)
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.grid(color="#e5e7eb", linewidth=0.6)
    panels[0].set_ylabel("ms")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", ncols=4, frameon=False)
    return figure


def _line(axes: Any, rows: list[Row], name: str) -> None:
    drawn = [row for row in rows if row.cells[name].seconds]
    axes.plot(
        [row.documents for row in drawn],
        [row.cells[name].median * 1000 for row in drawn],
        color=_COLOURS[name], marker=_MARKS[name], markersize=4, linewidth=1.2,
        label=CANDIDATES[name].title,
    )  # fmt: skip
