"""Query texts, assembled so that the server interprets them correctly.

The engine's NOT is broken below an OR: documents are lost and invented, and with many of them the
server hangs forever (RediSearch 2.10). It is correct at the top of a conjunction. So everything
built here has one normal form: a positive text, followed by what is removed from its documents.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple, TypeAlias

#: A positive text: one without NOT. `ALL` is every document, `NOTHING` none.
Text: TypeAlias = str
ALL: Final = "*"
NOTHING: Final = ""


class Literal(NamedTuple):
    """A positive text, or what is left when its documents are removed.

    Attributes:
        text: The text.
        is_negated: Whether its documents are removed.
    """

    text: Text
    is_negated: bool = False

    @property
    def negation(self) -> Literal:
        """All other documents."""
        if self.text == ALL:
            return NONE_AT_ALL
        if self.text == NOTHING:
            return EVERYTHING
        return Literal(self.text, not self.is_negated)

    @property
    def positive(self) -> Text:
        """The documents, or a superset, as a positive text."""
        return ALL if self.is_negated else self.text


EVERYTHING: Final = Literal(ALL)
NONE_AT_ALL: Final = Literal(NOTHING)


class Clause(NamedTuple):
    """The documents of a positive text without those of others: a superset of the intended ones.

    Attributes:
        text: The positive text.
        negated: Positive texts whose documents are removed.
        is_exact: Whether it is exactly the intended documents.
        positive: An equally exact superset as one positive text; None if there is none.
    """

    text: Text
    negated: tuple[Text, ...]
    is_exact: bool
    positive: Text | None

    @classmethod
    def of(cls, over: Literal, *, is_exact: bool, positive: Text | None = None) -> Clause:
        """Make a clause from a literal.

        Args:
            over: The literal.
            is_exact: Whether it is exactly the intended documents.
            positive: For a negated literal, the same documents or a superset as a positive text.
        """
        if over.is_negated:
            return cls(ALL, (over.text,), is_exact, positive)
        return cls(over.text, (), is_exact, over.text)

    @property
    def is_all(self) -> bool:
        """Whether it is every document."""
        return self.text == ALL and not self.negated

    @property
    def query(self) -> Text:
        """The text for the server; empty if no document can match."""
        if self.text == NOTHING or not self.negated:
            return self.text
        parts = [] if self.text == ALL else [self.text]
        return " ".join([*parts, *(f"(-({text}))" for text in self.negated)])


def all_of(texts: Iterable[Text]) -> Text:
    """Join positive texts: the documents that are in all of them."""
    parts = dict.fromkeys(text for text in texts if text != ALL)
    if NOTHING in parts:
        return NOTHING
    if len(parts) < 2:
        return next(iter(parts), ALL)
    return f"({' '.join(parts)})"


def any_of(texts: Iterable[Text]) -> Text:
    """Join positive texts: the documents that are in at least one of them."""
    parts = dict.fromkeys(text for text in texts if text != NOTHING)
    if ALL in parts:
        return ALL
    if len(parts) < 2:
        return next(iter(parts), NOTHING)
    return f"({' | '.join(parts)})"


def conjunction(clauses: Sequence[Clause]) -> Clause:
    """Return the documents that match all of several conditions."""
    if len(clauses) == 1:
        return clauses[0]
    is_exact = all(clause.is_exact for clause in clauses)
    text = all_of(clause.text for clause in clauses)
    if text == NOTHING:
        is_exact = is_exact or any(clause.text == NOTHING and clause.is_exact for clause in clauses)
        return Clause(NOTHING, (), is_exact, NOTHING)
    positives = [clause.positive for clause in clauses]
    known = [positive for positive in positives if positive is not None]
    return Clause(
        text,
        tuple(dict.fromkeys(negated for clause in clauses for negated in clause.negated)),
        is_exact,
        all_of(known) if len(known) == len(positives) else None,
    )


def disjunction(clauses: Sequence[Clause]) -> Clause:
    """Return the documents that match at least one of several conditions."""
    clauses = [clause for clause in clauses if clause.text != NOTHING or not clause.is_exact]
    if not clauses:
        return Clause(NOTHING, (), True, NOTHING)
    if len(clauses) == 1:
        return clauses[0]
    is_exact = all(clause.is_exact for clause in clauses)
    everything = [clause for clause in clauses if clause.is_all]
    if everything:
        return Clause(ALL, (), any(clause.is_exact for clause in everything), ALL)
    positives = [clause.positive for clause in clauses]
    known = [positive for positive in positives if positive is not None]
    if len(known) == len(positives):
        text = any_of(known)
        return Clause(text, (), is_exact, text)
    if all(clause.text == ALL for clause in clauses):
        joined = _of_negations(clauses, is_exact=is_exact)
        if joined is not None:
            return joined
    # without removals: more documents, which are checked again
    text = any_of(clause.text if clause.positive is None else clause.positive for clause in clauses)
    return Clause(text, (), False, text)


def _of_negations(clauses: Sequence[Clause], *, is_exact: bool) -> Clause | None:
    """Join conditions that only remove documents: `-a | -b` is `-(a b)`."""
    longer = [clause for clause in clauses if len(clause.negated) > 1]
    if len(longer) > 1:
        return None
    common = [clause.negated[0] for clause in clauses if len(clause.negated) == 1]
    if not longer:
        return Clause(ALL, (all_of(common),), is_exact, None)
    negated = tuple(all_of([*common, text]) for text in longer[0].negated)
    return Clause(ALL, negated, is_exact, None)


def depth_of(text: Text) -> int:
    """Count the parentheses that are open at the deepest place of a text."""
    deepest = depth = 0
    for character in text.replace("[(", "["):  # an exclusive bound
        if character == "(":
            depth += 1
            deepest = max(deepest, depth)
        elif character == ")":
            depth -= 1
    return deepest
