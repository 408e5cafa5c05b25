"""The code in README and docs runs, and the commands of README are those that CI runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def blocks(file: str, language: str) -> list[str]:
    text = (ROOT / file).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


def run(code: str) -> str:
    process = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


def test_the_example_of_the_readme_prints_what_it_says():
    (example,) = blocks("README.md", "python")
    assert run(example) == "user:ada 36 London\n"


@pytest.mark.parametrize("number", range(len(blocks("docs/models.md", "python"))))
def test_the_examples_about_models_run(number):
    run(blocks("docs/models.md", "python")[number])


def test_the_commands_of_the_readme_are_run_by_ci():
    commands = "".join(blocks("README.md", "console"))
    ci = (ROOT / ".ci/run").read_text()
    assert "uv run examples/world_cities.py" in commands
    assert "uv run examples/world_cities.py" in ci
    assert "uv run pytest" in commands
    assert "uv run pytest" in ci
