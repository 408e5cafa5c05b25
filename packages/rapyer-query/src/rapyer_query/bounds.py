"""What the index answers about one comparison: which documents match for certain, and which may.

Each family of values has its own function. It deals with the values that are in the index; what is
not there (None, and fields that a document lacks) is added by `with_absent`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, time
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

from rapyer.errors import UnstorableValueError
from rapyer.expr.text import stored_text
from rapyer.types.codec import Codec
from rapyer.types.geo import GeoPoint
from rapyer.types.table import FieldType

from rapyer_query.attributes import Attribute, Unknown
from rapyer_query.circles import is_found_whole, wide_enough
from rapyer_query.clauses import (
    ALL,
    EVERYTHING,
    NONE_AT_ALL,
    NOTHING,
    Literal,
    Text,
    all_of,
    any_of,
)
from rapyer_query.operands import Number, is_aware, is_of_family, number_of, stored_part, tag_of

#: The longest part of a text that the server is asked for, in bytes.
_LONGEST_PART: Final = 1000
#: The most members a choice may have for its other members to be enumerated.
_FEW_MEMBERS: Final = 64
_OPPOSITE: Final = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}


class Bounds(NamedTuple):
    """Two sets with the documents that match a condition in between.

    Attributes:
        over: The documents that may match.
        under: The documents that match for certain.
        complement: The documents that may fail to match, as one positive text: exactly the others
            if `over` and `under` are equal; None if there is no such text.
    """

    over: Literal
    under: Literal
    complement: Text | None = None

    @property
    def is_exact(self) -> bool:
        """Whether the index answers the condition exactly."""
        return self.over == self.under


#: The index says nothing about the condition.
NO_BOUNDS: Final = Bounds(EVERYTHING, NONE_AT_ALL)


class Context(Protocol):
    """What is known while a condition is compiled."""

    @property
    def min_prefix(self) -> int:
        """The shortest text that the server looks for as a part of other texts, in bytes."""
        ...

    @property
    def expands_all(self) -> bool:
        """Whether it then looks at all texts that contain it."""
        ...

    def parameter(self, value: str) -> str:
        """Return the name of the parameter by which a value is sent along with the query text."""
        ...

    def expanded(self) -> None:
        """Take note that the query makes the server look for parts of texts."""

    def codec_of(self, field_type: FieldType) -> Codec:
        """Return the codec that dumps values of a type from a plugin."""
        ...


Compare: TypeAlias = Callable[[Context, Attribute, str, Any], Bounds]


def missing(attribute: Attribute) -> Text:
    """Return the text for documents without a value of an attribute."""
    return f"ismissing(@{attribute.name})"


def present(attribute: Attribute) -> Literal:
    """Return the literal for documents with a value of an attribute, or for a superset."""
    return Literal(missing(attribute), is_negated=True) if attribute.has_missing else EVERYTHING


def _exactly(text: Text, complement: Text | None = None) -> Bounds:
    return Bounds(Literal(text), Literal(text), complement)


def _present(attribute: Attribute) -> Bounds:
    """All values match the condition."""
    return Bounds(present(attribute), present(attribute), NOTHING)


def _maybe(attribute: Attribute) -> Bounds:
    """Any value may match the condition."""
    return Bounds(present(attribute), NONE_AT_ALL)


# -- numbers --------------------------------------------------------------------------------------


def _range(attribute: Attribute, low: str, high: str) -> Text:
    return f"@{attribute.name}:[{low} {high}]"


def any_number(attribute: Attribute) -> Text:
    """Return the positive text for documents with a number in an attribute."""
    return _range(attribute, "-inf", "+inf")


def _ranges(context: Context, attribute: Attribute, operator: str, number: Number) -> Bounds:
    """Compare the numbers of an attribute with a number."""
    if number.infinite:
        holds = operator.startswith("<") if number.infinite > 0 else operator.startswith(">")
        return _present(attribute) if holds else _exactly(NOTHING, any_number(attribute))
    low = context.parameter(number.low)
    high = low if number.low == number.high else context.parameter(number.high)
    if operator == "==":
        over = _range(attribute, low, high)
        if not number.is_exact:
            return Bounds(Literal(over), NONE_AT_ALL)
        below, above = _range(attribute, "-inf", f"({low}"), _range(attribute, f"({low}", "+inf")
        return _exactly(over, any_of((below, above)))
    if number.is_exact:
        texts = {
            "<": _range(attribute, "-inf", f"({low}"),
            "<=": _range(attribute, "-inf", low),
            ">": _range(attribute, f"({low}", "+inf"),
            ">=": _range(attribute, low, "+inf"),
        }
        return _exactly(texts[operator], texts[_OPPOSITE[operator]])
    not_above = _range(attribute, "-inf", high)
    not_below = _range(attribute, low, "+inf")
    if operator.startswith("<"):
        under = NOTHING if number.low == "-inf" else _range(attribute, "-inf", f"({low}")
        return Bounds(Literal(not_above), Literal(under), not_below)
    under = NOTHING if number.high == "+inf" else _range(attribute, f"({high}", "+inf")
    return Bounds(Literal(not_below), Literal(under), not_above)


def _number(context: Context, attribute: Attribute, operator: str, operand: Any) -> Bounds:
    return _ranges(context, attribute, operator, number_of(attribute.family, operand))


def _moment(context: Context, attribute: Attribute, operator: str, operand: Any) -> Bounds:
    """Compare datetimes, or times of day: those with an offset have no order with those without."""
    moment: datetime | time = operand
    aware, offset = is_aware(moment), attribute.companion
    if attribute.family == "clock" and aware:  # the index holds local clock times
        if offset is None:
            return _maybe(attribute)
        return Bounds(Literal(f"@{offset}:[-inf +inf]"), NONE_AT_ALL)
    found = _ranges(context, attribute, operator, number_of(attribute.family, moment))
    if offset is None:
        return Bounds(found.over, NONE_AT_ALL)
    with_offset, without = f"@{offset}:[-inf +inf]", f"ismissing(@{offset})"
    kind = with_offset if aware else without
    others = without if aware else with_offset
    complement = None
    if found.complement is not None:
        complement = any_of((found.complement, all_of((any_number(attribute), others))))
    return Bounds(
        Literal(all_of((found.over.text, kind))),
        Literal(all_of((found.under.text, kind))),
        complement,
    )


# -- tags -----------------------------------------------------------------------------------------


def _tags(context: Context, attribute: Attribute, tags: Sequence[str]) -> Text:
    if not tags:
        return NOTHING
    # a backslash is an escape in parameters too (RediSearch 2.10)
    names = [context.parameter(tag.replace("\\", "\\\\")) for tag in tags]
    return f"@{attribute.name}:{{{'|'.join(names)}}}"


def _tag(context: Context, attribute: Attribute, operator: str, operand: Any) -> Bounds:
    tag = tag_of(operand)
    if operator != "==" or tag is None:
        return _maybe(attribute)
    return _one_of_tags(context, attribute, (tag,))


def _one_of_tags(context: Context, attribute: Attribute, tags: Sequence[str]) -> Bounds:
    text = _tags(context, attribute, tags)
    if attribute.family == "texts":  # only its reader knows which member of the union a text is
        return Bounds(Literal(text), NONE_AT_ALL)
    complement = None
    if attribute.members and len(attribute.members) <= _FEW_MEMBERS:
        others = [member for member in attribute.members if member not in tags]
        complement = _tags(context, attribute, others)
    return _exactly(text, complement)


def part_of_text(context: Context, attribute: Attribute, method: str, operand: str) -> Bounds:
    """Find texts that start with, end with or contain another text."""
    if not operand and attribute.family == "text":
        return _present(attribute)
    part = stored_text(operand)
    # U+FDD1 is stored as U+FDD0 U+FDD1, and NUL as U+FDD1: the first character of a part may be the
    # end of another character; what follows it stands at the same boundaries as in the operand
    is_ambiguous = method != "startswith" and part.startswith(("\ufdd0", "\ufdd1"))
    is_found = context.min_prefix <= len(part.encode()) <= _LONGEST_PART and context.expands_all
    if attribute.family not in ("text", "texts") or not is_found:
        return _maybe(attribute)
    name = context.parameter(part.replace("\\", "\\\\"))
    context.expanded()
    texts = {"startswith": f"{name}*", "endswith": f"*{name}", "contains": f"*{name}*"}
    text = Literal(f"@{attribute.name}:{{{texts[method]}}}")
    is_exact = attribute.family == "text" and not is_ambiguous
    return Bounds(text, text if is_exact else NONE_AT_ALL)


# -- places ---------------------------------------------------------------------------------------


def within(attribute: Attribute, lon: float, lat: float, radius: float) -> Bounds:
    """Find places inside a circle; see `circles`."""
    wide = radius if is_found_whole(lon, lat, radius) else wide_enough(lon, lat, radius)
    if wide is None:
        return _maybe(attribute)
    outer, inner = (f"@{attribute.name}:[{lon!r} {lat!r} {size!r} m]" for size in (wide, radius))
    return Bounds(Literal(outer), Literal(inner))


def _same_place(context: Context, attribute: Attribute, operator: str, operand: Any) -> Bounds:
    del context
    if operator != "==" or not isinstance(operand, GeoPoint):
        return _maybe(attribute)
    found = within(attribute, operand.lon, operand.lat, 2.0)
    return Bounds(found.over, NONE_AT_ALL)


def _of_plugin(context: Context, attribute: Attribute, operator: str, operand: Any) -> Bounds:
    """Compare values of a plugin's type by their stored form; Python checks them again."""
    part = _part_of_plugin(context, attribute.field_type, operand)
    is_order = operator != "=="
    if attribute.form == "TAG":
        tag = tag_of(part) if isinstance(part, str | bool) else None
        if tag is None or is_order:
            return _maybe(attribute)
        return Bounds(Literal(_tags(context, attribute, (tag,))), NONE_AT_ALL)
    is_number = isinstance(part, int | float) and not isinstance(part, bool)
    has_order = attribute.field_type is not None and attribute.field_type.order is not None
    if not is_number or (is_order and not has_order):
        return _maybe(attribute)
    number = number_of("float", part)._replace(is_exact=False)
    return Bounds(_ranges(context, attribute, operator, number).over, NONE_AT_ALL)


