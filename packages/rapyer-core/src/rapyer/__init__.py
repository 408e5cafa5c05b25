"""Pydantic models as RedisJSON documents: asynchronous, atomic, exact and typed.

from rapyer import AtomicRedisModel, init_rapyer

class User(AtomicRedisModel):
    name: str
    age: int = 0

async with init_rapyer("redis://localhost:6379"):
    user = await User(name="Ada").save()
    same = await User.get(user.pk)
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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
        NumberOverflowError,
        OutcomeUnknownError,
        PathNotFoundError,
        RapyerError,
        UnaddressableKeyError,
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
    from rapyer.types.exact import BigInt

__version__ = "2.0.0"

__all__ = [
    "AbstractModelError",
    "AtomicRedisModel",
    "BigInt",
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
    "NumberOverflowError",
    "OutcomeUnknownError",
    "PathNotFoundError",
    "RapyerError",
    "RedisKey",
    "ServerInfo",
    "UnaddressableKeyError",
    "UnexpectedReplyError",
    "UnstorableValueError",
    "UnsupportedServerError",
    "WrongModelError",
    "WrongTypeError",
    "init_rapyer",
    "teardown_rapyer",
]

_HOMES = {
    "AtomicRedisModel": "rapyer.model",
    "BigInt": "rapyer.types.exact",
    "EmbeddedModel": "rapyer.base",
    "Field": "rapyer.fields",
    "FieldPath": "rapyer.expr",
    "Key": "rapyer.fields",
    "Mapped": "rapyer.fields",
    "MappedOptional": "rapyer.fields",
    "RedisKey": "rapyer.keys",
    "ServerInfo": "rapyer.traffic.server",
    "init_rapyer": "rapyer.connection",
    "teardown_rapyer": "rapyer.connection",
}


def __getattr__(name: str) -> object:
    # Names are loaded when they are first asked for (PEP 562), as pydantic does: `import rapyer`
    # alone costs nothing, and plugins can import parts of it while it is being imported.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(_HOMES.get(name, "rapyer.errors")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
