"""The options of `class Config` that the plugin adds."""

from __future__ import annotations

from rapyer.plugin import Option


def _check_stream(name: str) -> str:
    if not name or name.endswith(":") or "{" in name:
        raise ValueError("is not a key prefix. Give the part before the colon, such as 'audit'")
    return name


#: Whether the writes of a model are logged.
AUDIT = Option("audit", bool, default=False)
#: What the keys of its streams start with.
AUDIT_STREAM = Option("audit_stream", str, default="audit", parse=_check_stream)
