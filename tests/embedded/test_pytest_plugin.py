"""The pytest fixtures, in pytest runs of their own."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rapyer_embedded import Server

if TYPE_CHECKING:
    import subprocess

Python = Callable[..., "subprocess.Popen[str]"]
UNUSED = ("asyncio", "cacheprovider", "hypothesispytest")
PYTEST = ("-m", "pytest", "-q", *(f"-pno:{plugin}" for plugin in UNUSED))


@pytest.fixture
def run(python: Python, tmp_path: Path) -> Callable[..., str]:
    """Run pytest over a file of tests; its output."""

    def start(tests: str, **environment: str) -> str:
        (tmp_path / "test_it.py").write_text(tests)
        process = python(*PYTEST, "-s", "test_it.py", **environment)
        output, errors = process.communicate(timeout=30)
        assert process.returncode == 0, output + errors
        return output

    return start


def test_redis_server_is_one_started_server_for_the_whole_run(run: Callable[..., str]) -> None:
    output = run(
        """
import pytest, redis

@pytest.mark.parametrize("n", [1, 2])
def test(n, redis_server, redis_url):
    assert redis_url == redis_server.url
    with redis.Redis.from_url(redis_url) as client:
        assert client.incr("n") == n
        assert client.json().set("k", "$", {}) is True
    print(redis_server.socket.parent)
""",
        RAPYER_REDIS_URL="",
    )
    (directory,) = {word for word in output.split() if word.startswith("/")}
    assert not Path(directory).exists()
    assert "2 passed" in output


def test_redis_url_is_the_one_in_the_environment_and_nothing_is_started(
    run: Callable[..., str],
) -> None:
    with Server() as server:
        run(
            f"""
import sys

def test(redis_url):
    assert redis_url == {server.url!r}
    assert "rapyer_embedded.server" not in sys.modules
""",
            RAPYER_REDIS_URL=server.url,
            RAPYER_REDIS_SERVER="/no/such/thing",
        )


def test_a_run_that_uses_no_fixture_imports_next_to_nothing(run: Callable[..., str]) -> None:
    output = run(
        """
import sys

def test():
    print("imported:", *(name for name in sys.modules if name.startswith("rapyer_embedded")))
    assert "redis" not in sys.modules
"""
    )
    imported = re.search("imported: (.*)", output)
    assert imported is not None
    assert set(imported[1].split()) == {
        "rapyer_embedded",
        "rapyer_embedded.errors",
        "rapyer_embedded.pytest_plugin",
    }


def test_the_fixtures_work_in_this_run(redis_url: str) -> None:
    assert redis_url
