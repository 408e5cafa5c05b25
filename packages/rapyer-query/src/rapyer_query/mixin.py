"""The methods that every model has."""

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
        """Ask for the documents that fulfil all of some conditions; for all of them without any.

            adults = await User.find(User.age > 18).to_list()

        Nothing is sent yet: see [`Query`][rapyer_query.query.Query] for what can be asked.

        Raises:
            ExpressionError: Something else than a condition on the model was given.
        """
        return Query[Self].of(cls, conditions)

    @classmethod
    async def find_one(cls, *conditions: Condition | bool) -> Self | None:
        """Give a document that fulfils all of some conditions; None where there is none.

        Of several it is any one: `find(...).sort(...).first()` gives the first in an order, and
        `find(...).one()` makes sure that there is just one. One round trip.

        Raises:
            ExpressionError: Something else than a condition on the model was given.
            RapyerError: As the methods of a query that ask.
        """
        found: Self | None = await Query[Self].of(cls, conditions).first()
        return found
