"""What the document of an instance was when the instance was last loaded or saved."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from pydantic_core import from_json, to_json

from rapyer.guards import is_list, is_mapping
from rapyer.types.text import restore_nul

#: How many changes are kept before they are applied, which takes as long as parsing the document.
_MANY = 100


class Patch(NamedTuple):
    """What a partial update has changed in a document.

    Attributes:
        steps: The keys and indexes that lead there, with U+0000 as such.
        text: The JSON text of what is there now; None if it was removed.
    """

    steps: Sequence[str | int]
    text: bytes | None


class Splice(NamedTuple):
    """What an operation on a list has changed in a document: some elements were replaced.

    Attributes:
        steps: The keys and indexes that lead to the list, with U+0000 as such.
        start: The index of the first replaced element.
        stop: The index after the last one; None for the end.
        text: The JSON text of the list of elements that are there now.
    """

    steps: Sequence[str | int]
    start: int
    stop: int | None
    text: bytes


class Baseline:
    """The JSON text of a document, and what has changed in it since.

    Args:
        text: The text, in UTF-8, as `Codec.text` gives it.
        patches: The changes, applied once, when they are needed.
    """

    __slots__ = ("_patches", "_text")

    def __init__(self, text: bytes, patches: tuple[Patch | Splice, ...] = ()) -> None:
        self._text = text
        self._patches = patches

    @classmethod
    def of_reply(cls, raw: bytes) -> Baseline:
        """Make a baseline from a document as the server gave it."""
        return cls(raw if raw.isascii() else restore_nul(raw))

    @property
    def text(self) -> bytes:
        """The JSON text of the document."""
        if self._patches:
            document: Any = from_json(self._text)
            for patch in self._patches:
                _apply(document, patch)
            self._text, self._patches = to_json(document), ()
        return self._text

    def patched(self, patches: Iterable[Patch | Splice]) -> Baseline:
        """Return what the document is after some more changes."""
        if len(self._patches) > _MANY:
            self._text, self._patches = self.text, ()
        return Baseline(self._text, (*self._patches, *patches))


def _apply(document: Any, patch: Patch | Splice) -> None:
    if isinstance(patch, Patch):
        _replace(document, patch)
        return
    elements = document
    for step in patch.steps:
        if not _has(elements, step):
            return
        elements = elements[step]
    if is_list(elements):
        elements[patch.start : patch.stop] = from_json(patch.text)


def _replace(document: Any, patch: Patch) -> None:
    """Change a document, unless it has no such place.

    In that case others have made the place, after the instance had been given it without saving.
    What is around it then stays as it was remembered, and is reported as a change.
    """
    around = document
    *way, last = patch.steps
    for step in way:
        if not _has(around, step):
            return
        around = around[step]
    if is_list(around) and not _has(around, last):
        return
    if is_mapping(around) or is_list(around):
        parts: Any = around
        if patch.text is not None:
            parts[last] = from_json(patch.text)
        else:
            parts.pop(last, None)


def _has(value: object, step: Any) -> bool:
    if is_list(value):
        return step in range(-len(value), len(value))
    return is_mapping(value) and step in value
