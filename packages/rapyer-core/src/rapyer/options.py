"""The options of a model's `class Config`: what there is, and what a class makes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from rapyer.errors import ModelDefinitionError
from rapyer.keys import check_prefix
from rapyer.traffic.source import RedisSource, without_secrets


@dataclass(frozen=True, slots=True)
class Option:
    """One option of `class Config`.

    Attributes:
        name: Its name.
        parse: Checks what was written and gives what is kept; raises ValueError with a clause
            that says what is wrong with it and what to write.
        default: What holds where neither the class nor a base sets it.
        inherited: Whether a subclass takes it over from its bases.
    """

    name: str
    parse: Callable[[object], Any]
    default: Any = None
    inherited: bool = True


def _check_flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("is neither True nor False")  # noqa: TRY004 - all parsers raise ValueError
    return value


#: The options of the core, by name.
OPTIONS: dict[str, Option] = {
    option.name: option
    for option in (
        Option("prefix", check_prefix, inherited=False),
        Option("abstract", _check_flag, default=False, inherited=False),
        Option("redis", RedisSource.of),
    )
}


def resolve_options(
    name: str, config: object, bases: tuple[type, ...]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Work out the options of a class from its own `Config` and those of its bases.

    Args:
        name: The name of the class, for messages.
        config: Its own `class Config`, if it has one.
        bases: Its base classes in the order of resolution, nearest first.

    Returns:
        The options that subclasses take over, and all options with their values.

    Raises:
        ModelDefinitionError: An option is unknown, or has a value that it cannot have.
    """
    inheritable: dict[str, Any] = {}
    for base in reversed(bases):
        inheritable.update(vars(base).get("__rapyer_inheritable__", {}))
    own = _read(name, config)
    inheritable.update({key: value for key, value in own.items() if OPTIONS[key].inherited})
    defaults = {option.name: option.default for option in OPTIONS.values()}
    return inheritable, {**defaults, **inheritable, **own}


def _read(name: str, config: object) -> dict[str, Any]:
    """Read and check what a `class Config` sets, its own bases included."""
    if config is None:
        return {}
    if not isinstance(config, type):
        raise ModelDefinitionError(
            f"{name}.Config is {config!r}, and options stand in a class: `class Config: ...`."
        )
    written: dict[str, object] = {}
    for part in reversed(config.__mro__[:-1]):
        inherited_only = part is not config
        for key, value in vars(part).items():
            if key.startswith("__") and key.endswith("__"):
                continue
            if inherited_only and key in OPTIONS and not OPTIONS[key].inherited:
                continue
            written[key] = value
    return {key: _parse(name, key, value, OPTIONS) for key, value in written.items()}


def _parse(name: str, key: str, value: object, options: Mapping[str, Option]) -> Any:
    option = options.get(key)
    if option is None:
        near = get_close_matches(key, options, n=1)
        remedy = (
            f"Did you mean {near[0]!r}?" if near else f"There are {', '.join(sorted(options))}."
        )
        raise ModelDefinitionError(
            f"{name}.Config has the option {key!r}, which rapyer does not know. {remedy} "
            "Settings of pydantic stand in `model_config`."
        )
    try:
        return option.parse(value)
    except ValueError as exc:
        shown = without_secrets(value)
        raise ModelDefinitionError(f"{name}.Config.{key}: {shown!r} {exc}.") from None
