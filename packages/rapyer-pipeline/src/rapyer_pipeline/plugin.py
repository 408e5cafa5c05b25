"""The hooks of the plugin: what its entry point names."""

from __future__ import annotations

from rapyer.plugin import RegisterMixin, hookimpl

from rapyer_pipeline.mixin import PipelineMixin

RAPYER_API_VERSION = 1


@hookimpl
def rapyer_register_mixins(register: RegisterMixin) -> None:
    """Add `pipeline` and `pipeline_for`."""
    register(PipelineMixin)
