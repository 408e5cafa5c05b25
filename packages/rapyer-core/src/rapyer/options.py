"""The options of a model's `class Config`: which ones exist, and what a class makes of them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Generic

from pydantic import (
    ConfigDict,
    PydanticSchemaGenerationError,
    PydanticUserError,
    TypeAdapter,
    ValidationError,
)
from typing_extensions import TypeVar

from rapyer import first_party
from rapyer.errors import ModelDefinitionError, OptionError
from rapyer.keys import check_hash_tag, check_prefix
from rapyer.traffic.source import RedisSource
from rapyer.traffic.urls import without_secrets

T = TypeVar("T", default=Any)


def _as_it_is(value: object) -> object:
    return value


@dataclass(frozen=True, slots=True)
class Option(Generic[T]):
    """One option of `class Config`.

        STREAM = Option("audit_stream", str, default="audit")

    Attributes:
        name: Its name.
        type: What may be written: any annotation that pydantic knows. Nothing is converted: if it
            is `int`, the text `"5"` is refused.
        default: What holds if neither the class, nor a base of it, nor `init_rapyer` sets the
            option. It is taken as it is, without `type` and `parse`.
        parse: Turns what was written into the value that is kept; raises ValueError with a clause
            that says what is wrong with it and what to write.
        inherited: Whether subclasses take it over from their bases, and models from `init_rapyer`.
        for_all: Whether `init_rapyer` may set it, if it is inherited.
        show: Gives a value in a form that messages can show, without secrets.
    """

    name: str
    type: Any
    default: T
    parse: Callable[[Any], T] | None = None
    inherited: bool = True
    for_all: bool = True
    show: Callable[[object], object] = _as_it_is

    def of(self, model: type) -> T:
        """Return the value that currently holds for a model; `init_rapyer` may change it.

        Raises:
            LookupError: The class is not a model of the plugin system that the option belongs to.
        """
        options: Mapping[str, T] = getattr(model, "__rapyer_options__", {})
        if self.name not in options:
            raise LookupError(
                f"{model.__name__} has no option {self.name!r}: it does not derive from an "
                "AtomicRedisModel with that option."
            )
        return options[self.name]

    def validate(self, value: object) -> T:
        """Check a `value` that was written, and return what is kept.

        Raises:
            ValueError: It cannot be the value of the option; the message is a clause.
        """
        try:
            checked: Any = _adapter_of(self.type).validate_python(value, strict=True)
        except ValidationError as exc:
            reasons = "; ".join(
                dict.fromkeys(error["msg"] for error in exc.errors(include_url=False))
            )
            raise ValueError(f"is not a valid value for this option ({reasons})") from None
        return checked if self.parse is None else self.parse(checked)


def _adapter_of(annotation: Any) -> TypeAdapter[Any]:
    try:
        return TypeAdapter(annotation, config=ConfigDict(arbitrary_types_allowed=True))
    except PydanticUserError:  # a model, a dataclass or a typed dict, which has its own settings
        return TypeAdapter(annotation)


#: The options of core.
CORE_OPTIONS: tuple[Option, ...] = (
    Option("prefix", Any, default=None, parse=check_prefix, inherited=False),
    Option("abstract", bool, default=False, inherited=False),
    Option("hash_tag", str | None, default=None, parse=check_hash_tag, for_all=False),
    Option("redis", Any, default=None, parse=RedisSource.of, show=without_secrets),
    Option("track_changes", bool, default=False),
)


class OptionTable:
    """The registered options, and what `init_rapyer` has set for all models.

    Args:
        disabled: The names of plugins that are installed but skipped.
    """

    def __init__(self, disabled: frozenset[str] = frozenset()) -> None:
        self._disabled = disabled
        self._options: dict[str, Option] = {}
        self._for_all: Mapping[str, Any] = {}

    def __iter__(self) -> Iterator[Option]:
        return iter(self._options.values())

    def register(self, option: Option) -> None:
        """Add an option with a new name.

        Raises:
            ValueError: No option can have its name, or pydantic does not know its type.
        """
        if not option.name.isidentifier() or option.name.startswith("_"):
            raise ValueError("is not a name that a `class Config` can set")
        try:
            _adapter_of(option.type)
        except (PydanticSchemaGenerationError, PydanticUserError, NameError) as exc:
            raise ValueError(f"has the type {option.type!r}, which pydantic does not know") from exc
        self._options[option.name] = option

    def check_for_all(self, written: Mapping[str, object]) -> dict[str, Any]:
        """Check what `init_rapyer` is to set for all models, and return what is kept.

        Raises:
            OptionError: An option is unknown, is for single models only, or has a value that is not
                allowed.
        """
        checked: dict[str, Any] = {}
        for name, value in written.items():
            option = self._options.get(name)
            if option is not None and not (option.inherited and option.for_all):
                raise OptionError(
                    f"init_rapyer was given the option {name!r}, which is for single models. "
                    "Set it in the `class Config` of the model."
                )
            checked[name] = self._check("init_rapyer", name, value)
        return checked

    def set_for_all(self, checked: Mapping[str, Any]) -> Mapping[str, Any]:
        """Set what holds for models that do not set an option; return the previous settings."""
        before, self._for_all = self._for_all, checked
        return before

    def effective(self, own: Mapping[str, Any]) -> dict[str, Any]:
        """Return all options with the values that hold for a model that sets or inherits `own`."""
        # copied, because a plugin may change what it receives for one model
        defaults = {option.name: deepcopy(option.default) for option in self}
        return {**defaults, **self._for_all, **own}

    def resolve(
        self, name: str, config: object, bases: tuple[type, ...]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Work out what a class sets in its own `Config` and in those of its bases.

        Args:
            name: The name of the class, for messages.
            config: Its own `class Config`, if it has one.
            bases: Its base classes in resolution order, nearest first.

        Returns:
            What subclasses take over from the class itself, and everything that holds for the
            class.

        Raises:
            OptionError: An option is unknown, or has a value that is not allowed.
        """
        inherited: dict[str, Any] = {}
        for base in reversed(bases):
            inherited.update(vars(base).get("__rapyer_inheritable__", {}))
        own = {
            key: self._check(f"{name}.Config", key, value)
            for key, value in self._written(name, config).items()
        }
        inheritable = {key: own[key] for key in own if self._options[key].inherited}
        return inheritable, {**inherited, **own}

    def refuse_elsewhere(self, name: str, model_config: Mapping[str, object]) -> None:
        """Refuse options among the pydantic settings, where nothing would read them.

        Args:
            name: The name of the class, for messages.
            model_config: Its pydantic settings.

        Raises:
            OptionError: One of them is an option.
        """
        for key in model_config.keys() - ConfigDict.__annotations__.keys():
            if key in self._options or key in first_party.OPTIONS:
                raise OptionError(
                    f"{name}.model_config has {key!r}, an option of rapyer, which pydantic does "
                    "not read. Set it in the `class Config` of the model."
                )

    def _written(self, name: str, config: object) -> dict[str, object]:
        """Read what a `class Config` sets, including its own bases."""
        if config is None:
            return {}
        if not isinstance(config, type):
            raise ModelDefinitionError(
                f"{name}.Config is a {type(config).__name__}, but options must be in a class: "
                "`class Config: ...`."
            )
        written: dict[str, object] = {}
        for part in reversed(config.__mro__[:-1]):
            unset = inspect.get_annotations(part).keys() - vars(part).keys()
            if unset:
                raise OptionError(
                    f"{name}.Config annotates {min(unset)!r} but does not set it. Write "
                    f"`{min(unset)} = ...`."
                )
            for key, value in vars(part).items():
                if key.startswith("__") and key.endswith("__"):
                    continue
                option = self._options.get(key)
                if part is not config and option is not None and not option.inherited:
                    continue
                written[key] = value
        return written

    def _check(self, where: str, key: str, value: object) -> Any:
        option = self._options.get(key)
        if option is None:
            raise OptionError(f"{where} has the option {key!r}, which {self._unknown(key)}")
        try:
            return option.validate(value)
        except ValueError as exc:
            raise OptionError(f"{where}.{key}: {option.show(value)!r} {exc}.") from None
        except Exception as exc:
            raise OptionError(
                f"{where}.{key}: checking a {type(value).__name__} failed with "
                f"{type(exc).__name__}: {exc}. Fix `parse` of the option: it must raise ValueError "
                "for values that it does not accept."
            ) from exc

    def _unknown(self, key: str) -> str:
        if key in first_party.OPTIONS:
            return first_party.how_to_get(first_party.OPTIONS[key], self._disabled)
        near = get_close_matches(key.lower(), [*self._options, *first_party.OPTIONS], n=1)
        remedy = (
            f"Did you mean {near[0]!r}?" if near else f"The options are {', '.join(self._options)}."
        )
        return f"rapyer does not know. {remedy} Put pydantic settings in `model_config`."
