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


def diagram() -> str:
    lines = ["flowchart TD"]
    lines += [f'    {plugin}["rapyer-{plugin}"]' for plugin in PLUGINS]
    lines += ["    subgraph core [rapyer-core]"]
    lines += [f'        f{number}["{name}"]' for number, name in enumerate(NAMES)]
    lines += ["    end"]
    edges = {(f"f{above}", f"f{below}") for above, below in imports_of_floors() if above != below}
    edges |= {(plugin, f"f{floor}") for plugin, floor in imports_of_plugins()}
    lines += [f"    {above} --> {below}" for above, below in sorted(without_shortcuts(edges))]
    return "\n".join(lines) + "\n"


def test_the_diagram_is_that_of_the_imports():
    (shown,) = PAGE.blocks("mermaid")
    if os.environ.get("RAPYER_WRITE_DIAGRAM"):
        (ROOT / PAGE.path).write_text(PAGE.text.replace(shown.text, diagram()))
    else:
        assert shown.text == diagram()


def test_every_floor_is_described():
    for name in NAMES:
        assert f"**{name}**" in PAGE.text
