"""Between an instance of a model and the JSON text of its document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from pydantic_core import PydanticSerializationError, ValidationError

from rapyer._pydantic import build_serializer, build_validator
from rapyer.errors import UnaddressableKeyError, UnstorableValueError
from rapyer.types.schema import STORAGE_CONFIG, storage_schema
from rapyer.types.spelling import (
    EXPONENT,
    LONG_NUMBER,
    SHAPE,
    SIGN,
    Correction,
    UnspellableNumberError,
    corrections_of,
    spell_numbers,
)
from rapyer.types.text import BACKSLASH, hide_nul, restore_nul
from rapyer.types.values import find_difference, find_fault, path_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import BaseModel

    from rapyer.types.registry import FieldTypes

#: The text of a document, and what has to be added to numbers in it.
Dump: TypeAlias = tuple[bytes, tuple[Correction, ...]]

#: Schemas under which no number can stand, so that none has to be looked at.
_WITHOUT_NUMBERS = frozenset(
    {
        "bool", "str", "none", "list", "dict", "nullable", "default", "union",
        "definitions", "definition-ref", "model", "model-fields", "model-field", "uuid", "bytes",
        "date", "time", "datetime",
    }
)  # fmt: skip


class DocumentCodec:
    """Dumps instances of one model class to documents, and loads them again.

    Both directions are one call into pydantic-core; no JSON is parsed in Python. What they need
    is built on first use, once per class.

    Args:
        model: The class; it may still have unresolved annotations.
        field_types: The types whose values have a stored form of their own.
    """

    __slots__ = (
        "_by_parts",
        "_field_types",
        "_has_numbers",
        "_model",
        "_to_json",
        "_validate_json",
    )

    def __init__(self, model: type[BaseModel], field_types: FieldTypes) -> None:
        self._model = model
        self._field_types = field_types
        self.reset()

    def reset(self) -> None:
        """Forget what was built, because the annotations of the model were resolved anew."""
        self._has_numbers, self._by_parts = True, True
        self._to_json: Callable[..., bytes] = self._build_and_dump
        self._validate_json: Callable[..., Any] = self._build_and_load

    def _to_look(self, instance: BaseModel) -> Any:
        """Dump an instance in Python objects, with marks for what is refused."""
        schema = storage_schema(
            self._model.__pydantic_core_schema__, self._field_types, to_look=True
        ).schema
        return build_serializer(schema, STORAGE_CONFIG).to_python(instance, warnings=False)

    def _build(self) -> None:
        model = self._model
        if not model.__pydantic_complete__:
            model.model_rebuild()
        schema, kinds, self._by_parts = storage_schema(
            model.__pydantic_core_schema__, self._field_types
        )
        validator = build_validator(schema, STORAGE_CONFIG)
        serializer = build_serializer(schema, STORAGE_CONFIG)
        self._has_numbers = not kinds <= _WITHOUT_NUMBERS
        self._validate_json = validator.validate_json
        self._to_json = serializer.to_json

    def _build_and_dump(self, instance: BaseModel, **options: Any) -> bytes:
        self._build()
        return self._to_json(instance, **options)

    def _build_and_load(self, document: bytes, **options: Any) -> Any:
        self._build()
        return self._validate_json(document, **options)

    def dump(self, instance: BaseModel, *, checked: bool = False) -> Dump:
        """Dump an instance as the JSON text, in UTF-8, that the server reads as exactly its values.

        Args:
            instance: The instance.
            checked: Whether to make sure, before the text is spelled for the server, that it gives
                the instance back. pydantic does not look at what is assigned to a field, nor at
                what is put into a list; a subclass in a field of its base would lose fields, a
                masked secret its value. Readers would find out when it is too late.

        Returns:
            The text, and what has to be added to its numbers in the same atomic step: nothing but
            for one or two in a thousand doubles of full precision.

        Raises:
            UnstorableValueError: A value is one that JSON or the server cannot hold exactly, or
                (`checked`) one that does not validate or would be read back as another. The error
                has its path.
        """
        try:
            document = self._to_json(instance, warnings=False)
        except (PydanticSerializationError, RecursionError) as exc:
            raise self.fault_of(instance) or UnstorableValueError(
                f"{type(instance).__name__} cannot be stored: {exc}."
            ) from exc
        if checked:
            self._check(document, instance)
        if BACKSLASH in document or not document.isascii():
            document = hide_nul(document)
        if self._has_numbers:
            shape = document.translate(SHAPE)
            if LONG_NUMBER in shape or (SIGN in shape and EXPONENT in shape):
                return self._spell_numbers(instance, document)
        return document, ()

    def _check(self, document: bytes, instance: BaseModel) -> None:
        try:
            read = self._validate_json(document, strict=True)
        except ValidationError as exc:
            first = exc.errors(include_url=False)[0]
            path = path_text(first["loc"])
            raise self.fault_of(instance) or UnstorableValueError(
                f"{self._model.__name__}.{path} cannot be stored: a document with the value "
                f"{_shortened_repr(first['input'])} there could not be read back. "
                f"pydantic says: {first['msg']}.",
                path=path,
                value=first["input"],
            ) from exc
        if not self._by_parts and read.__dict__ == instance.__dict__:
            return
        difference = find_difference(instance, read)
        if difference is not None:
            path, value, other = difference
            raise self.fault_of(instance) or UnstorableValueError(
                f"{self._model.__name__}.{path} cannot be stored: {_shortened_repr(value)} would "
                f"be read back as {_shortened_repr(other)}. Assign a value that the field's type, "
                "its validators and its serializer leave as it is.",
                path=path,
                value=value,
            )

    def load(self, document: bytes) -> Any:
        """Make an instance of the model from the JSON text of its document.

        Values have to have the JSON type of their field: a text `"5"` is no integer here, since
        neither an index nor a script of the server would take it for one.

        Raises:
            pydantic.ValidationError: The document does not validate.
        """
        if not document.isascii():
            document = restore_nul(document)
        return self._validate_json(document, strict=True)

    def fault_of(self, instance: BaseModel) -> UnstorableValueError | None:
        """Find out why an instance cannot be stored, after a dump or the server refused it.

        Returns:
            The error to raise, with path and value; None when every value by itself is fine.
        """
        try:
            dumped = self._to_look(instance)
        except (PydanticSerializationError, RecursionError, TypeError):
            return None  # a TypeError for keys that are no keys any more when they are dumped
        fault = find_fault(dumped)
        if fault is None:
            return None
        where = f"{type(instance).__name__}.{fault.path}" if fault.path else type(instance).__name__
        return UnstorableValueError(
            f"{_shorten(where)} cannot be stored: {_shortened_repr(fault.value)} {fault.reason}.",
            path=fault.path,
            value=fault.value,
        )

    def _spell_numbers(self, instance: BaseModel, document: bytes) -> Dump:
        try:
            spelled = spell_numbers(document)
            # only a text that was changed can hold a number without a spelling
            return spelled, () if spelled == document else corrections_of(document)
        except (UnspellableNumberError, UnaddressableKeyError) as exc:
            raise self.fault_of(instance) or UnstorableValueError(
                f"{type(instance).__name__} cannot be stored: a number in it has no exact text on "
                f"the server ({exc}). Round it to 15 significant digits."
            ) from exc


def _shortened_repr(value: object) -> str:
    try:
        return _shorten(repr(value))
    except Exception:  # noqa: BLE001 - any repr may fail, that of an integer of 4300 digits does
        return f"a {type(value).__name__}"


def _shorten(text: str, limit: int = 80) -> str:
    return text if len(text) <= limit else f"{text[:limit]}..."
