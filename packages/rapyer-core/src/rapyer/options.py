"""The options of a model's `class Config`: what there is, and what a class makes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Generic

from pydantic import ConfigDict, TypeAdapter, ValidationError
from typing_extensions import TypeVar

from rapyer import first_party
from rapyer.errors import ModelDefinitionError, OptionError
from rapyer.keys import check_prefix
from rapyer.traffic.source import RedisSource, without_secrets

T = TypeVar("T", default=Any)


def _as_it_is(value: object) -> object:
    return value


@dataclass(frozen=True, slots=True)
class Option(Generic[T]):
    """One option of `class Config`.

        STREAM = Option("audit_stream", str, default="audit")

    Attributes:
        name: Its name.
        type: What may be written: any annotation that pydantic knows. Nothing is converted: where
            it is `int`, the text `"5"` is refused.
        default: What holds where neither the class, nor a base of it, nor `init_rapyer` sets the
            option. It is taken as it is, without `type` and `parse`.
        parse: Turns what was written into what is kept; raises ValueError with a clause that says
            what is wrong with it and what to write.
        inherited: Whether a subclass takes it over from its bases, and models from `init_rapyer`.
        show: Gives a value in a form that messages can show, without secrets.
    """

    name: str
    type: Any
    default: T
    parse: Callable[[Any], T] | None = None
    inherited: bool = True
    show: Callable[[object], object] = _as_it_is

    def of(self, model: type) -> T:
        """Give the value that holds for a model, now: `init_rapyer` may change it.

        Raises:
            LookupError: The class is no model of the plugin system that the option is part of.
        """
        options: Mapping[str, T] = getattr(model, "__rapyer_options__", {})
        if self.name not in options:
            raise LookupError(
                f"{model.__name__} has no option {self.name!r}: it does not derive from an "
                "AtomicRedisModel for which that was registered."
            )
        return options[self.name]

    def validate(self, value: object) -> T:
        """Check what was written, and give what is kept.

        Raises:
            ValueError: It cannot be the value of the option; the message is a clause.
        """
        try:
            checked: Any = TypeAdapter(self.type, config=_CONFIG).validate_python(
                value, strict=True
            )
        except ValidationError as exc:
            reasons = "; ".join(
                dict.fromkeys(error["msg"] for error in exc.errors(include_url=False))
            )
            raise ValueError(f"is no value of this option ({reasons})") from None
        return checked if self.parse is None else self.parse(checked)


_CONFIG = ConfigDict(arbitrary_types_allowed=True)

#: The options of the core.
CORE_OPTIONS: tuple[Option, ...] = (
    Option("prefix", Any, default=None, parse=check_prefix, inherited=False),
    Option("abstract", bool, default=False, inherited=False),
    Option("redis", Any, default=None, parse=RedisSource.of, show=without_secrets),
)


class OptionTable:
    """The options that are registered, and what `init_rapyer` has set for all models.

    Args:
        disabled: The names of plugins that are installed and skipped.
    """

    def __init__(self, disabled: frozenset[str] = frozenset()) -> None:
        self._disabled = disabled
        self._options: dict[str, Option] = {}
        self._for_all: Mapping[str, Any] = {}

    def __iter__(self) -> Iterator[Option]:
        return iter(self._options.values())

    def register(self, option: Option) -> None:
        """Add an option.

        Raises:
            ValueError: There is one of that name, or no option can have it.
        """
        if option.name in self._options:
            raise ValueError("is the name of another one already")
        if not option.name.isidentifier() or option.name.startswith("_"):
            raise ValueError("is no name that a `class Config` could set")
        self._options[option.name] = option

    def check_for_all(self, written: Mapping[str, object]) -> dict[str, Any]:
        """Check what `init_rapyer` is to set for all models, and give what is kept.

        Raises:
            OptionError: An option is unknown, is for single models only, or has a value that it
                cannot have.
        """
        checked: dict[str, Any] = {}
        for name, value in written.items():
            checked[name] = self._check("init_rapyer", name, value)
            if not self._options[name].inherited:
                raise OptionError(
                    f"init_rapyer was given the option {name!r}, which is for single models. "
                    "Set it in the `class Config` of the model."
                )
        return checked

    def set_for_all(self, checked: Mapping[str, Any]) -> Mapping[str, Any]:
        """Set what holds for models that do not set an option; give what was set before."""
        before, self._for_all = self._for_all, checked
        return before

    def effective(self, own: Mapping[str, Any]) -> dict[str, Any]:
        """Give all options with the values that hold for a model that sets or inherits `own`."""
        defaults = {option.name: option.default for option in self}
        return {**defaults, **self._for_all, **own}

    def resolve(
        self, name: str, config: object, bases: tuple[type, ...]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Work out what a class sets by its own `Config` and those of its bases.

        Args:
            name: The name of the class, for messages.
            config: Its own `class Config`, if it has one.
            bases: Its base classes in the order of resolution, nearest first.

        Returns:
            The options that subclasses take over, and those that hold for the class itself.

        Raises:
            OptionError: An option is unknown, or has a value that it cannot have.
        """
        inheritable: dict[str, Any] = {}
        for base in reversed(bases):
            inheritable.update(vars(base).get("__rapyer_inheritable__", {}))
        own = {
            key: self._check(f"{name}.Config", key, value)
            for key, value in self._written(name, config).items()
        }
        inheritable.update({key: own[key] for key in own if self._options[key].inherited})
        return inheritable, {**inheritable, **own}

    def _written(self, name: str, config: object) -> dict[str, object]:
        """Read what a `class Config` sets, its own bases included."""
        if config is None:
            return {}
        if not isinstance(config, type):
            raise ModelDefinitionError(
                f"{name}.Config is {config!r}, and options stand in a class: `class Config: ...`."
            )
        written: dict[str, object] = {}
        for part in reversed(config.__mro__[:-1]):
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

    def _unknown(self, key: str) -> str:
        if key in first_party.OPTIONS:
            return first_party.how_to_get(first_party.OPTIONS[key], self._disabled)
        near = get_close_matches(key, [*self._options, *first_party.OPTIONS], n=1)
        remedy = f"Did you mean {near[0]!r}?" if near else f"There are {', '.join(self._options)}."
        return f"rapyer does not know. {remedy} Settings of pydantic stand in `model_config`."
