"""``python -m rapyer_embedded``: one server in the foreground."""

from __future__ import annotations

import argparse
import signal
import sys
from typing import TYPE_CHECKING

from rapyer_embedded.errors import EmbeddedServerError
from rapyer_embedded.server import Server

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a server until SIGINT or SIGTERM; print its URL once it is ready.

    Args:
        argv: The command line after the program's name; None for that of this process.

    Returns:
        The exit status: 0 after a signal, 1 if the server could not start or ended on its own.
    """
    parser = argparse.ArgumentParser(
        prog="python -m rapyer_embedded",
        description="Run a Redis with RedisJSON and RediSearch in the foreground, print its URL, "
        "and stop it on Ctrl-C.",
    )
    parser.add_argument("--port", type=int, help="listen on this port of 127.0.0.1 (0: a free one)")
    parser.add_argument("--password", help="the password that clients must give")
    parser.add_argument("--directory", help="keep the data in this directory")
    options = parser.parse_args(argv)
    try:
        server = Server(port=options.port, password=options.password, directory=options.directory)
    except ValueError as exc:
        parser.error(str(exc))
    # Handle both even if a shell has set SIGINT to be ignored, as it does for programs run with
    # "&".
    for number in _SIGNALS:
        signal.signal(number, signal.default_int_handler)
    return _serve(server)


def _serve(server: Server) -> int:
    try:
        server.start()
        print(server.url, flush=True)
        status = server.process.wait()
    except KeyboardInterrupt:
        return 0
    except EmbeddedServerError as exc:
        _complain(exc)
        return 1
    finally:
        for number in _SIGNALS:  # a second Ctrl-C must not interrupt the stopping
            signal.signal(number, signal.SIG_IGN)
        server.stop()
    print(f"error: redis-server exited with status {status}.\n{server.log}", file=sys.stderr)
    return 1


def _complain(exc: EmbeddedServerError) -> None:
    lines = [f"error: {exc}", *getattr(exc, "__notes__", ())]
    print("\n".join(lines), file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
