"""Type checkers find the lines marked `# error`, in mypy and in pyright, and no others."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CASES = sorted((HERE / "cases").glob("*.py"))


def _lines_marked_as_errors() -> set[tuple[str, int]]:
    return {
        (case.name, number)
        for case in CASES
        for number, line in enumerate(case.read_text().splitlines(), start=1)
        if line.endswith("# error")
    }


def _errors_of_mypy() -> dict[tuple[str, int], str]:
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--no-error-summary",
        "--hide-error-context",
    ]
    run = subprocess.run(
        [*command, *map(str, CASES)], capture_output=True, text=True, check=False, cwd=HERE
    )
    assert run.returncode in (0, 1), run.stdout + run.stderr
    errors = re.findall(r"^(.+):(\d+): error: (.*)$", run.stdout, flags=re.MULTILINE)
    return {(Path(file).name, int(line)): message for file, line, message in errors}


def _errors_of_pyright() -> dict[tuple[str, int], str]:
    command = [sys.executable, "-m", "pyright", "--project", str(HERE), "--outputjson"]
    command += ["--pythonpath", sys.executable]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=HERE)
    assert run.returncode in (0, 1), run.stdout + run.stderr
    report = json.loads(run.stdout)
    assert report["summary"]["filesAnalyzed"] == len(CASES)
    return {
        (Path(found["file"]).name, found["range"]["start"]["line"] + 1): found["message"]
        for found in report["generalDiagnostics"]
        if found["severity"] == "error"
    }


@pytest.mark.parametrize("errors_of", [_errors_of_mypy, _errors_of_pyright])
def test_checkers_find_the_marked_errors_and_no_others(errors_of):
    marked = _lines_marked_as_errors()
    found = errors_of()
    assert marked, "no line is marked as an error: the cases were not read"
    assert marked - found.keys() == set(), "not found by the checker"
    assert {place: found[place] for place in found.keys() - marked} == {}, "not marked as errors"


@pytest.mark.parametrize("plugins", [["rapyer.mypy"], ["rapyer.mypy", "pydantic.mypy"]])
def test_with_the_mypy_plugin_plain_annotations_are_exact(tmp_path, plugins):
    (case,) = (HERE / "plugin_cases").glob("*.py")
    settings = tmp_path / "mypy.ini"
    settings.write_text(f"[mypy]\nstrict = true\nplugins = {', '.join(plugins)}\n")
    command = [sys.executable, "-m", "mypy", "--no-error-summary", "--hide-error-context"]
    command += [f"--config-file={settings}", f"--cache-dir={tmp_path / 'cache'}", str(case)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=case.parent)
    assert run.returncode in (0, 1), run.stdout + run.stderr
    errors = re.findall(r"^.+?:(\d+): error: (.*)$", run.stdout, flags=re.MULTILINE)
    found = {int(line): message for line, message in errors}
    lines = case.read_text().splitlines()
    marked = {number for number, line in enumerate(lines, start=1) if line.endswith("# error")}
    assert marked - found.keys() == set(), "not found by the checker"
    assert {line: found[line] for line in found.keys() - marked} == {}, "not marked as errors"


def test_ruff_leaves_the_lines_that_have_to_be_errors_alone_also_where_it_is_given_them():
    for command in (["format", "--check"], ["check"]):
        run = subprocess.run(
            [sys.executable, "-m", "ruff", *command, *map(str, CASES)],
            capture_output=True, text=True, check=False, cwd=HERE,
        )  # fmt: skip
        assert run.returncode == 0, run.stdout
        assert "No Python files found" in run.stderr
