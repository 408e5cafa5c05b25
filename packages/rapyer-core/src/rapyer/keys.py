"""Primary keys and Redis keys."""

from __future__ import annotations

import re
import uuid
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeAlias

from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from rapyer.errors import AbstractModelError, InvalidKeyError, WrongModelError
from rapyer.types.marking import CHECKS_ONLY

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from rapyer.base import BaseRedisModel
    from rapyer.registry import ModelRegistry

#: What names a document in a call: its primary key, its whole Redis key as text, or that key as
#: `Model.key_of` gives it.
KeyLike: TypeAlias = "str | int | uuid.UUID"

#: The types that a primary key can have.
KEY_TYPES = (str, int, uuid.UUID)

_INTEGER = re.compile(r"-?[0-9]{1,19}")

#: Keys that belong to rapyer itself, such as locks.
_OWN_PREFIX = "rapyer"


class RedisKey(str):
    """A whole Redis key, as `Model.key_of(pk)` gives it; every call takes it as it is."""

    __slots__ = ()


def snake_case(class_name: str) -> str:
    """Turn the name of a class into a prefix: `HTTPRequest` into `http_request`.

    The type arguments of a generic model become part of it: `Page[Item]` gives `page_item`.
    """
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", class_name)
    return re.sub(r"\W+", "_", spaced).strip("_").lower()


def check_prefix(prefix: object) -> str:
    """Check that a value can be the prefix of a model's keys, and return it.

    Raises:
        ValueError: It cannot; the message gives the reason and the remedy.
    """
    if not isinstance(prefix, str) or not prefix:
        raise ValueError(
            "is not a string. Give the part of the keys before the colon, such as 'user'"
        )
    if prefix.endswith(":"):
        raise ValueError(f"ends with the colon that rapyer adds. Write {prefix.rstrip(':')!r}")
    if prefix == _OWN_PREFIX or prefix.startswith(f"{_OWN_PREFIX}:"):
        raise ValueError("is reserved for rapyer's own keys. Choose another one")
    if prefix.startswith("{") and "}" not in prefix:
        # '{user' and '1}' would make '{user:1}', which has the hash tag of the keys beside 'user:1'
        raise ValueError(
            "opens a brace that primary keys would close. Close it in the prefix, or set `hash_tag`"
        )
    if "\0" in prefix:
        raise ValueError("contains U+0000, and an index truncates keys there")
    if "\r" in prefix or "\n" in prefix:
        raise ValueError(
            "contains a line break, which the server turns into a space when it describes an index"
        )
    try:
        prefix.encode()
    except UnicodeEncodeError as exc:
        raise ValueError("contains a lone surrogate, which is not valid text") from exc
    return prefix


def check_hash_tag(tag: object) -> str | None:
    """Check that a value can be the hash tag of a model's keys, and return it.

    Raises:
        ValueError: It cannot; the message gives the reason and the remedy.
    """
    if tag is None:
        return None
    if not isinstance(tag, str) or not tag or not tag.isprintable() or {*tag} & {*"{}"}:
        raise ValueError(
            "is not a string that can be put in braces. Give one such as 'shop', without braces"
        )
    return tag


