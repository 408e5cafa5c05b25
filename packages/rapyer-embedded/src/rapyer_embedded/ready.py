"""Ask a starting server whether it is ready, over its unix socket."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

from rapyer_embedded.wire import ask

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["wait_until_ready"]

_MODULES = {"JSON.GET": "RedisJSON", "FT.SEARCH": "RediSearch"}
_ACCESS = "Allow the default user to run every command, with the password given as password=."


def wait_until_ready(
    process: subprocess.Popen[bytes],
    address: Path,
    *,
    password: str | None,
    timeout: float,
    commands: Sequence[Sequence[str]] = (),
) -> str | None:
    """Wait until the server answers, then check that both modules are there.

    Args:
        process: The server.
        address: Its unix socket.
        password: The password that it requires.
        timeout: How long to wait, in seconds.
        commands: Commands to send once it is ready; each must succeed.

    Returns:
        None when it is ready, else what is wrong and what to do: the rest of a sentence whose
        subject is the server, and a second sentence.
    """
    deadline = time.monotonic() + timeout
    pause = 0.002
    while True:
        try:
            problem = _ask_all(address, password, deadline, commands)
        except OSError:  # not listening yet, or still loading its data
            problem = "not ready"
        if problem != "not ready":
            return problem
        status = process.poll()
        if status is not None:
            return f"{_ending(status)} before it was ready. Fix what its log reports."
        if time.monotonic() >= deadline:
            return (
                f"did not become ready within {timeout:g} seconds. Fix what its log reports, or "
                "give a longer startup_timeout."
            )
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)


def _ask_all(
    address: Path, password: str | None, deadline: float, commands: Sequence[Sequence[str]]
) -> str | None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(max(0.05, deadline - time.monotonic()))
        connection.connect(str(address))
        if password is not None:
            reply = ask(connection, "AUTH", password)
            if reply != "+OK":
                return f"refused the password: {reply[1:]!r}. {_ACCESS}"
        reply = ask(connection, "PING")
        if reply.startswith("-LOADING"):
            return "not ready"
        if reply != "+PONG":
            return f"answered PING with {reply[1:]!r}. {_ACCESS}"
        # Without arguments these commands fail whatever is in the database: the error tells whether
        # they are known, in one line and with every version.
        absent = [
            module
            for command, module in _MODULES.items()
            if "unknown command" in ask(connection, command)
        ]
        if absent:
            return f"runs, but without {' and '.join(absent)}. Install a Redis that has them."
        for command in commands:
            reply = ask(connection, *command)
            if reply.startswith("-"):
                return f"answered {' '.join(command)!r} with {reply[1:]!r}. {_ACCESS}"
    return None


def _ending(code: int) -> str:
    return f"was ended by signal {-code}" if code < 0 else f"exited with status {code}"
