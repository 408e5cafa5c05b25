"""What Python would decide about a value in an expression that no document has given yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from rapyer.errors import ExpressionError
from rapyer.expr.nodes import Node


class Undecided(Node):
    """A node with neither a truth value nor elements, which says what to write instead."""

    __slots__ = ()

    def __bool__(self) -> NoReturn:
        raise TypeError(
            f"{self!r} has no truth value: it is a place in documents, not the value of one. Read "
            "the attribute of an instance, or compare it: == True, is_none(), ..."
        )

    def __iter__(self) -> NoReturn:  # otherwise Python would try the indexes 0, 1, 2, ... forever
        raise TypeError(f"{self!r} is a place in documents, not a value that can be iterated over.")

    def __contains__(self, operand: object) -> NoReturn:
        raise TypeError(
            f"`in` needs a value, but {self!r} is not a value. Write .contains({operand!r})."
        )

    def __and__(self, other: object) -> NoReturn:
        raise self._no_condition("&", other)

    def __or__(self, other: object) -> NoReturn:
        raise self._no_condition("|", other)

    def __rand__(self, other: object) -> NoReturn:
        raise self._no_condition("&", other)

    def __ror__(self, other: object) -> NoReturn:
        raise self._no_condition("|", other)

    def __invert__(self) -> NoReturn:
        raise ExpressionError(
            f"~ is for conditions, but {self!r} is not a condition. Write {self!r} == False."
        )

    if not TYPE_CHECKING:  # type checkers see no such operator

        def __neg__(self) -> NoReturn:
            raise ExpressionError(
                f"-{self!r} has no meaning. Write {self!r}.desc() for an order, and 0 - {self!r} "
                "for the number."
            )

    def _no_condition(self, operator: str, other: object) -> ExpressionError:
        return ExpressionError(
            f"{operator} joins conditions, but {self!r}, next to {other!r}, is not a condition. "
            f"Put every comparison in parentheses, because {operator} binds more tightly than == "
            f"and <; compare a bool explicitly: {self!r} == True."
        )
