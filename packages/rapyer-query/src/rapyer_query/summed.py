"""What a query computes from all of its documents: groups and single values."""

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
    """The part of a query that computes something from all documents."""

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
        """Group documents that have the same values: `.group_by(City.country)`.

        Call `aggregate` on the result to say what to compute for each group. None is a value like
        any other. Without keys all documents form one group, which exists even if there are no
        documents.

        Args:
            keys: Plain values that each document has once; rows name them after their fields.
            named: The same under other names, and expressions: `size=City.population // 10`.

        Returns:
            A `Grouping`, whose `aggregate` says what to compute. Nothing is sent yet.

        Raises:
            ExpressionError: A key is not such a value.
        """
        return Grouping[Any].of(self._spec, keys, named)

    @overload
    async def sum(self, value: Value[N]) -> N: ...
    @overload
    async def sum(self, value: Value[N | None]) -> N: ...
    @overload
    async def sum(self, value: Any) -> Any: ...
    async def sum(self, value: Any) -> Any:
        """Sum a `value` over the documents, ignoring None.

        One round trip if the server can add the values exactly.

        Returns:
            The sum; 0 if there are no values.

        Raises:
            ExpressionError: The value is neither a number nor a timedelta, or belongs to another
                model.
        """
        return await self._one(sum_, value)

    @overload
    async def avg(self, value: Value[int] | Value[float]) -> float | None: ...
    @overload
    async def avg(self, value: Value[A]) -> A | None: ...
    @overload
    async def avg(self, value: Any) -> Any: ...
    async def avg(self, value: Any) -> Any:
        """Average a `value` over the documents, ignoring None.

        One round trip if the server can compute the mean exactly.

        Returns:
            The mean; None if there are no values.

        Raises:
            ExpressionError: As for `sum`.
        """
        return await self._one(avg, value)

    @overload
    async def min(self, value: Value[A]) -> A | None: ...
    @overload
    async def min(self, value: Any) -> Any: ...
    async def min(self, value: Any) -> Any:
        """Find the smallest `value` of the documents, in the order of `sort`.

        One round trip if the server can find it.

        Returns:
            The smallest value; None if there are none.

        Raises:
            ExpressionError: The values have no order, or belong to another model.
        """
        return await self._one(min_, value)

    @overload
    async def max(self, value: Value[A]) -> A | None: ...
    @overload
    async def max(self, value: Any) -> Any: ...
    async def max(self, value: Any) -> Any:
        """Find the largest `value` of the documents, in the order of `sort`.

        One round trip if the server can find it.

        Returns:
            The largest value; None if there are none.

        Raises:
            ExpressionError: As for `min`.
        """
        return await self._one(max_, value)

    async def _one(self, make: Callable[[Any], Aggregate[Any]], value: Any) -> Any:
        rows: Any = await self.group_by().aggregate(make(value)).to_list()
        return rows[0][0]
