"""The metaclass of models: what defining a model class does, and what its attributes are."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import is_dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar, overload

import pydantic
from pydantic import BaseModel, PrivateAttr
from typing_extensions import dataclass_transform

from rapyer import first_party
from rapyer._pydantic import ModelMetaclass, parent_namespace_of
from rapyer.errors import ModelDefinitionError, OptionError, PluginNotInstalledError
from rapyer.expr.paths import field_of, forget_fields, path_of
from rapyer.fields import Field
from rapyer.foreign import refuse_foreign, refuse_unknown
from rapyer.hosting import extends_core
from rapyer.paths import FieldPath
from rapyer.redis_types.binding import bind_fields
from rapyer.renamed import refuse_renamed

if sys.version_info >= (3, 14):
    import annotationlib

if TYPE_CHECKING:
    from rapyer.embedded import EmbeddedModel
    from rapyer.expr.nodes import Condition
    from rapyer.expr.paths import Path
    from rapyer.hosting import ModelHost
    from rapyer.keys import KeyLike

D = TypeVar("D")
E = TypeVar("E")

#: Set while pydantic builds a class: it looks for defaults on bases, and must not find paths there.
_building: ContextVar[bool] = ContextVar("building", default=False)


#: Where other libraries have options, in lower case: redis-om and Django, beanie, a misspelling.
_PLACES_OF_OPTIONS: Final = frozenset({"meta", "settings", "config"})


@dataclass_transform(kw_only_default=True, field_specifiers=(Field, pydantic.Field, PrivateAttr))
class RedisModelMeta(ModelMetaclass):
    """The metaclass of models: a field on the class is a path, and `class Config` holds options."""

    if not TYPE_CHECKING:  # checkers take the signature and the attributes from what they know

        def __new__(mcs, name, bases, namespace, **kwargs):  # noqa: D102
            config = namespace.pop("Config", None)
            _refuse_meta(name, namespace)
            _refuse_config_of_plain_base(name, bases, config)
            _refuse_mixin_before_its_model(name, bases)
            refuse_reserved_names(name, bases, _own_fields(namespace))
            if kwargs.setdefault("__pydantic_reset_parent_namespace__", True):
                kwargs["__pydantic_reset_parent_namespace__"] = False
                namespace["__pydantic_parent_namespace__"] = parent_namespace_of(depth=1)
            token = _building.set(True)
            try:
                cls = super().__new__(mcs, name, bases, namespace, **kwargs)
            except TypeError as exc:
                if "__init_subclass__" in str(exc):  # what pydantic leaves, nothing takes
                    exc.add_note(f"Put options of rapyer in the `class Config` of {name}.")
                raise
            finally:
                _building.reset(token)
            if config is not None:
                type.__setattr__(cls, "Config", _ReadOptions.of(name, config))
            reset_paths(cls)
            cls.__rapyer_define__(config)
            return cls

        def __getattr__(cls, name):  # noqa: N805 - in a metaclass
            # pydantic leaves no class attribute for a field, so this is reached for fields
            if not name.startswith("_") and not _building.get():
                path = _path_of_field(cls, name)
                if path is not None:
                    return path
                if name in first_party.METHODS:
                    refuse_absent_method(cls, f"{cls.__name__}.{name}")
                if "__rapyer_identity__" in vars(cls):
                    refuse_renamed(cls.__name__, name)
                    refuse_foreign(cls.__name__, name)
                if "__pydantic_fields__" in vars(cls):
                    refuse_unknown(cls.__name__, name, cls.__pydantic_fields__)
            try:
                return super().__getattr__(name)
            except AttributeError:  # pydantic's error only has the name
                what = f"type object {cls.__name__!r} has no attribute {name!r}"
                raise AttributeError(what, name=name, obj=cls) from None

        def __setattr__(cls, name, value):  # noqa: N805 - in a metaclass
            if name == "Config":
                _refuse_late_option(cls.__name__, "Config")
            super().__setattr__(name, value)


class _ReadOptions(type):
    """The metaclass of a `class Config` that was read: setting options in it has no effect."""

    __rapyer_model__: str

    @classmethod
    def of(cls, model: str, config: object) -> object:
        """Return a class with the same options, in which none can be set."""
        if not isinstance(config, type) or type(config) not in (type, cls):
            return config  # which is refused, or has a metaclass of its own
        about = {"__rapyer_model__": model, "__doc__": config.__doc__}
        names = {name: getattr(config, name) for name in ("__module__", "__qualname__")}
        return cls("Config", (config,), {**about, **names})

    def __setattr__(cls, name: str, value: object) -> None:
        _refuse_late_option(cls.__rapyer_model__, f"Config.{name}")

    def __delattr__(cls, name: str) -> None:
        _refuse_late_option(cls.__rapyer_model__, f"Config.{name}")


def _refuse_late_option(model: str, name: str) -> NoReturn:
    raise OptionError(
        f"{model}.{name} cannot be set or deleted: options are read when the class is created. "
        "Write them in the `class Config` of the model, or give them to `init_rapyer` for all "
        "models."
    )


if TYPE_CHECKING:
    # not inherited by metaclasses
    @dataclass_transform(
        kw_only_default=True, field_specifiers=(Field, pydantic.Field, PrivateAttr)
    )
    class EmbeddedModelMeta(RedisModelMeta, type):  # type: for ruff, which knows no other metaclass
        """What checkers see on the class of an embedded model, besides its fields.

        To them `User.home` is `type[Home]`, so that `User.home.city` is exact. At run time it is a
        path, which has these methods. `Home` itself does not have them: `Home.get` is an error at
        run time only. If a field has such a name, `Home.get` is that field to pyright and at run
        time, and this method to mypy; `User.home.get` is the method at run time.
        """

        def __rapyer_value__(cls: type[E]) -> E: ...
        def __rapyer_selected__(cls: type[E]) -> E: ...
        @overload
        async def get(cls: type[E], key: KeyLike) -> E: ...
        @overload
        async def get(cls: type[E], key: KeyLike, default: D) -> E | D: ...
        async def get(cls, key: KeyLike, default: Any = ...) -> Any:
            """Read the model from the document at a key, as `get` of a path does."""

        async def set(cls: type[E], key: KeyLike, value: E | None) -> None:
            """Set the model in the document at a key, as `set` of a path does."""

        def is_none(cls) -> Condition:
            """Say that there is None instead of a model."""
            ...

        def in_(cls: type[E], operands: Iterable[E | None]) -> Condition:
            """Say that the model is one of several."""
            ...

        # a condition for an instance or None; types are compared with types as usual
        @overload
        def __eq__(cls, other: EmbeddedModel | None) -> Condition: ...  # type: ignore[overload-overlap] # pyright: ignore[reportOverlappingOverload] # an instance or None is an object, too
        @overload
        def __eq__(cls, other: object) -> bool: ...
        def __eq__(cls, other: object) -> Any: ...
        @overload
        def __ne__(cls, other: EmbeddedModel | None) -> Condition: ...  # type: ignore[overload-overlap] # pyright: ignore[reportOverlappingOverload] # an instance or None is an object, too
        @overload
        def __ne__(cls, other: object) -> bool: ...
        def __ne__(cls, other: object) -> Any: ...
        def __hash__(cls) -> int: ...

else:
    EmbeddedModelMeta = RedisModelMeta


def reset_paths(cls: type[BaseModel]) -> None:
    """Make access to fields give paths, and bound values, by what their annotations now say."""
    if cls.__pydantic_complete__:
        bind_fields(cls)
    root = path_of(FieldPath, cls, (), cls)
    forget_fields(root)
    type.__setattr__(cls, "__rapyer_root__", root)


def _path_of_field(cls: type[BaseModel], name: str) -> Path[Any] | None:
    if name not in vars(cls).get("__pydantic_fields__", ()):
        return None
    if not cls.__pydantic_complete__:
        cls.model_rebuild(raise_errors=False)
    root: Path[Any] | None = vars(cls).get("__rapyer_root__")
    return None if root is None else field_of(root, name)


def refuse_reserved_names(model: str, bases: tuple[type, ...], fields: Iterable[str]) -> None:
    """Refuse fields that would hide a method or an attribute of the library or of a plugin."""
    owners: dict[type, str] = {}
    for base in bases:
        host = _host_of(base)
        for part in base.__mro__:
            plugin = None if host is None else host.owner_of(part)
            if part.__module__.partition(".")[0] == __package__:
                owners[part] = ""
            elif plugin is not None:
                owners[part] = f" of the {plugin}"
    for field in fields:
        for owner, of_plugin in owners.items():
            if field in vars(owner) and not extends_core(vars(owner)[field]):
                raise ModelDefinitionError(
                    f"the field {field!r} of {model} would hide {owner.__name__}.{field}"
                    f"{of_plugin}. Give it another name; Field(alias={field!r}) keeps the name "
                    "in the document."
                )


def refuse_private_names(model: type[BaseModel], host: ModelHost) -> None:
    """Refuse private attributes of a model that a plugin's mixin also has."""
    for name, attribute in vars(model).get("__private_attributes__", {}).items():
        for base in model.__mro__[1:]:
            plugin = host.owner_of(base)
            theirs = vars(base).get("__private_attributes__", {}).get(name, attribute)
            if plugin is not None and theirs is not attribute:
                raise ModelDefinitionError(
                    f"the private attribute {name!r} of {model.__name__} has the same name as one "
                    f"of {base.__name__} of the {plugin}. Give it another name."
                )


