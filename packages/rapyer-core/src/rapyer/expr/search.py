"""Full text: conditions on the words of texts, which only an index can answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from rapyer.errors import ExpressionError
from rapyer.expr.nodes import Condition

if TYPE_CHECKING:
    from rapyer.expr.paths import Path


class Matches(Condition):
    """A text contains some words: `User.bio.matches("redis -cache")`.

    The index decides what a word is, so plain Python cannot say whether a document fulfills it.

    Attributes:
        left: The path of the text.
        text: The words, as `rapyer-query` reads them.
        fuzzy: By how many letters words may differ.
    """

    __slots__ = ("fuzzy", "left", "text")
    __parts__ = ("left", "text", "fuzzy")

    def __init__(self, left: Path[Any], text: str, fuzzy: int = 0) -> None:
        self.left = left
        self.text = text
        self.fuzzy = fuzzy

    def __predicate__(self) -> Callable[[Any], bool]:
        return self._asks_an_index

    def _asks_an_index(self, instance: object) -> NoReturn:
        del instance
        raise ExpressionError(
            f"{self!r} can only be answered by an index, which has the words of strings. Query it "
            "with find(...), and declare the field with Field(text=True)."
        )

    def __repr__(self) -> str:
        more = f", fuzzy={self.fuzzy}" if self.fuzzy else ""
        return f"{self.left!r}.matches({self.text!r}{more})"