class Identity:
    """How the documents of one model are named: its prefix, and the type of its primary key.

    Args:
        model_name: The name of the model, for messages.
        prefix: The part of the keys before the colon; empty for an abstract model.
        registry: Knows the models that other keys belong to.

    Attributes:
        prefix: The part of the keys before the colon; empty for an abstract model.
        key_field: The name of the field annotated `Key[...]`; None if rapyer makes the `pk`.
        key_type: The type of the primary key.
        complete: Resolves the annotations of the model, which may include the key field, if that
            was not possible at its definition; None when everything is known.
    """

    __slots__ = ("_head", "_model_name", "_registry", "complete", "key_field", "key_type", "prefix")

    def __init__(self, model_name: str, prefix: str, registry: ModelRegistry) -> None:
        self._model_name = model_name
        self._registry = registry
        self._head = f"{prefix}:"
        self.prefix = prefix
        self.key_field: str | None = None
        self.key_type: type[Any] = str
        self.complete: Callable[[], object] | None = None

    def new_pk(self) -> str:
        """Make a unique primary key: 32 random hexadecimal digits."""
        return uuid.uuid4().hex

    def key(self, pk: object) -> RedisKey:
        """Return the whole Redis key for a primary key.

        Raises:
            AbstractModelError: The model has no keys.
            InvalidKeyError: The value cannot be a primary key of this model.
        """
        self.require_keys()
        return RedisKey(self._head + self._pk_text(pk))

    def is_key_of(self, pk: object, key: str) -> bool:
        """Return whether a whole Redis key is the one for a primary key.

        For the commonest types this avoids making the key, because it is asked for every document
        that is read.

        Raises:
            InvalidKeyError: The value cannot be a primary key of this model.
        """
        kind = self.key_type
        if type(pk) is kind and (
            kind is int or (kind is str and pk_fault(str(pk), self._head) is None)
        ):
            return key == f"{self._head}{pk}"
        return key == self.key(pk)

    def require_keys(self) -> None:
        """Make sure that the model has documents, and that its annotations are resolved.

        Raises:
            AbstractModelError: It has no keys.
        """
        if not self.prefix:
            raise AbstractModelError(
                f"{self._model_name} is abstract: it has no prefix and no keys. "
                "Use one of its subclasses."
            )
        if self.complete is not None:
            self.complete()

    def pk(self, key: str) -> str:
        """Return the primary key, as text, that a whole Redis key of this model ends with."""
        return key[len(self._head) :]

    def _pk_text(self, pk: object) -> str:
        if isinstance(pk, str):
            text = self._canonical(pk)
        elif isinstance(pk, bool) or not isinstance(pk, KEY_TYPES):
            raise InvalidKeyError(
                f"{pk!r} is not a primary key of {self._model_name}: it is a {type(pk).__name__}. "
                f"Give a {self.key_type.__name__}.",
                value=pk,
            )
        else:
            text = self._canonical(str(pk))
        reason = pk_fault(text, self._head)
        if reason is not None:
            raise InvalidKeyError(
                f"{text!r} cannot be a primary key of {self._model_name}: it {reason}.", value=pk
            )
        return text

    def _canonical(self, text: str) -> str:
        """Spell a primary key as it is spelled in the key of its document."""
        if self.key_type is str:
            return text
        try:
            if self.key_type is int and not _INTEGER.fullmatch(text):
                raise ValueError(text)  # noqa: TRY301 - int() takes blanks, underscores and more
            return str(self.key_type(text))
        except ValueError as exc:
            raise InvalidKeyError(
                f"{text!r} is not a primary key of {self._model_name}, whose {self.key_field!r} is "
                f"a {self.key_type.__name__}.",
                value=text,
            ) from exc

    def resolve(self, key: object) -> RedisKey:
        """Return the whole Redis key for the key that a call was given.

        A text that starts with the model's own `prefix:` is a whole key; any other is a primary
        key.

        Raises:
            AbstractModelError: The model has no keys.
            InvalidKeyError: The value cannot be a primary key of this model.
            WrongModelError: The key belongs to another registered model.
        """
        self.require_keys()
        if isinstance(key, str):
            if key.startswith(self._head):
                return key if isinstance(key, RedisKey) else self._whole_key(key)
            if ":" in key:
                self._refuse_foreign(key)
        return self.key(key)

    def _whole_key(self, key: str) -> RedisKey:
        pk = key[len(self._head) :]
        if not pk:
            raise InvalidKeyError(
                f"{key!r} is only the prefix of {self._model_name}. Give a primary key after it.",
                value=key,
            )
        return RedisKey(key if self.key_type is str else self._head + self._canonical(pk))

    def _refuse_foreign(self, key: str) -> None:
        other = self._registry.model_of_key(key)
        if isinstance(key, RedisKey) or other is not None:
            owner = (
                f"the model {other.__name__}"
                if other is not None
                else "a model that this process does not know"
            )
            raise WrongModelError(
                f"{key!r} is the key of {owner}, not of {self._model_name}. If it is a primary "
                f"key, give {self._model_name}.key_of({str(key)!r}).",
                value=key,
            )


def pk_fault(pk: str, head: str) -> str | None:
    """Say why a text cannot be a primary key of the model whose keys start with `head`."""
    if not pk:
        return "is empty"
    if "\0" in pk:
        return "contains U+0000, and an index truncates a key there"
    if pk.startswith(head):
        return f"starts with the model's own prefix {head!r}, which is added to it anyway"
    if not pk.isascii():
        try:
            pk.encode()
        except UnicodeEncodeError:
            return "contains a lone surrogate, which is not valid text"
    return None


_model_in_schema: ContextVar[type[BaseRedisModel] | None] = ContextVar("model", default=None)


@contextmanager
def schema_of(model: type[BaseRedisModel]) -> Generator[None]:
    """Tell `Key` fields which model they belong to while pydantic makes the schema of `model`."""
    token = _model_in_schema.set(model)
    try:
        yield
    finally:
        _model_in_schema.reset(token)


def check_text_pk(schema: CoreSchema) -> CoreSchema:
    """Make the schema of a `Key[str]` field refuse what cannot be a primary key of its model."""
    model = _model_in_schema.get()
    if model is None or schema["type"] != "str":
        return schema

    def check(pk: str) -> str:
        reason = pk_fault(pk, f"{model.__rapyer_identity__.prefix}:")
        if reason is not None:
            raise PydanticCustomError("primary_key", "the primary key {reason}", {"reason": reason})
        return pk

    return core_schema.no_info_after_validator_function(check, schema, metadata={CHECKS_ONLY: True})
