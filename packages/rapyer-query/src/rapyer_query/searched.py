"""What is searched other than by comparison: the words of texts, and vectors."""

from __future__ import annotations

from rapyer.indexed import Text, Vector

from rapyer_query.attributes import Attribute, Attributes
from rapyer_query.place import Place


class NotSearchedError(Exception):
    """A place cannot be searched as its field says; the message is a clause about the field."""


def add_words(found: Attributes, text: Text, place: Place, name: str) -> None:
    """Index the words of a text.

    Args:
        found: The attributes of the model.
        text: How to index them.
        place: Where the text is.
        name: The name of the attribute.

    Raises:
        NotSearchedError: Other fields have words of another language.
    """
    language = text.language or "english"
    if found.texts and found.language != language:
        raise NotSearchedError(
            f"has words of the language {language!r}, but other fields have words of "
            f"{found.language!r}. An index has one language."
        )
    found.language = language
    found.texts[place.way] = Attribute(
        name, place.path, "TEXT", "words", has_missing=bool(place.absent), absent=place.absent,
        since=place.since, text=text,
    )  # fmt: skip


def add_vector(found: Attributes, vector: Vector, place: Place, name: str) -> None:
    """Index a list of numbers as a vector; see `add_words`."""
    found.vectors[place.way] = Attribute(
        name, place.path, "VECTOR", "vector", absent=place.absent, since=place.since, vector=vector
    )


def require_searched(found: Attributes, place: Place) -> None:
    """Make sure that a place can be searched as its field says.

    Raises:
        NotSearchedError: It cannot.
    """
    if place.is_many:
        return
    if place.text is not None and place.way not in found.texts:
        raise NotSearchedError(
            "is declared for full-text search, but is not a string itself. Declare that on a field "
            "of str."
        )
    if place.vector is not None and place.way not in found.vectors:
        raise NotSearchedError(
            "is declared as a vector, but is not a list of numbers. Annotate it as list[float]."
        )
