"""Wheels in clean environments: what is installed is there, for the run time and for checkers."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CASES = HERE / "cases"
#: The environments: what is installed in each, beside core.
ENVIRONMENTS = {"without_plugin": (), "with_plugin": ("rapyer-finder", "rapyer-audit")}


def uv(*arguments: object) -> None:
    program = os.environ.get("UV") or shutil.which("uv")
    assert program, "uv is not there. Run the tests by `uv run pytest`."
    run = subprocess.run(
        [program, *map(str, arguments)], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert run.returncode == 0, run.stderr


@pytest.fixture(scope="session")
def environments(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The Python of each environment."""
    scratch = tmp_path_factory.mktemp("wheels")
    uv("build", "--quiet", "--wheel", "--package", "rapyer-core", "--out-dir", scratch / "dist")
    for project in (HERE / "rapyer-finder", ROOT / "examples/plugins/rapyer-audit"):
        uv("build", "--quiet", "--wheel", project, "--out-dir", scratch / "dist")
    pythons = {}
    for name, plugins in ENVIRONMENTS.items():
        pythons[name] = scratch / name / "bin/python"
        uv("venv", "--quiet", "--python", sys.executable, scratch / name)
        uv(
            "pip", "install", "--quiet", "--python", pythons[name], "--no-sources",
            "--find-links", scratch / "dist", "rapyer-core", *plugins,
        )  # fmt: skip
    return pythons


def marked(case: Path) -> set[int]:
    lines = case.read_text().splitlines()
    return {number for number, line in enumerate(lines, start=1) if line.endswith("# error")}


def errors_of_mypy(python: Path, case: Path) -> dict[int, str]:
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--config-file="]
    command += ["--hide-error-context", f"--python-executable={python}", case.name]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=case.parent)
    assert run.returncode in (0, 1), run.stdout + run.stderr
    errors = re.findall(r"^.+?:(\d+): error: (.*)$", run.stdout, flags=re.MULTILINE)
    return {int(line): message for line, message in errors}


def errors_of_pyright(python: Path, case: Path) -> dict[int, str]:
    command = [sys.executable, "-m", "pyright", "--project", str(case.parent), "--outputjson"]
    command += ["--pythonpath", str(python)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=case.parent)
    assert run.returncode in (0, 1), run.stdout + run.stderr
    report = json.loads(run.stdout)
    assert report["summary"]["filesAnalyzed"] == 1
    return {
        found["range"]["start"]["line"] + 1: found["message"]
        for found in report["generalDiagnostics"]
        if found["severity"] == "error"
    }


@pytest.mark.parametrize("errors_of", [errors_of_mypy, errors_of_pyright])
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_checkers_see_the_methods_of_the_plugins_that_are_installed_and_no_others(
    environments, tmp_path, name, errors_of
):
    case = Path(shutil.copy(CASES / f"{name}.py", tmp_path))
    settings = {"typeCheckingMode": "strict", "reportUnusedExpression": "none"}
    settings["reportUnusedCallResult"] = "none"
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    found = errors_of(environments[name], case)
    assert marked(case), "no line is marked as an error: the case was not read"
    assert marked(case) - found.keys() == set(), "not found by the checker"
    assert {line: found[line] for line in found.keys() - marked(case)} == {}, "not marked"


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_the_methods_are_there_when_the_program_runs(environments, name):
    code = """
from rapyer import AtomicRedisModel
class User(AtomicRedisModel): ...
print(hasattr(User, "find"), hasattr(User(), "audit_log"))
"""
    run = subprocess.run(
        [environments[name], "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    there = name == "with_plugin"
    assert run.stdout == f"{there} {there}\n"


def test_the_command_lists_the_plugins_of_its_environment(environments):
    run = subprocess.run(
        [environments["with_plugin"], "-m", "rapyer", "plugins", "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    listed = {one["name"]: one for one in json.loads(run.stdout)["plugins"]}
    assert list(listed) == ["core", "audit", "query"]
    assert listed["query"]["distribution"] == "rapyer-finder"
    assert listed["query"]["methods"] == ["find", "find_one"]
