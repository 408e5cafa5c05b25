"""The parts of core from the top to the bottom, and what a file of the project imports of them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
CORE = ROOT / "packages/rapyer-core/src/rapyer"

#: From the top to the bottom; what stands on one line may import each other.
FLOORS = (
    {"__init__"},
    {"connection", "host", "core_plugin", "commands"},
    {"model"},
    {"plugin", "cli"},
    {
        "base", "embedded", "metaclass", "paths", "reading", "locations", "fields", "indexed",
        "hosting",
        "options", "first_party", "keys", "registry", "memory", "versions", "baseline",
        "assignments", "draft", "differences", "parts", "loading", "writing", "rows", "locks",
        "lists", "dicts", "counting", "texts", "shifting", "plain", "owners",
        "redis_types", "renamed", "foreign",
    },
    {"types"},
    {"traffic"},
    {"expr"},
    {"errors", "version", "guards", "progress", "_pydantic"},
)  # fmt: skip
#: Tools, which import what they like and are imported by nobody.
OUTSIDE = {"__main__", "testing", "mypy"}
#: What each floor is called, in the order of `FLOORS`.
NAMES = (
    "public names", "application", "operations of models", "plugins and hooks",
    "definition of models", "types", "traffic", "expressions", "errors",
)  # fmt: skip


def imports_of(file: Path) -> Iterator[str]:
    """The modules of rapyer that a file imports, as dotted names; `rapyer` for the package."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if in_rapyer(name.name))
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative imports are not followed here"
            if node.module == "rapyer":
                yield from (f"rapyer.{name.name}" for name in node.names)
            elif node.module is not None and in_rapyer(node.module):
                yield node.module


def in_rapyer(module: str) -> bool:
    return module.split(".")[0] == "rapyer"


def part_of(module: str) -> str:
    """The part of core that a module of it belongs to: what follows `rapyer.`."""
    return module.split(".")[1] if "." in module else "__init__"


def floor_of(part: str) -> int:
    (floor,) = (number for number, parts in enumerate(FLOORS) if part in parts)
    return floor
