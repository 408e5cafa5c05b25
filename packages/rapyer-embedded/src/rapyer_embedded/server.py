"""`Server`: a redis-server as a context manager."""

from __future__ import annotations

import os
import socket
import threading
import warnings
import weakref
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from rapyer_embedded.binaries import find_binary
from rapyer_embedded.errors import ServerStartError, ServerStateError
from rapyer_embedded.launch import Options, Run
from rapyer_embedded.startable import Startable

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterable

__all__ = ["Server"]

_PORT_TRIES = 10


class Server(Startable):
    """A real redis-server with RedisJSON and RediSearch, for development and tests.

    It is a synchronous and an asynchronous context manager, which calls `start` and `stop`::

        with Server() as server:
            client = redis.Redis.from_url(server.url)

    It listens on a unix socket in a directory that only this user can enter, or on a port of
    127.0.0.1 if you ask for one. It ends with the process that started it, even if that process is
    killed by SIGKILL. A server that was started and then dropped without `stop` is stopped when it
    is garbage-collected or when Python ends, with a `ResourceWarning`. `FT.SEARCH` may return any
    number of rows (``MAXSEARCHRESULTS -1``). Every method may be called from any thread.

    Args:
        port: The port of 127.0.0.1 to listen on; 0 for a free one; None for a unix socket.
        password: The password that clients must give.
        directory: Where data is kept between starts, in an append-only file; it is created if it
            does not exist. None keeps nothing.
        args: Further arguments of redis-server, such as ``("--maxmemory", "100mb")``. They override
            the options set here. A ``--requirepass`` among them is the same as `password`.
        startup_timeout: How long the server may take to become ready, in seconds. A first download
            of the program does not count.

    Raises:
        ValueError: An argument is invalid.
        TypeError: `args` is a single text instead of several.
    """

    def __init__(
        self,
        *,
        port: int | None = None,
        password: str | None = None,
        directory: str | os.PathLike[str] | None = None,
        args: Iterable[str] = (),
        startup_timeout: float = 30.0,
    ) -> None:
        if isinstance(args, str):
            raise TypeError(f"args is the string {args!r}. Give a sequence of separate words.")
        if port is not None and not 0 <= port <= 65535:
            raise ValueError(f"port is {port!r}. Give 1 to 65535, 0 for a free one, or None.")
        if startup_timeout <= 0:
            raise ValueError(
                f"startup_timeout is {startup_timeout!r}. Give a number of seconds greater than 0."
            )
        arguments = tuple(args)
        self._port = port
        self._options = Options(
            port=port,
            password=_one_password(password, arguments),
            directory=None if directory is None else Path(directory).expanduser().absolute(),
            arguments=arguments,
            timeout=startup_timeout,
        )
        self._run: Run | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._log = ""
        self._finalizer: weakref.finalize[..., Server] | None = None
        self._lock = threading.RLock()

    def __repr__(self) -> str:
        run = self._run
        state = _described(run) if run is not None else "not running"
        return f"<rapyer_embedded.Server {state}>"

    @property
    def url(self) -> str:
        """The URL for redis-py's `from_url`, with the password: ``unix://...`` or ``redis://...``.

        Raises:
            ServerStateError: The server is not running.
        """
        run = self._running("url")
        password = run.options.password
        user = "" if password is None else f":{quote(password, safe='')}@"
        if run.options.port is not None:
            return f"redis://{user}127.0.0.1:{run.options.port}/0"
        return f"unix://{user}{quote(str(run.socket))}"

    @property
    def socket(self) -> Path | None:
        """The path of the unix socket; None if the server listens on a port.

        Raises:
            ServerStateError: The server is not running.
        """
        run = self._running("socket")
        return run.socket if run.options.port is None else None

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The redis-server process, also after `stop`; `restart` creates a new one.

        Raises:
            ServerStateError: The server was never started.
        """
        process = self._process if self._run is None else self._run.process
        if process is None:
            raise ServerStateError(f"{self!r} has no process yet. Call start() first.")
        return process

    @property
    def log(self) -> str:
        """Everything that the server has written since `start`, also after `stop`."""
        return self._log if self._run is None else self._run.log

    def start(self) -> None:
        """Start the server, and return when it answers.

        If no redis-server with the modules is installed, one is downloaded (once for this user).

        Raises:
            ServerStateError: It is already running.
            BinaryNotFoundError: There is no redis-server to start, and none could be downloaded.
            ServerStartError: It did not become ready. The message contains the last lines of its
                log, the attribute `log` the whole log; nothing is left behind.
        """
        with self._lock:
            if self._run is not None:
                raise ServerStateError(f"{self!r} has already been started. Call stop() first.")
            try:
                run = self._launch()
            except ServerStartError as exc:
                self._log = exc.log
                raise
            self._run = run
            self._finalizer = weakref.finalize(self, _abandoned, run, os.getpid())

    def stop(self) -> None:
        """Stop the server and remove its socket and directory; do nothing if it is not running.

        Data for `directory` is written first.
        """
        with self._lock:
            run = self._run
            if run is None:
                return
            try:
                run.close()
            finally:
                self._forget(run)

    def restart(self) -> None:
        """Stop the server and start it again with the same `url`.

        Clients lose their connections, and all data is lost unless `directory` was given. A server
        that has died is started again.

        Raises:
            ServerStateError: It was not started.
            ServerStartError: It did not become ready again, and is now stopped.
        """
        with self._lock:
            run = self._running("restart()")
            run.halt()
            try:
                run.start()
            except BaseException:
                self._forget(run)
                raise

    def _running(self, what: str) -> Run:
        if self._run is None:
            raise ServerStateError(
                f"{what} needs a running server, but this one is not running. Call start() first, "
                "or use the server in a with block."
            )
        return self._run

    def _launch(self) -> Run:
        binary = find_binary()
        tries = _PORT_TRIES if self._port == 0 else 1
        while True:
            options = self._options
            if self._port == 0:
                options = options.on_port(_free_port())
            run = Run(binary, options)
            try:
                run.start()
            except ServerStartError as exc:
                if f":{options.port}: bind:" not in exc.log:
                    raise
                tries -= 1
                if tries:  # somebody else took the port between our check and the server's
                    continue
                raise ServerStartError(
                    f"The server cannot listen on port {options.port} of 127.0.0.1. Give another "
                    "port, or 0 for a free one.",
                    log=exc.log,
                ) from exc
            return run

    def _forget(self, run: Run) -> None:
        self._log = run.log
        self._process = run.process
        self._run = None
        if self._finalizer is not None:
            self._finalizer.detach()


def _abandoned(run: Run, owner: int) -> None:
    """Stop a server that nobody stopped: on garbage collection, and when Python ends."""
    if os.getpid() != owner:  # a forked child has a copy of the object, not the server
        return
    described = _described(run)
    run.close()
    warnings.warn(
        f"<rapyer_embedded.Server {described}> was not stopped. Use it in a with block, or call "
        f"stop().",
        ResourceWarning,
        stacklevel=2,
    )


def _described(run: Run) -> str:
    port = run.options.port
    where = str(run.socket) if port is None else f"127.0.0.1:{port}"
    return f"at {where}, process {run.process.pid}" if run.process else f"at {where}"


def _one_password(password: str | None, arguments: tuple[str, ...]) -> str | None:
    """Return the password that clients must give, from either place where it can be set."""
    if password == "":
        raise ValueError("password is empty. Give a string, or None for no password.")
    if "--requirepass" not in arguments:
        return password
    if password is not None:
        raise ValueError(
            "password is given, but so is --requirepass in args. Give only one of them."
        )
    rest = arguments[arguments.index("--requirepass") + 1 :]
    return (rest[0] or None) if rest else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
