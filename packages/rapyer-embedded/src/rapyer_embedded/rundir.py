"""The directories of a server: its run directory, and the lock on a data directory."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from rapyer_embedded.errors import ServerStartError

__all__ = ["SOCKET_NAME", "make_run_directory", "take_lock"]

SOCKET_NAME = "redis.sock"
_LOCK_NAME = "rapyer-embedded.lock"
_PREFIX = "rapyer-"

# sizeof(sockaddr_un.sun_path), of which one byte is for the NUL at the end
_LONGEST_SOCKET_PATH = (108 if sys.platform == "linux" else 104) - 1


def make_run_directory() -> Path:
    """Make a new directory, open to this user only, whose path is short enough for a unix socket.

    It is in the directory for temporary files (`TMPDIR`) or, if that path is too long, in ``/tmp``.

    Raises:
        ServerStartError: It cannot be made in either place.
    """
    parent = Path(tempfile.gettempdir()).absolute()
    if not _fits(parent):
        parent = Path("/tmp")  # noqa: S108 - mkdtemp makes a directory of our own in it
    try:
        return Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    except OSError as exc:
        raise ServerStartError(
            f"No directory for the server's unix socket could be created in {str(parent)!r} "
            f"({exc.strerror}). Set TMPDIR to a writable directory whose path is shorter than "
            f"{_LONGEST_SOCKET_PATH - 28} bytes."
        ) from exc


def take_lock(directory: Path, *, timeout: float = 0.5) -> int:
    """Lock a data directory, creating it if it does not exist.

    The lock is held as long as the file descriptor, or a copy of it in another process, is open.
    Two servers that append to the same file would silently corrupt it.

    Args:
        directory: The data directory.
        timeout: How long to wait for a server that is about to end, in seconds.

    Returns:
        The file descriptor.

    Raises:
        ServerStartError: It cannot be created or written to, or another server uses it.
    """
    import fcntl  # noqa: PLC0415 - so that this package can be imported on Windows

    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = os.open(directory / _LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as exc:
        raise ServerStartError(
            f"The directory {str(directory)!r} cannot be used for the server's data "
            f"({exc.strerror}). Give a writable directory."
        ) from exc
    deadline = time.monotonic() + timeout
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            if time.monotonic() < deadline:
                time.sleep(0.02)
                continue
            os.close(lock)
            raise ServerStartError(
                f"The directory {str(directory)!r} is in use by another server. Stop that one "
                f"first, or give each server a directory of its own."
            ) from exc
        except BaseException:
            os.close(lock)
            raise
        return lock


def _fits(parent: Path) -> bool:
    example = parent / f"{_PREFIX}{'x' * 8}" / SOCKET_NAME
    return len(os.fsencode(example)) <= _LONGEST_SOCKET_PATH
