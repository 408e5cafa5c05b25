"""docs/architecture.md has the diagram that the imports of the sources make.

`RAPYER_WRITE_DIAGRAM=1 scripts/test tests/test_architecture.py` writes it anew.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from floors import CORE, NAMES, OUTSIDE, ROOT, floor_of, imports_of, part_of
from pages import Page

PAGE = Page("docs/architecture.md")
PLUGINS = ("bulk", "query", "pipeline", "ttl")


def imports_of_floors() -> Iterator[tuple[int, int]]:
    """Which floor imports which one below it."""
    for file in sorted(CORE.rglob("*.py")):
        part = file.relative_to(CORE).parts[0].removesuffix(".py")
        if part not in OUTSIDE:
            for module in imports_of(file):
                yield floor_of(part), floor_of(part_of(module))


def imports_of_plugins() -> Iterator[tuple[str, int]]:
    """Which plugin imports which floor of core."""
    for plugin in PLUGINS:
        for file in sorted((ROOT / f"packages/rapyer-{plugin}/src/rapyer_{plugin}").rglob("*.py")):
            for module in imports_of(file):
                yield plugin, floor_of(part_of(module))


def without_shortcuts(edges: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """The edges that no longer way stands for: a diagram of all would show nothing."""

    def reached_from(node: str, known: set[str]) -> set[str]:
        for below in {below for above, below in edges if above == node} - known:
            known = reached_from(below, known | {below})
        return known

    behind = {node: reached_from(node, set()) for node in {above for above, _ in edges}}
    return {
        (above, below)
        for above, below in edges
        if not any(below in behind.get(other, ()) for other in behind[above] - {below})
    }


def rows_of(edges: set[tuple[str, str]]) -> dict[str, int]:
    """How far below the top everything stands: below all that imports it, and no further."""
    rows = dict.fromkeys({node for edge in edges for node in edge}, 0)
    for _ in rows:
        for above, below in edges:
            rows[below] = max(rows[below], rows[above] + 1)
    for plugin in PLUGINS:  # which nothing imports: as near as they can to what they import
        rows[plugin] = min(rows[below] for above, below in edges if above == plugin) - 1
    return rows


def drawing() -> str:
    """The imports as an SVG that reads well on light and on dark pages."""
    edges = {(f"f{above}", f"f{below}") for above, below in imports_of_floors() if above != below}
    edges |= {(plugin, f"f{floor}") for plugin, floor in imports_of_plugins()}
    edges = without_shortcuts(edges)
    rows = rows_of(edges)
    titles = {f"f{number}": name for number, name in enumerate(NAMES)}
    titles |= {plugin: f"rapyer-{plugin}" for plugin in PLUGINS}
    places = {}
    for row in sorted({*rows.values()}):
        of_core = [node for node in titles if rows[node] == row and node not in PLUGINS]
        plugins = [node for node in PLUGINS if rows[node] == row]
        for column, node in enumerate(of_core):
            places[node] = (230 + 210 * (column - (len(of_core) - 1) / 2), 70 + 80 * row)
        places |= {node: (575 + 150 * n, 70 + 80 * row) for n, node in enumerate(plugins)}
    width = max(x for x, _ in places.values()) + 90
    height = max(y for _, y in places.values()) + 50
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        'font-family="sans-serif" font-size="14" text-anchor="middle">',
        "<title>Which floor of rapyer-core, and which plugin, imports which floor</title>",
        '<marker id="to" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" '
        'orient="auto"><path d="M0 0L8 4L0 8z" fill="#888"/></marker>',
        f'<rect x="10" y="10" width="440" height="{height - 20:g}" rx="10" fill="none" '
        'stroke="#888"/>',
        '<text x="60" y="34" fill="#888">rapyer-core</text>',
    ]
    for above, below in sorted(edges):
        (x1, y1), (x2, y2) = places[above], places[below]
        lines += [
            f'<path d="M{x1:g} {y1 + 20:g}L{x2 + (x1 - x2) / 6:g} {y2 - 20:g}" stroke="#888" '
            'marker-end="url(#to)"/>'
        ]
    for node, (x, y) in places.items():
        half, fill = (65, "#00796b") if node in PLUGINS else (95, "#3f51b5")
        lines += [
            f'<rect x="{x - half:g}" y="{y - 20:g}" width="{2 * half}" height="40" rx="6" '
            f'fill="{fill}"/>',
            f'<text x="{x:g}" y="{y + 5:g}" fill="#fff">{titles[node]}</text>',
        ]
    return "\n".join([*lines, "</svg>"]) + "\n"


def test_the_diagram_is_that_of_the_imports():
    file = ROOT / "docs/architecture.svg"
    assert "](architecture.svg)" in PAGE.text
    if os.environ.get("RAPYER_WRITE_DIAGRAM"):
        file.write_text(drawing())
    else:
        assert file.read_text() == drawing()


def test_every_floor_is_described():
    for name in NAMES:
        assert f"**{name}**" in PAGE.text
