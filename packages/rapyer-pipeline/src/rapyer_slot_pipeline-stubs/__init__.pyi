from rapyer.base import RedisModelMeta
from rapyer_pipeline import PipelineMixin

# the metaclass is named again so that frozen models can derive from it for mypy
class PipelineSlot(PipelineMixin, metaclass=RedisModelMeta): ...
