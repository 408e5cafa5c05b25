"""Words of full-text search: how a request is parsed, and how the server splits texts.

User input never becomes a part of the syntax of a query: words are sent as parameters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from rapyer.errors import ExpressionError
from rapyer.expr.text import stored_text

#: Separators of words (RediSearch 2.10, `toksep.h`): nothing beyond ASCII, and no line break, which
#: is dropped from words like other control characters.
_BETWEEN: Final = frozenset("\t !\"#$%&'()*+,-./:;<=>?@[]^`{|}~")
#: Lower-cases ASCII capitals, and removes control characters.
_WRITTEN: Final = str.maketrans(
    {code: code + 32 for code in range(ord("A"), ord("Z") + 1)} | dict.fromkeys([*range(32), 127])
)
#: In bytes; the server cuts longer words.
LONGEST_WORD: Final = 128
#: Parts of a request: a phrase, a group, anything between spaces.
_PARTS: Final = re.compile(r'-?"[^"]*"|-?\([^()]*\)|[^\s"()]+|["()]')


class Term(NamedTuple):
    """A word, or the start of one.

    Attributes:
        word: As the server has it.
        is_start: Whether it stands for all words that start with it.
    """

    word: str
    is_start: bool = False


class Terms(NamedTuple):
    """What a text has to contain, all of it.

    Attributes:
        terms: Words, anywhere.
        phrases: Words that follow one another.
    """

    terms: tuple[Term, ...]
    phrases: tuple[tuple[str, ...], ...]


class Request(NamedTuple):
    """A full-text request.

    Attributes:
        wanted: A text has to contain one alternative of each of these.
        unwanted: A text must not contain any of these.
    """

    wanted: tuple[tuple[Terms, ...], ...]
    unwanted: tuple[Terms, ...]

    @property
    def terms(self) -> Iterator[Term]:
        """All words, except those of phrases."""
        for alternatives in (*self.wanted, self.unwanted):
            for one in alternatives:
                yield from one.terms


def words_of(text: str) -> list[str]:
    """Split a text into words, as the server does; capitals of ASCII become lower-case."""
    words: list[str] = []
    word = ""
    characters = iter(stored_text(text))
    for character in characters:
        if character == "\\":  # the next character is a part of the word
            word += next(characters, "")
        elif character not in _BETWEEN:
            word += character
        elif word:
            words.append(word)
            word = ""
    known = (one.translate(_WRITTEN) for one in (*words, word))
    return [one for one in known if one]


def read_request(text: str) -> Request:
    """Parse a request: words, "phrases", start*, -not, (either | or).

    Raises:
        ExpressionError: It contains no words, or one that no index has.
    """
    if text.count('"') % 2:  # an unpaired one is text, and separates words
        before, _, behind = text.rpartition('"')
        text = f"{before}{'' if before.endswith('-') else ' '}{behind}"
    _require_text(text)
    wanted: list[tuple[Terms, ...]] = []
    unwanted: list[Terms] = []
    for part in _PARTS.findall(text):
        group = part.removeprefix("-")
        if group.startswith("(") and len(group) > 1:
            alternatives = tuple([_alternative(text, one) for one in group[1:-1].split("|")])
        else:
            alternatives = (_terms(part.removeprefix("-")),)
        known = tuple([one for one in alternatives if one.terms or one.phrases])
        if known and part.startswith("-"):
            unwanted += known
        elif known:
            wanted.append(known)
    if not (wanted or unwanted):
        raise ExpressionError(
            f"{text!r} has no words to search for. Give letters or digits; everything else "
            "separates words."
        )
    return Request(tuple(wanted), tuple(unwanted))


def _alternative(text: str, part: str) -> Terms:
    if re.search(r"(^|\s)-\S", part):
        raise ExpressionError(
            f"{text!r} excludes words inside parentheses. Exclude them outside of the parentheses."
        )
    return _terms(part)


def _require_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as exc:
        raise ExpressionError(f"{text!r} cannot be encoded as UTF-8.") from exc
    for word in words_of(text):
        if not _BETWEEN.isdisjoint(word):
            raise ExpressionError(
                f"{word!r} contains {min(_BETWEEN & set(word))!r}, at which the server splits a "
                "word of a query. Search for the words on both sides of it."
            )
        if len(word.encode()) > LONGEST_WORD:
            raise ExpressionError(
                f"{word[:20]!r}... is a word of more than {LONGEST_WORD} bytes, which an index "
                "truncates. Search for shorter words."
            )


def _terms(text: str) -> Terms:
    """Parse a part of a request without any syntax around it."""
    terms: list[Term] = []
    phrases: list[tuple[str, ...]] = []
    for part in re.findall(r'"[^"]*"|[^\s"]+', text):
        words = words_of(part)
        is_start = part.endswith("*") and not part.endswith("\\*") and not part.startswith('"')
        if part.startswith('"') and words:
            phrases.append(tuple(words))
        else:
            terms += [Term(word) for word in words[:-1]]
            terms += [Term(word, is_start) for word in words[-1:]]
    return Terms(tuple(terms), tuple(phrases))


def has_phrase(text: str, phrase: Sequence[str]) -> bool:
    """Return whether words follow one another in a text, as they are written."""
    words, size = words_of(text), len(phrase)
    first, *others = [frozenset(spellings(word)) for word in phrase]
    for start in range(len(words) - size + 1):
        if words[start] in first and all(
            words[place] in written for place, written in enumerate(others, start + 1)
        ):
            return True
    return False


def spellings(word: str) -> Sequence[str]:
    """Return the possible spellings of a word: the server lower-cases only ASCII letters."""
    if word.isascii():
        return (word,)
    cases = (word, word.lower(), word.upper(), word.capitalize())
    return tuple(dict.fromkeys(case.translate(_WRITTEN) for case in cases))