def _part_of_plugin(context: Context, field_type: FieldType | None, operand: Any) -> Any:
    """Return the indexed part of the stored form of an operand; None if there is none."""
    if field_type is None:
        return None
    try:
        stored = json.loads(context.codec_of(field_type).text(operand))
    except UnstorableValueError:  # no document has it; Python knows whether one equals it
        return None
    return stored_part(stored, field_type.index_path)


_COMPARED: Mapping[str, Compare] = {
    "integer": _number,
    "float": _number,
    "days": _number,
    "span": _number,
    "decimal": _number,
    "instant": _moment,
    "clock": _moment,
    "bool": _tag,
    "text": _tag,
    "choice": _tag,
    "token": _tag,
    "texts": _tag,
    "place": _same_place,
    "custom": _of_plugin,
}
_PLAIN_NUMBERS = frozenset({"integer", "float", "days", "span"})


# -- comparisons ----------------------------------------------------------------------------------


def compared(context: Context, attribute: Attribute, operator: str, operand: Any) -> Bounds:
    """Return the documents with a value that compares this way with an operand other than None."""
    if not is_of_family(attribute.family, operand):
        return _maybe(attribute)
    return _COMPARED[attribute.family](context, attribute, operator, operand)


def one_of(context: Context, attribute: Attribute, operands: Sequence[Any]) -> Bounds:
    """Return the documents with a value that equals one of several operands."""
    given = [operand for operand in operands if operand is not None]
    if attribute.form == "TAG" and attribute.family != "custom":
        tags = [tag_of(operand) for operand in given]
        known = [tag for tag in tags if tag is not None]
        if len(known) == len(tags):
            return _one_of_tags(context, attribute, known)
    found = [compared(context, attribute, "==", operand) for operand in given]
    if any(one.over.is_negated or one.under.is_negated for one in found):
        return _maybe(attribute)
    return Bounds(
        Literal(any_of(one.over.text for one in found)),
        Literal(any_of(one.under.text for one in found)),
    )


