"""From a condition to a query text: a superset of the documents that match it.

Negations are pushed down to the comparisons. Each comparison yields two sets of documents: those
that may match it and those that match for certain. A negation uses the smaller one, since a negated
superset would lose documents. If the two are equal for all comparisons, the answer of the index is
the answer; otherwise what the index finds has to be checked again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from rapyer.expr.geo import Within
from rapyer.expr.nodes import (
    And,
    AnyElement,
    Condition,
    Not,
    Or,
)
from rapyer.expr.paths import Path, is_path, steps_of

from rapyer_query import bounds as bound
from rapyer_query.attributes import EACH, VALUE, Attribute, Attributes, Unknown, Way, WayStep
from rapyer_query.bounds import NO_BOUNDS, Bounds
from rapyer_query.clauses import (
    ALL,
    EVERYTHING,
    NONE_AT_ALL,
    NOTHING,
    Clause,
    Literal,
    Text,
    any_of,
    conjunction,
    disjunction,
)
from rapyer_query.leaves import (
    Leaf,
    Target,
    around,
    asks_for_none,
    asks_for_nothing,
    has_values,
    holds,
    may_be_about_a_list,
    of_leaf,
)
from rapyer_query.search import Phrase, Words, text_of
from rapyer_query.settings import Limits

if TYPE_CHECKING:
    from rapyer.types.codec import Codec
    from rapyer.types.table import FieldType


@dataclass(slots=True)
class Compilation:
    """The compilation of one condition.

    Attributes:
        attributes: The attributes of the index.
        limits: How the server is configured.
        codecs: Returns the codec of a plugin's type.
        parameters: The parameters to send along with the text.
        is_helped: Whether the index knows one of the fields in the condition.
        expands: Whether the server looks for parts of texts.
        unindexed: The paths that are not in the index, and why.
    """

    attributes: Attributes
    limits: Limits
    codecs: Callable[[FieldType], Codec]
    parameters: list[str] = field(default_factory=list[str])
    is_helped: bool = False
    expands: bool = False
    unindexed: dict[str, str] = field(default_factory=dict[str, str])

    # -- the context of comparisons ---------------------------------------------------------------

    @property
    def min_prefix(self) -> int:
        """The shortest part of a text that the server looks for, in bytes."""
        return self.limits.min_prefix

    @property
    def expands_all(self) -> bool:
        """Whether it then looks at all texts that contain it."""
        return self.limits.expands_all

    def parameter(self, value: str) -> str:
        """Return the name of the parameter by which a value is sent along with the query text."""
        self.parameters.append(value)
        return f"$p{len(self.parameters) - 1}"

    def expanded(self) -> None:
        """Take note that the query makes the server look for parts of texts."""
        self.expands = True

    def codec_of(self, field_type: FieldType) -> Codec:
        """Return the codec that dumps values of a type from a plugin."""
        return self.codecs(field_type)

    # -- conditions -------------------------------------------------------------------------------

    def clause(self, condition: Condition, *, is_negated: bool = False) -> Clause:
        """Return the documents that match a condition, or its negation, or a superset of them."""
        if isinstance(condition, Not):
            return self.clause(condition.operand, is_negated=not is_negated)
        if isinstance(condition, And | Or):
            parts = [self.clause(part, is_negated=is_negated) for part in condition.operands]
            is_and = isinstance(condition, And) is not is_negated
            return conjunction(parts) if is_and else disjunction(parts)
        if isinstance(condition, AnyElement):
            return self._some_element(condition, is_negated=is_negated)
        if isinstance(condition, Words | Phrase):
            return self._full_text(condition, is_negated=is_negated)
        return _clause_of(self._bounds_of(cast("Leaf", condition), ()), is_negated=is_negated)

    def _full_text(self, condition: Words | Phrase, *, is_negated: bool) -> Clause:
        """Return the documents that contain certain words, in one attribute or in all."""
        attribute = None
        if condition.left is not None:
            way, is_part = self._way_of(condition.left, ())
            attribute = None if is_part else self.attributes.texts.get(way)
        if attribute is None and (condition.left is not None or not self.attributes.texts):
            self.unindexed[repr(condition)] = (
                "searches for words that no Field(text=True) has indexed"
            )
            return Clause.of(EVERYTHING, is_exact=False)
        self.is_helped = True
        text = text_of(self, condition, attribute)
        searched = [*self.attributes.texts.values()] if attribute is None else [attribute]
        stems = any(one.text is not None and one.text.stem for one in searched)
        if is_negated and isinstance(condition, Words) and condition.has_forms and stems:
            self.unindexed[repr(condition)] = (
                "cannot be negated by the server, which also matches other forms of the words: "
                "write matches('-word') for the word exactly as written"
            )
            return Clause.of(EVERYTHING, is_exact=False)
        if is_negated:
            # combined with other conditions, the server loses documents for "not a word" that have
            # the word in another text, but not for "not both of" (RediSearch 2.10.5)
            text = f"({text} {text})"
        over = Literal(text)
        # in a negation, a single word is the word exactly as written
        is_checked = isinstance(condition, Phrase) and not (
            is_negated and len(condition.words) == 1
        )
        under = NONE_AT_ALL if is_checked else over
        return _clause_of(Bounds(over, under), is_negated=is_negated)

    def _bounds_of(self, leaf: Leaf, within: Way) -> Bounds:
        """Return the bounds of a comparison; `within` is the way to the element it is about."""
        path = leaf.left
        circle = around(leaf)
        if circle is not None:
            return self._of_circle(circle, within)
        if not is_path(path) or has_values(leaf):
            self.unindexed.setdefault(repr(leaf), "compares values of the document itself")
            return NO_BOUNDS
        models = self.attributes.lists.get(self._way_of(path, within)[0])
        if models is not None and models.marker is not None and asks_for_nothing(leaf):
            self.is_helped = True
            return Bounds(Literal(bound.missing(models.marker)), NONE_AT_ALL)
        target = self._target(path, leaf, within)
        if target is None:
            return NO_BOUNDS
        self.is_helped = True
        found = of_leaf(self, leaf, target)
        if target.is_part:
            return self._of_part(found, leaf, target)
        return bound.with_absent(found, target.attribute, partial(holds, leaf))

    def _of_circle(self, circle: Within, within: Way) -> Bounds:
        """Return the bounds of a distance comparison, from a circle that finds more."""
        return Bounds(self._bounds_of(circle, within).over, NONE_AT_ALL)

    def _target(self, path: Path[Any], leaf: Leaf, within: Way) -> Target | None:
        """Find the attribute with the values of a path."""
        way, is_part = self._way_of(path, within)
        attribute, is_list = self.attributes.at.get(way), False
        if attribute is None and may_be_about_a_list(leaf):
            attribute, is_list = self.attributes.at.get((*way, EACH)), True
        if attribute is None and asks_for_none(leaf):
            attribute, is_list = self._presence_of(way), False
        if attribute is None:
            self.unindexed.setdefault(repr(path), self.attributes.reason(way))
            return None
        return Target(attribute, way, is_part, is_list)

    def _presence_of(self, way: Way) -> Attribute | None:
        """Return an attribute that exists wherever a model within the document does."""
        part = self.attributes.models.get(way)
        if part is None or part.marker is None:
            return None
        return replace(part.marker, absent=part.absent)

    def _way_of(self, path: Path[Any], within: Way) -> tuple[Way, bool]:
        way, is_part = within, False
        for step in steps_of(path):
            if step.kind == "field":
                way = (*way, WayStep("field", cast("str", step.value)))
                continue
            declared: Way = (*way, WayStep("key", step.stored_key or ""))
            if step.kind == "key" and declared in self.attributes.at:
                way = declared
            else:
                way, is_part = (*way, VALUE if step.kind == "key" else EACH), True
        return way, is_part

    def _of_part(self, found: Bounds, leaf: Leaf, target: Target) -> Bounds:
        """Return the bounds for one element of a list, or one dict value, among all of them."""
        around = [
            value
            for way, models in self.attributes.lists.items()
            if target.passes(way)
            for value in models.absent
        ]
        ends = [*target.attribute.absent]  # for a list as a whole these are values, even empty ones
        if not target.is_list:
            around, ends = [*around, *ends], []
        around = [value for value in around if not _is_empty(value)]
        if any(isinstance(value, Unknown) or not _is_plain(value) for value in around):
            return NO_BOUNDS
        absent = (None, *around, *ends)
        if found.over.is_negated or any(
            isinstance(value, Unknown) or holds(leaf, value) for value in absent
        ):
            return NO_BOUNDS
        return Bounds(found.over, NONE_AT_ALL)

    # -- lists of models --------------------------------------------------------------------------

    def _some_element(self, node: AnyElement, *, is_negated: bool) -> Clause:
        found = self._any(node, ())
        if found is None:
            return Clause.of(EVERYTHING, is_exact=False)
        if not is_negated:
            return found.over
        is_exact = found.over.is_exact
        return Clause.of(Literal(found.under).negation, is_exact=is_exact)

    def _any(self, node: AnyElement, within: Way) -> _Elements | None:
        """Return the documents with an element that matches; None if the index cannot tell."""
        way, is_part = self._way_of(node.left, within)
        models = self.attributes.lists.get(way)
        if models is None or is_part:
            self.unindexed.setdefault(repr(node.left), self.attributes.reason(way))
            return None
        has_element = EVERYTHING if models.marker is None else bound.present(models.marker)
        found = self._within(node.condition, (*way, EACH), has_element, is_negated=False)
        absent = [value for value in models.absent if not _is_empty(value)]
        if any(isinstance(value, Unknown) or holds(node, value) for value in absent):
            return _Elements(Clause.of(EVERYTHING, is_exact=False), found.under)
        return found

    def _within(
        self, condition: Condition, way: Way, has_element: Literal, *, is_negated: bool
    ) -> _Elements:
        """Return the documents with an element that matches a condition, or does not match it."""
        if isinstance(condition, Not):
            return self._within(condition.operand, way, has_element, is_negated=not is_negated)
        if isinstance(condition, And | Or):
            parts = [
                self._within(part, way, has_element, is_negated=is_negated)
                for part in condition.operands
            ]
            overs = [part.over for part in parts]
            if isinstance(condition, Or) is not is_negated:
                return _Elements(disjunction(overs), any_of(part.under for part in parts))
            # different parts of the condition may hold for different elements
            return _Elements(conjunction(overs)._replace(is_exact=False), NOTHING)
        some = _Elements(Clause.of(has_element, is_exact=False), NOTHING)
        if isinstance(condition, AnyElement):
            found = self._any(condition, way)
            return some if found is None or is_negated else found
        if isinstance(condition, Words | Phrase):
            self.unindexed[repr(condition)] = "searches for words in one element of a list"
            return some
        return self._leaf_within(cast("Leaf", condition), way, some, is_negated=is_negated)

    def _leaf_within(self, leaf: Leaf, way: Way, some: _Elements, *, is_negated: bool) -> _Elements:
        path = leaf.left
        target = None
        if is_path(path) and not has_values(leaf):
            target = self._target(path, leaf, way)
        if target is None:
            return some
        self.is_helped = True
        found = of_leaf(self, leaf, target)
        absent = target.attribute.absent
        if target.is_part or any(isinstance(value, Unknown) for value in absent):
            return some
        truths = [holds(leaf, value) for value in absent]
        if is_negated:
            return _not_within(found, some, is_told=all(truths) and not target.is_list)
        if True in truths or found.over.is_negated:
            return _Elements(some.over, _positive(found.under))
        return _Elements(Clause.of(found.over, is_exact=found.is_exact), _positive(found.under))


def _not_within(found: Bounds, some: _Elements, *, is_told: bool) -> _Elements:
    """Return the documents with an element that does not match a comparison.

    Args:
        found: The documents with an element that does.
        some: The documents that have an element.
        is_told: Whether all elements without a value in the index match it.
    """
    if found.complement is None or not is_told:
        return some
    over = Clause.of(Literal(found.complement), is_exact=found.is_exact)
    return _Elements(over, found.complement if found.is_exact else NOTHING)


class _Elements(NamedTuple):
    """The documents with an element of a list that matches a condition.

    Attributes:
        over: These documents, or a superset.
        under: The documents of which this is certain.
    """

    over: Clause
    under: Text


def _positive(literal: Literal) -> Text:
    """Return some of the documents of a literal, as a positive text."""
    return NOTHING if literal.is_negated or literal.text == ALL else literal.text


def _clause_of(bounds: Bounds, *, is_negated: bool) -> Clause:
    if not is_negated:
        return Clause.of(bounds.over, is_exact=bounds.is_exact)
    return Clause.of(bounds.under.negation, is_exact=bounds.is_exact, positive=bounds.complement)


def _is_empty(value: Any) -> bool:
    return isinstance(value, list | tuple | set | frozenset | dict) and not value


def _is_plain(value: Any) -> bool:
    """Return whether the value of a lacking field is a single one, rather than a list or a dict."""
    return not isinstance(value, list | tuple | set | frozenset | dict)
