"""What queries give of all documents together: groups, and single values."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, overload

from rapyer.expr.values import Value

from rapyer_query.aggregates import Aggregate, N, avg, max_, min_, sum_
from rapyer_query.groups import Grouping

if TYPE_CHECKING:
    from rapyer_query.spec import Spec

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")


class Summed:
    """The part of a query that makes something of all documents."""

    __slots__ = ("_spec",)

    _spec: Spec

    # -- groups -----------------------------------------------------------------------------------

    @overload
    def group_by(self, a: Value[A], /) -> Grouping[A]: ...
    @overload
    def group_by(self, a: Value[A], b: Value[B], /) -> Grouping[A, B]: ...
    @overload
    def group_by(self, a: Value[A], b: Value[B], c: Value[C], /) -> Grouping[A, B, C]: ...
    @overload
    def group_by(self) -> Grouping[()]: ...
    @overload
    def group_by(self, key: Any, /, *keys: Any, **named: Any) -> Grouping[*tuple[Any, ...]]: ...
    @overload
    def group_by(self, **named: Any) -> Grouping[*tuple[Any, ...]]: ...
    def group_by(self, *keys: Any, **named: Any) -> Any:
        """Put documents together that have the same values: `.group_by(City.country)`.

        What is wanted of each group says `aggregate`. None is a value like others. Without keys all
        documents are one group, which is there without documents as well.

        Args:
            keys: Plain values, which each document has once; rows have them by the name of the
                field.
            named: The same under other names, and what is calculated: `size=City.population // 10`.

        Returns:
            A `Grouping`, of which `aggregate` says what is wanted. Nothing is sent yet.

        Raises:
            ExpressionError: A key is no such value.
        """
        return Grouping[Any].of(self._spec, keys, named)

    @overload
    async def sum(self, value: Value[N]) -> N: ...
    @overload
    async def sum(self, value: Value[N | None]) -> N: ...
    @overload
    async def sum(self, value: Any) -> Any: ...
    async def sum(self, value: Any) -> Any:
        """Give the sum of a `value` of the documents that is not None; 0 where there are none.

        One round trip where the server adds them up exactly.

        Raises:
            ExpressionError: The value is neither a number nor a timedelta, or one of another model.
        """
        return await self._one(sum_, value)

    @overload
    async def avg(self, value: Value[int] | Value[float]) -> float | None: ...
    @overload
    async def avg(self, value: Value[A]) -> A | None: ...
    @overload
    async def avg(self, value: Any) -> Any: ...
    async def avg(self, value: Any) -> Any:
        """Give the mean of a `value` of the documents; None where there are none.

        One round trip where the server makes it exactly.

        Raises:
            ExpressionError: As `sum`.
        """
        return await self._one(avg, value)

    @overload
    async def min(self, value: Value[A]) -> A | None: ...
    @overload
    async def min(self, value: Any) -> Any: ...
    async def min(self, value: Any) -> Any:
        """Give the smallest `value` of the documents, in the order of `sort`; None without any.

        One round trip where the server finds it.

        Raises:
            ExpressionError: The values have no order, or are those of another model.
        """
        return await self._one(min_, value)

    @overload
    async def max(self, value: Value[A]) -> A | None: ...
    @overload
    async def max(self, value: Any) -> Any: ...
    async def max(self, value: Any) -> Any:
        """Give the largest `value` of the documents, in the order of `sort`; None without any.

        One round trip where the server finds it.

        Raises:
            ExpressionError: As `min`.
        """
        return await self._one(max_, value)

    async def _one(self, make: Callable[[Any], Aggregate[Any]], value: Any) -> Any:
        rows: Any = await self.group_by().aggregate(make(value)).to_list()
        return rows[0][0]
