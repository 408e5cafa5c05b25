"""Queries written as Python expressions and answered exactly.

    adults = await User.find((User.age > 18) & (User.active == True)).sort(User.name).to_list()

This is a plugin of rapyer: where it is installed, models have `find`, `find_one` and `index`.
"""

from rapyer_query.aggregates import Aggregate as Aggregate
from rapyer_query.aggregates import avg as avg
from rapyer_query.aggregates import count as count
from rapyer_query.aggregates import count_distinct as count_distinct
from rapyer_query.aggregates import first_value as first_value
from rapyer_query.aggregates import max_ as max_
from rapyer_query.aggregates import min_ as min_
from rapyer_query.aggregates import quantile as quantile
from rapyer_query.aggregates import stddev as stddev
from rapyer_query.aggregates import sum_ as sum_
from rapyer_query.aggregates import to_list as to_list
from rapyer_query.differences import IndexDiff as IndexDiff
from rapyer_query.errors import DroppedDocumentsWarning as DroppedDocumentsWarning
from rapyer_query.errors import IndexUnavailableError as IndexUnavailableError
from rapyer_query.errors import MultipleResultsError as MultipleResultsError
from rapyer_query.errors import NoResultError as NoResultError
from rapyer_query.errors import NotIndexedError as NotIndexedError
from rapyer_query.errors import QueryError as QueryError
from rapyer_query.errors import QueryInterruptedError as QueryInterruptedError
from rapyer_query.errors import QueryTimeoutError as QueryTimeoutError
from rapyer_query.explain import Explanation as Explanation
from rapyer_query.facts import FieldDefinition as FieldDefinition
from rapyer_query.grouprows import Row as Row
from rapyer_query.groups import Aggregation as Aggregation
from rapyer_query.groups import Grouping as Grouping
from rapyer_query.manager import IndexManager as IndexManager
from rapyer_query.manager import IndexStatus as IndexStatus
from rapyer_query.mixin import QueryMixin as QueryMixin
from rapyer_query.query import Query as Query