def between(context: Context, attribute: Attribute, low: Any, high: Any) -> Bounds:
    """Return the documents with a value between two operands."""
    if attribute.family in _PLAIN_NUMBERS:
        first, last = (number_of(attribute.family, one) for one in (low, high))
        if first.is_exact and last.is_exact and not first.infinite and not last.infinite:
            start, end = context.parameter(first.low), context.parameter(last.high)
            around = (
                _range(attribute, "-inf", f"({start}"), _range(attribute, f"({end}", "+inf"),
            )  # fmt: skip
            return _exactly(_range(attribute, start, end), any_of(around))
    lower = compared(context, attribute, ">=", low)
    upper = compared(context, attribute, "<=", high)
    over = _both(lower.over, upper.over)
    if attribute.is_many:  # two different values may satisfy the two bounds
        return Bounds(over, NONE_AT_ALL)
    complements = (lower.complement, upper.complement)
    complement = None
    if complements[0] is not None and complements[1] is not None:
        complement = any_of((complements[0], complements[1]))
    return Bounds(over, _both(lower.under, upper.under), complement)


def _both(one: Literal, other: Literal) -> Literal:
    """Return the documents of both literals; a negated one stands for all with the attribute."""
    if one.is_negated or one == EVERYTHING:
        return one if one == other else other
    if other.is_negated or other == EVERYTHING:
        return one
    return Literal(all_of((one.text, other.text)))


def is_none(attribute: Attribute) -> Bounds:
    """No value in an index is None."""
    complement = any_number(attribute) if attribute.form == "NUMERIC" else None
    return _exactly(NOTHING, complement)


def with_absent(bounds: Bounds, attribute: Attribute, holds: Callable[[Any], bool]) -> Bounds:
    """Add the documents without a value in the index.

    Args:
        bounds: What is known about the documents with a value.
        attribute: The attribute.
        holds: Tells whether a value matches the condition.
    """
    truths: set[bool] = set()
    for value in attribute.absent:
        truths |= {True, False} if isinstance(value, Unknown) else {holds(value)}
    over, under, complement = bounds
    if True in truths:
        over = _or_missing(over, attribute)
        if False not in truths:
            under = _or_missing(under, attribute)
    if complement is not None and False in truths:
        complement = any_of((complement, missing(attribute)))
    return Bounds(over, under, complement)


def _or_missing(literal: Literal, attribute: Attribute) -> Literal:
    if literal.is_negated or literal.text == ALL:
        return EVERYTHING
    return Literal(any_of((literal.text, missing(attribute))))
