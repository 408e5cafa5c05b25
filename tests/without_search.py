"""A fixture for tests of what a server without Search is told."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator

import pytest
from rapyer_embedded.binaries import find_binary


@pytest.fixture
def without_search(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server that has JSON and no Search."""
    binary = find_binary()
    if binary.json is None:
        pytest.skip("the modules of this Redis are built in")
    socket = tmp_path_factory.mktemp("redis") / "s"
    command = [binary.server, "--port", "0", "--unixsocket", socket, "--save", ""]
    process = subprocess.Popen(
        [*map(str, command), "--loadmodule", str(binary.json)], stdout=subprocess.DEVNULL
    )
    try:
        for _ in range(200):
            if socket.exists():
                break
            time.sleep(0.05)
        yield f"unix://{socket}"
    finally:
        process.terminate()
        process.wait()
