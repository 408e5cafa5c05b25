"""Expiry that follows use: documents of a model live for a time, which reads and writes postpone.

class User(AtomicRedisModel):
    class Config:
        ttl = 3600
        ttl_postpone_on_access = True
"""

from rapyer_ttl.calls import allow_expired
from rapyer_ttl.durations import Duration
from rapyer_ttl.errors import ModelExpiredError
from rapyer_ttl.mixin import TtlMixin

__all__ = ["Duration", "ModelExpiredError", "TtlMixin", "allow_expired"]
__version__ = "0.1.0"
