"""The options of `class Config` that this plugin adds."""

from __future__ import annotations

from datetime import timedelta

from rapyer.plugin import Option

from rapyer_ttl.durations import Duration, milliseconds

#: How an explicit `ttl = None` is stored: it says that there is no expiry.
NO_END = 0


def _time(duration: Duration | None) -> int:
    return NO_END if duration is None else milliseconds(duration)


def _time_or_nothing(duration: Duration) -> int:
    return milliseconds(duration, least=0)


_DURATION = int | float | timedelta | str
#: How long a document lives, in milliseconds; `NO_END`, or None if nothing says so.
TTL: Option[int | None] = Option("ttl", _DURATION | None, default=None, parse=_time)
#: Whether reads and writes restart the lifetime of a document.
ON_ACCESS = Option("ttl_postpone_on_access", bool, default=False)
#: Whether writes do.
ON_WRITE = Option("ttl_postpone_on_write", bool, default=False)
#: How much of the lifetime has to pass before it is restarted, in milliseconds.
INTERVAL: Option[int] = Option("ttl_refresh_interval", _DURATION, default=0, parse=_time_or_nothing)
#: How long an expired document is kept, in milliseconds.
GRACE: Option[int] = Option("ttl_grace_period", _DURATION, default=0, parse=_time_or_nothing)
