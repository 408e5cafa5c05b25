"""Checks of values: whether each has exactly one of the types that its place may have.

`rapyer.types.proof` decides what is checked; this module does it for each document.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from operator import itemgetter
from typing import Any, NamedTuple, TypeAlias, cast

#: Says whether a value is certain; its exact type is known to be one that the check is for.
Check: TypeAlias = Callable[[Any], bool]
#: The exact types that the values of one place may have, and what has to be checked for each.
Node: TypeAlias = dict[type, tuple[Check, ...]]
#: Gives the values of some fields from the `__dict__` of a model, as a tuple.
Fetch: TypeAlias = Callable[[dict[str, Any]], tuple[Any, ...]]

#: How many combinations of types are remembered for one model.
_COMBINATIONS = 256


class Elements:
    """The check that all elements of a list, or all keys or values of a dict, have one type.

    Args:
        kind: The type.
        of_values: Whether it is about the values of a dict.
    """

    __slots__ = ("kind", "of_values")

    def __init__(self, kind: type, *, of_values: bool = False) -> None:
        self.kind = kind
        self.of_values = of_values

    def __call__(self, container: Any, /) -> bool:  # noqa: D102 - a Check
        values: Iterable[object] = container.values() if self.of_values else container
        return {self.kind}.issuperset(map(type, values))


class Layout(NamedTuple):
    """Where the values of a model, and of the models in it, are found.

    Attributes:
        fetch: Gives the values of its own fields.
        inner: Models in it that are always there: the index of each in the tuple, and how to fetch
            its values, which are added to the tuple.
        nodes: What the values in the whole tuple may be.
    """

    fetch: Fetch
    inner: tuple[tuple[int, Fetch], ...]
    nodes: tuple[Node, ...]


def fetch_fields(names: tuple[str, ...]) -> Fetch:
    """Make a function that fetches the values of some fields."""
    if len(names) > 1:
        return cast("Fetch", itemgetter(*names))
    return lambda values: tuple([values[name] for name in names])


def cautious(check: Check) -> Check:
    """Make a check that treats a value as not certain if the check fails with an exception."""

    def checked(value: Any) -> bool:
        try:
            return check(value)
        except Exception:  # noqa: BLE001 - of what fails here, the full check says what is wrong
            return False

    return checked


def every(node: Node) -> Callable[[Collection[Any]], bool]:
    """Make the check of several values, each of which may be what a node allows."""
    is_plain = frozenset(kind for kind, checks in node.items() if not checks).issuperset

    def look(values: Collection[Any]) -> bool:
        if is_plain(map(type, values)):
            return True
        for value, kind in zip(values, map(type, values), strict=True):
            checks = node.get(kind)
            if checks is None:
                return False
            for check in checks:
                if not check(value):
                    return False
        return True

    return look


class _Plan(NamedTuple):
    """What is checked in the values of a model, when the type of each is known.

    Attributes:
        containers: Which type the elements of a list, or the keys of a dict, may have; the index
            of the list or dict; and whether the values of the dict are meant instead.
        others: The index of a value, and a check of it.
    """

    containers: tuple[tuple[type, int, bool], ...]
    others: tuple[tuple[int, Check], ...]


def _plan(nodes: tuple[Node, ...], types: tuple[type, ...]) -> _Plan | None:
    """Plan the checks for values of the given types; None if one may not have its type."""
    containers: list[tuple[type, int, bool]] = []
    others: list[tuple[int, Check]] = []
    for index, (node, kind) in enumerate(zip(nodes, types, strict=True)):
        checks = node.get(kind)
        if checks is None:
            return None
        for check in checks:
            if isinstance(check, Elements):
                containers.append((check.kind, index, check.of_values))
            else:
                others.append((index, check))
    return _Plan(tuple(containers), tuple(others))


def of_model(cls: type[Any], layout: Layout) -> Check:  # noqa: C901 - see below
    """Make the check of the instances of a model.

    It is one function with as few calls as possible: a call costs as much as checking two values.
    """
    fetch, inner, nodes = layout
    plans: dict[tuple[type, ...], _Plan] = {}

    def plan_of(types: tuple[type, ...]) -> _Plan | None:
        plan = _plan(nodes, types)
        if plan is not None and len(plans) < _COMBINATIONS:
            plans[types] = plan
        return plan

    def is_certain(instance: Any) -> bool:  # noqa: C901, PLR0911 - see above
        if type(instance) is not cls:
            return False
        try:
            if instance.__pydantic_extra__ is not None:
                return False
            found = fetch(instance.__dict__)
            for index, fetch_inner in inner:
                part = found[index]
                if part.__pydantic_extra__ is not None:
                    return False
                found += fetch_inner(part.__dict__)
            # found by hash: a metaclass may define its own ==
            types = tuple(map(type, found))
            plan = plans.get(types) or plan_of(types)
            if plan is None:
                return False
            containers, others = plan
            for kind, index, of_values in containers:
                for value in found[index].values() if of_values else found[index]:
                    if type(value) is not kind:
                        return False
            if others:
                for index, check in others:
                    if not check(found[index]):
                        return False
        except Exception:  # noqa: BLE001 - a field is missing, or a value is no model at all
            return False
        return True

    return is_certain
