"""What an index answers about one comparison, by the type of comparison."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, NamedTuple, TypeAlias, cast

from rapyer.expr.evaluate import predicate_of
from rapyer.expr.geo import UNITS, DistanceTo, Within
from rapyer.expr.nodes import (
    AnyElement,
    Between,
    Comparison,
    Condition,
    Contains,
    EndsWith,
    In,
    IsNone,
    StartsWith,
)
from rapyer.expr.values import is_value
from rapyer.guards import is_array

from rapyer_query import bounds as bound
from rapyer_query.attributes import Attribute, Way
from rapyer_query.bounds import NO_BOUNDS, Bounds, Context
from rapyer_query.clauses import NONE_AT_ALL, Literal, all_of

#: Leaves of conditions: comparisons of a single value.
Leaf: TypeAlias = Comparison | In | Between | IsNone | Contains | StartsWith | EndsWith | Within


#: Beyond any distance on the earth, in any unit.
_FARTHEST: Final = 1e9


class Target(NamedTuple):
    """What a comparison is about.

    Attributes:
        attribute: The attribute with the values.
        way: The way to them.
        is_part: Whether the attribute also has other values of the document.
        is_list: Whether it is about the list of the values as a whole.
    """

    attribute: Attribute
    way: Way
    is_part: bool
    is_list: bool

    def passes(self, way: Way) -> bool:
        """Return whether something is on the way to the values."""
        return self.way[: len(way)] == way


def _comparison(context: Context, leaf: Comparison, target: Target) -> Bounds:
    if leaf.right is None:
        return bound.is_none(target.attribute)
    if target.is_list:
        return _whole_list(context, target.attribute, cast("Collection[Any]", leaf.right))
    return bound.compared(context, target.attribute, leaf.operator, leaf.right)


def _whole_list(context: Context, attribute: Attribute, elements: Collection[Any]) -> Bounds:
    """Find lists by all of their elements: the index knows neither their order nor their number."""
    if not elements:  # a missing one may also be None, which `with_absent` tells apart
        return Bounds(NONE_AT_ALL, NONE_AT_ALL)
    found = [
        bound.compared(context, attribute, "==", element).over.positive
        for element in elements
        if element is not None
    ]
    return Bounds(Literal(all_of(found)), NONE_AT_ALL)


def _in(context: Context, leaf: In, target: Target) -> Bounds:
    return bound.one_of(context, target.attribute, leaf.operands)


def _between(context: Context, leaf: Between, target: Target) -> Bounds:
    return bound.between(context, target.attribute, leaf.low, leaf.high)


def _is_none(context: Context, leaf: IsNone, target: Target) -> Bounds:
    del context, leaf
    return bound.is_none(target.attribute)


def _contains(context: Context, leaf: Contains, target: Target) -> Bounds:
    if not target.is_list:
        return bound.part_of_text(context, target.attribute, "contains", leaf.operand)
    if leaf.operand is None:  # null is never in an index
        return NO_BOUNDS
    found = bound.compared(context, target.attribute, "==", leaf.operand)
    return Bounds(found.over, found.under)  # a list with other elements may have this one too


def _starts(context: Context, leaf: StartsWith, target: Target) -> Bounds:
    return bound.part_of_text(context, target.attribute, "startswith", leaf.operand)


def _within(context: Context, leaf: Within, target: Target) -> Bounds:
    del context
    if target.attribute.form != "GEO":
        return NO_BOUNDS
    return bound.within(target.attribute, leaf.lon, leaf.lat, leaf.radius)


def _ends(context: Context, leaf: EndsWith, target: Target) -> Bounds:
    return bound.part_of_text(context, target.attribute, "endswith", leaf.operand)


_COMPILED: Mapping[type, Callable[[Context, Any, Target], Bounds]] = {
    Comparison: _comparison,
    In: _in,
    Between: _between,
    IsNone: _is_none,
    Contains: _contains,
    StartsWith: _starts,
    EndsWith: _ends,
    Within: _within,
}


def of_leaf(context: Context, leaf: Leaf, target: Target) -> Bounds:
    """Return what an index answers about a comparison, for documents with a value in it."""
    return _COMPILED[type(leaf)](context, leaf, target)


def may_be_about_a_list(leaf: Leaf) -> bool:
    """Return whether a comparison may be about a list as a whole."""
    if isinstance(leaf, Comparison):
        return leaf.right is None or is_array(leaf.right)
    return isinstance(leaf, Contains | IsNone)


def asks_for_none(leaf: Leaf) -> bool:
    """Return whether a comparison is with None."""
    return isinstance(leaf, IsNone) or (isinstance(leaf, Comparison) and leaf.right is None)


def asks_for_nothing(leaf: Leaf) -> bool:
    """Return whether a comparison holds only for None, or only for an empty list."""
    if isinstance(leaf, Comparison) and is_array(leaf.right):
        return not leaf.right
    return asks_for_none(leaf)


def around(leaf: Leaf) -> Within | None:
    """Return a circle of the places whose distance a comparison asks for; None if there is none."""
    value = leaf.left
    if not isinstance(leaf, Comparison) or not isinstance(value, DistanceTo):
        return None
    if leaf.operator not in ("<", "<=", "==") or not isinstance(leaf.right, int | float):
        return None
    if abs(leaf.right) > _FARTHEST:
        return None
    meters = max(0.0, leaf.right * UNITS[value.unit])
    # a place may be a meter away from where the index has it, and is measured to the centimeter
    return Within(value.left, value.lon, value.lat, meters + 2)


def has_values(leaf: Leaf) -> bool:
    """Return whether a value is compared with another value of the document."""
    return any(is_value(getattr(leaf, name)) for name in leaf.__parts__ if name != "left")


def holds(leaf: Leaf | AnyElement, value: Any) -> bool:
    """Return whether a value matches a condition, in Python."""
    parts = [value if name == "left" else getattr(leaf, name) for name in leaf.__parts__]
    make: Callable[..., Condition] = type(leaf)
    return predicate_of(make(*parts))(None)
