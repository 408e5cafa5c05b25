from rapyer.base import RedisModelMeta
from rapyer_finder import FinderMixin

# the metaclass is named again so that frozen models can derive from it for mypy
class QuerySlot(FinderMixin, metaclass=RedisModelMeta): ...
