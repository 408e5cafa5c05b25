"""The nodes of the expression language: conditions, and calculated values.

They express a meaning and know no engine: `rapyer.expr.evaluate` implements it in Python, and
plugins compile it for the server. A node is immutable, and equal to any node of the same
structure.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, cast

from rapyer.errors import ExpressionError
from rapyer.guards import is_array, is_list, is_mapping, is_plain_dict, is_tuple

if TYPE_CHECKING:
    from pydantic import BaseModel

    from rapyer.expr.paths import Path
    from rapyer.expr.values import Value


#: The slots of nodes that hold what is derived from their parts.
_MADE = frozenset({"__made_structure__", "__evaluated__"})


class Node:
    """A node of an expression.

    Its parts are in the attributes that `__parts__` names, in the order of its constructor. Names
    that all nodes have start with an underscore: on a path, any other name is that of a field.
    """

    __slots__ = ("__made_structure__",)

    __parts__: ClassVar[tuple[str, ...]] = ()

    def __structure__(self) -> tuple[Hashable, ...]:
        """Return what the node consists of, in a form that is equal for equal structure."""
        try:
            return self.__made_structure__
        except AttributeError:
            values = (structure_of(getattr(self, name)) for name in self.__parts__)
            self.__made_structure__: tuple[Hashable, ...] = (type(self).__name__, *values)
            return self.__made_structure__

    def __root__(self) -> type[BaseModel] | None:
        """Return the model that the node starts from, if it is a path."""
        return None

    def __getstate__(self) -> tuple[None, dict[str, Any]]:
        """Return only the parts to a copy or a pickle; what is derived from them is made again."""
        _, slots = cast("tuple[None, dict[str, Any]]", super().__getstate__())
        return None, {name: part for name, part in slots.items() if name not in _MADE}


def roots_of(node: Any) -> Iterator[type[BaseModel]]:
    """Return the models that the paths of a node start from, except those below an `AnyElement`."""
    if isinstance(node, Node):
        model = node.__root__()
        if model is not None:
            yield model
        for name in node.__parts__:
            if not (isinstance(node, AnyElement) and name == "condition"):
                yield from roots_of(getattr(node, name))
    elif is_tuple(node):
        for part in node:
            yield from roots_of(part)


def structure_of(part: Any) -> Hashable:
    """Return a part of a node in a form that compares by structure and type: `1` is not `True`."""
    if isinstance(part, Node):
        return part.__structure__()
    kind = type(part).__name__
    if is_tuple(part) or is_list(part):
        return (kind, *map(structure_of, part))
    if is_mapping(part):
        return (kind, *((structure_of(key), structure_of(item)) for key, item in part.items()))
    return (kind, part if isinstance(part, Hashable) else repr(part))


def operand_of(value: Any) -> Any:
    """Return an operand in its stored form, which engines compare.

    A named time zone becomes the offset of the moment, as it does in a document; this includes
    containers. Python compares and moves datetimes of the same named zone by wall clock time, and
    considers none equal to a datetime of another zone in the hour that occurs twice.

    Raises:
        ExpressionError: It is, or contains, a part of an expression.
    """
    if isinstance(value, datetime):
        offset = None if value.tzinfo is None else value.utcoffset()
        if offset is not None and not isinstance(value.tzinfo, timezone):
            return value.replace(tzinfo=timezone(offset), fold=0)
    elif is_array(value):
        kind: Any = type(value)
        return kind(map(operand_of, value)) if kind in _PLAIN_ARRAYS else value
    elif is_plain_dict(value):
        return {operand_of(key): operand_of(item) for key, item in value.items()}
    elif isinstance(value, Node):
        raise ExpressionError(
            f"{value!r} is used where a plain value is needed. Compare values of documents one by "
            "one: (a == 5) | (a == b)."
        )
    return value


#: Operands of other classes are taken as they are: only those classes know what they consist of.
_PLAIN_ARRAYS: tuple[Any, ...] = (list, tuple, set, frozenset)


class Condition(Node):
    """Something that a document fulfills or not: `User.age > 18`.

    Combine conditions with `&`, `|` and `~`. They have no truth value of their own.
    """

    __slots__ = ("__evaluated__",)

    #: What `rapyer.expr.evaluate` has made of the condition, kept with it.
    __evaluated__: Any

    def __and__(self, other: Condition | bool) -> Condition:
        return And(*_joined(And, self, other, "&"))

    def __or__(self, other: Condition | bool) -> Condition:
        return Or(*_joined(Or, self, other, "|"))

    def __rand__(self, other: bool) -> NoReturn:
        raise _no_condition("&", other)

    def __ror__(self, other: bool) -> NoReturn:
        raise _no_condition("|", other)

    def __invert__(self) -> Condition:
        return Not(self)

    def __bool__(self) -> NoReturn:
        raise TypeError(
            f"the condition {self!r} has no truth value: whether it holds depends on a document. "
            "Write & for `and`, | for `or`, ~ for `not`, each condition in parentheses, and `(a < "
            "x) & (x < b)` or x.between(a, b) for `a < x < b`; use condition.matches(instance) to "
            "check an instance."
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Condition) and self.__structure__() == other.__structure__()

    def __hash__(self) -> int:
        return hash(self.__structure__())

    def __predicate__(self) -> Callable[[Any], bool]:
        """Return a function that says whether an instance fulfills the condition: for plugin nodes.

        Raises:
            ExpressionError: Only a server can decide it.
        """
        raise ExpressionError(f"{type(self).__name__} does not define what it means in Python.")

    def matches(self, instance: Any) -> bool:
        """Return whether an instance of the model fulfills the condition, in plain Python.

        The meaning is the same as on the server, for the document that `save` would write.

        Raises:
            ExpressionError: The instance is of another model than the condition.
        """
        from rapyer.expr.evaluate import matches  # noqa: PLC0415 - it knows all nodes

        return matches(self, instance)


def _joined(
    kind: type[And | Or], left: Condition, right: Condition | bool, operator: str
) -> Iterator[Condition]:
    """Return the operands of a new conjunction or disjunction, flattening those of its kind."""
    if not isinstance(right, Condition):
        raise _no_condition(operator, right)
    for operand in (left, right):
        if isinstance(operand, kind):
            yield from operand.operands
        else:
            yield operand


def _no_condition(operator: str, value: object) -> TypeError:
    return TypeError(
        f"{operator} joins conditions, but {value!r} is not a condition. Put every comparison in "
        f"parentheses: {operator} binds more tightly than == and <."
    )


class And(Condition):
    """All of several conditions hold."""

    __slots__ = ("operands",)
    __parts__ = ("operands",)

    def __init__(self, *operands: Condition) -> None:
        self.operands = operands

    def __repr__(self) -> str:
        return " & ".join(map(_in_parentheses, self.operands))


class Or(Condition):
    """At least one of several conditions holds."""

    __slots__ = ("operands",)
    __parts__ = ("operands",)

    def __init__(self, *operands: Condition) -> None:
        self.operands = operands

    def __repr__(self) -> str:
        return " | ".join(map(_in_parentheses, self.operands))


class Not(Condition):
    """A condition does not hold."""

    __slots__ = ("operand",)
    __parts__ = ("operand",)

    def __init__(self, operand: Condition) -> None:
        self.operand = operand

    def __repr__(self) -> str:
        return f"~{_in_parentheses(self.operand)}"


class Comparison(Condition):
    """Two values are compared: `User.age > 18`, `User.spent <= User.limit`.

    Attributes:
        operator: `"=="`, `"<"`, `"<="`, `">"` or `">="`; `!=` becomes the `Not` of `==`.
        left: A value.
        right: A value, or a plain operand.
    """

    __slots__ = ("left", "operator", "right")
    __parts__ = ("operator", "left", "right")

    def __init__(self, operator: str, left: Value[Any], right: Any) -> None:
        self.operator = operator
        self.left = left
        self.right = right

    def __repr__(self) -> str:
        return f"{self.left!r} {self.operator} {self.right!r}"


class In(Condition):
    """A value is one of several: `User.role.in_(["admin", "owner"])`."""

    __slots__ = ("left", "operands")
    __parts__ = ("left", "operands")

    def __init__(self, left: Value[Any], operands: tuple[Any, ...]) -> None:
        self.left = left
        self.operands = operands

    def __repr__(self) -> str:
        return f"{before_a_dot(self.left)}.in_({list(self.operands)!r})"


class Between(Condition):
    """A value lies between two others, both included: `User.age.between(18, 25)`."""

    __slots__ = ("high", "left", "low")
    __parts__ = ("left", "low", "high")

    def __init__(self, left: Value[Any], low: Any, high: Any) -> None:
        self.left = left
        self.low = low
        self.high = high

    def __repr__(self) -> str:
        return f"{before_a_dot(self.left)}.between({self.low!r}, {self.high!r})"


class IsNone(Condition):
    """A value is None: `User.nick.is_none()`."""

    __slots__ = ("left",)
    __parts__ = ("left",)

    def __init__(self, left: Value[Any]) -> None:
        self.left = left

    def __repr__(self) -> str:
        return f"{before_a_dot(self.left)}.is_none()"


class _OnOperand(Condition):
    """A condition on a path and an operand, written as a method of the path."""

    __slots__ = ("left", "operand")
    __parts__ = ("left", "operand")
    method: ClassVar[str]

    def __init__(self, left: Path[Any], operand: Any) -> None:
        self.left = left
        self.operand = operand_of(operand)

    def __repr__(self) -> str:
        return f"{before_a_dot(self.left)}.{self.method}({self.operand!r})"


class Contains(_OnOperand):
    """A text contains another one, or a list, set or tuple contains an element."""

    __slots__ = ()
    method = "contains"


class StartsWith(_OnOperand):
    """A text starts with another one."""

    __slots__ = ()
    method = "startswith"


class EndsWith(_OnOperand):
    """A text ends with another one."""

    __slots__ = ()
    method = "endswith"


class AnyElement(Condition):
    """A list of models has one element that fulfills a whole condition.

    Attributes:
        left: The path of the list.
        condition: The condition, whose paths start at the element.
    """

    __slots__ = ("condition", "left")
    __parts__ = ("left", "condition")

    def __init__(self, left: Path[Any], condition: Condition) -> None:
        self.left = left
        self.condition = condition

    def __repr__(self) -> str:
        return f"{self.left!r}.any({self.condition!r})"


def before_a_dot(value: Value[Any]) -> str:
    """Write a value as it appears before one of its methods."""
    return repr(value) if value.__root__() is not None else f"({value!r})"  # calculated values


def _in_parentheses(node: Node) -> str:
    return repr(node) if isinstance(node, Not) else f"({node!r})"
