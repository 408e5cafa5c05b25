"""The options of `class Config` and of `init_rapyer` that this plugin adds."""

from __future__ import annotations

from rapyer.plugin import Option


def _check_seconds(seconds: float) -> float:
    if not 1 <= seconds <= 31_536_000:
        raise ValueError(
            "is not a valid time to keep an index. Give at least 1 second and at most a year"
        )
    return seconds


#: Whether fields are indexed unless they say otherwise.
INDEX: Option[bool] = Option("index", bool, default=True)
#: Whether `init_rapyer` creates the index and waits for it; otherwise the first query does.
CREATE_INDEX: Option[bool] = Option("create_index", bool, default=False)
#: Seconds for which an index is kept when no process of its model version is alive.
INDEX_RETENTION: Option[float] = Option(
    "index_retention", float | int, default=3600, parse=_check_seconds
)
