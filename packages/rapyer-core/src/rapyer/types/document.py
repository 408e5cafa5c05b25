"""Converting between models and the texts of their documents, one by one and in bulk."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic_core import CoreConfig, PydanticSerializationError

from rapyer.errors import UnstorableValueError
from rapyer.types.codec import Codec, complete_schema
from rapyer.types.proof import NAN, SHORT, is_doubtful
from rapyer.types.spelling import EXPONENT, LONG_NUMBER, SHAPE, SIGN, Correction
from rapyer.types.text import BACKSLASH
from rapyer.types.values import MAX_LEVELS

if TYPE_CHECKING:
    from pydantic import BaseModel

    from rapyer.types.registry import FieldTypes


_INFINITY = b"Infinity"


class Dumps(NamedTuple):
    """What `DocumentCodec.dump_many` makes from several instances.

    Attributes:
        texts: The texts for readers other than the server; empty for those that cannot be stored.
        documents: The texts as the server takes them.
        corrections: What has to be added to numbers in some of them, by position.
        failures: Why some of them cannot be stored, by position.
    """

    texts: Sequence[bytes]
    documents: Sequence[bytes]
    corrections: dict[int, tuple[Correction, ...]]
    failures: dict[int, Exception]


class DocumentCodec(Codec):
    """Dumps instances of one model class to documents, and loads them again.

    Args:
        model: The class; it may still have unresolved annotations.
        field_types: The types whose values have a stored form of their own.
    """

    __slots__ = ()

    def __init__(self, model: type[BaseModel], field_types: FieldTypes) -> None:
        # among the settings in schemas, pydantic takes this one only from the outermost validator
        hides = model.model_config.get("hide_input_in_errors", False)
        config: CoreConfig | None = {"hide_input_in_errors": True} if hides else None
        super().__init__(model.__name__, partial(complete_schema, model), field_types, config)

    def dump_many(self, instances: Sequence[Any]) -> Dumps:
        """Dump several instances, checked, as `dump` does with each.

        What is searched for in every text is searched for in all of them together, which takes half
        the time. An instance that cannot be stored does not keep the others from being dumped.
        """
        failures: dict[int, Exception] = {}
        texts = self._texts(instances, failures)
        together = b"".join(texts)
        self._find_failures(instances, texts, together, failures)
        if self._is_spelled_alike(together):
            return Dumps(texts, texts, {}, failures)
        documents: list[bytes] = []
        corrections: dict[int, tuple[Correction, ...]] = {}
        for place, text in enumerate(texts):
            document = b""
            added: tuple[Correction, ...] = ()
            if place not in failures:
                try:
                    document, added = self.spell(instances[place], text)
                except UnstorableValueError as exc:
                    failures[place] = exc
            documents.append(document)
            if added:
                corrections[place] = added
        return Dumps(texts, documents, corrections, failures)

    def _find_failures(
        self,
        instances: Sequence[Any],
        texts: Sequence[bytes],
        together: bytes,
        failures: dict[int, Exception],
    ) -> None:
        """Find those that could not be read back, and those that the server would refuse.

        If the server refuses one, it refuses all others in the same command.
        """
        suspects = self._doubtful(instances, texts, together)
        for place in suspects:
            try:
                if place not in failures:
                    self._check(texts[place], instances[place])
            except Exception as exc:  # noqa: BLE001 - a validator of the user may raise anything
                failures[place] = exc
        refused = [place for place in suspects if _may_be_deep(texts[place])]
        if _INFINITY in together:
            refused += [place for place, text in enumerate(texts) if _INFINITY in text]
        for place in refused:
            fault = self.fault_of(instances[place])
            if fault is not None:
                failures.setdefault(place, fault)

    def _texts(self, instances: Sequence[Any], failures: dict[int, Exception]) -> list[bytes]:
        self._require_built()
        to_json = self._to_json
        try:
            return [to_json(instance, warnings=False) for instance in instances]
        except (PydanticSerializationError, RecursionError):
            texts: list[bytes] = []
            for place, instance in enumerate(instances):
                try:
                    texts.append(self.text(instance))
                except UnstorableValueError as exc:
                    failures[place] = exc
                    texts.append(b"")
            return texts

    def _doubtful(
        self, instances: Sequence[Any], texts: Sequence[bytes], together: bytes
    ) -> list[int]:
        """Return the positions of those that may not be read back as they are."""
        nests, proven = self._nests, [*map(self._proves, instances)]
        places = set[int]()
        if not all(proven):
            places.update(place for place, is_proven in enumerate(proven) if not is_proven)
        if NAN in together:
            places.update(place for place, text in enumerate(texts) if NAN in text)
        if max(map(len, texts), default=0) >= SHORT:
            places.update(
                place
                for place, text in enumerate(texts)
                if len(text) >= SHORT and is_doubtful(text, nests=nests)
            )
        return sorted(places)

    def _is_spelled_alike(self, text: bytes) -> bool:
        """Return whether the server reads the texts inside a text as every other reader does."""
        if BACKSLASH in text or not text.isascii():
            return False
        if not self._has_numbers:
            return True
        shape = text.translate(SHAPE)
        return shape.find(LONG_NUMBER) < 0 and not (SIGN in shape and shape.find(EXPONENT) >= 0)


def _may_be_deep(text: bytes) -> bool:
    return len(text) > MAX_LEVELS and text.count(b"[") + text.count(b"{") > MAX_LEVELS
