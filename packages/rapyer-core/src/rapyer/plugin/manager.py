"""The plugins of one host, and one typed method for each hook.

What pluggy leaves untyped is confined to this file.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

import pluggy

from rapyer.errors import PluginError, RapyerError
from rapyer.plugin import spec
from rapyer.plugin.checks import HOOKS, check_plugin_object
from rapyer.plugin.info import PluginInfo, at_work
from rapyer.traffic.policies import AccessPolicy

if TYPE_CHECKING:
    from rapyer.base import BaseRedisModel
    from rapyer.options import Option
    from rapyer.types.table import FieldType

T = TypeVar("T")
#: Takes what a plugin registers, together with the plugin.
Sink: TypeAlias = Callable[[PluginInfo, T], None]


class PluginManager:
    """The registered plugins, and the hooks that call them.

    Args:
        trace: Whether every hook call is written to standard error.
    """

    def __init__(self, *, trace: bool = False) -> None:
        self._pluggy = pluggy.PluginManager(spec.PROJECT)
        self._pluggy.add_hookspecs(spec)
        self._infos: dict[str, PluginInfo] = {}
        self._frozen_because = ""
        if trace:
            self._pluggy.trace.root.setwriter(sys.stderr.write)
            self._pluggy.enable_tracing()

    @property
    def plugins(self) -> tuple[PluginInfo, ...]:
        """The plugins in the order in which their hooks are called by default."""
        return tuple(self._infos.values())

    def register(self, plugin: object, info: PluginInfo) -> None:
        """Add a plugin; its hooks are called after those of the plugins before it.

        Args:
            plugin: A module, or an instance of a class, with functions marked by `hookimpl`.
            info: The plugin's identity.

        Raises:
            PluginError: It has a fault, its name is taken, or it comes too late.
        """
        if self._frozen_because:
            raise info.error(f"comes too late: {self._frozen_because}", "Register it earlier.")
        other = self._infos.get(info.name)
        if other is not None:
            raise info.error(f"has the same name as the {other}")
        api_version = check_plugin_object(plugin, info)
        try:
            self._pluggy.register(plugin, name=info.name)
        except (ValueError, pluggy.PluginValidationError) as exc:
            raise info.error(f"is refused by pluggy: {exc}") from exc
        self._infos[info.name] = replace(info, api_version=api_version)

    def freeze(self, because: str) -> None:
        """Accept no more plugins.

        Args:
            because: What exists already that they would have to be part of, as a clause.
        """
        self._frozen_because = because

    def hooks_of(self, info: PluginInfo) -> list[str]:
        """Name the hooks that a plugin implements, in alphabetical order."""
        callers = self._pluggy.get_hookcallers(self._pluggy.get_plugin(info.name)) or []
        return sorted(caller.name for caller in callers if caller.name in HOOKS)

    # -- the hooks --------------------------------------------------------------------------------

    def register_mixins(self, sink: Sink[type[BaseRedisModel]]) -> None:
        """Collect the mixins of all plugins."""
        self._collect("rapyer_register_mixins", sink)

    def register_options(self, sink: Sink[Option[Any]]) -> None:
        """Collect the options of all plugins."""
        self._collect("rapyer_register_options", sink)

    def register_field_types(self, sink: Sink[tuple[Any, FieldType]]) -> None:
        """Collect the annotations and field types of all plugins."""

        def registering(info: PluginInfo) -> spec.RegisterFieldType:
            def register(annotation: Any, field_type: FieldType) -> None:
                sink(info, (annotation, field_type))

            return register

        self._expect_nothing("rapyer_register_field_types", None, register=registering)

    def register_commands(self, sink: Sink[spec.Command]) -> list[PluginError]:
        """Collect the subcommands of all plugins; return what is wrong with some of them."""
        return self._collect_each("rapyer_register_commands", spec.Command, sink)

    def register_checks(self, sink: Sink[spec.Check]) -> list[PluginError]:
        """Collect the checks of all plugins; return what is wrong with some of them."""
        return self._collect_each("rapyer_register_checks", spec.Check, sink)

    def model_created(self, model: type[BaseRedisModel]) -> None:
        """Show a complete model to all plugins."""
        self._expect_nothing("rapyer_model_created", None, model=lambda _: model)

    def access_policies(self, model: type[BaseRedisModel]) -> tuple[AccessPolicy, ...]:
        """Return the policies of all plugins for a model."""
        policies: dict[str, tuple[PluginInfo, AccessPolicy]] = {}
        for info, policy in self._call("rapyer_access_policy", model=lambda _: model):
            if policy is None:
                continue
            if not isinstance(policy, AccessPolicy):
                raise info.error(
                    f"returned {policy!r} as the access policy of {model.__name__}",
                    "Return an AccessPolicy or None.",
                )
            if policy.name in policies:
                other, _ = policies[policy.name]
                raise info.error(
                    f"has an access policy with the name {policy.name!r}, which the {other} also "
                    "has",
                    "Give the policy the name of the plugin.",
                )
            policies[policy.name] = info, policy
        return tuple(policy for _, policy in policies.values())

    def startups(self) -> list[tuple[PluginInfo, spec.Startup]]:
        """Return what is awaited with a new connection."""
        return self._callables("rapyer_startup")

    def shutdowns(self) -> list[tuple[PluginInfo, spec.Shutdown]]:
        """Return what is awaited before a connection is closed, that of the last plugin first."""
        return self._callables("rapyer_shutdown")[::-1]

    # -- how they are called ----------------------------------------------------------------------

    def _call(
        self,
        hook: str,
        only: PluginInfo | None = None,
        **arguments: Callable[[PluginInfo], object],
    ) -> Iterator[tuple[PluginInfo, Any]]:
        """Call a hook plugin by plugin, so that what each one does can be attributed to it."""
        for info in self._order(hook):
            if only is not None and info != only:
                continue
            others = [self._pluggy.get_plugin(name) for name in self._infos if name != info.name]
            of_one: Any = self._pluggy.subset_hook_caller(hook, others)
            given = {name: make(info) for name, make in arguments.items()}
            working = at_work(info) if hook in _BEFORE_MODELS else nullcontext()
            with working, blaming(info, hook, passing=_PASSING.get(hook, PluginError)):
                results = of_one(**given)
            yield info, results[0] if results else None

    def _order(self, hook: str) -> list[PluginInfo]:
        """Return the plugins that implement a hook, in the order in which they are called.

        pluggy's own order is the reverse of registration.
        """
        caller: Any = getattr(self._pluggy.hook, hook)
        implementations: dict[str, Any] = {one.plugin_name: one for one in caller.get_hookimpls()}

        def place(info: PluginInfo) -> int:
            implementation = implementations[info.name]
            return -1 if implementation.tryfirst else 1 if implementation.trylast else 0

        return sorted((info for info in self.plugins if info.name in implementations), key=place)

    def _collect(self, hook: str, sink: Sink[Any], only: PluginInfo | None = None) -> None:
        def registering(info: PluginInfo) -> Callable[[Any], None]:
            return lambda registered: sink(info, registered)

        self._expect_nothing(hook, only, register=registering)

    def _collect_each(self, hook: str, kind: type[T], sink: Sink[T]) -> list[PluginError]:
        def checked(info: PluginInfo, registered: T) -> None:
            if not isinstance(cast("object", registered), kind):
                remedy = f"Register a {kind.__name__}."
                raise info.error(f"registers {registered!r} in {hook}", remedy)
            sink(info, registered)

        faults: list[PluginError] = []
        for info in self.plugins:
            try:
                self._collect(hook, checked, only=info)
            except PluginError as exc:
                faults.append(exc)
        return faults

    def _expect_nothing(
        self, hook: str, only: PluginInfo | None, **arguments: Callable[[PluginInfo], object]
    ) -> None:
        """Call a hook whose return value means nothing, and refuse one that would be lost."""
        for info, result in self._call(hook, only, **arguments):
            if result is not None:
                raise info.error(
                    f"returned {result!r} from {hook}, which must return None",
                    "Call `register` for each part instead.",
                )

    def _callables(self, hook: str) -> list[tuple[PluginInfo, Any]]:
        found: list[tuple[PluginInfo, Any]] = []
        for info, function in self._call(hook):
            if inspect.iscoroutine(function):
                function.close()
                raise info.error(
                    f"called the async function that {hook} must return",
                    "Return it without calling it.",
                )
            if function is not None:
                if not callable(function):
                    raise info.error(
                        f"returned {function!r} from {hook}", "Return an async function or None."
                    )
                found.append((info, function))
        return found


#: The hooks that give the parts of which models are then composed.
_BEFORE_MODELS = frozenset(
    {"rapyer_register_mixins", "rapyer_register_options", "rapyer_register_field_types"}
)
#: The errors with which a hook reports something about the user's model rather than itself.
_PASSING = {"rapyer_model_created": RapyerError, "rapyer_access_policy": RapyerError}


@contextmanager
def blaming(
    info: PluginInfo, what: str, *, passing: type[Exception] = PluginError
) -> Generator[None]:
    """Attribute an exception to a plugin, and say where it occurred.

    Args:
        info: The plugin.
        what: What part of it is running.
        passing: Exceptions that pass through with a note; any other becomes the cause of a
            `PluginError`.
    """
    try:
        yield
    except PluginError as exc:
        if exc.plugin:
            raise
        raise info.error(f"failed in {what}: {exc}") from exc
    except passing as exc:
        exc.add_note(f"Raised in {what} of the {info}.")
        raise
    except (Exception, SystemExit) as exc:
        raise info.error(f"failed in {what}: {type(exc).__name__}: {exc}") from exc
