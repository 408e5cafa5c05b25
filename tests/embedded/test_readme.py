"""The examples of the README run."""

from __future__ import annotations

import re
import shlex
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import subprocess

Ask = Callable[..., Any]
Python = Callable[..., "subprocess.Popen[str]"]

README = Path(__file__).parents[2] / "packages/rapyer-embedded/README.md"


def _examples(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README.read_text(), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize(
    ("number", "printed"),
    [(0, "{'name': 'Ada'}\n"), (1, "True\n"), (2, "")],
    ids=["sync", "async", "cluster"],
)
def test_the_examples_in_python_run(number: int, printed: str, python: Python) -> None:
    process = python("-c", _examples("python")[number])
    output, errors = process.communicate(timeout=10)
    assert (process.returncode, output, errors) == (0, printed, "")


def test_the_example_of_a_test_passes(python: Python, tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(_examples("python")[3])
    process = python("-m", "pytest", "-q", "-pno:asyncio", "-pno:hypothesispytest")
    output, _ = process.communicate(timeout=30)
    assert "1 passed" in output


def test_the_example_of_the_command_line_prints_what_it_says(python: Python, ask: Ask) -> None:
    command, printed = _examples("console")[1].splitlines()
    with socket.socket() as probe:  # another port: the example's may be in use here
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    words = shlex.split(command.replace("6380", port))
    assert words[:2] == ["$", "python"]
    process = python(*words[2:])
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    assert url == printed.replace("6380", port)
    assert ask(url, "PING") is True
