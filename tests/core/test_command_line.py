"""`python -m rapyer` itself: how it ends where it is interrupted, or nobody reads."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from argparse import Namespace
from collections.abc import Iterator

import pytest
from rapyer.__main__ import main
from rapyer.cli import Outcome, run_connected
from rapyer.traffic.beside import other_slot

RAPYER = [sys.executable, "-m", "rapyer"]


@pytest.mark.parametrize("words", [["plugins"], ["plugins", "--json"], ["doctor"], ["--help"]])
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.skipif(sys.platform == "win32", reason="a pipe there has other errors")
def test_who_reads_no_further_gets_no_traceback(words, unbuffered, redis_url):
    environment = {
        **os.environ, "RAPYER_REDIS_URL": redis_url, "PYTHONUNBUFFERED": unbuffered,
    }  # fmt: skip
    reader, writer = os.pipe()
    os.close(reader)
    try:
        ended = subprocess.run(
            [*RAPYER, *words], check=False, env=environment, stdout=writer, stderr=subprocess.PIPE
        )
    finally:
        os.close(writer)
    assert (ended.returncode, ended.stderr) == (0, b"")


@pytest.fixture
def heeds_interrupts() -> Iterator[None]:
    """A shell lets programs behind "&" ignore SIGINT, and so do all that these start.

    A handler, unlike SIG_IGN, is not inherited: what is started has the default.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(sys.platform == "win32", reason="it has no SIGINT for others")
@pytest.mark.usefixtures("heeds_interrupts")
def test_an_interrupt_ends_it_by_a_status_and_no_traceback():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}"
        with subprocess.Popen([*RAPYER, "doctor", "--redis", url], stderr=subprocess.PIPE) as run:
            connection, _ = silent.accept()  # so that it waits for an answer by now
            with connection:
                run.send_signal(signal.SIGINT)
                _, error = run.communicate()
    assert (run.returncode, error) == (130, b"")


def test_without_a_command_it_tells_which_there_are(capsys):
    assert main([]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    for command in ("doctor", "inspect", "new-plugin", "plugins"):
        assert re.search(rf"^ *{command}\b", printed.err, re.MULTILINE)


def test_a_variable_that_is_no_url_is_told_as_that(monkeypatch, capsys):
    monkeypatch.setenv("RAPYER_REDIS_URL", "http://:secret@localhost")
    assert main(["doctor"]) == 2
    error = capsys.readouterr().err
    assert "RAPYER_REDIS_URL is 'http://localhost', which" in error
    assert "does not know" not in error


def test_an_error_is_told_by_the_name_that_pages_have(capsys):
    async def act(_: Namespace) -> Outcome:
        raise other_slot((), "user:1")

    assert run_connected(act, Namespace(redis=None, json=False)) == 2
    assert capsys.readouterr().err.startswith("CrossSlotError: ")
