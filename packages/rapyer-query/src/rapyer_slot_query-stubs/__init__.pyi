from rapyer.base import RedisModelMeta
from rapyer_query import QueryMixin

# the metaclass is named again so that frozen models can derive from it for mypy
class QuerySlot(QueryMixin, metaclass=RedisModelMeta): ...
