"""The query methods of every model."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

from rapyer.base import BaseRedisModel, RedisModelMeta

from rapyer_query.manager import IndexAccess
from rapyer_query.query import Query

if TYPE_CHECKING:
    from rapyer.expr.nodes import Condition


class QueryMixin(BaseRedisModel, metaclass=RedisModelMeta):
    """`find`, `find_one` and `index`."""

    index: ClassVar[IndexAccess] = IndexAccess()
    """The [`IndexManager`][rapyer_query.manager.IndexManager] of the model:
    `await User.index.status()`. Nothing is sent for it."""

    @classmethod
    def find(cls, *conditions: Condition | bool) -> Query[Self]:
        """Make a query for the documents that match all conditions, or all documents without any.

            adults = await User.find(User.age > 18).to_list()

        Nothing is sent yet: see [`Query`][rapyer_query.query.Query] for what you can do with it.

        Raises:
            ExpressionError: Something other than a condition on the model was given.
        """
        return Query[Self].of(cls, conditions)

    @classmethod
    async def find_one(cls, *conditions: Condition | bool) -> Self | None:
        """Read a document that matches all conditions, or None if there is none. One round trip.

        If several match, you get any one of them: use `find(...).sort(...).first()` for the first
        in an order, and `find(...).one()` to make sure that there is exactly one.

        Raises:
            ExpressionError: Something other than a condition on the model was given.
            RapyerError: As for the methods of a query that send something.
        """
        found: Self | None = await Query[Self].of(cls, conditions).first()
        return found
