"""The hooks of the plugin: what its entry point names."""

from __future__ import annotations

from rapyer.base import BaseRedisModel
from rapyer.plugin import (
    AccessPolicy,
    RegisterFieldType,
    RegisterMixin,
    RegisterOption,
    hookimpl,
)

from rapyer_audit.actor import ACTOR, Actor
from rapyer_audit.log import AuditMixin
from rapyer_audit.options import AUDIT, AUDIT_STREAM
from rapyer_audit.policy import audit_policy

RAPYER_API_VERSION = 1


@hookimpl
def rapyer_register_mixins(register: RegisterMixin) -> None:
    """Add `audit_log`."""
    register(AuditMixin)


@hookimpl
def rapyer_register_options(register: RegisterOption) -> None:
    """Add `audit` and `audit_stream`."""
    register(AUDIT)
    register(AUDIT_STREAM)


@hookimpl
def rapyer_register_field_types(register: RegisterFieldType) -> None:
    """Add `Actor`."""
    register(Actor, ACTOR)


@hookimpl
def rapyer_access_policy(model: type[BaseRedisModel]) -> AccessPolicy | None:
    """Log the writes of models that ask for it; leave the commands of others alone."""
    return audit_policy(AUDIT_STREAM.of(model)) if AUDIT.of(model) else None
