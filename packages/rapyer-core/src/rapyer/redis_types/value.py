"""What the values of all Redis types have in common."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, Generic, SupportsIndex, TypeVar, overload

from rapyer.expr.annotations import plain_annotation
from rapyer.guards import PLAIN_TYPES
from rapyer.memory import NotedChanges, is_saved
from rapyer.redis_types.place import NOWHERE, Place, stands_elsewhere
from rapyer.redis_types.writes import UnderWay

if TYPE_CHECKING:
    from typing import Self

    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

    from rapyer.paths import FieldPath

P = TypeVar("P")


class ScalarField(Generic[P]):
    """A field without parts, for type checkers: a path on the class, a value on instances."""

    if TYPE_CHECKING:

        @overload
        def __get__(self, instance: None, owner: Any) -> FieldPath[P]: ...
        @overload
        def __get__(self, instance: object, owner: Any) -> Self: ...
        def __get__(self, instance: object | None, owner: Any) -> Any: ...
        def __set__(self, instance: object, value: P) -> None: ...


class RedisValue(Generic[P]):
    """A value that knows its place in the document of a model.

    It is a value of the Python type that it derives from. Copies and pickles of it are plain. All
    operations are atomic on the server, and are then applied to the instance. The errors are about
    the document as it is in Redis:

    Raises:
        KeyNotFoundError: The document is gone, or was never saved.
        PathNotFoundError: The document has nothing there, or null along the path.
        ConflictError: The model has a Version, and the stored one differs from the instance's.
        DetachedValueError: The value was not reached through a model that has a document.
        ExpressionError: The field is frozen, or has a validator or a serializer of its own.
            Validators of the models around it are not run: what they look at is in Redis.
        KeyChangedError: The primary key has changed since the instance was loaded or saved.
        WrongTypeError: The document has a value of another type, or the key another Redis type.
        OutcomeUnknownError: The reply was lost; the write may or may not have been applied.
        NotConnectedError: rapyer has not been told where Redis is.
    """

    __rapyer_place__: Place = NOWHERE

    #: The number of the last change made to it by a Python method or an assignment.
    __rapyer_changed__: int = 0

    def __init_subclass__(cls, *, plain: type[Any] | None = None) -> None:
        super().__init_subclass__()
        if plain is None:
            raise TypeError(
                f"{cls.__name__} derives from a Redis type, but fields of a subclass would not be "
                "recognized. Annotate them with the Redis type itself."
            )
        PLAIN_TYPES[cls] = plain

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return handler.generate_schema(plain_annotation(source))

    @classmethod
    def __rapyer_bind__(cls, value: Any, place: Place, elements: Any) -> Any:
        """Return a value that knows its place.

        Args:
            value: The value; of the Python type, or of this one.
            place: Where it is.
            elements: What binds its elements; None if they are not of a Redis type.
        """
        make: Any = cls
        bound = make(value)
        bound.__rapyer_place__ = place
        return bound

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        plain = PLAIN_TYPES[type(self)]
        return plain, (plain(self),)

    async def aset(self, value: P) -> None:
        """Set the value in Redis, and then in the instance, as `aupdate` does. One round trip.

        Args:
            value: The new value; it is validated as its assignment would be.

        Raises:
            pydantic.ValidationError: It does not validate.
            UnstorableValueError: JSON or the server cannot hold it exactly.
            RapyerError: As `aupdate`.
        """
        async with UnderWay(self) as under_way:
            place = under_way.place
            root: Any = place.document
            await root.aupdate({place.path: value})
            self._took_over(place)

    async def aload(self) -> P:
        """Read the value from Redis into the instance, and return it. One round trip.

        Raises:
            CorruptDocumentError: It does not validate.
            RapyerError: As `get` of a path.
        """
        async with UnderWay(self) as under_way:
            place = under_way.place
            value: P = await place.read()
            place.take_over(value)
            self._took_over(place)
        return value

    def _took_over(self, place: Place) -> None:
        """Adopt what the instance now has at a place; values that cannot change need not."""


def bound_container(kind: Any, value: Any, plain: Any, place: Place, elements: Any) -> Any:
    """Return a list or dict that knows its place: the same object if it was bound only there.

    Args:
        kind: The class that it has then.
        value: The container.
        plain: Gives a plain copy of it.
        place: Where it is.
        elements: What binds its elements; None if they are not of a Redis type.
    """
    if type(value) is kind and not stands_elsewhere(value, value.__rapyer_place__, place):
        value.__rapyer_place__ = place
        return value
    bound = kind(plain(value))
    bound.__rapyer_place__ = place
    if elements is not None:
        bound.__rapyer_elements__ = elements
    return bound


def is_changed(value: object) -> bool:
    """Return whether Python has changed a value, so that the instance differs from Redis."""
    if not isinstance(value, RedisValue) or not value.__rapyer_changed__:
        return False
    root = value.__rapyer_place__.root
    return root is None or not is_saved(root, value.__rapyer_changed__)


def note_changes(kind: type[RedisValue[Any]], plain: type[Any], *names: str) -> None:
    """Make the Python methods that change a container record that they have changed it.

    Args:
        kind: The Redis type.
        plain: The Python type that it derives from.
        names: The methods.
    """
    for name in names:
        setattr(kind, name, _noting(getattr(plain, name)))


def _noting(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def noted(self: Any, *args: Any, **kwargs: Any) -> Any:
        size, is_changed = len(self), True
        try:
            return method(self, *args, **kwargs)
        except (IndexError, KeyError, ValueError):  # usually before anything was changed
            is_changed = len(self) != size
            raise
        finally:
            if is_changed:
                self.__rapyer_changed__ = NotedChanges.note()

    return noted
