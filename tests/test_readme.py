"""The code in README and docs runs, and the commands of README are those that CI runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from rapyer.types.table import CORE_FIELD_TYPES

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


def test_the_example_of_a_stored_document_is_one_of_its_model():
    (document,) = blocks("docs/storage.md", "json")
    (models,) = blocks("docs/storage.md", "python")
    code = f"""{models}
import json
user = User.__rapyer_codec__.load({document!r}.encode())
assert user.name == "Ada" and user.roles == {{Role.ADMIN, Role.AUTHOR}}, user
assert json.loads(User.__rapyer_codec__.dump(user)[0]) == json.loads({document!r})
"""
    run(code)


def test_the_page_about_storage_has_every_type_with_its_form():
    rows = re.findall(
        r"^\| (.*?) \| .*? \| (.*?) \|$", (ROOT / "docs/storage.md").read_text(), re.MULTILINE
    )
    documented = {name.strip("`"): form.strip("`") for name, form in rows}
    for _, field_type in CORE_FIELD_TYPES:
        assert documented[field_type.name] == field_type.form
