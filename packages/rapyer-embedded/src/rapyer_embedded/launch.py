"""One redis-server process with its run directory and watcher."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rapyer_embedded.errors import ServerStartError
from rapyer_embedded.ready import wait_until_ready
from rapyer_embedded.rundir import SOCKET_NAME, make_run_directory, take_lock
from rapyer_embedded.watch import PID_FILE, Watcher

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Binary", "Options", "Run"]

_STOP_TIMEOUT = 5.0

# The shell writes its own process number, then becomes the server: so the watcher knows the server
# from the first moment of its life, and the Popen object is the server's.
_EXEC = f'echo $$ >"$0/{PID_FILE}" && exec "$@"'


@dataclass(frozen=True)
class Binary:
    """A redis-server, and what it needs for JSON and Search.

    Attributes:
        server: The path of the program.
        search: The path of ``redisearch.so``; None if Search is built in.
        json: The path of ``rejson.so``; None if JSON is built in.
        origin: Where it was found, for messages.
    """

    server: Path
    search: Path | None
    json: Path | None
    origin: str


@dataclass(frozen=True)
class Options:
    """How to run a redis-server.

    Attributes:
        port: A port on 127.0.0.1 to listen on in addition to the unix socket, or None.
        password: The password that clients must give, or None.
        directory: Where data is kept; None for no persistence.
        arguments: Further arguments of redis-server; they come last, so they win.
        timeout: How long it may take to become ready, in seconds.
    """

    port: int | None = None
    password: str | None = None
    directory: Path | None = None
    arguments: tuple[str, ...] = ()
    timeout: float = 30.0

    def on_port(self, port: int) -> Options:
        """Return the same options with another port."""
        return replace(self, port=port)


class Run:
    """A run directory, the watcher that guards it and the redis-server that lives in it.

    `start` and `halt` may alternate, which is a restart; `close` ends all three. A `Run` that
    failed to start has closed itself.
    """

    def __init__(self, binary: Binary, options: Options) -> None:
        self.binary = binary
        self.options = options
        self.process: subprocess.Popen[bytes] | None = None
        self._last_log = ""
        self.directory = make_run_directory()
        try:
            self.watcher = Watcher(self.directory)
        except BaseException:
            shutil.rmtree(self.directory)
            raise

    @property
    def socket(self) -> Path:
        """The server's unix socket."""
        return self.directory / SOCKET_NAME

    @property
    def log(self) -> str:
        """Everything that the server has written, also after `close`."""
        # after close, and before the first start, the file does not exist
        with contextlib.suppress(FileNotFoundError):
            self._last_log = (self.directory / "redis.log").read_text(errors="replace")
        return self._last_log

    def start(self) -> None:
        """Start the server and wait until it is ready.

        Raises:
            ServerStartError: It did not become ready; everything has been closed.
        """
        try:
            process = self.process = self._spawn()
            problem = wait_until_ready(
                process,
                self.socket,
                password=self.options.password,
                timeout=self.options.timeout,
                commands=self._late_configuration(),
            )
        except BaseException:
            self.close(at_once=True)
            raise
        if problem is not None:
            self.close(at_once=True)
            raise ServerStartError(
                f"The redis-server {str(self.binary.server)!r} ({self.binary.origin}) {problem}",
                log=self.log,
            )

    def halt(self, *, at_once: bool = False) -> None:
        """End the server and keep its run directory.

        Args:
            at_once: Whether to prevent the server from writing what it has not written yet.
        """
        process = self.process
        if process is None or process.poll() is not None:
            return
        # Redis looks for SIGTERM ten times a second. A server that keeps nothing has nothing to
        # lose by SIGKILL, and tests that start many servers save that tenth of a second.
        keeps_nothing = self.options.directory is None and not self.options.arguments
        if not (at_once or keeps_nothing):
            _signal_group(process, signal.SIGTERM)
            # a stopped or busy server does not react to it
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=_STOP_TIMEOUT)
                return
        _signal_group(process, signal.SIGKILL)
        process.wait()

    def close(self, *, at_once: bool = False) -> None:
        """End the server and the watcher and remove the run directory; again: do nothing."""
        self.halt(at_once=at_once)
        _ = self.log  # read it for the last time
        self.watcher.dismiss()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _spawn(self) -> subprocess.Popen[bytes]:
        configuration = self.directory / "redis.conf"
        configuration.touch(mode=0o600)
        configuration.write_text(self._configuration())
        # a killed server leaves its socket behind, and connecting to it fails in a different way
        self.socket.unlink(missing_ok=True)
        directory = self.options.directory
        lock = take_lock(directory) if directory is not None else None
        command = (str(self.binary.server), str(configuration), *self.options.arguments)
        try:
            with (self.directory / "redis.log").open("ab") as log:
                return subprocess.Popen(
                    ["/bin/sh", "-c", _EXEC, str(self.directory), *command],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    cwd=self.directory,
                    # Ctrl-C in the terminal is for the parent, which then stops the server.
                    start_new_session=True,
                    # the lock lives as long as the server, even if that outlives us
                    pass_fds=() if lock is None else (lock,),
                )
        except OSError as exc:
            raise ServerStartError(
                f"No process could be started for {str(self.binary.server)!r} ({exc.strerror}). "
                f"Free some memory or processes and try again."
            ) from exc
        finally:
            if lock is not None:
                os.close(lock)

    def _configuration(self) -> str:
        """The text of redis.conf: a file, because command lines show passwords to everybody."""
        options = self.options
        lines: list[tuple[str, ...]] = [
            ("bind", "127.0.0.1"),
            ("port", str(options.port or 0)),
            ("unixsocket", str(self.socket)),
            ("unixsocketperm", "700"),
            ("dir", str(options.directory or self.directory)),
            ("save", ""),
            ("appendonly", "yes" if options.directory else "no"),
            ("set-proc-title", "no"),  # the watcher knows the server by its command line
        ]
        if options.password is not None:
            lines.append(("requirepass", options.password))
        if self.binary.search is not None:
            lines.append(("loadmodule", str(self.binary.search), "MAXSEARCHRESULTS", "-1"))
        if self.binary.json is not None:
            lines.append(("loadmodule", str(self.binary.json)))
        return "".join(f"{name} {' '.join(map(_quoted, rest))}\n" for name, *rest in lines)

    def _late_configuration(self) -> list[tuple[str, ...]]:
        if self.binary.search is not None:
            return []
        return [("FT.CONFIG", "SET", "MAXSEARCHRESULTS", "-1")]


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Signal a process that has not been waited for, and its children.

    The children are included because a program named by the user may be a script that runs the
    server.
    """
    # It may have ended since the last check; for such a process macOS reports that it may not be
    # signaled.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _quoted(word: str) -> str:
    r"""Quote a word of redis.conf, with everything but plain ASCII written as ``\xHH``."""
    plain = (
        chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\x{byte:02x}"
        for byte in os.fsencode(word)
    )
    return f'"{"".join(plain)}"'
