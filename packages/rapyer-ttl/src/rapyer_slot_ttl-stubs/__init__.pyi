from rapyer.base import RedisModelMeta
from rapyer_ttl import TtlMixin

# the metaclass is named again so that frozen models can derive from it for mypy
class TtlSlot(TtlMixin, metaclass=RedisModelMeta): ...
