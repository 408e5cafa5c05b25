"""The metaclass and the bases of models: model classes and their instances, without operations.

Plugins build their mixins on [`BaseRedisModel`][rapyer.base.BaseRedisModel].
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from rapyer import first_party
from rapyer._pydantic import unknown_types
from rapyer.embedded import EmbeddedModel
from rapyer.errors import InvalidKeyError, ModelDefinitionError
from rapyer.fields import KeyMarker, marked_fields
from rapyer.foreign import refuse_foreign, refuse_ignored_pk, warn_of_other_instance
from rapyer.keys import (
    KEY_TYPES,
    Identity,
    KeyLike,
    RedisKey,
    check_prefix,
    schema_of,
    snake_case,
)
from rapyer.locations import Locations
from rapyer.memory import (
    RememberingModel,
    hand_over,
    key_to_write,
    made_key,
    mark_deleted,
    mark_stored,
    memories_of,
    require_instance,
    restore_memories,
    stored_key,
)
from rapyer.metaclass import (
    RedisModelMeta,
    refuse_absent_method,
    refuse_private_names,
    refuse_reserved_names,
    reset_paths,
)
from rapyer.owners import channel_of, database_of
from rapyer.redis_types.binding import noting_assignment, unshare_bound_fields
from rapyer.registry import ModelRegistry
from rapyer.renamed import refuse_renamed
from rapyer.traffic.policies import Policies
from rapyer.traffic.source import RedisSource
from rapyer.types.document import DocumentCodec
from rapyer.types.registry import FieldTypes
from rapyer.versions import VersionField, find_version

if TYPE_CHECKING:
    from rapyer.expr.paths import Path
    from rapyer.hosting import ModelHost

__all__ = [
    "BaseRedisModel",
    "EmbeddedModel",
    "RedisModelMeta",
    "channel_of",
    "database_of",
    "field_types_of",
    "identity_of",
    "key_to_write",
    "locations_of",
    "mark_deleted",
    "mark_stored",
    "policies_of",
    "read_policies_of",
    "require_instance",
]


def _any_instance(kind: Any) -> CoreSchema | None:
    return core_schema.is_instance_schema(kind) if isinstance(kind, type) else None


class BaseRedisModel(RememberingModel, metaclass=RedisModelMeta):
    """The base of all models that have documents of their own, and of the mixins of plugins.

    An instance holds the plain values that pydantic made. Its document is one RedisJSON value
    under the key `prefix:pk`. Models derive from `rapyer.AtomicRedisModel`, mixins from this class.

    Args:
        data: The values of the fields, which pydantic validates. If no field accepts a `pk`, giving
            one is a `TypeError`: set it on the instance instead.
    """

    __slots__ = ()

    if TYPE_CHECKING:
        __rapyer_identity__: ClassVar[Identity]
        __rapyer_inheritable__: ClassVar[dict[str, Any]]
        __rapyer_own_options__: ClassVar[dict[str, Any]]
        __rapyer_options__: ClassVar[dict[str, Any]]
        __rapyer_codec__: ClassVar[DocumentCodec]
        __rapyer_locations__: ClassVar[Locations]
        __rapyer_root__: ClassVar[Path[Any]]

    #: The plugins that the model was composed with; None for a mixin, which has no documents.
    __rapyer_host__: ClassVar[ModelHost | None] = None

    #: What plugins do in the same round trip for each key that is read or written.
    __rapyer_policies__: ClassVar[Policies] = ()

    #: Whether an index may contain the documents. The server counts each of those that `JSON.DEL`
    #: deletes among the indexing failures, so they are deleted by `UNLINK`.
    __rapyer_is_indexed__: ClassVar[bool] = False

    #: The policies among them that take part in reads.
    __rapyer_read_policies__: ClassVar[Policies] = ()

    #: The field annotated `Version`; None if there is none.
    __rapyer_version__: ClassVar[VersionField | None] = None

    #: Whether instances keep the state in which they were loaded or saved.
    __rapyer_tracks__: ClassVar[bool] = False

    #: The Redis of this model, if it is not the one of `init_rapyer`.
    __rapyer_source__: ClassVar[RedisSource | None] = None

    @classmethod
    def __rapyer_define__(cls, config: object) -> None:
        # fields that come from a base that is not one of our models
        refuse_reserved_names(cls.__name__, cls.__mro__, cls.__pydantic_fields__)
        host = cls.__rapyer_host__
        if host is None:
            cls.__rapyer_define_mixin__(config)
            return
        refuse_private_names(cls, host)
        own = cls.__rapyer_resolve_options__(host, config)
        cls.__rapyer_apply_options__(host.options.effective(own))
        cls.__rapyer_codec__ = DocumentCodec(cls, host.field_types)
        cls.__rapyer_locations__ = Locations(cls, cls.__rapyer_root__, host.field_types)
        cls.__rapyer_identity__ = Identity(cls.__name__, own["prefix"], host.models)
        host.adopt(cls)
        if not cls.__pydantic_complete__:
            cls.__rapyer_identity__.complete = cls.model_rebuild
            return
        try:
            cls.__rapyer_complete__()
        except BaseException:
            host.abandon(cls)
            raise

    @classmethod
    def __rapyer_complete__(cls) -> None:
        """Work out what depends on the annotations, and let the plugins see the model.

        If that fails, it is tried again, and fails again, whenever the model is used.
        """
        identity, host = cls.__rapyer_identity__, cls.__rapyer_host__
        identity.complete = None
        try:
            cls.__rapyer_find_key__()
            cls.__rapyer_version__ = find_version(cls)
            if host is not None and identity.prefix:
                host.complete(cls)
        except BaseException:
            identity.complete = cls.__rapyer_complete__
            raise

    @classmethod
    def __rapyer_define_mixin__(cls, config: object) -> None:
        if config is not None:
            raise ModelDefinitionError(
                f"{cls.__name__} is a mixin, because it does not derive from AtomicRedisModel, and "
                "cannot have options. Set them in the `class Config` of a model; a common base of "
                "models is an AtomicRedisModel with `abstract = True`."
            )
        cls.__rapyer_identity__ = Identity(cls.__name__, "", ModelRegistry())
        if cls.__pydantic_complete__:
            cls.__rapyer_complete__()

    @classmethod
    def __rapyer_resolve_options__(cls, host: ModelHost, config: object) -> dict[str, Any]:
        """Work out what the class sets or inherits, including its prefix."""
        inheritable, own = host.options.resolve(cls.__name__, config, cls.__mro__[1:])
        host.options.refuse_elsewhere(cls.__name__, cls.model_config)
        origin: Any = cls.__pydantic_generic_metadata__["origin"]
        if origin is not None:  # `Page[int]` is made without a Config of its own
            own = {**origin.__rapyer_own_options__}
            del own["prefix"]
        elif "__rapyer_host__" in vars(cls):  # the base of all models
            own["abstract"] = True
        abstract = own.get("abstract", False)
        own["prefix"] = "" if abstract else own.get("prefix") or _default_prefix(cls)
        if own.get("hash_tag") and not abstract:
            own["prefix"] = f"{{{own['hash_tag']}}}:{own['prefix']}"
        cls.__rapyer_inheritable__, cls.__rapyer_own_options__ = inheritable, own
        return own

    @classmethod
    def __rapyer_apply_options__(cls, options: dict[str, Any]) -> None:
        """Adopt the options that hold now; what a class sets itself does not change."""
        cls.__rapyer_options__ = options
        cls.__rapyer_source__ = options["redis"]
        cls.__rapyer_tracks__ = options["track_changes"]

    @classmethod
    def __pydantic_on_complete__(cls) -> None:
        if "__rapyer_identity__" in cls.__dict__:  # annotations were resolved later, or again
            reset_paths(cls)
            if cls.__rapyer_host__ is not None:
                cls.__rapyer_codec__.reset()
                cls.__rapyer_locations__.reset()
            cls.__rapyer_complete__()

    @classmethod
    def __rapyer_find_key__(cls) -> None:
        keys = marked_fields(cls, KeyMarker, "Key", "A primary key is always there")
        if len(keys) > 1:
            raise ModelDefinitionError(
                f"{cls.__name__} has the keys {', '.join(map(repr, keys))}, but a document has "
                "only one key. Annotate one of them as Key, and the others with their plain types."
            )
        for base in cls.__mro__[1:]:
            identity: Identity | None = vars(base).get("__rapyer_identity__")
            inherited = identity.key_field if identity is not None else None
            if inherited is not None and inherited not in keys:
                raise ModelDefinitionError(
                    f"{cls.__name__}.{inherited} is the Key of {base.__name__}, but is redeclared "
                    "without Key. Annotate it as Key here too, or give it another name."
                )
        if keys:
            key_type: Any = cls.__pydantic_fields__[keys[0]].annotation
            if key_type not in KEY_TYPES:
                raise ModelDefinitionError(
                    f"{cls.__name__}.{keys[0]} is a Key of type {key_type!r}. Use Key[str], "
                    "Key[int] or Key[UUID]."
                )
            cls.__rapyer_identity__.key_field = keys[0]
            cls.__rapyer_identity__.key_type = key_type

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler, /
    ) -> CoreSchema:
        host = cls.__rapyer_host__
        # a mixin has no instances: its annotations get their meaning where it is mixed in
        of_unknown = _any_instance if host is None else host.field_types.schema_of_unknown
        with schema_of(cls), unknown_types(handler, of_unknown):
            return handler(source)

    if not TYPE_CHECKING:  # hidden from checkers, which know the signature of each model

        def __init__(self, /, **data):
            # this replaces pydantic's own call: going through super() would cost half as much again
            __tracebackhide__ = True
            if "pk" in data:
                refuse_ignored_pk(type(self))
            if self is not self.__pydantic_validator__.validate_python(data, self_instance=self):
                warn_of_other_instance(type(self))

        __init__.__pydantic_base_init__ = True

    if not TYPE_CHECKING:  # hidden from checkers, so that a misspelled attribute stays an error

        def __getattr__(self, name):
            try:
                return super().__getattr__(name)
            except AttributeError:
                if name in first_party.METHODS:
                    refuse_absent_method(type(self), f"{type(self).__name__}.{name}")
                refuse_renamed(f"this {type(self).__name__}", name)
                refuse_foreign(f"this {type(self).__name__}", name)
                raise

    # -- identity ---------------------------------------------------------------------------------

    @property
    def pk(self) -> str:
        """The primary key as text: that of the `Key` field, or one made for this instance.

        It can be set on a new instance of a model without a `Key` field.

        Raises:
            InvalidKeyError: The `Key` field has no value, or one that cannot be a primary key.
            AttributeError: It was set, and the primary key is the `Key` field.
        """
        return type(self).__rapyer_identity__.pk(self.key)

    @pk.setter
    def pk(self, pk: str) -> None:
        identity = type(self).__rapyer_identity__
        if identity.key_field is not None:
            raise AttributeError(
                f"the primary key of {type(self).__name__} is its field {identity.key_field!r}. "
                "Set that field."
            )
        made_key.set(self, identity.key(pk))

    @property
    def key(self) -> RedisKey:
        """The whole Redis key of this instance's document, prefix included.

        Raises:
            InvalidKeyError: The `Key` field has no value, or one that cannot be a primary key.
        """
        identity = type(self).__rapyer_identity__
        if identity.key_field is not None:
            if identity.key_field not in self.__dict__:
                raise InvalidKeyError(
                    f"this {type(self).__name__} has no value for its key field "
                    f"{identity.key_field!r}. Set it first."
                )
            return identity.key(self.__dict__[identity.key_field])
        key = made_key.get(self) or stored_key.get(self)
        if key is None:
            key = identity.key(identity.new_pk())
            made_key.set(self, key)
            stored_key.set(self, None)  # reading an unset slot costs an exception
        return key

    @classmethod
    def key_of(cls, pk: KeyLike) -> RedisKey:
        """Return the whole Redis key of the document with this primary key.

        Any text is accepted as `pk`, even one that looks like the key of another model, and every
        call takes the result as it is. Nothing is sent.

        Raises:
            InvalidKeyError: The value cannot be a primary key of this model.
        """
        return cls.__rapyer_identity__.key(pk)

    def __copy__(self) -> Self:
        copy = super().__copy__()
        unshare_bound_fields(copy)
        return hand_over(self, copy)

    if not TYPE_CHECKING:  # pydantic's own, which it asks once for each field of a class

        def _setattr_handler(self, name, value):
            return noting_assignment(type(self), name, super()._setattr_handler(name, value))

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        return hand_over(self, super().__deepcopy__(memo))

    def __getstate__(self) -> dict[Any, Any]:
        return {**super().__getstate__(), "__rapyer_memories__": memories_of(self)}

    def __setstate__(self, state: dict[Any, Any]) -> None:
        memories = state.pop("__rapyer_memories__")
        super().__setstate__(state)
        restore_memories(self, memories)


def identity_of(model: type[BaseRedisModel]) -> Identity:
    """Return the naming of a model's documents, which turns primary keys into Redis keys."""
    return model.__rapyer_identity__


