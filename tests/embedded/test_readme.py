"""packages/rapyer-embedded/README.md: the examples run, and say what they print."""

from __future__ import annotations

import shlex
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pages import Page

if TYPE_CHECKING:
    import subprocess

    import pytest

Ask = Callable[..., Any]
Python = Callable[..., "subprocess.Popen[str]"]

PAGE = Page("packages/rapyer-embedded/README.md")


def test_the_examples_run(redis_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    names = PAGE.run()
    PAGE.check_printed(capsys.readouterr().out)
    names["test_counting"](redis_url)


def test_the_example_of_the_command_line_prints_what_it_says(python: Python, ask: Ask) -> None:
    _, block = PAGE.blocks("console")
    (command,), (printed,) = block.commands, block.output
    with socket.socket() as probe:  # another port: the example's may be in use here
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    words = shlex.split(command.replace("6380", port))
    assert words[0] == "python"
    process = python(*words[1:])
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    assert url == printed.replace("6380", port)
    assert ask(url, "PING") is True
