"""What the tests of rapyer_embedded share."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
import redis
from rapyer_embedded.binaries import find_binary
from redis.backoff import NoBackoff
from redis.retry import Retry

if TYPE_CHECKING:
    from rapyer_embedded.launch import Binary

Ask = Callable[..., Any]
Wait = Callable[..., None]
Python = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def ask() -> Ask:
    """Send one command over a connection of its own: ``ask(url, "SET", "k", "v")``."""

    def run(url: str, *words: str) -> Any:
        options: dict[str, Any] = {
            "decode_responses": True,
            "protocol": 2,
            "retry": Retry(NoBackoff(), 0),
        }
        client: Any = cast("Any", redis.Redis).from_url(url, **options)
        with client:
            return client.execute_command(*words)

    return run


@pytest.fixture
def wait_until() -> Wait:
    """Wait until a condition holds; fail when it does not within some seconds."""

    def wait(condition: Callable[[], bool], *, seconds: float = 10.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                pytest.fail(f"not so after {seconds:g} seconds")
            time.sleep(0.01)

    return wait


@pytest.fixture
def python(tmp_path: Path) -> Iterator[Python]:
    """Start a Python program of its own; it is killed after the test."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-W", "error", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env={**os.environ, **environment},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture(scope="session")
def real() -> Binary:
    """The redis-server that this machine really has."""
    return find_binary()


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty directory in which run directories are made, so that one sees what is left."""
    # not tmp_path, which can be too long for a socket
    with tempfile.TemporaryDirectory(prefix="left-", dir="/tmp") as directory:
        monkeypatch.setattr("tempfile.tempdir", directory)
        yield Path(directory)


@pytest.fixture
def is_running() -> Callable[[int], bool]:
    """Whether a process runs; one that has ended and was not waited for does not."""

    def check(pid: int) -> bool:
        listing = subprocess.run(
            ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
        state = listing.stdout.strip()
        return bool(state) and not state.startswith("Z")

    return check
