"""What the document of an instance was when it was last loaded or saved."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from pydantic_core import from_json, to_json

from rapyer.types.text import restore_nul

#: Changes that are kept before they are applied, which takes as long as parsing the document.
_MANY = 100


class Patch(NamedTuple):
    """What a partial update has changed in a document.

    Attributes:
        steps: The keys and indexes that lead there, with U+0000 as such.
        text: The JSON text of what stands there now; None where it was removed.
    """

    steps: Sequence[str | int]
    text: bytes | None


class Baseline:
    """The JSON text of a document, and what was changed in it since.

    Args:
        text: The text, in UTF-8, as `Codec.text` gives it.
        patches: The changes, applied when they are needed, once.
    """

    __slots__ = ("_patches", "_text")

    def __init__(self, text: bytes, patches: tuple[Patch, ...] = ()) -> None:
        self._text = text
        self._patches = patches

    @classmethod
    def of_reply(cls, raw: bytes) -> Baseline:
        """Make one of a document as the server gave it."""
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

    def patched(self, patches: Iterable[Patch]) -> Baseline:
        """Give what the document is after some more changes."""
        if len(self._patches) > _MANY:
            self._text, self._patches = self.text, ()
        return Baseline(self._text, (*self._patches, *patches))


def _apply(document: Any, patch: Patch) -> None:
    around = document
    for step in patch.steps[:-1]:
        around = around[step]
    last: Any = patch.steps[-1]
    if patch.text is not None:
        around[last] = from_json(patch.text)
    else:
        around.pop(last, None)
