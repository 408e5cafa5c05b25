"""The hooks of the plugin: what its entry point names."""

from __future__ import annotations

from rapyer.plugin import RegisterMixin, hookimpl

from rapyer_bulk.mixin import BulkMixin

RAPYER_API_VERSION = 1


@hookimpl
def rapyer_register_mixins(register: RegisterMixin) -> None:
    """Add `bulk_insert`, `bulk_update`, `bulk_delete`, `bulk_get`, `bulk_stream`, `bulk_exists`."""
    register(BulkMixin)
