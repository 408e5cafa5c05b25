"""Values in expressions: what a document has, and what is calculated from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Generic, cast, overload

from typing_extensions import TypeIs, TypeVar

from rapyer.errors import ExpressionError
from rapyer.expr.calculation import APART, RESULTS, result_of
from rapyer.expr.nodes import Between, Comparison, Condition, In, IsNone, Not, operand_of
from rapyer.expr.operands import Kind, are_of_anything, kind_of_value
from rapyer.expr.order import Order
from rapyer.expr.sides import (
    Exact,
    ExactOrNone,
    Instant,
    InstantOrNone,
    Number,
    Real,
    RealOrNone,
    Span,
    Text,
    TextOrNone,
)
from rapyer.expr.undecided import Undecided

T = TypeVar("T", default=Any)


class Value(Undecided, Generic[T]):
    """A value that a document has, or that is calculated from one.

    Comparing it gives a [`Condition`][rapyer.expr.nodes.Condition]; calculating with it gives
    another value. Operands are checked against the type of the field at once.
    """

    __slots__ = ()

    if TYPE_CHECKING:

        def __rapyer_selected__(self) -> T: ...

    @property
    def __kinds__(self) -> tuple[Kind, ...]:
        """What the value, if it is not None, can be compared with."""
        raise ExpressionError(f"{type(self).__name__} does not define its values.")

    def __getter__(self) -> Callable[[Any], Any]:
        """Return a function that gets the value from an instance: for nodes of plugins.

        Raises:
            ExpressionError: Only a server can give it.
        """
        raise ExpressionError(f"{type(self).__name__} does not define what it means in Python.")

    def __hash__(self) -> int:
        return hash(self.__structure__())

    # -- comparing --------------------------------------------------------------------------------

    def __eq__(self, other: object) -> Condition:  # type: ignore[override] # pyright: ignore[reportIncompatibleMethodOverride] # a condition, as in SQLAlchemy
        return self._compare("==", other)

    def __ne__(self, other: object) -> Condition:  # type: ignore[override] # pyright: ignore[reportIncompatibleMethodOverride] # a condition, as in SQLAlchemy
        return self._different(other)

    @overload
    def __lt__(self: Number, other: float | Number) -> Condition: ...
    @overload
    def __lt__(self, other: T | Value[T]) -> Condition: ...
    def __lt__(self, other: Any) -> Condition:
        return self._compare("<", other)

    @overload
    def __le__(self: Number, other: float | Number) -> Condition: ...
    @overload
    def __le__(self, other: T | Value[T]) -> Condition: ...
    def __le__(self, other: Any) -> Condition:
        return self._compare("<=", other)

    @overload
    def __gt__(self: Number, other: float | Number) -> Condition: ...
    @overload
    def __gt__(self, other: T | Value[T]) -> Condition: ...
    def __gt__(self, other: Any) -> Condition:
        return self._compare(">", other)

    @overload
    def __ge__(self: Number, other: float | Number) -> Condition: ...
    @overload
    def __ge__(self, other: T | Value[T]) -> Condition: ...
    def __ge__(self, other: Any) -> Condition:
        return self._compare(">=", other)

    def in_(self, operands: Iterable[T | None]) -> Condition:
        """Say that the value is one of several `operands`; a None among them stands for None.

        Raises:
            ExpressionError: One of them is of another type, or they are not a list of values.
        """
        given = cast("Any", operands)
        if isinstance(given, str | bytes) or not isinstance(given, Iterable):
            raise ExpressionError(
                f"{self!r}.in_ was given {operands!r}, which is one value. Give a list of values."
            )
        operands = tuple(operands)
        for operand in operands:
            if is_value(operand):
                raise ExpressionError(
                    f"{self!r}.in_ was given {operand!r}, which has a different value in each "
                    f"document. Write it as a comparison: {self!r}.in_([...]) | ({self!r} == "
                    f"{operand!r})."
                )
        return self._for_each(In, tuple(self._operand("==", operand) for operand in operands))

    @overload
    def between(self: Number, low: float | Number, high: float | Number) -> Condition: ...
    @overload
    def between(
        self: ExactOrNone, low: float | Decimal | Number, high: float | Decimal | Number
    ) -> Condition: ...
    @overload
    def between(self, low: T | Value[T], high: T | Value[T]) -> Condition: ...
    def between(self, low: Any, high: Any) -> Condition:
        """Say that the value lies between `low` and `high`, both included.

        Raises:
            ExpressionError: One of them is of another type, or the values have no order.
        """
        return self._for_each(Between, self._operand("<=", low), self._operand("<=", high))

    def is_none(self) -> Condition:
        """Say that the value is None: null in the document, or below something that is null."""
        return self._for_each(IsNone)

    def _for_each(self, node: Any, *parts: Any) -> Condition:
        """Build a condition on the value, or on each of them if there are many."""
        condition: Condition = node(self, *parts)
        return condition

    def _compare(self, operator: str, other: Any) -> Condition:
        return Comparison(operator, self, self._operand(operator, other))

    def _different(self, other: Any) -> Condition:
        return Not(self._compare("==", other))

    def _operand(self, operator: str, other: Any) -> Any:
        """Check an operand, and return it in the form that engines compare.

        Raises:
            ExpressionError: It cannot be compared with this value.
        """
        if is_value(other):
            return self._other_value(operator, other)
        if other is None:
            if operator == "==":
                return None
            raise ExpressionError(
                f"{self!r} {operator} None has no meaning: None cannot be ordered. Write "
                f"{self!r}.is_none()."
            )
        kinds = self.__kinds__
        for kind in kinds:
            if kind.accepts(other):
                if operator != "==" and kind.family is None:
                    raise self._without_order(operator)
                return operand_of(other)
        wanted = " or ".join(dict.fromkeys(kind.name for kind in kinds)) or "None"
        raise ExpressionError(
            f"{self!r} {operator} {other!r} could never hold: {other!r} is a "
            f"{type(other).__name__}, but the value is {wanted}. Give {wanted}."
        )

    def _other_value(self, operator: str, other: Value[Any]) -> Value[Any]:
        families, others = self._families(operator), other._families(operator)
        if are_of_anything(self.__kinds__ + other.__kinds__):
            return other
        if not families & others:
            raise ExpressionError(
                f"{self!r} {operator} {other!r} could never hold: one side is {_names(self)}, the "
                f"other is {_names(other)}. Compare values of the same kind."
            )
        return other

    def _families(self, operator: str) -> set[str]:
        if operator == "==":
            return {kind.family or kind.name for kind in self.__kinds__}
        families = {kind.family for kind in self.__kinds__ if kind.family is not None}
        if not families:
            raise self._without_order(operator)
        return families

    def _without_order(self, operator: str) -> ExpressionError:
        return ExpressionError(
            f"{self!r} {operator} ... has no meaning: values that are {_names(self)} have no "
            "order. Compare them with == or in_."
        )

    # -- order ------------------------------------------------------------------------------------

    def asc(self) -> Order:
        """Order documents by the value, smallest first; None comes last."""
        return Order(self)

    def desc(self) -> Order:
        """Order documents by the value, largest first; None comes last."""
        return Order(self, descending=True)

    # -- calculating ------------------------------------------------------------------------------

    # if both sides may be None, checkers cannot tell numbers from texts: only one side may
    @overload
    def __add__(self: Exact, other: float | Decimal | Number) -> Value[Decimal]: ...
    @overload
    def __add__(self: RealOrNone, other: float | Decimal | Real | Exact) -> Value[float]: ...
    @overload
    def __add__(self: Real, other: Number) -> Value[float]: ...
    @overload
    def __add__(self: TextOrNone, other: str | Text) -> Value[str]: ...
    @overload
    def __add__(self: Text, other: TextOrNone) -> Value[str]: ...
    @overload
    def __add__(self: InstantOrNone, other: timedelta | Span) -> Value[datetime]: ...
    @overload
    def __add__(self: Span, other: timedelta | Span) -> Value[timedelta]: ...
    def __add__(self, other: Any) -> Value[Any]:
        return self._calculate("+", other)

    @overload
    def __sub__(self: Exact, other: float | Decimal | Number) -> Value[Decimal]: ...
    @overload
    def __sub__(self: RealOrNone, other: float | Decimal | Real | Exact) -> Value[float]: ...
    @overload
    def __sub__(self: Real, other: Number) -> Value[float]: ...
    @overload
    def __sub__(self: InstantOrNone, other: timedelta | Span) -> Value[datetime]: ...
    @overload
    def __sub__(self: InstantOrNone, other: datetime | Instant) -> Value[timedelta]: ...
    @overload
    def __sub__(self: Instant, other: InstantOrNone) -> Value[timedelta]: ...
    @overload
    def __sub__(self: Span, other: timedelta | Span) -> Value[timedelta]: ...
    def __sub__(self, other: Any) -> Value[Any]:
        return self._calculate("-", other)

    @overload
    def __mul__(self: Exact, other: float | Decimal | Number) -> Value[Decimal]: ...
    @overload
    def __mul__(self: RealOrNone, other: float | Decimal | Number) -> Value[float]: ...
    def __mul__(self, other: Any) -> Value[Any]:
        return self._calculate("*", other)

    @overload
    def __truediv__(self: Exact, other: float | Decimal | Number) -> Value[Decimal]: ...
    @overload
    def __truediv__(self: RealOrNone, other: float | Decimal | Number) -> Value[float]: ...
    def __truediv__(self, other: Any) -> Value[Any]:
        return self._calculate("/", other)

    @overload
    def __floordiv__(self: Exact, other: float | Decimal | Number) -> Value[Decimal]: ...
    @overload
    def __floordiv__(self: RealOrNone, other: float | Decimal | Number) -> Value[float]: ...
    def __floordiv__(self, other: Any) -> Value[Any]:
        return self._calculate("//", other)

    @overload
    def __mod__(self: Exact, other: float | Decimal | Number) -> Value[Decimal]: ...
    @overload
    def __mod__(self: RealOrNone, other: float | Decimal | Number) -> Value[float]: ...
    def __mod__(self, other: Any) -> Value[Any]:
        return self._calculate("%", other)

    @overload
    def __radd__(self: Exact, other: float | Decimal) -> Value[Decimal]: ...
    @overload
    def __radd__(self: RealOrNone, other: float | Decimal) -> Value[float]: ...
    @overload
    def __radd__(self: TextOrNone, other: str) -> Value[str]: ...
    @overload
    def __radd__(self: Span, other: timedelta) -> Value[timedelta]: ...
    @overload
    def __radd__(self: Span, other: datetime) -> Value[datetime]: ...
    def __radd__(self, other: Any) -> Value[Any]:
        return self._calculate("+", other, reflected=True)

    @overload
    def __rsub__(self: Exact, other: float | Decimal) -> Value[Decimal]: ...
    @overload
    def __rsub__(self: RealOrNone, other: float | Decimal) -> Value[float]: ...
    @overload
    def __rsub__(self: InstantOrNone, other: datetime) -> Value[timedelta]: ...
    @overload
    def __rsub__(self: Span, other: timedelta) -> Value[timedelta]: ...
    @overload
    def __rsub__(self: Span, other: datetime) -> Value[datetime]: ...
    def __rsub__(self, other: Any) -> Value[Any]:
        return self._calculate("-", other, reflected=True)

    @overload
    def __rmul__(self: Exact, other: float | Decimal) -> Value[Decimal]: ...
    @overload
    def __rmul__(self: RealOrNone, other: float | Decimal) -> Value[float]: ...
    def __rmul__(self, other: Any) -> Value[Any]:
        return self._calculate("*", other, reflected=True)

    @overload
    def __rtruediv__(self: Exact, other: float | Decimal) -> Value[Decimal]: ...
    @overload
    def __rtruediv__(self: RealOrNone, other: float | Decimal) -> Value[float]: ...
    def __rtruediv__(self, other: Any) -> Value[Any]:
        return self._calculate("/", other, reflected=True)

    @overload
    def __rfloordiv__(self: Exact, other: float | Decimal) -> Value[Decimal]: ...
    @overload
    def __rfloordiv__(self: RealOrNone, other: float | Decimal) -> Value[float]: ...
    def __rfloordiv__(self, other: Any) -> Value[Any]:
        return self._calculate("//", other, reflected=True)

    @overload
    def __rmod__(self: Exact, other: float | Decimal) -> Value[Decimal]: ...
    @overload
    def __rmod__(self: RealOrNone, other: float | Decimal) -> Value[float]: ...
    def __rmod__(self, other: Any) -> Value[Any]:
        return self._calculate("%", other, reflected=True)

    def _calculate(self, operator: str, other: Any, *, reflected: bool = False) -> Value[Any]:
        operand: Any = other if is_value(other) else operand_of(other)
        left: Any = operand if reflected else self
        right: Any = self if reflected else operand
        pairs = [(mine, theirs) for mine in _calculated(left) for theirs in _calculated(right)]
        results = [result_of(operator, *pair) for pair in pairs]
        kinds = tuple(dict.fromkeys(kind for kind in results if kind is not None))
        if kinds:
            return Arithmetic(operator, left, right, kinds)
        remedy = "Calculate with numbers, join strings with +, or move datetimes by timedeltas."
        for one, two in pairs:
            if (operator, one.family, two.family) in RESULTS:
                remedy = APART[one.family]
        raise ExpressionError(
            f"{left!r} {operator} {right!r} has no meaning: {self!r} is {_names(self)}. {remedy}"
        )


def _calculated(operand: Any) -> tuple[Kind, ...]:
    if is_value(operand):
        return operand.__kinds__
    kind = kind_of_value(operand)
    return () if kind is None else (kind,)


def _names(value: Value[Any]) -> str:
    return " or ".join(dict.fromkeys(kind.name for kind in value.__kinds__)) or "always None"


def is_value(part: object) -> TypeIs[Value[Any]]:
    """Return whether a part of an expression is a value rather than a plain operand."""
    return isinstance(part, Value)


class Arithmetic(Value[T]):
    """A value that is calculated from two others: `User.price * User.count`.

    Attributes:
        operator: `"+"`, `"-"`, `"*"`, `"/"`, `"//"` or `"%"`.
        left: A value, or a plain operand.
        right: A value, or a plain operand.
    """

    __slots__ = ("_kinds", "left", "operator", "right")
    __parts__ = ("operator", "left", "right")

    def __init__(self, operator: str, left: Any, right: Any, kinds: tuple[Kind, ...]) -> None:
        self.operator = operator
        self.left = left
        self.right = right
        self._kinds = kinds

    @property
    def __kinds__(self) -> tuple[Kind, ...]:
        """What the value, if it is not None, can be compared with."""
        return self._kinds

    def __repr__(self) -> str:
        sides = (
            f"({side!r})" if isinstance(side, Arithmetic) else repr(side)
            for side in (self.left, self.right)
        )
        return f" {self.operator} ".join(sides)
