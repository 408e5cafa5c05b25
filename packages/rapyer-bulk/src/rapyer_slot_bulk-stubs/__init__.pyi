from rapyer.base import RedisModelMeta
from rapyer_bulk import BulkMixin

# the metaclass is named again so that frozen models can derive from it for mypy
class BulkSlot(BulkMixin, metaclass=RedisModelMeta): ...
