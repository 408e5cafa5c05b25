"""``python -m rapyer_embedded``."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import redis

if TYPE_CHECKING:
    import subprocess

Ask = Callable[..., Any]
Wait = Callable[..., None]
Python = Callable[..., "subprocess.Popen[str]"]


def _url(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_prints_its_url_answers_and_ends_cleanly_on(
    number: signal.Signals, python: Python, ask: Ask
) -> None:
    process = python("-m", "rapyer_embedded")
    url = _url(process)
    assert ask(url, "PING") is True
    process.send_signal(number)
    output, errors = process.communicate(timeout=10)
    assert (process.returncode, output, errors) == (0, "", "")
    assert not Path(url.removeprefix("unix://")).parent.exists()


def test_options_are_those_of_server(python: Python, ask: Ask, tmp_path: Path) -> None:
    data = tmp_path / "data"
    for run in (1, 2):
        process = python(
            *("-m", "rapyer_embedded", "--port", "0", "--password", "hunter2"),
            *("--directory", str(data)),
        )
        url = _url(process)
        assert url.startswith("redis://:hunter2@127.0.0.1:")
        assert ask(url, "INCR", "runs") == run
        process.terminate()
        assert process.wait(timeout=10) == 0


def test_a_failing_start_is_told_with_status_1(python: Python) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        process = python("-m", "rapyer_embedded", "--port", port)
        output, errors = process.communicate(timeout=10)
    assert process.returncode == 1
    assert output == ""
    assert errors.startswith(f"error: The server cannot listen on port {port} of 127.0.0.1.")
    assert "Traceback" not in errors


def test_a_missing_binary_is_told_with_status_1(python: Python) -> None:
    process = python("-m", "rapyer_embedded", RAPYER_REDIS_SERVER="/no/such/thing")
    _, errors = process.communicate(timeout=10)
    assert process.returncode == 1
    assert errors.startswith("error: RAPYER_REDIS_SERVER is '/no/such/thing', which is not")
    assert "Traceback" not in errors


def test_a_wrong_option_is_told_with_status_2(python: Python) -> None:
    process = python("-m", "rapyer_embedded", "--port", "70000")
    _, errors = process.communicate(timeout=10)
    assert process.returncode == 2
    assert "error: port is 70000. Give 1 to 65535" in errors


def test_a_server_that_ends_by_itself_is_told_with_status_1(python: Python, ask: Ask) -> None:
    process = python("-m", "rapyer_embedded")
    url = _url(process)
    with pytest.raises(redis.ConnectionError):
        ask(url, "SHUTDOWN")
    _, errors = process.communicate(timeout=10)
    assert process.returncode == 1
    assert errors.startswith("error: redis-server exited with status 0.")