def _refuse_mixin_before_its_model(model: str, bases: tuple[type, ...]) -> None:
    """Return a better message than Python, which finds no consistent order of such bases."""
    for place, base in enumerate(bases):
        for later in bases[place + 1 :]:
            host = _host_of(later)
            plugin = None if host is None else host.owner_of(base)
            if plugin is not None and base is not later and issubclass(later, base):
                raise ModelDefinitionError(
                    f"{model} derives from {base.__name__} before {later.__name__}, which already "
                    f"has it from the {plugin}. Put it last: class {model}({later.__name__}, "
                    f"{base.__name__})."
                )


def _refuse_meta(model: str, namespace: dict[str, Any]) -> None:
    """Refuse options where other libraries have them: here nothing would read them."""
    for name, value in namespace.items():
        is_plain = type(value) is type and value.__bases__ == (object,) and not is_dataclass(value)
        if name == "Meta" or (is_plain and name.lower() in _PLACES_OF_OPTIONS):
            raise ModelDefinitionError(
                f"{model} has a `{name}`, which rapyer does not read. Put options, such as "
                "`prefix`, in `class Config`; see docs/models.md."
            )


def _refuse_config_of_plain_base(model: str, bases: tuple[type, ...], config: object) -> None:
    """Refuse options that would be ignored: those of a base that is not a model."""
    for base in bases:
        plain = vars(base).get("Config")
        if plain is None or isinstance(base, RedisModelMeta) or issubclass(base, BaseModel):
            continue
        if not (isinstance(config, type) and issubclass(config, plain)):
            raise ModelDefinitionError(
                f"{model} derives from {base.__name__}, which is not a model of rapyer, so its "
                f"`class Config` would be ignored. Write `class Config({base.__name__}.Config)` in "
                f"{model}."
            )


