"""The hooks of the plugin, as named by its entry point."""

from __future__ import annotations

from rapyer.cli import rights_check
from rapyer.plugin import Check, RegisterCheck, RegisterMixin, hookimpl

from rapyer_bulk.mixin import BulkMixin

RAPYER_API_VERSION = 1

#: Commands that it sends in addition to those of core; docs/security.md lists the same.
COMMANDS = ("INFO", "UNLINK")


@hookimpl
def rapyer_register_mixins(register: RegisterMixin) -> None:
    """Add `bulk_insert`, `bulk_update`, `bulk_delete`, `bulk_get`, `bulk_stream`, `bulk_exists`."""
    register(BulkMixin)


@hookimpl
def rapyer_register_checks(register: RegisterCheck) -> None:
    """Let `python -m rapyer doctor` tell whether the user may run its commands."""
    check = rights_check("rapyer-bulk", COMMANDS, COMMANDS)
    register(Check("rights of bulk", check))
