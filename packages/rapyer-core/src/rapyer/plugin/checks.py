"""Faults of a plugin that can be seen before any of its hooks is called."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable, Iterator
from difflib import get_close_matches
from functools import partial
from types import ModuleType
from typing import Any

from rapyer.errors import PluginError
from rapyer.plugin import spec
from rapyer.plugin.info import API_ATTRIBUTE, API_VERSION, SUPPORTED_API_VERSIONS, PluginInfo

#: The hooks by name.
HOOKS: dict[str, Any] = {
    name: hook for name, hook in vars(spec).items() if name.startswith("rapyer_")
}


def check_plugin_object(plugin: object, info: PluginInfo) -> int:
    """Look for faults in a plugin, and return the version of the hooks that it was made for.

    Args:
        plugin: A module, or an instance of a class.
        info: The plugin's identity.

    Raises:
        PluginError: It has a fault; the first one is raised.
    """
    for fault in faults_of(plugin, info):
        raise fault
    return _api_version(plugin, info)


def faults_of(plugin: object, info: PluginInfo) -> Iterator[PluginError]:
    """Return all faults of a plugin that can be seen without calling it."""
    if isinstance(plugin, type):
        yield info.error(
            f"names the class {plugin.__name__}, whose hooks cannot be called",
            f"Name a module, or an instance of the class: `hooks = {plugin.__name__}()`.",
        )
        return
    if not isinstance(plugin, Hashable):
        yield info.error(
            f"is a {type(plugin).__name__}, which is not hashable, but pluggy needs a hashable "
            "object",
            "Remove `__eq__` from its class, or use `eq=False` for a dataclass.",
        )
    functions = list(_hook_functions(plugin))
    if not functions:
        what = "module" if isinstance(plugin, ModuleType) else "object"
        yield info.error(
            f"implements no hook: the {what} has no function marked with @hookimpl",
            f"The hooks are {', '.join(HOOKS)}.",
        )
    checks: list[Callable[[], object]] = [partial(_api_version, plugin, info)]
    checks += [partial(_check_hook, info, name, function) for name, function in functions]
    for check in checks:
        try:
            check()
        except PluginError as fault:
            yield fault


def _api_version(plugin: object, info: PluginInfo) -> int:
    version: object = getattr(plugin, API_ATTRIBUTE, None)
    if not isinstance(version, int):
        raise info.error(
            f"does not declare the version of the plugin API that it was made for ({API_ATTRIBUTE} "
            f"is {version!r})",
            f"Write `{API_ATTRIBUTE} = {API_VERSION}` next to its hooks, as a number.",
        )
    if version not in SUPPORTED_API_VERSIONS:
        raise info.error(
            f"was made for version {version} of the plugin API, but this rapyer-core has version "
            f"{API_VERSION}"
        )
    return version


def _hook_functions(plugin: object) -> Iterator[tuple[str, Any]]:
    """Return everything that is marked as a hook, or is a function named like one."""
    for name in dir(plugin):
        try:
            static: Any = inspect.getattr_static(plugin, name)
        except AttributeError:  # a name that a module creates when it is requested
            continue
        if inspect.isroutine(static):
            function = getattr(plugin, name)  # bound, so that its parameters are those of the hook
            if marks_of(function) is not None or name.startswith("rapyer_"):
                yield name, function
        elif name in HOOKS:
            yield name, static


def marks_of(function: object) -> dict[str, Any] | None:
    """Return what `hookimpl` has noted on a function; None if it has not marked the function."""
    marks: dict[str, Any] | None = getattr(function, f"{spec.PROJECT}_impl", None)
    return marks if isinstance(marks, dict) else None


def _check_hook(info: PluginInfo, name: str, function: Any) -> None:
    hook, marks = HOOKS.get(name), marks_of(function)
    if marks is not None and marks["specname"]:
        raise info.error(
            f"implements {marks['specname']} under the name {name}", "Give it the hook's name."
        )
    if hook is None:
        if marks is not None and marks["optionalhook"]:
            return
        near = get_close_matches(name, HOOKS, n=1)
        remedy = f"Did you mean {near[0]!r}?" if near else f"The hooks are {', '.join(HOOKS)}."
        raise info.error(f"implements the hook {name!r}, which does not exist", remedy)
    if not inspect.isroutine(function):
        raise info.error(
            f"has a {type(function).__name__} named {name}, which is not a function and would "
            "never be called",
            "Write a function.",
        )
    if marks is None:
        raise info.error(
            f"has the function {name} without @hookimpl, so it would never be called",
            "Mark it with `from rapyer.plugin import hookimpl`, below @staticmethod or "
            "@classmethod.",
        )
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise info.error(
            f"implements {name} as an `async def`, but hooks are plain functions",
            _remedy_for_async(name),
        )
    if inspect.isgeneratorfunction(function):
        raise info.error(
            f"implements {name} with a `yield`, but these hooks cannot be wrappers",
            "Write a plain function that uses return.",
        )
    _check_parameters(info, name, function, hook)


def _remedy_for_async(name: str) -> str:
    if name in ("rapyer_startup", "rapyer_shutdown"):
        return "Write a plain function that returns the async function."
    return "Await what you need in the function that `rapyer_startup` returns."


def _check_parameters(info: PluginInfo, name: str, function: Any, hook: Any) -> None:
    known = list(inspect.signature(hook).parameters)
    whole = list(inspect.signature(getattr(function, "__func__", function)).parameters)
    if inspect.ismethod(function) and whole[:1] and whole[0] in known:
        raise info.error(
            f"implements {name} as a method without `self`, so it would get the plugin as "
            f"{whole[0]!r}",
            "Add `self`, or make it a @staticmethod.",
        )
    given = list(inspect.signature(function).parameters)
    unknown = [parameter for parameter in given if parameter not in known]
    if unknown:
        raise info.error(
            f"implements {name} with the parameter {unknown[0]!r}, which the hook does not have",
            f"Its signature is {name}({', '.join(known)}).",
        )
