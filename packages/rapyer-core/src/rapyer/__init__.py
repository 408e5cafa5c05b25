"""Pydantic models as RedisJSON documents: asynchronous, atomic, exact and typed.

from rapyer import AtomicRedisModel, init_rapyer

class User(AtomicRedisModel):
    name: str
    age: int = 0

async with init_rapyer("redis://localhost:6379"):
    user = await User(name="Ada").save()
    same = await User.get(user.pk)
"""

from rapyer.base import EmbeddedModel
from rapyer.connection import init_rapyer, teardown_rapyer
from rapyer.errors import (
    AbstractModelError,
    CorruptDocumentError,
    InvalidKeyError,
    KeyChangedError,
    KeyNotFoundError,
    ModelDefinitionError,
    NotConnectedError,
    RapyerError,
    UnexpectedReplyError,
    UnstorableValueError,
    UnsupportedServerError,
    WrongModelError,
    WrongTypeError,
)
from rapyer.expr import FieldPath
from rapyer.fields import Field, Key, Mapped, MappedOptional
from rapyer.keys import RedisKey
from rapyer.model import AtomicRedisModel
from rapyer.traffic.server import ServerInfo

__version__ = "2.0.0"

__all__ = [
    "AbstractModelError",
    "AtomicRedisModel",
    "CorruptDocumentError",
    "EmbeddedModel",
    "Field",
    "FieldPath",
    "InvalidKeyError",
    "Key",
    "KeyChangedError",
    "KeyNotFoundError",
    "Mapped",
    "MappedOptional",
    "ModelDefinitionError",
    "NotConnectedError",
    "RapyerError",
    "RedisKey",
    "ServerInfo",
    "UnexpectedReplyError",
    "UnstorableValueError",
    "UnsupportedServerError",
    "WrongModelError",
    "WrongTypeError",
    "init_rapyer",
    "teardown_rapyer",
]
