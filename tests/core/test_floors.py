"""Each part of core imports only what stands below it; plugins import what stands below them.

What is read is the source: imports inside of functions and for type checkers count as well.
"""

from __future__ import annotations

import ast

import pytest
from floors import CORE, FLOORS, OUTSIDE, ROOT, floor_of, imports_of, part_of

#: What plugins build on. `rapyer.connection` and the like are for applications.
FOR_PLUGINS = {
    "base", "cli", "expr", "types", "traffic", "plugin", "errors", "keys", "fields", "indexed",
    "loading", "writing",
    "host", "locations", "paths", "rows", "guards", "progress", "assignments", "owners",
}  # fmt: skip
#: Names of the package itself that are no modules, and what a plugin may take of them.
PLUGIN_PACKAGES = [
    path
    for folder in ("packages", "examples/plugins")
    for path in sorted(ROOT.glob(f"{folder}/rapyer-*/src/rapyer_*"))
    if "rapyer-core" not in path.parts and "rapyer-embedded" not in path.parts
]


FILES = sorted(CORE.rglob("*.py"))


def test_every_part_of_core_stands_on_one_floor():
    parts = {file.relative_to(CORE).parts[0].removesuffix(".py") for file in FILES}
    on_floors = [part for floor in FLOORS for part in floor]
    assert parts - OUTSIDE == set(on_floors)
    assert len(on_floors) == len(set(on_floors))


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(CORE)))
def test_a_part_of_core_imports_only_what_stands_below_it(file):
    part = file.relative_to(CORE).parts[0].removesuffix(".py")
    if part in OUTSIDE:
        return
    for module in imports_of(file):
        imported = part_of(module)
        assert imported not in OUTSIDE, f"{file.name} imports {module}"
        assert imported == part or floor_of(imported) >= floor_of(part), (
            f"{file.relative_to(CORE)} imports {module}, which stands above it"
        )


def test_the_expression_language_knows_no_redis():
    for file in (CORE / "expr").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [name.name for name in getattr(node, "names", ())]
            module = getattr(node, "module", "") or ""
            assert not any(name.split(".")[0] == "redis" for name in (module, *names)), file


@pytest.mark.parametrize("package", PLUGIN_PACKAGES, ids=lambda path: path.name)
def test_a_plugin_imports_what_is_meant_for_plugins_and_no_other_plugin(package):
    files = [*package.rglob("*.py"), *package.rglob("*.pyi")]
    assert files
    for file in files:
        for module in imports_of(file):
            assert part_of(module) in FOR_PLUGINS, f"{file.name} imports {module}"
        text = file.read_text()
        assert "__rapyer_" not in text, f"{file.name} uses what may change with any version"
        for other in PLUGIN_PACKAGES:
            if other.parent == package.parent:
                continue
            assert other == package or f"import {other.name}" not in text, file
            assert other == package or f"from {other.name}" not in text, file


def test_the_embedded_server_knows_nothing_of_models():
    files = list((ROOT / "packages/rapyer-embedded/src").rglob("*.py"))
    assert files
    assert [module for file in files for module in imports_of(file)] == []


def test_the_test_sees_an_import_that_goes_up(tmp_path):
    file = tmp_path / "module.py"
    file.write_text("def f():\n    from rapyer.model.save import SaveMixin\nimport rapyer.base\n")
    assert sorted(imports_of(file)) == ["rapyer.base", "rapyer.model.save"]
    assert floor_of("model") < floor_of("base") < floor_of("types")


@pytest.mark.parametrize("source", sorted((ROOT / "packages").glob("*/src/**/*.lua")), ids=str)
def test_parts_in_lua_are_under_400_lines_and_narrow(source):
    lines = source.read_text().splitlines()
    assert len(lines) < 400
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize("source", sorted((ROOT / "packages").glob("*/src/**/*.py")), ids=str)
def test_modules_are_under_400_lines_and_functions_under_50(source):
    text = source.read_text()
    assert len(text.splitlines()) < 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            lines = (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
            assert lines < 50, f"{source.name}: {node.name} has {lines} lines"
