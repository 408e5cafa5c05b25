"""Who is compared, and the environments that peers need."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from benchmarks.compare.errors import EnvironmentMissingError

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Entry:
    """A candidate as the parent process knows it.

    Attributes:
        title: What tables call it.
        module: What is run as its process.
        requirements: What its environment has; nothing means this environment.
    """

    title: str
    module: str
    requirements: tuple[str, ...] = ()


#: The first one is what the others are compared with. hiredis is what ours and redis-om bring.
CANDIDATES: dict[str, Entry] = {
    "raw": Entry("redis-py + pydantic", "benchmarks.compare.workers.raw"),
    "ours": Entry("rapyer 2", "benchmarks.compare.workers.ours"),
    "rapyer1": Entry(
        "rapyer 1.3.6", "benchmarks.compare.peers.rapyer1", ("rapyer==1.3.6", "hiredis>=3")
    ),
    "redis-om": Entry("redis-om 1.2.0", "benchmarks.compare.peers.redis_om", ("redis-om==1.2.0",)),
}
RAW, OURS = "raw", "ours"


def default_cache() -> Path:
    """Where environments are kept between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "rapyer-benchmarks"


def python_of(name: str, cache: Path) -> str:
    """Give the Python of a candidate's environment, which is made where it is not there.

    It has the Python of this process, and packages as old as this workspace allows, so that a
    later run compares the same.

    Raises:
        EnvironmentMissingError: uv is missing, or could not install something.
    """
    wanted = CANDIDATES[name].requirements
    if not wanted:
        return sys.executable
    home = cache / f"{name}-{sys.version_info.major}.{sys.version_info.minor}"
    python, sign = home / "bin" / "python", home / "requirements"
    before = _newest()
    have = "\n".join((*wanted, before))
    if not (sign.is_file() and sign.read_text() == have):
        cache.mkdir(parents=True, exist_ok=True)
        _uv(cache, "venv", "--clear", "--python", sys.executable, str(home))
        _uv(cache, "pip", "install", "--python", str(python), "--exclude-newer", before, *wanted)
        sign.write_text(have)  # the last step: an environment without it was not finished
    return str(python)


def _newest() -> str:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]
    return str(settings["exclude-newer"])


def _uv(directory: Path, *arguments: str) -> None:
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        raise EnvironmentMissingError(
            "uv is not on the PATH, and makes the environments of peers. "
            "Run this with `uv run`, or with `--candidates raw ours`."
        )
    # outside of this workspace: its sources would give our rapyer for the one asked for
    run = subprocess.run(
        [uv, "--quiet", *arguments], cwd=directory, capture_output=True, text=True, check=False
    )
    if run.returncode:
        raise EnvironmentMissingError(
            f"`uv {' '.join(arguments)}` has failed: {run.stderr.strip()} "
            "Leave peers out with `--candidates raw ours`."
        )
