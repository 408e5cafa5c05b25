"""Converting between values, mainly instances of models, and the JSON text of their stored form."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, TypeAlias

from pydantic import BaseModel
from pydantic_core import PydanticSerializationError, ValidationError, core_schema

from rapyer._pydantic import build_serializer, build_validator
from rapyer.errors import ModelDefinitionError, UnaddressableKeyError, UnstorableValueError
from rapyer.types.proof import NAN, NAN_START, NO_PROOF, SHORT, is_doubtful, proof_of
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
from rapyer.types.values import MAX_LEVELS, find_difference, find_fault, path_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pydantic_core import CoreSchema
    from pydantic_core.core_schema import CoreConfig

    from rapyer.types.registry import FieldTypes

#: The text of a document, and what has to be added to numbers in it.
Dump: TypeAlias = tuple[bytes, tuple[Correction, ...]]

#: Schemas that cannot contain a number, so that no number has to be checked.
_WITHOUT_NUMBERS = frozenset(
    {
        "bool", "str", "none", "list", "dict", "nullable", "default", "union",
        "definitions", "definition-ref", "model", "model-fields", "model-field", "uuid", "bytes",
        "date", "time", "datetime",
    }
)  # fmt: skip
#: Types whose values have no parts, and whose equality is complete.
_SCALARS = frozenset({bool, int, float, str, bytes, type(None)})


class Codec:
    """Dumps the values of one place to their stored form, and loads them again.

    Both directions are one call into pydantic-core; no JSON is parsed in Python. What they need is
    built once, on first use.

    Args:
        name: What the values are, in messages: the name of a model, or a path.
        schema: Gives the core schema that pydantic has made for them.
        field_types: The types whose values have a stored form of their own.
        config: Settings of the model that they belong to.
    """

    __slots__ = (
        "_by_parts",
        "_config",
        "_field_types",
        "_has_numbers",
        "_levels",
        "_name",
        "_nests",
        "_proves",
        "_schema",
        "_to_json",
        "_validate_all",
        "_validate_json",
    )

    def __init__(
        self,
        name: str,
        schema: Callable[[], CoreSchema],
        field_types: FieldTypes,
        config: CoreConfig | None = None,
    ) -> None:
        self._name = name
        self._schema = schema
        self._field_types = field_types
        self._config: CoreConfig = {**(config or {}), **STORAGE_CONFIG}
        self._levels = 0
        self.reset()

    def reset(self) -> None:
        """Forget what was built, because annotations were resolved again."""
        self._has_numbers, self._by_parts = True, True
        self._proves, self._nests = NO_PROOF
        self._to_json: Callable[..., bytes] = self._build_and_dump
        self._validate_json: Callable[..., Any] = self._build_and_load
        self._validate_all: Callable[..., list[Any]] = self._build_and_load_all

    def named(self, name: str, levels: int) -> Codec:
        """Return a codec for the same values at one place, which shares what this one has built.

        Args:
            name: What the values are, in messages.
            levels: How many levels are around them in a document.
        """
        self._require_built()
        codec = copy.copy(self)
        codec._name, codec._levels = name, levels
        return codec

    def _to_look(self, value: Any) -> Any:
        """Dump a value to Python objects, with marks for what is refused."""
        schema = storage_schema(self._schema(), self._field_types, to_look=True).schema
        return build_serializer(schema, self._config).to_python(value, warnings=False)

    def _build(self) -> None:
        try:
            schema, kinds, self._by_parts = storage_schema(self._schema(), self._field_types)
        except ModelDefinitionError as exc:
            exc.add_note(f"Found in {self._name}.")
            raise
        validator = build_validator(schema, self._config)
        serializer = build_serializer(schema, self._config)
        # the equality of other people's classes says nothing about types, so those are checked
        self._by_parts |= any(kind.startswith("field type") for kind in kinds)
        self._has_numbers = not kinds <= _WITHOUT_NUMBERS
        self._proves, self._nests = proof_of(schema, self._config)
        self._validate_json = validator.validate_json
        self._to_json = serializer.to_json

    def _require_built(self) -> None:
        if self._to_json == self._build_and_dump:
            self._build()

    def _build_and_dump(self, value: Any, **options: Any) -> bytes:
        self._build()
        return self._to_json(value, **options)

    def _build_and_load(self, document: bytes, **options: Any) -> Any:
        self._build()
        return self._validate_json(document, **options)

    def _build_and_load_all(self, documents: bytes, **options: Any) -> list[Any]:
        schema = storage_schema(self._schema(), self._field_types).schema
        self._validate_all = build_validator(
            core_schema.list_schema(schema), self._config
        ).validate_json
        loaded: list[Any] = self._validate_all(documents, **options)
        return loaded

    def dump(self, value: Any, *, checked: bool = False) -> Dump:
        """Dump a value as the JSON text, in UTF-8, that the server reads as exactly that value.

        Args:
            value: An instance of the model, or the value of a field.
            checked: Whether to make sure, before the text is spelled for the server, that it gives
                the instance back. pydantic checks neither what is assigned to a field nor what is
                put into a list; a subclass in a field of its base would lose fields, and a masked
                secret its value. Readers would find out when it is too late.

        Returns:
            The text, and what has to be added to its numbers in the same atomic step: nothing,
            except for one or two in a thousand doubles of full precision.

        Raises:
            UnstorableValueError: A value is one that JSON or the server cannot hold exactly, or
                (`checked`) one that does not validate or would be read back as another. The error
                has its path.
        """
        return self.spell(value, self.text(value, checked=checked))

    def text(self, value: Any, *, checked: bool = False) -> bytes:
        """Dump a value as the JSON text, in UTF-8, that readers other than the server take for it.

        Args:
            value: An instance of the model, or the value of a field.
            checked: As for `dump`.

        Raises:
            UnstorableValueError: As for `dump`, except for numbers without a text.
        """
        try:
            text = self._to_json(value, warnings=False)
        except (PydanticSerializationError, RecursionError) as exc:
            raise self.fault_of(value) or UnstorableValueError(
                f"{self._name} cannot be stored: {exc}."
            ) from exc
        if checked and not (
            self._proves(value)
            and (NAN_START not in text or NAN not in text)
            and (len(text) < SHORT or not is_doubtful(text, nests=self._nests))
        ):
            self._check(text, value)
        # the server counts the levels of a value, not those around it: such a document could then
        # be neither saved nor copied as a whole
        if self._levels:
            looks_deep = (
                len(text) + self._levels > MAX_LEVELS
                and text.count(b"[") + text.count(b"{") + self._levels > MAX_LEVELS
            )
            # in a whole document the server refuses infinity; in one value of several it would
            # refuse it after some of them have been written
            if looks_deep or (self._has_numbers and b"Infinity" in text):
                fault = self.fault_of(value)
                if fault is not None:
                    raise fault
        return text

    def read(self, text: bytes) -> Any:
        """Make a value from text given by `text`, as `load` does from the server's text.

        Raises:
            pydantic.ValidationError: It does not validate.
        """
        return self._validate_json(text, strict=True)

    def texts(self, values: Iterable[Any]) -> list[bytes]:
        """Dump several values, as `text` does with one.

        Raises:
            UnstorableValueError: As for `text`.
        """
        to_json = self._to_json
        try:
            return [to_json(value, warnings=False) for value in values]
        except (PydanticSerializationError, RecursionError):
            return [self.text(value) for value in values]  # which reports what is wrong

    def member(self, value: Any, name: str) -> bytes:
        """Dump one field of a model as it appears among the members of an object: `"name":1`.

        Raises:
            UnstorableValueError: As for `text`.
        """
        try:
            return self._to_json(value, warnings=False, include={name})[1:-1]
        except (PydanticSerializationError, RecursionError) as exc:
            raise self.fault_of(value) or UnstorableValueError(
                f"{self._at(name)} cannot be stored: {exc}.", path=name
            ) from exc

    def spell(self, value: Any, text: bytes) -> Dump:
        """Spell the text of a value so that the server reads it exactly; see `dump`."""
        if BACKSLASH in text or not text.isascii():
            text = hide_nul(text)
        if self._has_numbers:
            shape = text.translate(SHAPE)
            # find takes half the time of `in`, which first checks whether the text is a number
            if shape.find(LONG_NUMBER) >= 0 or (SIGN in shape and shape.find(EXPONENT) >= 0):
                return self._spell_numbers(value, text)
        return text, ()

    def _check(self, document: bytes, value: Any) -> None:
        try:
            read = self.read(document)
        except ValidationError as exc:
            first = exc.errors(include_url=False)[0]
            path = path_text(first["loc"])
            raise self.fault_of(value) or UnstorableValueError(
                f"{self._at(path)} cannot be stored: a document with the value "
                f"{_shortened_repr(first['input'])} there would fail to load. pydantic says: "
                f"{first['msg']}.",
                path=path,
                value=first["input"],
            ) from exc
        if self._is_clearly_same(value, read):
            return
        difference = find_difference(value, read)
        if difference is not None:
            path, own, other = difference
            raise self.fault_of(value) or UnstorableValueError(
                f"{self._at(path)} cannot be stored: {_shortened_repr(own)} would load as "
                f"{_shortened_repr(other)}. Assign a value that the field's type, its validators "
                "and its serializer do not change.",
                path=path,
                value=own,
            )

    def _is_clearly_same(self, value: Any, read: Any) -> bool:
        """Return whether two values need not be compared part by part."""
        if type(value) in _SCALARS:
            return type(read) is type(value) and bool(read == value)
        return (
            not self._by_parts
            and isinstance(value, BaseModel)
            and type(read) is type(value)
            and bool(read.__dict__ == value.__dict__)
        )

    def _at(self, path: str) -> str:
        """Name a place in the values."""
        return f"{self._name}{path}" if not path or path.startswith("[") else f"{self._name}.{path}"

    def load(self, document: bytes) -> Any:
        """Make a value, such as an instance of a model, from the JSON text of its stored form.

        Values must have the JSON type of their field: a text `"5"` is not an integer here, because
        neither an index nor a script on the server would take it for one.

        Raises:
            pydantic.ValidationError: The document does not validate.
        """
        if not document.isascii():
            document = restore_nul(document)
        return self._validate_json(document, strict=True)

    def load_all(self, documents: Sequence[bytes]) -> list[Any]:
        """Make values from several JSON texts, in one call into pydantic-core; see `load`.

        Raises:
            pydantic.ValidationError: A document does not validate.
        """
        text = b"[" + b",".join(documents) + b"]"
        if not text.isascii():
            text = restore_nul(text)
        return self._validate_all(text, strict=True)

    def fault_of(self, value: Any) -> UnstorableValueError | None:
        """Find out why a value cannot be stored, after a dump or the server refused it.

        Returns:
            The error to raise, with path and value; None if every part is fine on its own.
        """
        try:
            dumped = self._to_look(value)
        except (PydanticSerializationError, RecursionError, TypeError):
            return None  # a TypeError for keys that are no longer keys once dumped
        fault = find_fault(dumped, levels=self._levels)
        if fault is None:
            return None
        return UnstorableValueError(
            f"{_shorten(self._at(fault.path))} cannot be stored: {_shortened_repr(fault.value)} "
            f"{fault.reason}.",
            path=fault.path,
            value=fault.value,
        )

    def _spell_numbers(self, value: Any, document: bytes) -> Dump:
        try:
            spelled = spell_numbers(document)
            # only a text that was changed can contain a number without a spelling
            return spelled, () if spelled == document else corrections_of(document)
        except (UnspellableNumberError, UnaddressableKeyError) as exc:
            raise self.fault_of(value) or UnstorableValueError(
                f"{self._name} cannot be stored: the server cannot represent a number in it "
                f"exactly ({exc}). Round it to 15 significant digits."
            ) from exc


def complete_schema(model: type[BaseModel]) -> CoreSchema:
    """Return the core schema of a model; its annotations are resolved now if they were not yet."""
    if not model.__pydantic_complete__:
        model.model_rebuild()
    return model.__pydantic_core_schema__


def _shortened_repr(value: object) -> str:
    try:
        return _shorten(repr(value))
    except Exception:  # noqa: BLE001 - any repr may fail, that of an integer of 4300 digits does
        return f"a {type(value).__name__}"


def _shorten(text: str, limit: int = 80) -> str:
    return text if len(text) <= limit else f"{text[:limit]}..."
