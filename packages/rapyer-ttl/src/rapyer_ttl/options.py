"""The options of `class Config` that the plugin adds."""

from __future__ import annotations

from datetime import timedelta

from rapyer.plugin import Option

from rapyer_ttl.durations import Duration, milliseconds

#: What is kept of a `ttl = None` that was written: it is said that there is no end.
NO_END = 0


def _time(duration: Duration | None) -> int:
    return NO_END if duration is None else milliseconds(duration)


def _time_or_nothing(duration: Duration) -> int:
    return milliseconds(duration, least=0)


_DURATION = int | float | timedelta | str
#: For how long a document lives, in milliseconds; `NO_END`, or None where nothing says it.
TTL: Option[int | None] = Option("ttl", _DURATION | None, default=None, parse=_time)
#: Whether reads and writes give a document its full time again.
ON_ACCESS = Option("ttl_postpone_on_access", bool, default=False)
#: Whether writes do.
ON_WRITE = Option("ttl_postpone_on_write", bool, default=False)
#: How much of the time has to be used up before it is given anew, in milliseconds.
INTERVAL: Option[int] = Option("ttl_refresh_interval", _DURATION, default=0, parse=_time_or_nothing)
#: For how long an expired document is kept, in milliseconds.
GRACE: Option[int] = Option("ttl_grace_period", _DURATION, default=0, parse=_time_or_nothing)
