"""Traps of who tries the project from a clone."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_uv_is_installed_into_a_directory_of_its_own():
    """`pip install uv` is refused by the Python of Debian and Ubuntu (PEP 668)."""
    commands = re.findall(r"^\$ (.+)$", (ROOT / "README.md").read_text(), flags=re.MULTILINE)
    installing = [command for command in commands if "install" in command and " uv" in command]
    assert installing
    assert all(command.startswith("python3 -m venv ") for command in installing)


def test_examples_run_with_what_is_in_the_clone():
    """A script with a header of its own (PEP 723) runs without the workspace."""
    examples = sorted(ROOT.glob("examples/*.py"))
    assert examples
    for example in examples:
        assert "# /// script" not in example.read_text(), example


def test_pyright_brings_its_own_node():
    """Without the extra it downloads one from where many have no access to."""
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    (pyright,) = [one for one in groups["dev"] if isinstance(one, str) and "pyright" in one]
    assert pyright.startswith("pyright[nodejs]")
