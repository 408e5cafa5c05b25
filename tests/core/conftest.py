"""Fixtures for the tests of core."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import socket
import sys
import textwrap
from collections.abc import Awaitable, Callable, Iterator
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import pytest
from redis.asyncio import Redis

#: Where core is tested with nothing of the project beside it (`.ci/run` does), no test can start a
#: server of its own.
collect_ignore = (
    [] if importlib.util.find_spec("rapyer_embedded") is not None else ["test_own_servers.py"]
)

#: Puts a distribution with a plugin on `sys.path`, as an installer would; gives the directory.
Install = Callable[..., Path]


@pytest.fixture
def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def connections(redis: Redis) -> Callable[[int], Awaitable[int]]:
    """Counts the connections that the server has; waits for the number that is expected.

    A server sees that a connection was closed only when its own loop comes to it.
    """

    async def count(expected: int) -> int:
        for _ in range(500):
            if len(await redis.client_list()) == expected:
                break
            await asyncio.sleep(0.01)
        return len(await redis.client_list())

    return count


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the plugins of the project that are installed where the tests run."""

    def without_those_of_the_project(**selection: str) -> Iterator[EntryPoint]:
        for found in entry_points(**selection):
            if not found.module.startswith("rapyer_") or "_module" in found.module:
                yield found

    monkeypatch.setattr("rapyer.plugin.loading.entry_points", without_those_of_the_project)


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install plugins, each a module of the given code, until the test ends."""
    before = set(sys.modules)
    site = tmp_path / "site-packages"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))

    def install(name: str, code: str, *, version: str = "1.2.3", target: str = "") -> Path:
        module = f"{name}_module"
        info = site / f"rapyer_{name}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: rapyer-{name}\nVersion: {version}\n"
        )
        (info / "entry_points.txt").write_text(f"[rapyer]\n{name} = {target or module}\n")
        (site / f"{module}.py").write_text(textwrap.dedent(code))
        importlib.invalidate_caches()
        return site

    yield install
    for module in set(sys.modules) - before:
        if module.split(".")[0].endswith("_module"):
            del sys.modules[module]
