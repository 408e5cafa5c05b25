"""The contract that every plugin has to keep, as a check for its tests to call."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from redis.exceptions import ResponseError

from rapyer.__main__ import commands_of
from rapyer.base import channel_of
from rapyer.commands.doctor import checks_of
from rapyer.connection import init_rapyer
from rapyer.errors import CrossSlotError, PluginError, RapyerError
from rapyer.guards import is_list, is_tuple
from rapyer.host import host_of
from rapyer.keys import RedisKey
from rapyer.plugin import FieldType, PluginInfo
from rapyer.plugin.checks import faults_of
from rapyer.plugin.compose import Host
from rapyer.plugin.loading import installed_plugins
from rapyer.testing.hosts import info_of
from rapyer.traffic.beside import other_slot
from rapyer.traffic.scripts import Operation, arguments_of, compose
from rapyer.types.document import DocumentCodec

#: Key: a document. Arguments: what would be done with it, and whether with the whole.
_CHECKS: Final = Operation(
    "checks",
    "check(KEYS[1], arg[1], arg[2] == 'whole' or nil, true)",
    writes=False,
)


def check_plugin(plugin: object, config: Mapping[str, object] | None = None) -> None:
    """Look for all faults of a plugin that can be found without a server.

    The plugin is checked on its own, then composed with core only, then with the installed
    plugins. Models are defined with it, its commands and checks are registered, the examples of
    its field types are loaded and dumped, and the arguments of its access policy are counted.

    Args:
        plugin: The module, or the instance of a class, that its entry point names.
        config: Options for the models of the check: those with which the plugin does something,
            such as `{"audit": True}`.

    Raises:
        PluginError: It has a fault.
        ExceptionGroup: It has several faults, each a `PluginError`.
    """
    info = info_of(plugin)
    faults = list(faults_of(plugin, info))
    if not faults:
        faults = list(_faults_in_use(plugin, info, config or {}))
    if len(faults) == 1:
        raise faults[0]
    if faults:
        raise ExceptionGroup(f"the {info} has {len(faults)} faults", faults)


def _faults_in_use(
    plugin: object, info: PluginInfo, config: Mapping[str, object]
) -> Iterator[PluginError]:
    try:
        with host_of([(plugin, info)]) as host:
            yield from _faults_with_models(host, info, config)
    except PluginError as fault:
        yield fault
        return
    others = [one for one in installed_plugins() if one.info.name != info.name]
    try:
        with host_of([*((one.load(), one.info) for one in others), (plugin, info)]):
            return
    except PluginError as fault:
        if fault.plugin == info.name:
            yield fault


def _faults_with_models(
    host: Host, info: PluginInfo, config: Mapping[str, object]
) -> Iterator[PluginError]:
    registered = set(host.field_types_of(info))
    for field_type in host.field_types:
        if field_type.name in registered and (reason := _form_fault(host, field_type)):
            yield info.error(
                f"registers the field type {field_type.name!r}, but its example {field_type.form} "
                f"{reason}",
                "Make `load(dump(value)) == value` hold, and give an example of what `dump` "
                "returns.",
            )
    for faults in (commands_of(host)[1], checks_of(host.manager)[1]):
        yield from faults
    model = _probe(host, config)
    try:
        _check_arguments(model)
    except Exception as exc:  # noqa: BLE001 - whatever a policy raises, every command would
        yield info.error(
            f"has a policy whose arguments fail: {type(exc).__name__}: {str(exc).rstrip('.')}",
            "Return as many arguments as `arity` says, and do not depend on anything that may be "
            "missing.",
        )
    if "rapyer_access_policy" in _hooks(host, info) and not model.__rapyer_policies__:
        yield info.error(
            "returned no access policy for the model of this check, which has the options "
            f"{config!r}",
            "Give options for which it returns one: check_plugin(plugin, config={...}).",
        )


def _check_arguments(model: Any) -> None:
    arguments: list[object] = [*arguments_of(model.__rapyer_policies__)]
    for argument in arguments:
        if not isinstance(argument, str | bytes | int) or isinstance(argument, bool):
            raise TypeError(f"{argument!r} is not a str, bytes or int")


def _hooks(host: Host, info: PluginInfo) -> list[str]:
    return host.manager.hooks_of(info)


def _form_fault(host: Host, field_type: FieldType) -> str | None:
    """Return what is wrong with the example of a stored form; None if nothing is."""
    annotation = host.field_types.annotation_of(field_type)
    document = b'{"value":%s}' % field_type.form.encode()
    namespace = {"__annotations__": {"value": annotation}}
    try:
        model: Any = type("Example", (host.EmbeddedModel,), namespace)
        codec = DocumentCodec(model, host.field_types)
        dumped, corrections = codec.dump(codec.load(document), checked=True)
        if not corrections and json.loads(dumped) != json.loads(document):
            return f"is dumped as {json.dumps(json.loads(dumped)['value'])}"
    except Exception as exc:  # noqa: BLE001 - whatever its functions raise, a document would
        return f"cannot be loaded and dumped: {exc}"
    return None


def _probe(host: Host, options: Mapping[str, object]) -> Any:
    """Define a model of the host, with a unique prefix."""
    config = type("Config", (), {**options, "prefix": f"contract_{uuid.uuid4().hex}"})
    annotations = {"number": int, "text": str}
    return type(
        "Probe",
        (host.AtomicRedisModel,),
        {"__annotations__": annotations, "number": 1, "text": "", "Config": config},
    )


async def check_plugin_with_server(
    plugin: object, redis_url: str, config: Mapping[str, object] | None = None
) -> None:
    """Look for faults of a plugin that show on a server: startup, shutdown, access policies.

    Every operation of core has to do what it does without the plugin, on existing documents, on
    missing keys and on keys of other types. The `check` of its access policy must not write.
    Startup and shutdown have to work more than once. The keys that this check uses are deleted
    again, but not those of the plugin. Fewer than a hundred round trips of core.

    Args:
        plugin: The module, or the instance of a class, that its entry point names.
        redis_url: The URL of the server, or of a cluster. `init_rapyer` is called with it,
            and torn down afterwards.
        config: Options for the models of the check, as for `check_plugin`.

    Raises:
        PluginError: It has a fault.
        ValueError: `redis_url` is not a URL.
        redis.exceptions.ConnectionError: The server cannot be reached.
    """
    info = info_of(plugin)
    with host_of([]) as host:
        async with init_rapyer(redis_url):
            expected = await _outcomes(_probe(host, {}))
    with host_of([(plugin, info)]) as host:
        for _ in range(2):
            async with init_rapyer(redis_url):
                model = _probe(host, config or {})
                await _check_checks(model, info)
                found = await _outcomes(model)
            for what, outcome in expected.items():
                if found[what] != outcome:
                    raise info.error(
                        f"changes the result of {what}: {found[what]!r} instead of {outcome!r}",
                        "A plugin must not change the results of operations, especially with its "
                        "policy.",
                    )


async def _check_checks(model: Any, info: PluginInfo) -> None:
    """Run the checks of the policies alone, in a script that the server does not let write."""
    policies = model.__rapyer_policies__
    script = compose(_CHECKS, policies)
    key = model().key
    for call in (("read", ""), ("write", ""), ("write", "whole"), ("delete", "")):
        words = (script.text, 1, key, *arguments_of(policies), *call)
        try:
            await channel_of(model).execute("EVAL_RO", *words)
        except ResponseError as exc:
            told = other_slot(policies, key) if "non local key" in str(exc) else exc
            raise info.error(
                f"has an access policy whose check fails before a {call[0]}: "
                f"{str(told).rstrip('.')}",
                "Only read keys in `check`, and write in `apply`.",
            ) from exc


async def _outcomes(model: Any) -> dict[str, object]:
    """Do everything that core does with documents; return the results."""
    there, gone, other = model(number=2), model(), model()
    steps: dict[str, Callable[[], Any]] = {
        "save": there.save,
        "save over a document": there.save,
        "save(only_if='absent') over a document": lambda: there.save(only_if="absent"),
        "save(only_if='present') over a document": lambda: there.save(only_if="present"),
        "get": lambda: model.get(there.key),
        "get of a missing key": lambda: model.get(gone.key, default=None),
        "gathered gets": lambda: asyncio.gather(
            *(model.get(one.key, default=None) for one in (there, gone, there))
        ),
        "exists": there.exists,
        "exists of a missing key": gone.exists,
        "load": there.load,
        "get_or_create over a document": lambda: model.get_or_create(there),
        "get_or_create": lambda: model.get_or_create(gone),
        "delete": there.delete,
        "delete of a missing key": there.delete,
        "save over another type": other.save,
        "get of another type": lambda: model.get(other.key),
        "delete of another type": other.delete,
    }
    channel = channel_of(model)
    await channel.execute("SET", other.key, "text", writes=True)
    try:
        return {what: await _outcome(step) for what, step in steps.items()}
    finally:
        for one in (there, gone, other):
            await channel.execute("DEL", one.key, writes=True)


async def _outcome(step: Callable[[], Any]) -> object:
    try:
        return _comparable(await step())
    except CrossSlotError as exc:  # from the policy: each of these operations has one key
        return str(exc)
    except RapyerError as exc:
        return type(exc).__name__
    except Exception as exc:  # noqa: BLE001 - an error is an outcome, to be the same as without
        return f"{type(exc).__name__}: {exc}"


def _comparable(outcome: Any) -> object:
    """Return a result in a form that is the same for models of the same form."""
    if is_list(outcome) or is_tuple(outcome):
        return [_comparable(part) for part in outcome]
    if isinstance(outcome, RedisKey):
        return "a key"
    return outcome.model_dump() if hasattr(outcome, "model_dump") else outcome
