"""Core itself as a plugin: its operations, options, field types and commands use the same hooks."""

from __future__ import annotations

from rapyer.commands.checks import CORE_CHECKS
from rapyer.commands.doctor import DOCTOR_COMMAND
from rapyer.commands.inspect import INSPECT_COMMAND
from rapyer.commands.new_plugin import NEW_PLUGIN_COMMAND
from rapyer.commands.plugins import PLUGINS_COMMAND
from rapyer.model import (
    ChangesMixin,
    DeleteMixin,
    ExistsMixin,
    ExtractMixin,
    LoadMixin,
    LockMixin,
    SaveMixin,
    UpdateMixin,
)
from rapyer.options import CORE_OPTIONS
from rapyer.plugin import (
    RegisterCheck,
    RegisterCommand,
    RegisterFieldType,
    RegisterMixin,
    RegisterOption,
    hookimpl,
)
from rapyer.types.table import CORE_FIELD_TYPES

RAPYER_API_VERSION = 1

_MIXINS = (
    SaveMixin, LoadMixin, UpdateMixin, ChangesMixin, DeleteMixin, ExistsMixin, ExtractMixin,
    LockMixin,
)  # fmt: skip


@hookimpl
def rapyer_register_mixins(register: RegisterMixin) -> None:
    """Add `save`, `get`, `load`, `delete`, `exists`, `extract`, `aupdate`, `lock` and the like."""
    for mixin in _MIXINS:
        register(mixin)


@hookimpl
def rapyer_register_options(register: RegisterOption) -> None:
    """Add `prefix`, `abstract`, `hash_tag`, `redis` and `track_changes`."""
    for option in CORE_OPTIONS:
        register(option)


@hookimpl
def rapyer_register_field_types(register: RegisterFieldType) -> None:
    """Add the types of `docs/storage.md`."""
    for annotation, field_type in CORE_FIELD_TYPES:
        register(annotation, field_type)


@hookimpl
def rapyer_register_commands(register: RegisterCommand) -> None:
    """Add `plugins`, `doctor`, `inspect` and `new-plugin`."""
    for command in (PLUGINS_COMMAND, DOCTOR_COMMAND, INSPECT_COMMAND, NEW_PLUGIN_COMMAND):
        register(command)


@hookimpl
def rapyer_register_checks(register: RegisterCheck) -> None:
    """Add what `python -m rapyer doctor` says about the server itself."""
    for check in CORE_CHECKS:
        register(check)
