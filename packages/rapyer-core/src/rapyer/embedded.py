"""Models embedded in the documents of other models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema

from rapyer._pydantic import unknown_types
from rapyer.errors import ModelDefinitionError
from rapyer.fields import KeyMarker, VersionMarker, marked_fields
from rapyer.metaclass import EmbeddedModelMeta, reset_paths
from rapyer.redis_types.binding import noting_assignment, unshare_bound_fields
from rapyer.redis_types.place import PlacedModel

if TYPE_CHECKING:
    from rapyer.hosting import ModelHost


class EmbeddedModel(PlacedModel, metaclass=EmbeddedModelMeta):
    """A model embedded in the documents of another; it has no key and no operations of its own.

    A plain pydantic model, a dataclass or a typed dict can be nested as well. This class adds paths
    that lead into it, `User.address.city`, for type checkers too.
    """

    __slots__ = ()

    #: The plugins whose field types its annotations may name; set by `rapyer.EmbeddedModel`.
    __rapyer_host__: ClassVar[ModelHost | None] = None

    def __copy__(self) -> Self:
        copy = super().__copy__()
        unshare_bound_fields(copy)
        return copy

    if not TYPE_CHECKING:  # pydantic's own, which it asks once for each field of a class

        def _setattr_handler(self, name, value):
            return noting_assignment(type(self), name, super()._setattr_handler(name, value))

    @classmethod
    def __rapyer_define__(cls, config: object) -> None:
        if config is not None:
            raise ModelDefinitionError(
                f"{cls.__name__} is an EmbeddedModel, which has no options: `class Config` belongs "
                "in the model whose documents it is part of. Put pydantic settings in "
                "`model_config`."
            )

    @classmethod
    def __pydantic_on_complete__(cls) -> None:
        if "__rapyer_root__" in vars(cls):  # annotations were resolved later, or again
            reset_paths(cls)
        for marker, name, what in (
            (KeyMarker, "Key", "has no key of its own"),
            (VersionMarker, "Version", "is not written on its own"),
        ):
            if fields := marked_fields(cls, marker, name, f"An EmbeddedModel {what}"):
                raise ModelDefinitionError(
                    f"{cls.__name__}.{fields[0]} is a {name}, but an EmbeddedModel {what}. "
                    "Annotate it with its plain type, or derive from AtomicRedisModel."
                )

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler, /
    ) -> CoreSchema:
        if cls.__rapyer_host__ is None:
            return handler(source)
        with unknown_types(handler, cls.__rapyer_host__.field_types.schema_of_unknown):
            return handler(source)
