"""The hooks of the plugin, as named by its entry point."""

from __future__ import annotations

from rapyer.cli import rights_check
from rapyer.plugin import Check, RegisterCheck, RegisterMixin, hookimpl

from rapyer_pipeline.mixin import PipelineMixin

RAPYER_API_VERSION = 1

#: Commands that it sends in addition to those of core; docs/security.md lists the same.
COMMANDS = ("FCALL", "FUNCTION|LOAD", "JSON.MERGE")


@hookimpl
def rapyer_register_mixins(register: RegisterMixin) -> None:
    """Add `pipeline` and `pipeline_for`."""
    register(PipelineMixin)


@hookimpl
def rapyer_register_checks(register: RegisterCheck) -> None:
    """Let `python -m rapyer doctor` tell whether the user may run its commands."""
    check = rights_check("rapyer-pipeline", COMMANDS, ("FCALL", "FUNCTION|LOAD"))
    register(Check("rights of pipeline", check))
