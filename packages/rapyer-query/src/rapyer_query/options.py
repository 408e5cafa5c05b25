"""The options of `class Config` and of `init_rapyer` that the plugin adds."""

from __future__ import annotations

from rapyer.plugin import Option


def _check_seconds(seconds: float) -> float:
    if not 1 <= seconds <= 31_536_000:
        raise ValueError("is no time to keep an index for. Give 1 second or more, a year at most")
    return seconds


#: Whether fields are indexed of which nothing else is said.
INDEX: Option[bool] = Option("index", bool, default=True)
#: Whether `init_rapyer` makes the index and waits for it; else the first query does.
CREATE_INDEX: Option[bool] = Option("create_index", bool, default=False)
#: For how many seconds an index is kept that no process of its version of the model is alive for.
INDEX_RETENTION: Option[float] = Option(
    "index_retention", float | int, default=3600, parse=_check_seconds
)
