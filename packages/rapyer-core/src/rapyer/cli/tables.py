"""Tables for a terminal: drawn by rich if it is installed and somebody watches, else plain text."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from itertools import zip_longest
from typing import Final

from rapyer.guards import is_array

_GAP: Final = "  "


def table(
    headings: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    styles: Mapping[str, str] | None = None,
) -> str:
    """Lay out rows in columns, as wide as the terminal if possible.

    If standard output is a terminal and rich is installed (`pip install "rapyer[cli]"`), rich
    draws the table. Otherwise the columns are separated by blanks, so that other programs can
    read them.

    Args:
        headings: The names of the columns.
        rows: Their cells; None is an empty cell, and the items of a sequence are separated by
            commas.
        styles: How rich draws cells with certain texts, such as `{"fault": "red"}`.

    Returns:
        The lines, without a line break after the last one.
    """
    cells = [[_cell(cell) for cell in row] for row in rows]
    if sys.stdout.isatty() and find_spec("rich") is not None:
        return _drawn(headings, cells, styles or {})
    return _plain([list(headings), *cells])


def _cell(value: object) -> str:
    if is_array(value):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def _drawn(
    headings: Sequence[str], rows: Sequence[Sequence[str]], styles: Mapping[str, str]
) -> str:
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415 - an extra
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    drawn = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for heading in headings:
        drawn.add_column(heading, overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(cell, styles.get(cell, "")) for cell in row))
    console = Console()
    with console.capture() as captured:
        console.print(drawn)
    return captured.get().strip("\n")


def _plain(rows: Sequence[Sequence[str]]) -> str:
    """Lay out rows; the widest columns are wrapped at blanks if the terminal is too narrow."""
    columns = list(zip(*rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    least = [max(len(word) for cell in column for word in cell.split(" ")) for column in columns]
    over = sum(widths) + len(_GAP) * (len(widths) - 1) - shutil.get_terminal_size().columns
    while over > 0:
        spare = [place for place, width in enumerate(widths) if width > least[place]]
        if not spare:
            break
        widths[max(spare, key=widths.__getitem__)] -= 1
        over -= 1
    return "\n".join(_lines(row, widths) for row in rows)


def _lines(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [
        textwrap.wrap(cell, width, break_on_hyphens=False, break_long_words=False) or [""]
        for cell, width in zip(row, widths, strict=True)
    ]
    return "\n".join(
        _GAP.join(part.ljust(width) for part, width in zip(line, widths, strict=True)).rstrip()
        for line in zip_longest(*cells, fillvalue="")
    )
