"""The hooks: what a plugin may implement, each as a function of that name marked with `hookimpl`.

All hooks are plain functions. They are called while the process is set up, and never on the way to
Redis. They are called plugin by plugin in the order of the plugins' names, core's own first, so
every run is the same; `tryfirst` and `trylast` of `hookimpl` move one before or after the others. A
function may leave out parameters that it does not need.

An exception in a hook ends the current operation, and is the cause of a `PluginError` that names
the plugin. Two kinds of exceptions pass through with a note instead: errors of rapyer itself
(`RapyerError`) that `rapyer_model_created` and `rapyer_access_policy` raise about a model, and what
the functions returned by `rapyer_startup` and `rapyer_shutdown` raise.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import pluggy

if TYPE_CHECKING:
    from rapyer.base import BaseRedisModel
    from rapyer.options import Option
    from rapyer.traffic.channel import Channel
    from rapyer.traffic.policies import AccessPolicy
    from rapyer.types.table import FieldType

PROJECT = "rapyer"
"""The name under which pluggy knows the hooks; also the group of the entry points."""

hookspec = pluggy.HookspecMarker(PROJECT)
"""Marks a function as the declaration of a hook; only core declares hooks."""

hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a function as the implementation of the hook with the same name."""


@dataclass(frozen=True, slots=True)
class Command:
    """A subcommand of `python -m rapyer`.

    Attributes:
        name: The word that invokes it.
        help: What it does, in one line.
        run: Runs it, and gives the exit status.
        add_arguments: Adds its arguments to its parser.
    """

    name: str
    help: str
    run: Callable[[Namespace], int]
    add_arguments: Callable[[ArgumentParser], object] | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check has found.

    Attributes:
        state: `"ok"`; `"note"` for something worth knowing; `"warning"` for something that may go
            wrong; `"fault"` for something that does not work. The last two make the exit status 1.
        text: What was found, in one sentence.
        remedy: What to do about it, in one sentence; None if there is nothing to do.
    """

    state: Literal["ok", "note", "warning", "fault"]
    text: str
    remedy: str | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """Something that `python -m rapyer doctor` examines.

    Attributes:
        name: The word in front of its findings.
        run: Takes the `Channel` to a server and those models named on the command line that are on
            it, and gives its findings. It writes nothing. On a cluster, `channel.primaries()` are
            the nodes.
    """

    name: str
    run: Callable[[Channel, Sequence[type[BaseRedisModel]]], Awaitable[Sequence[Finding]]]


# also defined at run time, for `Startup | None` in an annotation that is not postponed
RegisterMixin: TypeAlias = Callable[[type["BaseRedisModel"]], None]
"""What `rapyer_register_mixins` receives: it takes a class derived from `BaseRedisModel`."""

RegisterOption: TypeAlias = Callable[["Option[Any]"], None]
"""What `rapyer_register_options` receives: it takes an `Option`."""

RegisterFieldType: TypeAlias = Callable[[Any, "FieldType"], None]
"""What `rapyer_register_field_types` receives: it takes an annotation and its `FieldType`."""

RegisterCommand: TypeAlias = Callable[[Command], None]
"""What `rapyer_register_commands` receives: it takes a `Command`."""

RegisterCheck: TypeAlias = Callable[[Check], None]
"""What `rapyer_register_checks` receives: it takes a `Check`."""

Startup: TypeAlias = Callable[["Channel", Sequence[type["BaseRedisModel"]]], Awaitable[None]]
"""What `rapyer_startup` returns: it takes the `Channel` to the server and the models so far, and
`init_rapyer` awaits it."""

Shutdown: TypeAlias = Callable[["Channel"], Awaitable[None]]
"""What `rapyer_shutdown` returns: it takes the `Channel` to the server, and `teardown_rapyer`
awaits it."""


@hookspec
def rapyer_register_mixins(register: RegisterMixin) -> None:
    """Add methods to all models.

    Called once, when `rapyer.AtomicRedisModel` or `rapyer.EmbeddedModel` is first accessed.
    Neither exists at that time: a plugin imports `BaseRedisModel` from `rapyer.base`.

    Args:
        register: Takes a class derived from `BaseRedisModel`, from which `AtomicRedisModel` then
            derives. The class has no fields, and none of the names of `BaseRedisModel`, of core's
            own operations or of another plugin; a name that it shares with another plugin's class
            is refused, naming both plugins. May be called several times.
    """


@hookspec
def rapyer_register_options(register: RegisterOption) -> None:
    """Add options of `class Config` and of `init_rapyer`.

    Called once, before any model class exists.

    Args:
        register: Takes an `Option` with a unique name. Keep the option: its `of(model)` gives the
            value that holds for a model. May be called several times.
    """


@hookspec
def rapyer_register_field_types(register: RegisterFieldType) -> None:
    """Add types of values that fields can have, with their stored form.

    Called once, before any model class exists.

    Args:
        register: Takes an annotation, which is a class or an `Annotated` with a
            `FieldTypeMarker`, and its `FieldType`, made by `define_field_type`. Neither the
            annotation nor the name of the field type may be taken. May be called several times.
    """


@hookspec
def rapyer_model_created(model: type[BaseRedisModel]) -> None:
    """Look at a complete model.

    Called once for each model that has documents, when its class statement ends. If its
    annotations name classes that do not exist yet, it is called when they have been resolved, at
    the latest when the model is first used. Not called for abstract models and mixins.

    Args:
        model: The model. Its fields, options and keys are known. The hook may refuse it by
            raising `ModelDefinitionError`, and may set its own attributes on it, whose names
            start with an underscore and the name of the plugin.
    """


@hookspec
def rapyer_access_policy(model: type[BaseRedisModel]) -> AccessPolicy | None:
    """Return what happens, in the same round trip, for each key of a model that is read or written.

    Called once for each model, after `rapyer_model_created`, and again when `init_rapyer` or
    `teardown_rapyer` has changed the options that hold for it. It is not called when a command is
    sent; `AccessPolicy.arguments` is.

    Args:
        model: The model; `Option.of(model)` gives its options.

    Returns:
        The policy, with a name that no other plugin's policy has; None if the model needs none,
        so that its commands remain native ones.
    """


@hookspec
def rapyer_register_commands(register: RegisterCommand) -> None:
    """Add subcommands to `python -m rapyer`.

    Called once, when that is run.

    Args:
        register: Takes a `Command` with a unique name. May be called several times.
    """


@hookspec
def rapyer_register_checks(register: RegisterCheck) -> None:
    """Add checks to `python -m rapyer doctor`.

    Called once, when that is run.

    Args:
        register: Takes a `Check` with a unique name. May be called several times.
    """


@hookspec
def rapyer_startup() -> Startup | None:
    """Do something when rapyer is told where Redis is.

    Called by every `init_rapyer`, after the server has identified itself.

    Returns:
        An async callable, or None. `init_rapyer` awaits it with the `Channel` to the server and
        the models that have documents so far, in the order of their prefixes. A model with a
        `redis` option of its own is on another server; use `channel_of(model)` to reach it. An
        exception ends `init_rapyer`, after the plugins that have started were shut down.
    """


@hookspec
def rapyer_shutdown() -> Shutdown | None:
    """Undo what `rapyer_startup` did.

    Called by every `init_rapyer`, together with `rapyer_startup`.

    Returns:
        An async callable, or None. `teardown_rapyer` awaits it with the `Channel`, before the
        channel is closed, in the event loop in which `teardown_rapyer` itself runs. An
        `init_rapyer` that replaces the server does the same. Plugins are shut down in reverse
        order, except those whose startup failed. An exception keeps neither the other plugins
        from shutting down nor the connections from being closed; it is raised afterwards, as an
        `ExceptionGroup` if there are several. An `init_rapyer` that replaces the server issues a
        warning instead.
    """
