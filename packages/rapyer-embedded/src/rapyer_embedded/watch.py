"""A watcher process: ends a server and removes its directory when the parent process is gone."""

from __future__ import annotations

import contextlib
import os
import subprocess
import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["PID_FILE", "Watcher"]

PID_FILE = "server.pid"
_PATIENCE = 50  # tenths of a second between SIGTERM and SIGKILL

# The watcher reads its standard input, a pipe that only the parent holds. "quit" means that there
# is nothing left to do; end of file means that the parent is gone, for whatever reason. By then the
# number in the pid file may belong to an unrelated process (if the server had died before), so only
# a process that names our directory on its command line is ended, as ours does until it ends. It is
# ended with its process group, because it may be a script that runs the server. Signals are
# ignored: one sent to a whole session or container must not end the watcher first.
_SCRIPT = """
trap '' HUP INT QUIT TERM
PATH=$PATH:/usr/bin:/bin
directory=$1
read -r word
[ "$word" = quit ] && exit 0
pid=$(cat "$directory/server.pid")
is_ours() {
    [ -n "$pid" ] || return 1
    { tr '\\000' ' ' <"/proc/$pid/cmdline" || ps -ww -o args= -p "$pid"; } |
        grep -q -F -- "$directory/"
}
is_ours && kill -s TERM -- "-$pid"
tries=0
while is_ours; do
    tries=$((tries + 1))
    [ "$tries" -gt "$2" ] && kill -s KILL -- "-$pid"
    sleep 0.1
done
rm -rf -- "$directory"
"""


class Watcher:
    """Guards a run directory from now until `dismiss` is called.

    If this process ends without calling `dismiss`, even by SIGKILL, the process whose number is in
    the directory's `PID_FILE` is ended with its process group (SIGTERM, then SIGKILL after 5
    seconds), and the directory is removed. Works on Linux and macOS and from any thread.

    Attributes:
        process: The watcher's own process.

    Args:
        directory: The directory; its path must be on the command line of the guarded process, which
            must lead a process group.

    Raises:
        OSError: No process could be started.
    """

    def __init__(self, directory: Path) -> None:
        self.process = subprocess.Popen(
            ["/bin/sh", "-c", _SCRIPT, "rapyer-embedded-watcher", str(directory), str(_PATIENCE)],
            stdin=subprocess.PIPE,
            # Not inherited: a reader of the parent's output must not have to wait for us.
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd="/",
            start_new_session=True,
        )
        _watchers.add(self)

    def dismiss(self) -> None:
        """End the watcher without ending or removing anything. Calling it again does nothing."""
        if self.process.stdin is None or self.process.stdin.closed:
            return
        # The watcher may have been ended by somebody; then there is nothing to tell it.
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(b"quit\n")
        self.process.stdin.close()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:  # stopped or starved: it must not outlive this call
            self.process.kill()
            self.process.wait()

    def forget(self) -> None:
        """Close the pipe silently; for the child of a fork, which is not the parent."""
        if self.process.stdin is not None:
            self.process.stdin.close()


_watchers: weakref.WeakSet[Watcher] = weakref.WeakSet()


def _forget_all() -> None:
    for watcher in list(_watchers):
        watcher.forget()


if hasattr(os, "register_at_fork"):
    # A forked child (multiprocessing) inherits the pipe's end; while it lives, the watcher would
    # not notice that the parent is gone.
    os.register_at_fork(after_in_child=_forget_all)
