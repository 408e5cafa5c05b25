"""What the project's own plugins add, so that errors about their absence can name the remedy."""

from __future__ import annotations

from collections.abc import Mapping

#: The methods of models, by the plugin, and so the extra, that adds them.
METHODS: Mapping[str, str] = {
    "find": "query",
    "find_one": "query",
    "index": "query",
    "bulk_insert": "bulk",
    "bulk_update": "bulk",
    "bulk_delete": "bulk",
    "bulk_get": "bulk",
    "bulk_stream": "bulk",
    "bulk_exists": "bulk",
    "pipeline": "pipeline",
    "pipeline_for": "pipeline",
    "get_ttl": "ttl",
    "get_ttl_by_key": "ttl",
    "set_ttl": "ttl",
    "set_ttl_by_key": "ttl",
    "postpone_ttl": "ttl",
    "postpone_ttl_by_key": "ttl",
    "persist": "ttl",
    "persist_by_key": "ttl",
}
#: The options of `class Config`, by the plugin, and so the extra, that adds them.
OPTIONS: Mapping[str, str] = {
    "index": "query",
    "create_index": "query",
    "index_retention": "query",
    "ttl": "ttl",
    "ttl_postpone_on_access": "ttl",
    "ttl_postpone_on_write": "ttl",
    "ttl_refresh_interval": "ttl",
    "ttl_grace_period": "ttl",
}
#: The subcommands of `python -m rapyer`, by the plugin, and so the extra, that adds them.
COMMANDS: Mapping[str, str] = {"index": "query"}


def how_to_get(extra: str, disabled: frozenset[str]) -> str:
    """Say why something of one of these plugins is missing, and what to do."""
    if extra in disabled:
        return (
            f"is part of rapyer-{extra}, which RAPYER_DISABLED_PLUGINS disables. Remove "
            f"{extra!r} from that variable."
        )
    return (
        f'is part of rapyer-{extra}, which is not installed. Run `pip install "rapyer[{extra}]"`.'
    )
