"""The hooks: what a plugin may implement, each a function of its name marked with `hookimpl`.

All are plain functions, called while the process is set up and never on the way to Redis. They are
called plugin by plugin in the order of the plugins' names, core's own first, so that every run is
alike; `tryfirst` and `trylast` of `hookimpl` move one before or behind the others. A function may
leave out parameters that it does not need.

An exception of a hook ends what was under way, and is the cause of a `PluginError` that names the
plugin. What `rapyer_model_created` and `rapyer_access_policy` say of a model with an error of
rapyer's own (`RapyerError`), and what the functions raise that `rapyer_startup` and
`rapyer_shutdown` return, passes through with a note instead.
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
"""The name under which pluggy knows the hooks, and that of the group of entry points."""

hookspec = pluggy.HookspecMarker(PROJECT)
"""Marks a function as the declaration of a hook; those of core are all that there are."""

hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a function as the implementation of the hook whose name it has."""


@dataclass(frozen=True, slots=True)
class Command:
    """A sub-command of `python -m rapyer`.

    Attributes:
        name: The word that it is called by.
        help: What it does, in a line.
        run: Does it, and gives the exit status.
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
        state: `"ok"`; `"note"` for what somebody should know; `"warning"` for what may go wrong;
            `"fault"` for what does not work. With the last two the exit status is 1.
        text: What was found, in a sentence.
        remedy: What to do about it, in a sentence; None where nothing is to be done.
    """

    state: Literal["ok", "note", "warning", "fault"]
    text: str
    remedy: str | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """What `python -m rapyer doctor` looks at.

    Attributes:
        name: The word that stands before its findings.
        run: Looks, with the `Channel` to a server and the models named on the command line that are
            on it, and gives what it has found. It writes nothing. On a cluster,
            `channel.primaries()` are the nodes.
    """

    name: str
    run: Callable[[Channel, Sequence[type[BaseRedisModel]]], Awaitable[Sequence[Finding]]]


# made at run time too, for `Startup | None` in an annotation that is not postponed
RegisterMixin: TypeAlias = Callable[[type["BaseRedisModel"]], None]
"""What `rapyer_register_mixins` is given: it takes a class derived from `BaseRedisModel`."""

RegisterOption: TypeAlias = Callable[["Option[Any]"], None]
"""What `rapyer_register_options` is given: it takes an `Option`."""

RegisterFieldType: TypeAlias = Callable[[Any, "FieldType"], None]
"""What `rapyer_register_field_types` is given: it takes an annotation and its `FieldType`."""

RegisterCommand: TypeAlias = Callable[[Command], None]
"""What `rapyer_register_commands` is given: it takes a `Command`."""

RegisterCheck: TypeAlias = Callable[[Check], None]
"""What `rapyer_register_checks` is given: it takes a `Check`."""

Startup: TypeAlias = Callable[["Channel", Sequence[type["BaseRedisModel"]]], Awaitable[None]]
"""What `rapyer_startup` gives: it takes the `Channel` to the server and the models so far, and is
awaited by `init_rapyer`."""

Shutdown: TypeAlias = Callable[["Channel"], Awaitable[None]]
"""What `rapyer_shutdown` gives: it takes the `Channel` to the server, and is awaited by
`teardown_rapyer`."""


@hookspec
def rapyer_register_mixins(register: RegisterMixin) -> None:
    """Add methods to all models.

    Called once, when `rapyer.AtomicRedisModel` or `rapyer.EmbeddedModel` is first asked for.
    Neither exists then: a plugin imports `BaseRedisModel` from `rapyer.base`.

    Args:
        register: Takes a class derived from `BaseRedisModel`, from which `AtomicRedisModel` then
            derives. It has no fields, and no name that is one of `BaseRedisModel`, of core's own
            operations or of another plugin; what it has in common with another plugin's class is
            refused with the names of both. May be called several times.
    """


@hookspec
def rapyer_register_options(register: RegisterOption) -> None:
    """Add options of `class Config` and of `init_rapyer`.

    Called once, before any model class exists.

    Args:
        register: Takes an `Option`, whose name no other one has. Keep the option: its
            `of(model)` gives the value that holds for a model. May be called several times.
    """


@hookspec
def rapyer_register_field_types(register: RegisterFieldType) -> None:
    """Add types of values that fields can have, with their stored form.

    Called once, before any model class exists.

    Args:
        register: Takes an annotation, which is a class or an `Annotated` with a
            `FieldTypeMarker`, and its `FieldType`, which `define_field_type` makes. Neither the
            annotation nor the name of the field type may be taken. May be called several times.
    """


@hookspec
def rapyer_model_created(model: type[BaseRedisModel]) -> None:
    """Look at a model that is complete.

    Called once for each model that has documents, when its class statement ends; where its
    annotations name classes that do not exist yet, when they were resolved, which is at the
    latest when the model is first used. Abstract models and mixins are not shown.

    Args:
        model: The model. Its fields, its options and its keys are known. The hook may refuse it by
            raising `ModelDefinitionError`, and may set attributes of its own on it, whose names
            start with an underscore and the name of the plugin.
    """


@hookspec
def rapyer_access_policy(model: type[BaseRedisModel]) -> AccessPolicy | None:
    """Say what happens, in the same round trip, for each key of a model that is read or written.

    Called once for each model, after `rapyer_model_created`, and again when `init_rapyer` or
    `teardown_rapyer` has changed the options that hold for it. Never when a command is sent:
    `AccessPolicy.arguments` is.

    Args:
        model: The model; `Option.of(model)` gives its options.

    Returns:
        The policy, whose name no other plugin's has; None where the model needs none, so that its
        commands stay native ones.
    """


@hookspec
def rapyer_register_commands(register: RegisterCommand) -> None:
    """Add sub-commands of `python -m rapyer`.

    Called once, when that is run.

    Args:
        register: Takes a `Command`, whose name no other one has. May be called several times.
    """


@hookspec
def rapyer_register_checks(register: RegisterCheck) -> None:
    """Add checks to `python -m rapyer doctor`.

    Called once, when that is run.

    Args:
        register: Takes a `Check`, whose name no other one has. May be called several times.
    """


@hookspec
def rapyer_startup() -> Startup | None:
    """Do something when rapyer is told where Redis is.

    Called by every `init_rapyer`, after the server has introduced itself.

    Returns:
        An async callable that `init_rapyer` awaits, with the `Channel` to the server and the
        models that have documents so far, in the order of their prefixes; or None. A model with a
        `redis` option of its own is on another server: `channel_of(model)` leads there. An
        exception ends `init_rapyer`, after the plugins that have started were shut down.
    """


@hookspec
def rapyer_shutdown() -> Shutdown | None:
    """Undo what `rapyer_startup` did.

    Called by every `init_rapyer`, together with `rapyer_startup`.

    Returns:
        An async callable, or None. `teardown_rapyer` awaits it with the `Channel` before that is
        closed, in the event loop in which it runs itself, and so does an `init_rapyer` that
        replaces the server; in the reverse order of the plugins, and not for those whose start-up
        failed. An exception does not keep the others from shutting down, nor the connections from
        being closed; it is raised afterwards, several in an `ExceptionGroup`. An `init_rapyer`
        that replaces the server warns of it instead.
    """
