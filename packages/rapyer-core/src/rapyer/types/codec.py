"""Between an instance of a model and the JSON text of its document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_core import PydanticSerializationError

from rapyer._pydantic import build_serializer, build_validator
from rapyer.errors import UnstorableValueError
from rapyer.types import numbers
from rapyer.types.schema import STORAGE_CONFIG, storage_schema
from rapyer.types.values import LOOKING, find_fault

if TYPE_CHECKING:
    import re
    from collections.abc import Callable

    from pydantic import BaseModel
    from pydantic_core import SchemaSerializer, SchemaValidator

#: Schemas under which no float can stand, so that no spelling has to be looked at.
_WITHOUT_FLOATS = frozenset(
    {
        "bool", "int", "str", "none", "literal", "list", "dict", "nullable", "default", "union",
        "definitions", "definition-ref", "model", "model-fields", "model-field", "uuid",
    }
)  # fmt: skip


class DocumentCodec:
    """Dumps instances of one model class to documents, and loads them again.

    Both directions are one call into pydantic-core; no JSON is parsed in Python. What they need
    is built on first use, once per class.

    Args:
        model: The class; it may still have unresolved annotations.
    """

    __slots__ = ("_is_suspect", "_model", "_serializer", "_validator")

    def __init__(self, model: type[BaseModel]) -> None:
        self._model = model
        self.reset()

    def reset(self) -> None:
        """Forget what was built, because the annotations of the model were resolved anew."""
        self._validator: SchemaValidator | None = None
        self._serializer: SchemaSerializer | None = None
        self._is_suspect: Callable[[bytes], bool] | None = None

    def _build(self) -> tuple[SchemaValidator, SchemaSerializer]:
        model = self._model
        if not model.__pydantic_complete__:
            model.model_rebuild()
        schema, kinds = storage_schema(model.__pydantic_core_schema__)
        self._validator = build_validator(schema, STORAGE_CONFIG)
        self._serializer = build_serializer(schema, STORAGE_CONFIG)
        if not kinds <= _WITHOUT_FLOATS:
            self._is_suspect = numbers.has_suspect_float
        elif kinds & {"int", "literal"}:
            self._is_suspect = numbers.has_suspect_integer
        return self._validator, self._serializer

    def dump(self, instance: BaseModel) -> bytes:
        """Dump an instance as the JSON text, in UTF-8, that the server reads as exactly its values.

        Raises:
            UnstorableValueError: A value has another type than its field, or is one that JSON or
                the server cannot hold exactly. The error has its path.
        """
        serializer = self._serializer or self._build()[1]
        try:
            document = serializer.to_json(instance, warnings="error")
        except (PydanticSerializationError, RecursionError) as exc:
            raise self.fault_of(instance) or UnstorableValueError(
                f"{type(instance).__name__} cannot be stored: {exc}. "
                "Assign values of the fields' types."
            ) from exc
        if self._is_suspect is not None and self._is_suspect(document):
            return self._spell_numbers(instance, document)
        return document

    def load(self, document: bytes) -> Any:
        """Make an instance of the model from the JSON text of its document.

        Raises:
            pydantic.ValidationError: The document does not validate.
        """
        validator = self._validator or self._build()[0]
        return validator.validate_json(document)

    def fault_of(self, instance: BaseModel) -> UnstorableValueError | None:
        """Find out why an instance cannot be stored, after a dump or the server refused it.

        Returns:
            The error to raise, with path and value; None when every value by itself is fine.
        """
        serializer = self._serializer or self._build()[1]
        try:
            dumped = serializer.to_python(instance, warnings=False, context=LOOKING)
        except (PydanticSerializationError, RecursionError):
            return None
        fault = find_fault(dumped)
        if fault is None:
            return None
        where = f"{type(instance).__name__}.{fault.path}" if fault.path else type(instance).__name__
        return UnstorableValueError(
            f"{_shorten(where)} cannot be stored: {_shortened_repr(fault.value)} {fault.reason}.",
            path=fault.path,
            value=fault.value,
        )

    def _spell_numbers(self, instance: BaseModel, document: bytes) -> bytes:
        try:
            return numbers.NUMBER_OR_TEXT.sub(_spell, document)
        except numbers.UnspellableNumberError as exc:
            raise self.fault_of(instance) or UnstorableValueError(
                f"{type(instance).__name__} cannot be stored: {exc}."
            ) from exc


def _spell(token: re.Match[bytes]) -> bytes:
    text = token[0]
    return text if text.startswith(b'"') else numbers.spell_number(text)


def _shortened_repr(value: object) -> str:
    try:
        return _shorten(repr(value))
    except RecursionError:
        return f"a {type(value).__name__}"


def _shorten(text: str, limit: int = 80) -> str:
    return text if len(text) <= limit else f"{text[:limit]}..."