def _host_of(cls: type) -> ModelHost | None:
    return getattr(cls, "__rapyer_host__", None)


def refuse_absent_method(cls: type, name: str) -> None:
    """Raise for a method that a missing plugin of the project would add.

    Args:
        cls: The class, or the class of the instance, on which the method was accessed.
        name: The method as it was written, such as `User.find`.

    Raises:
        PluginNotInstalledError: The class would have the method with the plugin.
    """
    if "__rapyer_identity__" in vars(cls):  # embedded models have no method of this kind
        host = _host_of(cls)
        extra = first_party.METHODS[name.rpartition(".")[2]]
        disabled: frozenset[str] = frozenset() if host is None else host.disabled
        raise PluginNotInstalledError(
            f"{name} {first_party.how_to_get(extra, disabled)}", extra=extra
        )


def _own_fields(namespace: dict[str, Any]) -> list[str]:
    """Name the fields that a class body declares, before pydantic looks at them."""
    return [
        name
        for name, annotation in _annotations_in(namespace).items()
        if not name.startswith("_") and "ClassVar" not in str(annotation)
    ]


def _annotations_in(namespace: dict[str, Any]) -> dict[str, Any]:
    """Return the annotations of a class body, which since Python 3.14 are evaluated when asked."""
    if sys.version_info >= (3, 14):
        annotate = annotationlib.get_annotate_from_class_namespace(namespace)
        if annotate is not None:
            texts = annotationlib.Format.STRING
            return annotationlib.call_annotate_function(annotate, texts)
    found: dict[str, Any] = namespace.get("__annotations__", {})
    return found