def policies_of(model: type[BaseRedisModel]) -> Policies:
    """Return what plugins currently do in the same round trip for each key of a model."""
    return model.__rapyer_policies__


def read_policies_of(model: type[BaseRedisModel]) -> Policies:
    """Return the policies of a model that take part in reads."""
    return model.__rapyer_read_policies__


def mark_indexed(model: type[BaseRedisModel]) -> None:
    """Note that an index may contain the documents of a model, so that it sees their deletion.

    A plugin that makes indexes calls this in `rapyer_model_created`.
    """
    model.__rapyer_is_indexed__ = True


def locations_of(model: type[BaseRedisModel]) -> Locations:
    """Return where the paths of a model lead in its documents."""
    return model.__rapyer_locations__


def field_types_of(model: type[BaseRedisModel]) -> FieldTypes:
    """Return the types whose values have a stored form of their own, including those of plugins."""
    host = model.__rapyer_host__
    return FieldTypes() if host is None else host.field_types


def _default_prefix(model: type[BaseRedisModel]) -> str:
    prefix = snake_case(model.__name__)
    try:
        return check_prefix(prefix)
    except ValueError as exc:
        raise ModelDefinitionError(
            f"the prefix {prefix!r}, made from the name of the class {model.__name__}, {exc}. "
            "Set `prefix` in its `class Config`."
        ) from exc
