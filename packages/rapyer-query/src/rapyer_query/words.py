"""Words of full-text search: how a request is read, and how the server takes texts apart.

What a user gives is never a part of the syntax of a query: words are sent as parameters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from rapyer.errors import ExpressionError
from rapyer.expr.text import stored_text

#: What stands between words (RediSearch 2.10, `toksep.h`): nothing beyond ASCII, and no line break,
#: which is left out of words like other control characters.
_BETWEEN: Final = frozenset("\t !\"#$%&'()*+,-./:;<=>?@[]^`{|}~")
#: Small letters for the capitals of ASCII, and nothing for control characters.
_WRITTEN: Final = str.maketrans(
    {code: code + 32 for code in range(ord("A"), ord("Z") + 1)} | dict.fromkeys([*range(32), 127])
)
#: Parts of a request: a phrase, a group, what stands between spaces.
_PARTS: Final = re.compile(r'-?"[^"]*"|\([^()]*\)|[^\s"()]+|["()]')


class Term(NamedTuple):
    """A word, or the start of one.

    Attributes:
        word: As the server has it.
        is_start: Whether words are meant that start so.
    """

    word: str
    is_start: bool = False


class Terms(NamedTuple):
    """What a text has to have all of.

    Attributes:
        terms: Words, in any places.
        phrases: Words that stand one after the other.
    """

    terms: tuple[Term, ...]
    phrases: tuple[tuple[str, ...], ...]


class Request(NamedTuple):
    """What full-text search is asked for.

    Attributes:
        wanted: Of each of these a text has to have one.
        unwanted: Of these it may have none.
    """

    wanted: tuple[tuple[Terms, ...], ...]
    unwanted: tuple[Terms, ...]

    @property
    def terms(self) -> Iterator[Term]:
        """All words, but those of phrases."""
        for alternatives in (*self.wanted, self.unwanted):
            for one in alternatives:
                yield from one.terms


def words_of(text: str) -> list[str]:
    """Take a text apart into words, as the server does; capitals of ASCII are small letters."""
    words: list[str] = []
    word = ""
    characters = iter(stored_text(text))
    for character in characters:
        if character == "\\":  # what follows is a part of the word
            word += next(characters, "")
        elif character not in _BETWEEN:
            word += character
        elif word:
            words.append(word)
            word = ""
    known = (one.translate(_WRITTEN) for one in (*words, word))
    return [one for one in known if one]


def read_request(text: str) -> Request:
    """Read what is asked for: words, "phrases", start*, -not, (either | or).

    Raises:
        ExpressionError: There are no words in it.
    """
    wanted: list[tuple[Terms, ...]] = []
    unwanted: list[Terms] = []
    for part in _PARTS.findall(text):
        if part.startswith("(") and len(part) > 1:
            alternatives = tuple([_terms(one) for one in part[1:-1].split("|")])
        else:
            alternatives = (_terms(part.removeprefix("-")),)
        known = tuple([one for one in alternatives if one.terms or one.phrases])
        if known and part.startswith("-"):
            unwanted += known
        elif known:
            wanted.append(known)
    if not (wanted or unwanted):
        raise ExpressionError(
            f"{text!r} has no words to search for. Give letters or digits; what else there is "
            "separates words."
        )
    return Request(tuple(wanted), tuple(unwanted))


def _terms(text: str) -> Terms:
    """Read a part of a request that has no syntax of its own around it."""
    terms: list[Term] = []
    phrases: list[tuple[str, ...]] = []
    for part in re.findall(r'"[^"]*"|[^\s"]+', text):
        words = words_of(part)
        is_start = part.endswith("*") and not part.endswith("\\*") and not part.startswith('"')
        if part.startswith('"') and len(words) > 1:
            phrases.append(tuple(words))
        else:
            terms += [Term(word) for word in words[:-1]]
            terms += [Term(word, is_start) for word in words[-1:]]
    return Terms(tuple(terms), tuple(phrases))


def has_phrase(text: str, phrase: Sequence[str]) -> bool:
    """Say whether words stand one after the other in a text, as they are written."""
    words, size = words_of(text), len(phrase)
    known = [frozenset(spellings(word)) for word in phrase]
    return any(
        all(word in written for word, written in zip(words[start:], known, strict=False))
        for start in range(len(words) - size + 1)
    )


def spellings(word: str) -> Sequence[str]:
    """Give a word as it may be written: the server knows the small letters of ASCII alone."""
    if word.isascii():
        return (word,)
    cases = (word, word.lower(), word.upper(), word.capitalize())
    return tuple(dict.fromkeys(case.translate(_WRITTEN) for case in cases))
