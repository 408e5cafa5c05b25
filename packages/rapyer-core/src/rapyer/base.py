"""The metaclass and the bases of models: what a model class and its instances are, without traffic.

Plugins build their mixins on [`BaseRedisModel`][rapyer.base.BaseRedisModel].
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

import pydantic
from pydantic import BaseModel, GetCoreSchemaHandler, PrivateAttr
from pydantic_core import CoreSchema
from typing_extensions import dataclass_transform

from rapyer._pydantic import ModelMetaclass, parent_namespace_of
from rapyer.errors import InvalidKeyError, KeyChangedError, ModelDefinitionError
from rapyer.expr import FieldPath
from rapyer.fields import Field, KeyMarker, contains_key
from rapyer.keys import (
    KEY_TYPES,
    Identity,
    KeyLike,
    RedisKey,
    check_prefix,
    register,
    schema_of,
    snake_case,
)
from rapyer.options import resolve_options
from rapyer.traffic.channel import Channel
from rapyer.traffic.policies import AccessPolicy
from rapyer.traffic.source import RedisSource, default_source
from rapyer.types.codec import DocumentCodec

#: Set while pydantic builds a class: it looks on bases for defaults, and must not find paths there.
_building: ContextVar[bool] = ContextVar("building", default=False)


@dataclass_transform(kw_only_default=True, field_specifiers=(Field, pydantic.Field, PrivateAttr))
class RedisModelMeta(ModelMetaclass):
    """The metaclass of models: a field on the class is a path, and `class Config` holds options."""

    if not TYPE_CHECKING:  # checkers take the signature and the attributes from what they know

        def __new__(mcs, name, bases, namespace, **kwargs):  # noqa: D102
            config = namespace.pop("Config", None)
            _refuse_reserved_names(name, bases, _own_fields(namespace))
            if kwargs.setdefault("__pydantic_reset_parent_namespace__", True):
                kwargs["__pydantic_reset_parent_namespace__"] = False
                namespace["__pydantic_parent_namespace__"] = parent_namespace_of(depth=1)
            token = _building.set(True)
            try:
                cls = super().__new__(mcs, name, bases, namespace, **kwargs)
            finally:
                _building.reset(token)
            if config is not None:
                type.__setattr__(cls, "Config", config)
            cls.__rapyer_define__(config)
            return cls

        def __getattr__(cls, name):  # noqa: N805 - in a metaclass
            # pydantic leaves no class attribute for a field, so that this is reached for fields
            if not name.startswith("_") and not _building.get():
                field = cls.__dict__.get("__pydantic_fields__", {}).get(name)
                if field is not None:
                    return FieldPath(cls, (name,), field.annotation)
            return super().__getattr__(name)


def _refuse_reserved_names(model: str, bases: tuple[type, ...], fields: Iterable[str]) -> None:
    """Refuse fields that would hide a method or an attribute of the library."""
    for field in fields:
        for owner in (part for base in bases for part in base.__mro__):
            if owner.__module__.partition(".")[0] == __package__ and field in vars(owner):
                raise ModelDefinitionError(
                    f"the field {field!r} of {model} would hide {owner.__name__}.{field}. Give it "
                    f"another name; Field(alias={field!r}) keeps the name in the document."
                )


def _own_fields(namespace: dict[str, Any]) -> list[str]:
    """Name the fields that a class body declares, before pydantic looks at them."""
    annotations: dict[str, Any] = namespace.get("__annotations__", {})
    return [
        name
        for name, annotation in annotations.items()
        if not name.startswith("_") and "ClassVar" not in str(annotation)
    ]


def _key_fields(cls: type[BaseModel]) -> list[str]:
    """Name the fields annotated `Key[...]`.

    Raises:
        ModelDefinitionError: A `Key` stands inside another annotation, where it marks no field.
    """
    found: list[str] = []
    for name, field in cls.__pydantic_fields__.items():
        if any(isinstance(part, KeyMarker) for part in field.metadata):
            found.append(name)
        elif contains_key(field.annotation):
            raise ModelDefinitionError(
                f"{cls.__name__}.{name} has a Key inside of {field.annotation!r}. A primary key is "
                "always there: annotate the field Key[...] itself, without anything around it."
            )
    return found


class EmbeddedModel(BaseModel, metaclass=RedisModelMeta):
    """A model inside the documents of another one: it has no key and no traffic of its own.

    A plain pydantic model, a dataclass or a typed dict nests as well; what this class adds is that
    paths lead into it, `User.address.city`, for type checkers too.
    """

    @classmethod
    def __rapyer_define__(cls, config: object) -> None:
        if config is not None:
            raise ModelDefinitionError(
                f"{cls.__name__} is an EmbeddedModel, which has no options: its `class Config` "
                "belongs to the model whose documents it is part of. Settings of pydantic stand "
                "in `model_config`."
            )

    @classmethod
    def __pydantic_on_complete__(cls) -> None:
        if keys := _key_fields(cls):
            raise ModelDefinitionError(
                f"{cls.__name__}.{keys[0]} is a Key, and an EmbeddedModel has no key of its own. "
                "Annotate it with its plain type, or derive from AtomicRedisModel."
            )


class BaseRedisModel(BaseModel, metaclass=RedisModelMeta):
    """The base of all models that have documents of their own, and of the mixins of plugins.

    An instance holds the plain values that pydantic made. Its document is one RedisJSON value
    under the key `prefix:pk`. Models derive from `rapyer.AtomicRedisModel`, mixins from this class.
    """

    # The key that was made for the instance or set as its `pk`, where no field holds it; and the
    # key that it was loaded from or saved to. Slots, unset at first: private attributes of pydantic
    # would cost each construction.
    __slots__ = ("__rapyer_made_key__", "__rapyer_stored_key__")

    if TYPE_CHECKING:
        __rapyer_identity__: ClassVar[Identity]
        __rapyer_inheritable__: ClassVar[dict[str, Any]]
        __rapyer_options__: ClassVar[dict[str, Any]]
        __rapyer_codec__: ClassVar[DocumentCodec]
        __rapyer_source__: ClassVar[RedisSource | None]

    #: What plugins do in the same round trip for each key that is read or written.
    __rapyer_policies__: ClassVar[tuple[AccessPolicy, ...]] = ()

    #: Set by the class that all models derive from: what does not is a mixin and has no keys.
    __rapyer_documents__: ClassVar[bool] = False

    @classmethod
    def __rapyer_define__(cls, config: object) -> None:
        # fields that come from a base which is no model of ours
        _refuse_reserved_names(cls.__name__, cls.__mro__, cls.__pydantic_fields__)
        inheritable, options = resolve_options(cls.__name__, config, cls.__mro__[1:])
        origin: Any = cls.__pydantic_generic_metadata__["origin"]
        if origin is not None:  # `Page[int]` is made without a Config of its own
            options["abstract"] = origin.__rapyer_options__["abstract"]
        elif not cls.__rapyer_documents__ or "__rapyer_documents__" in vars(cls):
            options["abstract"] = True
        prefix = ""
        if not options["abstract"]:
            prefix = options["prefix"] or _default_prefix(cls)
        options["prefix"] = prefix
        cls.__rapyer_inheritable__ = inheritable
        cls.__rapyer_options__ = options
        cls.__rapyer_source__ = options["redis"]
        cls.__rapyer_codec__ = DocumentCodec(cls)
        cls.__rapyer_identity__ = Identity(cls.__name__, prefix)
        if cls.__pydantic_complete__:
            cls.__rapyer_find_key__()
        else:
            cls.__rapyer_identity__.complete = cls.model_rebuild
        if prefix:
            register(cls, prefix)

    @classmethod
    def __pydantic_on_complete__(cls) -> None:
        if "__rapyer_identity__" in cls.__dict__:  # annotations were resolved later, or anew
            cls.__rapyer_codec__.reset()
            cls.__rapyer_find_key__()

    @classmethod
    def __rapyer_find_key__(cls) -> None:
        cls.__rapyer_identity__.complete = None
        keys = _key_fields(cls)
        if len(keys) > 1:
            raise ModelDefinitionError(
                f"{cls.__name__} has the keys {', '.join(map(repr, keys))}, and a document has one "
                "key. Annotate one of them as Key, the others with their plain types."
            )
        for base in cls.__mro__[1:]:
            identity: Identity | None = vars(base).get("__rapyer_identity__")
            inherited = identity.key_field if identity is not None else None
            if inherited is not None and inherited not in keys:
                raise ModelDefinitionError(
                    f"{cls.__name__}.{inherited} is the Key of {base.__name__}, and declared again "
                    f"without Key. Annotate it as Key here too, or give it another name."
                )
        if keys:
            key_type: Any = cls.__pydantic_fields__[keys[0]].annotation
            if key_type not in KEY_TYPES:
                raise ModelDefinitionError(
                    f"{cls.__name__}.{keys[0]} is a Key of the type {key_type!r}. "
                    "A key is a Key[str], a Key[int] or a Key[UUID]."
                )
            cls.__rapyer_identity__.key_field = keys[0]
            cls.__rapyer_identity__.key_type = key_type

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler, /
    ) -> CoreSchema:
        with schema_of(cls):
            return handler(source)

    # -- identity ---------------------------------------------------------------------------------

    @property
    def pk(self) -> str:
        """The primary key as text: of the `Key` field, or one made for this instance.

        It can be set on a new instance of a model without a `Key` field.
        """
        return type(self).__rapyer_identity__.pk(self.key)

    @pk.setter
    def pk(self, pk: str) -> None:
        identity = type(self).__rapyer_identity__
        if identity.key_field is not None:
            raise AttributeError(
                f"the primary key of {type(self).__name__} is its field {identity.key_field!r}. "
                "Set that one."
            )
        _made_key.set(self, identity.key(pk))

    @property
    def key(self) -> RedisKey:
        """The whole Redis key of the document of this instance, prefix included."""
        identity = type(self).__rapyer_identity__
        if identity.key_field is not None:
            if identity.key_field not in self.__dict__:
                raise InvalidKeyError(
                    f"this {type(self).__name__} has no value for its key field "
                    f"{identity.key_field!r}. Set it first."
                )
            return identity.key(self.__dict__[identity.key_field])
        key = _made_key.get(self) or _stored_key.get(self)
        if key is None:
            key = identity.key(identity.new_pk())
            _made_key.set(self, key)
        return key

    @classmethod
    def key_of(cls, pk: KeyLike) -> RedisKey:
        """Give the whole Redis key of the document with this primary key.

        It takes any text as a primary key, also one that looks like the key of another model, and
        every call takes the result as it is.

        Raises:
            InvalidKeyError: The value cannot be a primary key of this model.
        """
        return cls.__rapyer_identity__.key(pk)

    def __copy__(self) -> Self:
        return _hand_over(self, super().__copy__())

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        return _hand_over(self, super().__deepcopy__(memo))

    def __getstate__(self) -> dict[Any, Any]:
        keys = (_own_made_key(self), _stored_key.get(self))
        return {**super().__getstate__(), "__rapyer_keys__": keys}

    def __setstate__(self, state: dict[Any, Any]) -> None:
        made, stored = state.pop("__rapyer_keys__", (None, None))
        super().__setstate__(state)
        _made_key.set(self, made)
        _stored_key.set(self, stored)


def _default_prefix(model: type[BaseRedisModel]) -> str:
    prefix = snake_case(model.__name__)
    try:
        return check_prefix(prefix)
    except ValueError as exc:
        raise ModelDefinitionError(
            f"the prefix {prefix!r}, made from the name of the class {model.__name__}, {exc}. "
            "Set `prefix` in its `class Config`."
        ) from exc


M = TypeVar("M", bound=BaseRedisModel)


class _KeySlot:
    """A slot of the instances of models that may be unset; faster than their attribute access."""

    __slots__ = ("_read", "set")

    def __init__(self, name: str) -> None:
        slot: Any = vars(BaseRedisModel)[name]
        self._read: Callable[[BaseRedisModel], RedisKey | None] = slot.__get__
        self.set: Callable[[BaseRedisModel, RedisKey | None], None] = slot.__set__

    def get(self, instance: BaseRedisModel) -> RedisKey | None:
        try:
            return self._read(instance)
        except AttributeError:
            return None


_made_key = _KeySlot("__rapyer_made_key__")
_stored_key = _KeySlot("__rapyer_stored_key__")


def _own_made_key(instance: BaseRedisModel) -> RedisKey | None:
    """Give the key that no field of an instance holds, made now if it was not needed before."""
    identity = type(instance).__rapyer_identity__
    return instance.key if identity.prefix and identity.key_field is None else None


def _hand_over(original: M, copy: M) -> M:
    """Give a copy the identity of the original, but not its memory of being stored.

    So a copy with another primary key is a new document rather than an error.
    """
    _made_key.set(copy, _own_made_key(original))
    return copy


def mark_stored(instance: BaseRedisModel, key: RedisKey) -> None:
    """Remember that an instance stands for the document at `key`."""
    _stored_key.set(instance, key)


def mark_deleted(instance: BaseRedisModel, key: RedisKey) -> None:
    """Remember that the document of an instance is gone; it keeps its primary key."""
    _stored_key.set(instance, None)
    _made_key.set(instance, key)


def key_to_write(instance: BaseRedisModel) -> RedisKey:
    """Give the key of an instance for an operation on its own document.

    Raises:
        AbstractModelError: The model has no keys.
        InvalidKeyError: Its primary key was set to a value that cannot be one.
        KeyChangedError: Its primary key is another one than when it was loaded or saved, so that
            the operation would meet another document and leave its own behind.
    """
    if not hasattr(instance, "__rapyer_identity__"):
        raise TypeError(
            f"{instance!r} is no instance of a model. This call is for an instance; by key there "
            "are get(key), exists(key) and delete_by_key(key) of the class."
        )
    key, stored = instance.key, _stored_key.get(instance)
    if stored is not None and stored != key:
        raise KeyChangedError(
            f"the primary key of this {type(instance).__name__} was changed: it was stored at "
            f"{str(stored)!r} and would now be at {str(key)!r}. Save a copy, which is a new "
            "document (`instance.model_copy()`), and delete the old one by its key.",
            stored=stored,
            current=key,
        )
    return key


def channel_of(model: type[BaseRedisModel]) -> Channel:
    """Give the connections for the documents of a model in the running event loop.

    Raises:
        NotConnectedError: Neither the model nor `init_rapyer` nor the environment names a server.
    """
    return (model.__rapyer_source__ or default_source()).channel()
