"""The hooks of the plugin, as named by its entry point."""

from __future__ import annotations

from rapyer.base import BaseRedisModel
from rapyer.cli import rights_check
from rapyer.plugin import (
    AccessPolicy,
    Check,
    RegisterCheck,
    RegisterMixin,
    RegisterOption,
    hookimpl,
)

from rapyer_ttl.mixin import TtlMixin
from rapyer_ttl.options import GRACE, INTERVAL, ON_ACCESS, ON_WRITE, TTL
from rapyer_ttl.policy import ttl_policy
from rapyer_ttl.settings import expiry_of

RAPYER_API_VERSION = 1

#: Commands that it sends in addition to those of core; docs/security.md lists the same.
COMMANDS = ("PERSIST",)


@hookimpl
def rapyer_register_mixins(register: RegisterMixin) -> None:
    """Add `get_ttl`, `set_ttl`, `postpone_ttl`, `persist`, and an option of `get` and of `save`."""
    register(TtlMixin)


@hookimpl
def rapyer_register_options(register: RegisterOption) -> None:
    """Add `ttl` and the options that start with it."""
    for option in (TTL, ON_ACCESS, ON_WRITE, INTERVAL, GRACE):
        register(option)


@hookimpl
def rapyer_access_policy(model: type[BaseRedisModel]) -> AccessPolicy | None:
    """Set the expiry of documents of models that have one; leave other models alone."""
    expiry = expiry_of(model)
    return None if expiry is None else ttl_policy(model, expiry)


@hookimpl
def rapyer_register_checks(register: RegisterCheck) -> None:
    """Let `python -m rapyer doctor` tell whether the user may run its commands."""
    check = rights_check("rapyer-ttl", COMMANDS)
    register(Check("rights of ttl", check))
