"""What expressions mean, in plain Python: the reference for other engines.

A condition is turned into a function when it is first evaluated; the function is kept with it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, time
from typing import Any, TypeAlias, TypeGuard, cast

from pydantic import BaseModel
from typing_extensions import TypeIs

from rapyer.errors import ExpressionError
from rapyer.expr.calculation import is_calculated
from rapyer.expr.nodes import (
    And,
    AnyElement,
    Between,
    Comparison,
    Condition,
    Contains,
    EndsWith,
    In,
    IsNone,
    Not,
    Or,
    StartsWith,
    operand_of,
    roots_of,
)
from rapyer.expr.paths import Path, is_path, steps_of
from rapyer.expr.steps import Step
from rapyer.expr.text import stored_text
from rapyer.expr.values import Arithmetic, is_value
from rapyer.guards import is_array, is_list, is_mapping, is_tuple

#: Says whether an instance, or an element, fulfills a condition.
Predicate: TypeAlias = Callable[[Any], bool]
#: Gives a value of an instance, or of an element.
Getter: TypeAlias = Callable[[Any], Any]

_ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_ARITHMETIC: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": lambda left, right: left / right,
    "//": lambda left, right: left // right,
    "%": operator.mod,
}


def matches(condition: Condition, instance: Any) -> bool:
    """Return whether an instance of the model fulfills a condition.

    Raises:
        ExpressionError: The instance is of another model than the condition.
    """
    try:
        roots, predicate = condition.__evaluated__
    except AttributeError:
        roots, predicate = frozenset(roots_of(condition)), predicate_of(condition)
        condition.__evaluated__ = roots, predicate
    for root in roots:
        if not isinstance(instance, root):
            raise ExpressionError(
                f"{condition!r} is a condition on {root.__name__}, but {instance!r} is not an "
                "instance of it."
            )
    return bool(predicate(instance))


def predicate_of(condition: Condition) -> Predicate:
    """Turn a condition into a function of an instance, which checks nothing."""
    make = _PREDICATES.get(type(condition))
    return condition.__predicate__() if make is None else make(condition)


# -- equality and order ---------------------------------------------------------------------------


def is_equal(value: Any, other: Any) -> bool:
    """Return whether two values are equal, in the form that is stored.

    This is Python's equality, except that no bool equals a number, and that a named time zone is
    the offset of the moment.
    """
    if type(value) in _SCALARS and type(other) in _SCALARS:
        return bool(value == other)
    if isinstance(value, bool) is not isinstance(other, bool):
        return False
    return _is_equal_in_parts(value, other)


def _is_equal_in_parts(value: Any, other: Any) -> bool:
    if (is_list(value) and is_list(other)) or (is_tuple(value) and is_tuple(other)):
        return len(value) == len(other) and all(map(is_equal, value, other))
    if _is_set(value) and _is_set(other):
        return len(value) == len(other) and set(map(_member, value)) == set(map(_member, other))
    if is_mapping(value) and is_mapping(other):
        items = {_member(key): item for key, item in other.items()}
        return len(value) == len(items) and all(
            _member(key) in items and is_equal(item, items[_member(key)])
            for key, item in value.items()
        )
    if _are_alike(value, other):
        return all(
            is_equal(getattr(value, name, None), getattr(other, name, None))
            for name in type(value).__pydantic_fields__
        ) and is_equal(value.__pydantic_extra__, other.__pydantic_extra__)
    return bool(operand_of(value) == operand_of(other))


# types whose values Python compares as engines do, checked first for speed
_NUMBERS = frozenset({int, float})
_SCALARS = frozenset({*_NUMBERS, str, type(None)})

#: Bools and lists, as members of a union: Python orders them, but engines do not.
_UNORDERED = (type(None), bool, list, tuple, set, frozenset)


def _member(value: Any) -> Any:
    """Return a set member, or a key, in a form that Python tells apart as `is_equal` does."""
    if is_tuple(value):
        return tuple(map(_member, value))
    if _is_set(value):
        return frozenset(map(_member, value))
    return isinstance(value, bool), operand_of(value)


def _is_set(value: object) -> TypeIs[AbstractSet[Any]]:
    return isinstance(value, AbstractSet)


def _are_alike(value: Any, other: Any) -> TypeGuard[BaseModel]:
    """Return whether two values are models of one class that has no equality of its own."""
    return (
        type(value) is type(other)
        and isinstance(value, BaseModel)
        and type(value).__eq__ is BaseModel.__eq__
    )


def _is_ordered(order: Callable[[Any, Any], bool], value: Any, other: Any) -> bool:
    """Compare two values; False if one is None, or if there is no order between them."""
    if type(value) in _NUMBERS and type(other) in _NUMBERS:
        return order(value, other)
    if isinstance(value, _UNORDERED) or isinstance(other, _UNORDERED):
        return False
    if isinstance(value, str) and isinstance(other, str):
        return order(stored_text(value), stored_text(other))
    if isinstance(value, datetime | time) and isinstance(other, datetime | time):
        # Python raises if only one of them has a time zone; all engines say no
        if (value.utcoffset() is None) is not (other.utcoffset() is None):
            return False
        value, other = operand_of(value), operand_of(other)
    try:
        return bool(order(value, other))
    except TypeError:  # the members of a union, such as a number and a text
        return False


# -- values ---------------------------------------------------------------------------------------


def getter_of(value: Any) -> Getter:
    """Turn a value of an expression, or a plain operand, into a function of an instance."""
    if is_path(value):
        return _getter_of_path(value)
    if isinstance(value, Arithmetic):
        return _getter_of_arithmetic(cast("Any", value))
    if is_value(value):
        return value.__getter__()
    return lambda _: value


def _getter_of_path(path: Path[Any]) -> Getter:
    readers = [_reader_of(step) for step in steps_of(path)]
    if len(readers) == 1:
        return readers[0]

    def get(instance: Any) -> Any:
        value = instance
        for read in readers:
            if value is None:
                return None
            value = read(value)
        return value

    return get


def _reader_of(step: Step) -> Getter:
    read = _element if step.kind == "index" else _field
    return lambda value: read(value, step.value)


# what follows reads what a document has at a place, which Python's attributes and indexes of a
# value do not tell: a text in a union has a `title` and a `[0]`, but its JSON has neither


def _field(value: Any, name: Any) -> Any:
    """Read a field, or a key; None if there is none, or if the value has neither."""
    fields: Any = getattr(value, "__pydantic_fields__", None)  # of a model, or its dataclass
    if fields is None:
        fields = getattr(value, "__dataclass_fields__", ())
    if name in fields:
        return getattr(value, name, None)
    if is_mapping(value):
        return value.get(name)
    extra: Any = getattr(value, "__pydantic_extra__", None)
    return extra.get(name) if extra else None


def _element(value: Any, index: int) -> Any:
    """Read an element; None if the index is out of range, or if the value is not a list."""
    if _is_sequence(value) and -len(value) <= index < len(value):
        return value[index]
    return None


def _elements(value: Any) -> Iterable[Any]:
    """Return the elements of a list, set or tuple; none if the value is something else."""
    return value if is_array(value) or _is_sequence(value) or _is_set(value) else ()


def _is_sequence(value: object) -> TypeGuard[Sequence[Any]]:
    if is_list(value):  # nearly always
        return True
    return isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray)


def _getter_of_arithmetic(node: Arithmetic[Any]) -> Getter:
    left, right = getter_of(node.left), getter_of(node.right)
    symbol, calculate = node.operator, _ARITHMETIC[node.operator]

    def get(instance: Any) -> Any:
        one, other = left(instance), right(instance)
        if one is None or other is None or not is_calculated(symbol, one, other):
            return None  # also for those members of a union that have no such arithmetic
        return calculate(operand_of(one), operand_of(other))

    return get


# -- conditions -----------------------------------------------------------------------------------


def _all(node: And) -> Predicate:
    predicates = [predicate_of(operand) for operand in node.operands]
    return lambda instance: all(predicate(instance) for predicate in predicates)


def _any(node: Or) -> Predicate:
    predicates = [predicate_of(operand) for operand in node.operands]
    return lambda instance: any(predicate(instance) for predicate in predicates)


def _not(node: Not) -> Predicate:
    predicate = predicate_of(node.operand)
    return lambda instance: not predicate(instance)


def _comparison(node: Comparison) -> Predicate:
    get, operand = getter_of(node.left), node.right
    order = _ORDERS.get(node.operator)
    if is_value(operand):
        get_other = getter_of(operand)
        if order is None:
            return lambda instance: is_equal(get(instance), get_other(instance))
        return lambda instance: _is_ordered(order, get(instance), get_other(instance))
    if order is None:
        return lambda instance: is_equal(get(instance), operand)
    return lambda instance: _is_ordered(order, get(instance), operand)


def _in(node: In) -> Predicate:
    get, operands = getter_of(node.left), node.operands

    def predicate(instance: Any) -> bool:
        value = get(instance)
        return any(is_equal(value, operand) for operand in operands)

    return predicate


def _between(node: Between) -> Predicate:
    get, low, high = getter_of(node.left), getter_of(node.low), getter_of(node.high)

    def predicate(instance: Any) -> bool:
        value = get(instance)
        return _is_ordered(operator.ge, value, low(instance)) and _is_ordered(
            operator.le, value, high(instance)
        )

    return predicate


def _is_none(node: IsNone) -> Predicate:
    get = getter_of(node.left)
    return lambda instance: get(instance) is None


def _contains(node: Contains) -> Predicate:
    get, operand = getter_of(node.left), node.operand

    def predicate(instance: Any) -> bool:
        value = get(instance)
        if isinstance(value, str):
            return isinstance(operand, str) and operand in value
        return any(is_equal(element, operand) for element in _elements(value))

    return predicate


def _on_text(test: Callable[[str, str], bool]) -> Callable[[Any], Predicate]:
    def make(node: StartsWith | EndsWith) -> Predicate:
        get, operand = getter_of(node.left), node.operand

        def predicate(instance: Any) -> bool:
            value = get(instance)
            return isinstance(value, str) and test(value, operand)

        return predicate

    return make


def _any_element(node: AnyElement) -> Predicate:
    get, predicate = getter_of(node.left), predicate_of(node.condition)

    def of_list(instance: Any) -> bool:
        return any(
            predicate(element) for element in _elements(get(instance)) if element is not None
        )

    return of_list


_PREDICATES: Mapping[type[Condition], Callable[[Any], Predicate]] = {
    And: _all,
    Or: _any,
    Not: _not,
    Comparison: _comparison,
    In: _in,
    Between: _between,
    IsNone: _is_none,
    Contains: _contains,
    StartsWith: _on_text(str.startswith),
    EndsWith: _on_text(str.endswith),
    AnyElement: _any_element,
}
