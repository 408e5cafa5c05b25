"""Reading parts of documents, and addressing them at run time."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Sequence
from typing import Any, ClassVar, Protocol, TypeVar, cast, overload

from rapyer.base import BaseRedisModel, RedisModelMeta, channel_of, key_to_write
from rapyer.errors import InvalidPathError
from rapyer.expr.paths import Path, is_path
from rapyer.keys import KeyLike, RedisKey
from rapyer.paths import FieldPath, Readable
from rapyer.reading import REQUIRED, read_fields

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")
F = TypeVar("F")


class ExtractByKey(Protocol):
    """`User.extract_fields`: parts of the document at a key, by path."""

    def __call__(
        self, paths: Sequence[str | Readable[Any]], key: KeyLike, *, default: Any = ...
    ) -> Awaitable[dict[str | Readable[Any], Any]]:
        """Read them."""
        ...


class ExtractOfInstance(Protocol):
    """`user.extract_fields`: parts of an instance's document, by path."""

    def __call__(
        self, paths: Sequence[str | Readable[Any]], *, default: Any = ...
    ) -> Awaitable[dict[str | Readable[Any], Any]]:
        """Read them."""
        ...


class _ExtractFields:
    """`extract_fields`: takes a key on the class, and none on an instance."""

    @overload
    def __get__(self, instance: None, owner: type[BaseRedisModel]) -> ExtractByKey: ...
    @overload
    def __get__(
        self, instance: BaseRedisModel, owner: type[BaseRedisModel]
    ) -> ExtractOfInstance: ...
    def __get__(
        self, instance: BaseRedisModel | None, owner: type[BaseRedisModel]
    ) -> ExtractByKey | ExtractOfInstance:
        if instance is None:

            def extract_fields(
                paths: Sequence[str | Readable[Any]], key: KeyLike, *, default: Any = REQUIRED
            ) -> Awaitable[dict[str | Readable[Any], Any]]:
                return _extract(owner, owner.__rapyer_identity__.resolve(key), paths, default)

            return extract_fields

        def extract(
            paths: Sequence[str | Readable[Any]], *, default: Any = REQUIRED
        ) -> Awaitable[dict[str | Readable[Any], Any]]:
            return _extract(owner, key_to_write(instance), paths, default)

        return extract


async def _extract(
    model: type[BaseRedisModel],
    key: RedisKey,
    paths: Sequence[str | Readable[Any]],
    default: Any,
) -> dict[str | Readable[Any], Any]:
    if isinstance(paths, str) or is_path(paths):
        raise TypeError(f"extract_fields was given {paths!r}, which is one path. Give a list.")
    asked = list(dict.fromkeys(paths))
    if not asked:
        return {}
    resolved = [_as_path(model, path) for path in asked]
    (values,) = await read_fields(model, channel_of(model), (key,), resolved, default)
    return dict(zip(asked, values, strict=True))


def _as_path(model: type[BaseRedisModel], path: object) -> Path[Any]:
    return path if is_path(path) else model.__rapyer_locations__.resolve(path)


