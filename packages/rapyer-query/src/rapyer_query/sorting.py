"""The order of documents: by the server if that is exact, otherwise in Python."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Final, NamedTuple, cast, get_args
from uuid import UUID

from rapyer.errors import ExpressionError
from rapyer.expr.annotations import is_literal, members_of
from rapyer.expr.evaluate import getter_of
from rapyer.expr.geo import DistanceTo
from rapyer.expr.order import Order
from rapyer.expr.paths import annotation_of, is_path, steps_of
from rapyer.expr.steps import EACH
from rapyer.expr.text import stored_text
from rapyer.expr.values import Value
from rapyer.guards import is_class

from rapyer_query.attributes import Attribute, Attributes, Way, WayStep
from rapyer_query.clauses import NOTHING, Text, any_of
from rapyer_query.operands import EXACT_INTEGERS, number_of

#: `SORTBY` takes eight, the last of which is the key.
_MOST_ORDERS: Final = 7
#: Families that the server orders in the same way as Python does here.
ALIKE: Final = frozenset(
    {"integer", "float", "days", "span", "instant", "clock", "bool", "text", "choice"}
)
#: Families of integers, which an index holds as doubles.
_INTEGERS: Final = frozenset({"integer", "days", "span", "instant", "clock"})
#: Groups of types whose values are ordered among each other; the first match applies.
_GROUPS: Final = (
    ("bool", bool),
    ("number", int | float | Decimal),
    ("text", str),
    ("bytes", bytes),
    ("uuid", UUID),
    ("datetime", datetime),
    ("date", date),
    ("time", time),
    ("timedelta", timedelta),
)


_PLAIN: Final = "Sort by plain values of one kind: numbers, strings, dates, ..."


class ServerOrder(NamedTuple):
    """An order by attributes of an index.

    Attributes:
        words: The attributes and their directions, as `SORTBY` takes them.
        doubt: Finds documents that the server may place differently: integers that are not doubles,
            and documents that lack a field with a default other than None.
        before: What the attributes are calculated by.
        options: Options of the query itself.
        kept: The name and the family of the only attribute of the order, if its values are kept
            beside the index; else empty.
    """

    words: Sequence[str]
    doubt: Text
    before: Sequence[Any] = ()
    options: Sequence[str] = ()
    kept: tuple[str, str] = ("", "")


#: The order of full-text search: the best first.
BY_SCORE: Final = ServerOrder(("@__score", "DESC"), NOTHING, options=("ADDSCORES",))


def check_order(order: Order) -> None:
    """Check that documents have an order by a value.

    Raises:
        ExpressionError: They have none.
    """
    value = order.value
    if not is_path(value):
        if len({kind.family for kind in value.__kinds__} - {None}) != 1:
            raise ExpressionError(f"documents cannot be ordered by {value!r}. {_PLAIN}")
        return
    if EACH in steps_of(value):
        raise ExpressionError(
            f"{value!r} has many values in a document, so documents cannot be ordered by it."
        )
    annotation = annotation_of(value)
    groups = {_group_of(member) for member in members_of(annotation)}
    if len(groups) != 1 or None in groups:
        raise ExpressionError(
            f"documents cannot be ordered by {value!r}, which is {annotation!r}. {_PLAIN}"
        )


def _group_of(member: Any) -> str | None:
    if is_literal(member):
        values: tuple[Any, ...] = get_args(member)
        groups = {_group_of_class(type(value)) for value in values if value is not None}
        return groups.pop() if len(groups) == 1 else None
    return _group_of_class(member) if is_class(member) else None


def _group_of_class(cls: Any) -> str | None:
    if issubclass(cls, Enum):
        values = [cast("object", member.value) for member in cls]
        groups = {_group_of_class(type(value)) for value in values}
        return groups.pop() if len(groups) == 1 else None
    for name, kinds in _GROUPS:
        if issubclass(cls, kinds):
            return name
    return None


def server_order(orders: Sequence[Order], attributes: Attributes) -> ServerOrder | None:
    """Return the order for the server; None if only Python can order this way."""
    if len(orders) > _MOST_ORDERS:
        return None
    words: list[str] = []
    doubts: list[Text] = []
    before: list[Any] = []
    kept = "", ""
    for order in orders:
        direction = "DESC" if order.descending else "ASC"
        if isinstance(order.value, DistanceTo):
            measured = _measured(order.value, attributes, len(before))
            if not measured:
                return None
            before += measured
            words += [f"@{measured[-1]}", direction]
            continue
        attribute = attributes.at.get(way_of_single(order.value))
        if attribute is None or attribute.family not in ALIKE:
            return None
        words += [f"@{attribute.name}", direction]
        doubts.append(doubt_about(attribute))
        if attribute.is_sortable and len(orders) == 1:
            kept = attribute.name, attribute.family
    return ServerOrder(words, any_of(doubts), before, kept=kept)


def _measured(value: DistanceTo, attributes: Attributes, number: int) -> list[Any]:
    """Return what measures distances for each document; empty if the server cannot."""
    attribute = attributes.at.get(way_of_single(value.left))
    if attribute is None or attribute.form != "GEO" or attribute.absent:
        return []
    place, distance = f"_p{number}", f"_d{number}"
    measure = f'geodistance(@{place},"{value.lon!r},{value.lat!r}")'
    # documents that have just expired have no place, which would be an error
    return [
        "LOAD", 3, attribute.path, "AS", place, "FILTER", f"exists(@{place})",
        "APPLY", measure, "AS", distance,
    ]  # fmt: skip


def way_of_single(value: Value[Any]) -> Way:
    """Return the way to a value that each document has once; empty if it is not such a place."""
    way: Way = ()
    for step in steps_of(value) if is_path(value) else ():
        if step.kind == "field":
            way = (*way, WayStep("field", step.value))
        elif step.kind == "key":
            way = (*way, WayStep("key", step.stored_key or ""))
        else:
            return ()
    return way


def doubt_about(attribute: Attribute, *, is_bounded: bool = False) -> Text:
    """Find documents whose value the server does not have, or not exactly.

    Args:
        attribute: The value.
        is_bounded: Whether numbers that are too large to be exact are detected elsewhere.
    """
    texts: list[Text] = []
    if attribute.family in _INTEGERS and not is_bounded:
        name, bound = attribute.name, EXACT_INTEGERS
        texts += [f"@{name}:[{bound} +inf]", f"@{name}:[-inf -{bound}]"]
    if any(value is not None for value in attribute.absent):
        texts.append(f"ismissing(@{attribute.name})")
    return any_of(texts) or NOTHING


def sort_in_python(rows: list[tuple[bytes, Any]], orders: Sequence[Order]) -> None:
    """Sort keys and instances by the orders, and finally by the keys."""
    rows.sort(key=lambda row: row[0])
    for order in reversed(orders):
        rows.sort(key=_key_of_row(order), reverse=order.descending)


def _key_of_row(order: Order) -> Callable[[Any], Any]:
    get = getter_of(order.value)
    return sort_key(lambda row: get(row[1]), is_reverse=order.descending)


def sort_key(get: Callable[[Any], Any], *, is_reverse: bool) -> Callable[[Any], Any]:
    """Return a key function under which None comes last in both directions."""

    def key(row: Any) -> tuple[bool, Any]:
        value = get(row)
        if value is None:
            return not is_reverse, 0
        return is_reverse, comparable(value)

    return key


def comparable(value: Any) -> Any:
    """Return a value in the form by which documents are ordered."""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, str):
        return stored_text(value)
    if isinstance(value, datetime):
        return int(number_of("instant", value).low)
    if isinstance(value, time):
        return int(number_of("clock", value).low)
    return value
