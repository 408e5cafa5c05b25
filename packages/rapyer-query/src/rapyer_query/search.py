"""Full-text search: what the index is asked for, and which parts of a condition only it answers.

Words are answered only by the index: it decides which forms of a word it treats as the same.
Phrases are checked again in Python: the server also finds some in which the words are placed
differently (RediSearch 2.10: for a repeated word one occurrence is enough for it).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeAlias

from rapyer.errors import ExpressionError
from rapyer.expr.evaluate import getter_of
from rapyer.expr.nodes import And, AnyElement, Condition, Node, Not, Or
from rapyer.expr.search import Matches
from rapyer.guards import is_tuple

from rapyer_query.attributes import Attribute
from rapyer_query.bounds import Context
from rapyer_query.clauses import Text, all_of, any_of
from rapyer_query.words import Term, Terms, has_phrase, read_request, spellings

if TYPE_CHECKING:
    from rapyer.expr.paths import Path

_read: Final = lru_cache(1024)(read_request)


class _OfIndex(Condition):
    """A condition that only an index can answer."""

    __slots__ = ()

    def __predicate__(self) -> Callable[[Any], bool]:
        return self._asks_an_index

    def _asks_an_index(self, instance: object) -> NoReturn:
        del instance
        raise ExpressionError(f"{self!r} can only be answered by an index. Use find(...).")


class Search(_OfIndex):
    """The texts of a document contain certain words: `User.find().search("redis")`.

    Attributes:
        text: The words.
        fuzzy: By how many letters they may differ.
    """

    __slots__ = ("fuzzy", "text")
    __parts__ = ("text", "fuzzy")

    def __init__(self, text: str, fuzzy: int = 0) -> None:
        self.text = text
        self.fuzzy = fuzzy

    def __repr__(self) -> str:
        return f"search({self.text!r}{f', fuzzy={self.fuzzy}' if self.fuzzy else ''})"


class Words(_OfIndex):
    """A text contains the words of one of several alternatives.

    Attributes:
        left: The path of the text; None for all texts of a document.
        alternatives: The alternatives; all words of one are required.
        fuzzy: By how many letters they may differ.
    """

    __slots__ = ("alternatives", "fuzzy", "left")
    __parts__ = ("left", "alternatives", "fuzzy")

    def __init__(
        self, left: Path[Any] | None, alternatives: tuple[tuple[Term, ...], ...], fuzzy: int
    ) -> None:
        self.left = left
        self.alternatives = alternatives
        self.fuzzy = fuzzy

    @property
    def has_forms(self) -> bool:
        """Whether other forms of a word match, if the field says so."""
        terms = (term for terms in self.alternatives for term in terms)
        return not self.fuzzy and any(not term.is_start for term in terms)

    def __repr__(self) -> str:
        words = "|".join(
            " ".join(f"{term.word}{'*' if term.is_start else ''}" for term in terms)
            for terms in self.alternatives
        )
        more = f", fuzzy={self.fuzzy}" if self.fuzzy else ""
        return f"{'' if self.left is None else f'{self.left!r}.'}matches({words!r}{more})"


class Phrase(Condition):
    """A text contains words one after the other.

    Attributes:
        left: The path of the text; None for all texts of a document.
        words: The words.
        texts: The names of the fields on the way to each text of a document.
    """

    __slots__ = ("left", "texts", "words")
    __parts__ = ("left", "words", "texts")

    def __init__(
        self, left: Path[Any] | None, words: tuple[str, ...], texts: tuple[tuple[str, ...], ...]
    ) -> None:
        self.left = left
        self.words = words
        self.texts = texts

    def __predicate__(self) -> Callable[[Any], bool]:
        getters = [_reader(names) for names in self.texts]
        if self.left is not None:
            getters = [getter_of(self.left)]

        def predicate(instance: Any) -> bool:
            texts = (get(instance) for get in getters)
            return any(isinstance(text, str) and has_phrase(text, self.words) for text in texts)

        return predicate

    def __repr__(self) -> str:
        path = "" if self.left is None else f"{self.left!r}."
        return f"{path}matches({chr(34)}{' '.join(self.words)}{chr(34)})"


#: A full-text search.
FullText: TypeAlias = Matches | Search
_INDEX_ALONE: Final = (Matches, _OfIndex)


def _reader(names: Sequence[str]) -> Callable[[Any], Any]:
    def read(instance: Any) -> Any:
        value = instance
        for name in names:
            value = None if value is None else getattr(value, name, None)
        return value

    return read


def check_words(condition: FullText) -> None:
    """Check that there are words in a request.

    Raises:
        ExpressionError: There are none.
    """
    _read(condition.text)


def full_texts_in(node: Any) -> Iterator[FullText]:
    """Yield the full-text searches in a condition."""
    if isinstance(node, Matches | Search):
        yield node
    for part in _parts_of(node):
        yield from full_texts_in(part)


def _is_of_index(node: Any) -> bool:
    return isinstance(node, _INDEX_ALONE) or any(map(_is_of_index, _parts_of(node)))


def _parts_of(node: Any) -> Sequence[Any]:
    if isinstance(node, Node):
        return [getattr(node, name) for name in node.__parts__]
    return node if is_tuple(node) else ()


# -- requests -------------------------------------------------------------------------------------


def expanded(condition: Condition, texts: tuple[tuple[str, ...], ...]) -> Condition:
    """Take the full-text searches of a condition apart, into words and phrases.

    Args:
        condition: A condition.
        texts: The names of the fields on the way to each text of a document.
    """
    if isinstance(condition, And):
        parts = [expanded(part, texts) for part in condition.operands]
        flat = [
            one for part in parts for one in (part.operands if isinstance(part, And) else [part])
        ]
        return And(*flat)
    if isinstance(condition, Or):
        return Or(*(expanded(part, texts) for part in condition.operands))
    if isinstance(condition, Not):
        return Not(expanded(condition.operand, texts))
    if isinstance(condition, AnyElement):
        return AnyElement(condition.left, expanded(condition.condition, texts))
    if isinstance(condition, Matches | Search):
        return _of_request(condition, texts)
    return condition


def _of_request(condition: FullText, texts: tuple[tuple[str, ...], ...]) -> Condition:
    left = condition.left if isinstance(condition, Matches) else None
    request = _read(condition.text)

    def all_that(terms: Terms) -> list[Condition]:
        found: list[Condition] = [Phrase(left, words, texts) for words in terms.phrases]
        if terms.terms:
            found.insert(0, Words(left, (terms.terms,), condition.fuzzy))
        return found

    def as_written(terms: Terms) -> list[Condition]:
        # in a negation, the server does not consider other forms of a word
        plain = [term for term in terms.terms if not (term.is_start or condition.fuzzy)]
        others = tuple([term for term in terms.terms if term not in plain])
        words = [Phrase(left, (term.word,), texts) for term in plain]
        return [*words, *all_that(Terms(others, terms.phrases))]

    parts: list[Condition] = []
    for alternatives in request.wanted:
        if len(alternatives) == 1:
            parts += all_that(alternatives[0])
        elif not any(one.phrases for one in alternatives):
            parts.append(Words(left, tuple(one.terms for one in alternatives), condition.fuzzy))
        else:
            parts.append(Or(*(_joined(all_that(one)) for one in alternatives)))
    parts += [Not(_joined(as_written(one))) for one in request.unwanted]
    return _joined(parts)


def _joined(parts: Sequence[Condition]) -> Condition:
    return parts[0] if len(parts) == 1 else And(*parts)


def split_full_text(condition: Condition) -> tuple[list[Condition], Condition | None]:
    """Return the parts of a condition that only an index answers, and what Python can check."""
    parts = condition.operands if isinstance(condition, And) else (condition,)
    alone = [part for part in parts if _is_of_index(part)]
    rest = [part for part in parts if not _is_of_index(part)]
    return alone, _joined(rest) if rest else None


# -- query texts ----------------------------------------------------------------------------------


def text_of(context: Context, condition: Words | Phrase, attribute: Attribute | None) -> Text:
    """Return the text for the documents with some words, or with all words of a phrase.

    Args:
        context: The compilation.
        condition: What is searched for.
        attribute: The attribute with the words; None for all attributes.

    Raises:
        ExpressionError: The server finds nothing by the start of a word that is written like this.
    """
    field = "" if attribute is None else f"@{attribute.name}:"
    if isinstance(condition, Phrase):
        return all_of(f"{field}({_word(context, Term(word), 0)})" for word in condition.words)
    for terms in condition.alternatives:
        for term in terms:
            if term.is_start:
                _check_start(context, condition, term.word)
    return any_of(
        all_of(f"{field}({_word(context, term, condition.fuzzy)})" for term in terms)
        for terms in condition.alternatives
    )


def _word(context: Context, term: Term, fuzzy: int) -> Text:
    around = "" if term.is_start else "%" * fuzzy
    ending = "*" if term.is_start else ""
    if around or ending:
        context.expanded()
    written = [f"{around}{context.parameter(one)}{around}{ending}" for one in spellings(term.word)]
    return written[0] if len(written) == 1 else f"({'|'.join(written)})"


def _check_start(context: Context, condition: Words, word: str) -> None:
    if len(word.encode()) < context.min_prefix:
        raise ExpressionError(
            f"{condition!r} searches for words that start with {word!r}, which the server cannot "
            f"find: a prefix needs at least {context.min_prefix} bytes (MINPREFIX)."
        )
    if word.casefold() != word.lower() or max(word) > "\uffff":
        raise ExpressionError(
            f"{condition!r} searches for words that start with {word!r}, which the server cannot "
            "find: in prefixes it spells letters such as ß differently, and knows no emoji. Give a "
            "shorter prefix, or the whole word."
        )


def estimates_of(conditions: Sequence[FullText], *, expands_all: bool) -> Iterator[str]:
    """Describe the conditions that the server expands to similar words of the index."""
    for condition in conditions:
        starts = any(term.is_start for term in _read(condition.text).terms)
        if condition.fuzzy or starts:
            among = "all words" if expands_all else "200 words (MAXEXPANSIONS)"
            yield f"{condition!r} is searched for among {among} of the index that are similar to it"