class ExtractMixin(BaseRedisModel, metaclass=RedisModelMeta):
    """`path`, `extract`, `extract_many` and `extract_fields`."""

    extract_fields: ClassVar[_ExtractFields] = _ExtractFields()
    """Parts of a document: `await User.extract_fields(["name", "items[0].price"], key)`.

    On an instance, leave out the key. Paths are texts or path objects. The result is a dict that
    maps each path, in the order given, to its value, validated against the type of its field.
    `default=` stands in for what is missing. One `JSON.GET`, one round trip. Raises what `get` of
    a path raises, and `InvalidPathError` for a text that leads nowhere.
    """

    @classmethod
    def path(cls, text: str) -> FieldPath[Any]:
        """Return the path that a text names: `User.path("items[0].price")`.

        A name after a dot is a field, or a key of a dict with text keys. Brackets hold an index, a
        quoted key or the quoted name of a field: `meta["a b"]`.

        Raises:
            InvalidPathError: The text is not a path, or leads nowhere in the model; the message
                shows where.
        """
        return cast("FieldPath[Any]", cls.__rapyer_locations__.resolve(text))

    @overload
    @classmethod
    async def extract(cls, key: KeyLike, a: Readable[A], /, *, default: Any = ...) -> tuple[A]: ...
    @overload
    @classmethod
    async def extract(
        cls, key: KeyLike, a: Readable[A], b: Readable[B], /, *, default: Any = ...
    ) -> tuple[A, B]: ...
    @overload
    @classmethod
    async def extract(
        cls, key: KeyLike, a: Readable[A], b: Readable[B], c: Readable[C], /, *,
        default: Any = ...,
    ) -> tuple[A, B, C]: ...  # fmt: skip
    @overload
    @classmethod
    async def extract(
        cls, key: KeyLike, a: Readable[A], b: Readable[B], c: Readable[C], d: Readable[D], /, *,
        default: Any = ...,
    ) -> tuple[A, B, C, D]: ...  # fmt: skip
    @overload
    @classmethod
    async def extract(
        cls, key: KeyLike, *paths: Readable[Any], default: Any = ...
    ) -> tuple[Any, ...]: ...
    @classmethod
    async def extract(cls, key: KeyLike, *paths: Any, default: Any = REQUIRED) -> tuple[Any, ...]:
        """Read some fields of the document at a key: `JSON.GET key path ...`. One round trip.

        Takes a second one if the document lacks something along the path to a value, as `get` of a
        path does.

        Args:
            key: A primary key or a whole Redis key, as for `get`.
            paths: The paths: `User.age`, `User.address.city`.
            default: Stands in for values that are not there.

        Returns:
            The values in the order of the paths, typed by them.

        Raises:
            KeyNotFoundError: There is no such document, and no `default` was given.
            PathNotFoundError: The document has nothing at a path, and no `default` was given.
            CorruptDocumentError: A value does not validate; pydantic's error is the cause.
            InvalidKeyError: The value cannot be a primary key of this model.
            WrongModelError: The key belongs to another registered model.
            InvalidPathError: One of `paths` is not a path.
            TypeError: No paths were given.
            ExpressionError: A path belongs to another model, or leads to many values.
            UnaddressableKeyError: A key along the path cannot be spelled on the server.
            WrongTypeError: The key holds a Redis type other than a JSON document.
            NotConnectedError: rapyer has not been told where Redis is.
        """
        (values,) = await cls.extract_many((key,), *paths, default=default)
        return values

    @overload
    @classmethod
    async def extract_many(
        cls, keys: Iterable[KeyLike], a: Readable[A], /, *, default: Any = ...
    ) -> list[tuple[A]]: ...
    @overload
    @classmethod
    async def extract_many(
        cls, keys: Iterable[KeyLike], a: Readable[A], b: Readable[B], /, *, default: Any = ...
    ) -> list[tuple[A, B]]: ...
    @overload
    @classmethod
    async def extract_many(
        cls, keys: Iterable[KeyLike], a: Readable[A], b: Readable[B], c: Readable[C], /, *,
        default: Any = ...,
    ) -> list[tuple[A, B, C]]: ...  # fmt: skip
    @overload
    @classmethod
    async def extract_many(
        cls, keys: Iterable[KeyLike], *paths: Readable[Any], default: Any = ...
    ) -> list[tuple[Any, ...]]: ...
    @classmethod
    async def extract_many(
        cls, keys: Iterable[KeyLike], *paths: Any, default: Any = REQUIRED
    ) -> list[tuple[Any, ...]]:
        """Read some fields of many documents. One round trip for every 500 keys.

        One more for every 500 documents that lack something along the path to a value.

        Args:
            keys: Primary keys or whole Redis keys, as for `get`; they may repeat.
            paths: The paths: `User.age`, `User.address.city`.
            default: Stands in for values that are not there, including those of missing documents.

        Returns:
            The values of each document, in the order of the keys.

        Raises:
            KeyNotFoundError: A document does not exist, and no `default` was given.
            TypeError: No paths were given, or `keys` is a single key.
            RapyerError: As `extract`.
        """
        for path in paths:
            if not is_path(cast("object", path)):
                raise InvalidPathError(
                    f"{path!r} is not a path. Give paths such as {cls.__name__}.<field>, or "
                    f"{cls.__name__}.path({path!r}) for one that is known only at run time."
                )
        if isinstance(keys, str):
            raise TypeError(
                f"{cls.__name__}.extract_many was given the single key {keys!r}. Give a list."
            )
        resolve_key = cls.__rapyer_identity__.resolve
        redis_keys = [resolve_key(key) for key in keys]
        if not paths:
            raise TypeError(f"{cls.__name__}.extract was given no path. Give at least one.")
        if not redis_keys:
            return []
        rows = await read_fields(cls, channel_of(cls), redis_keys, paths, default)
        return [tuple(row) for row in rows]
