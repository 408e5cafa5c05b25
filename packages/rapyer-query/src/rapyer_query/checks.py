"""What is checked while a query is built."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rapyer.errors import ExpressionError
from rapyer.expr.annotations import members_of
from rapyer.expr.nodes import Condition, roots_of
from rapyer.expr.order import Order
from rapyer.expr.paths import annotation_of, is_path
from rapyer.expr.values import Value

from rapyer_query.search import Search, check_words, full_texts_in
from rapyer_query.shapes import value_in
from rapyer_query.sorting import check_order

if TYPE_CHECKING:
    from rapyer.base import BaseRedisModel

    from rapyer_query.spec import Spec


def check_condition(model: type[BaseRedisModel], condition: object) -> None:
    """Check that something is a condition on a model.

    Raises:
        ExpressionError: It is something else, or a condition on another model.
    """
    if not isinstance(condition, Condition):
        name = model.__name__
        field = next(iter(model.__pydantic_fields__), "<field>")
        more = ""
        if isinstance(condition, bool):
            more = (
                " A bool results from `is`, `in`, `not`, or from comparing an instance: start at "
                "the class."
            )
        elif is_path(condition):
            compared = "True" if members_of(annotation_of(condition)) == (bool,) else "..."
            more = f" A field alone is not a condition: write {condition!r} == {compared}."
        raise ExpressionError(
            f"find was given {condition!r}, which is not a condition on {name}.{more} Write one "
            f"such as {name}.{field} == ..., joined with & and |; {name}.get(key) loads by key."
        )
    for words in full_texts_in(condition):
        check_words(words)
    for root in roots_of(condition):
        if not issubclass(model, root):
            is_before = root.__qualname__ == model.__qualname__
            raise ExpressionError(
                f"{condition!r} is a condition on "
                f"{root.__name__}{' as previously defined' if is_before else ''}, but the query is "
                f"for documents of {model.__name__}. "
                f"{'Rewrite it from' if is_before else 'Start it at'} {model.__name__}."
            )


def searched(text: object, fuzzy: object) -> Search:
    """Return the condition of `search`.

    Raises:
        ExpressionError: There are no words.
    """
    if not isinstance(text, str):
        raise ExpressionError(f"search was given {text!r}. Give the words as a string.")
    if isinstance(fuzzy, bool) or not isinstance(fuzzy, int) or not 0 <= fuzzy <= 3:
        raise ExpressionError(f"fuzzy is {fuzzy!r}. Give 0, 1, 2 or 3.")
    return Search(text, fuzzy)


def order_of(model: type[BaseRedisModel], given: object) -> Order:
    """Return the order of documents that an argument of `sort` stands for.

    Raises:
        ExpressionError: Documents have no order by that.
        InvalidPathError: A text leads nowhere.
    """
    if isinstance(given, str):
        value = value_in(model, given.removeprefix("-"))
        order = Order(value, descending=given.startswith("-"))
    elif isinstance(given, Order):
        order = given
    else:
        order = Order(value_in(model, given))
    check_root(model, order.value)
    check_order(order)
    return order


def check_root(model: type[BaseRedisModel], value: Value[Any]) -> None:
    """Check that a value belongs to the documents of a model.

    Raises:
        ExpressionError: It belongs to another model.
    """
    for root in roots_of(value):
        if not issubclass(model, root):
            raise ExpressionError(
                f"{value!r} is of {root.__name__}, but the query is for documents of "
                f"{model.__name__}."
            )


def natural(name: str, number: object) -> int:
    """Check that something is a number of documents, or of groups."""
    if isinstance(number, bool) or not isinstance(number, int) or number < 0:
        raise ValueError(f"{name} is {number!r}. Give a whole number, 0 or more.")
    return number


def length(name: str, number: object) -> float:
    """Check that something is a distance."""
    given: Any = number
    is_number = isinstance(given, int | float) and not isinstance(given, bool)
    if not is_number or not -1e300 <= given <= 1e300:
        raise ValueError(f"{name} is {repr(number)[:40]}. Give a number.")
    return float(given)


def writable(spec: Spec) -> Spec:
    """Check that the documents of a query can be written.

    Raises:
        ExpressionError: They are the nearest, which change from moment to moment.
    """
    if spec.near is not None:
        raise ExpressionError(
            "documents found by nearest or within_distance cannot be updated or deleted. Get their "
            "keys() first, and update or delete those."
        )
    return spec


def unscored(spec: Spec, method: str) -> None:
    """Check that results are not paired with their scores yet.

    Raises:
        ExpressionError: They are.
    """
    if spec.scored:
        raise ExpressionError(f"call {method} before with_scores: .{method}(...).with_scores().")
