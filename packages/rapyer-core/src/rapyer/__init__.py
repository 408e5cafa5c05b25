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

from rapyer.version import __version__ as __version__

if TYPE_CHECKING:
    from rapyer_slot_bulk import BulkSlot
    from rapyer_slot_pipeline import PipelineSlot
    from rapyer_slot_query import QuerySlot
    from rapyer_slot_ttl import TtlSlot

    from rapyer.base import EmbeddedModel, RedisModelMeta
    from rapyer.connection import init_rapyer, teardown_rapyer
    from rapyer.differences import MISSING
    from rapyer.errors import (
        AbstractModelError,
        ChangesNotTrackedError,
        ConflictError,
        CorruptDocumentError,
        CrossSlotError,
        DetachedValueError,
        DocumentGoneError,
        ExpressionError,
        InvalidKeyError,
        InvalidPathError,
        KeyChangedError,
        KeyNotFoundError,
        LockError,
        LockLostError,
        LockTimeoutError,
        ModelDefinitionError,
        NotConnectedError,
        NumberOverflowError,
        OptionError,
        OutcomeUnknownError,
        PathNotFoundError,
        PluginError,
        PluginNotInstalledError,
        RapyerError,
        UnaddressableKeyError,
        UnexpectedReplyError,
        UnstorableValueError,
        UnsupportedServerError,
        WrongModelError,
        WrongTypeError,
    )
    from rapyer.expr import Condition
    from rapyer.fields import Field, Key, Mapped, MappedOptional, Version
    from rapyer.indexed import Text, Vector
    from rapyer.keys import RedisKey
    from rapyer.model import (
        ChangesMixin,
        DeleteMixin,
        ExistsMixin,
        ExtractMixin,
        LoadMixin,
        LockMixin,
        SaveMixin,
        UpdateMixin,
    )
    from rapyer.model.changes import Change
    from rapyer.paths import DictPath, FieldPath, GeoPath, ListPath, col
    from rapyer.redis_types import (
        RedisBytes,
        RedisDateTime,
        RedisDict,
        RedisFloat,
        RedisInt,
        RedisList,
        RedisStr,
    )
    from rapyer.traffic.server import ServerInfo
    from rapyer.types.exact import BigInt
    from rapyer.types.geo import GeoPoint

    # The class that `rapyer.plugin.compose` makes at run time, from core's mixins and those of the
    # plugins. Each slot is an empty class until its plugin is installed, whose stubs replace it.
    # The metaclass is named on every base that users derive from, here and in the mixins: otherwise
    # checkers would see a dataclass, which a frozen one could not be derived from.
    class AtomicRedisModel(
        QuerySlot,
        BulkSlot,
        PipelineSlot,
        TtlSlot,
        SaveMixin,
        LoadMixin,
        UpdateMixin,
        ChangesMixin,
        DeleteMixin,
        ExistsMixin,
        ExtractMixin,
        LockMixin,
        metaclass=RedisModelMeta,
    ):
        """A pydantic model whose instances are RedisJSON documents."""


__all__ = [
    "MISSING",
    "AbstractModelError",
    "AtomicRedisModel",
    "BigInt",
    "Change",
    "ChangesNotTrackedError",
    "Condition",
    "ConflictError",
    "CorruptDocumentError",
    "CrossSlotError",
    "DetachedValueError",
    "DictPath",
    "DocumentGoneError",
    "EmbeddedModel",
    "ExpressionError",
    "Field",
    "FieldPath",
    "GeoPath",
    "GeoPoint",
    "InvalidKeyError",
    "InvalidPathError",
    "Key",
    "KeyChangedError",
    "KeyNotFoundError",
    "ListPath",
    "LockError",
    "LockLostError",
    "LockTimeoutError",
    "Mapped",
    "MappedOptional",
    "ModelDefinitionError",
    "NotConnectedError",
    "NumberOverflowError",
    "OptionError",
    "OutcomeUnknownError",
    "PathNotFoundError",
    "PluginError",
    "PluginNotInstalledError",
    "RapyerError",
    "RedisBytes",
    "RedisDateTime",
    "RedisDict",
    "RedisFloat",
    "RedisInt",
    "RedisKey",
    "RedisList",
    "RedisStr",
    "ServerInfo",
    "Text",
    "UnaddressableKeyError",
    "UnexpectedReplyError",
    "UnstorableValueError",
    "UnsupportedServerError",
    "Vector",
    "Version",
    "WrongModelError",
    "WrongTypeError",
    "col",
    "init_rapyer",
    "teardown_rapyer",
]

_HOMES = {
    "BigInt": "rapyer.types.exact",
    "Change": "rapyer.model.changes",
    "Condition": "rapyer.expr",
    "DictPath": "rapyer.paths",
    "Field": "rapyer.fields",
    "FieldPath": "rapyer.paths",
    "GeoPath": "rapyer.paths",
    "GeoPoint": "rapyer.types.geo",
    "Key": "rapyer.fields",
    "MISSING": "rapyer.differences",
    "ListPath": "rapyer.paths",
    "Mapped": "rapyer.fields",
    "MappedOptional": "rapyer.fields",
    "RedisBytes": "rapyer.redis_types",
    "RedisDateTime": "rapyer.redis_types",
    "RedisDict": "rapyer.redis_types",
    "RedisFloat": "rapyer.redis_types",
    "RedisInt": "rapyer.redis_types",
    "RedisKey": "rapyer.keys",
    "RedisList": "rapyer.redis_types",
    "RedisStr": "rapyer.redis_types",
    "ServerInfo": "rapyer.traffic.server",
    "Text": "rapyer.indexed",
    "Vector": "rapyer.indexed",
    "Version": "rapyer.fields",
    "col": "rapyer.paths",
    "init_rapyer": "rapyer.connection",
    "teardown_rapyer": "rapyer.connection",
}
#: What is composed of core and the plugins when it is first accessed.
_COMPOSED = frozenset({"AtomicRedisModel", "EmbeddedModel"})


def __getattr__(name: str) -> object:
    # Names are loaded when they are first accessed (PEP 562), as in pydantic: `import rapyer` alone
    # costs nothing, and plugins can import parts of it while it is being imported.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in _COMPOSED:
        # looked up each time: tests run with other plugins than the installed ones
        try:
            host = import_module("rapyer.host").current_host()
        except AttributeError as exc:  # which Python would turn into "cannot import name"
            raise RuntimeError(f"{name} could not be composed: {exc}") from exc
        return getattr(host, name)
    value: object = getattr(import_module(_HOMES.get(name, "rapyer.errors")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
