"""The options of `class Config` that the plugin adds."""

from __future__ import annotations

from rapyer.plugin import Option

#: Whether fields are indexed of which nothing else is said.
INDEX: Option[bool] = Option("index", bool, default=True)
