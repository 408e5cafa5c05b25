"""Every error that rapyer itself raises.

All derive from [`RapyerError`][rapyer.errors.RapyerError] and from the builtin that a caller would
expect, so `except LookupError` catches a missing key. What redis-py raises about the connection
passes through unchanged, except when a write was sent and its reply was lost: that is an
`OutcomeUnknownError`.
"""

from __future__ import annotations

from typing import Any


class RapyerError(Exception):
    """Base of all errors of rapyer and its plugins."""


class ModelDefinitionError(RapyerError, TypeError):
    """A model class contradicts itself, another model or the library; raised at its definition."""


class OptionError(ModelDefinitionError, ValueError):
    """An option of `class Config` or of `init_rapyer` is unknown, or its value is not allowed."""


class PluginError(RapyerError, RuntimeError):
    """A plugin could not be loaded, contradicts another one, or failed in one of its hooks.

    Attributes:
        plugin: The name of the plugin; empty if the error is about more than one.
        distribution: The distribution that the plugin comes from.
        version: The version of that distribution.
    """

    def __init__(
        self, message: str, *, plugin: str = "", distribution: str = "", version: str = ""
    ) -> None:
        super().__init__(message)
        self.plugin = plugin
        self.distribution = distribution
        self.version = version


class PluginNotInstalledError(RapyerError, AttributeError):
    """A method was called that a missing plugin would add; `hasattr` is False for it.

    Attributes:
        extra: What to install: `pip install "rapyer[extra]"`.
    """

    def __init__(self, message: str, *, extra: str = "") -> None:
        super().__init__(message)
        self.extra = extra


class AbstractModelError(RapyerError, TypeError):
    """A model with `abstract = True` was asked for a key or for a Redis operation."""


class InvalidKeyError(RapyerError, ValueError):
    """A value cannot be a primary key or a Redis key of this model.

    Attributes:
        value: The value that was given.
    """

    def __init__(self, message: str, *, value: object = None) -> None:
        super().__init__(message)
        self.value = value


class CrossSlotError(InvalidKeyError):
    """Keys that were to be read or written in one atomic step are in several slots of a cluster."""


class WrongModelError(InvalidKeyError):
    """The key given to one model belongs to another registered model."""


class KeyChangedError(RapyerError, ValueError):
    """The primary key of an instance changed after the instance was loaded or saved.

    Attributes:
        stored: The key that the instance was loaded from or saved to.
        current: The key that its fields give now.
    """

    def __init__(self, message: str, *, stored: str = "", current: str = "") -> None:
        super().__init__(message)
        self.stored = stored
        self.current = current


class KeyNotFoundError(RapyerError, LookupError):
    """No document is stored at the key.

    Attributes:
        key: The whole Redis key, prefix included.
    """

    def __init__(self, message: str, *, key: str = "") -> None:
        super().__init__(message)
        self.key = key


class WrongTypeError(RapyerError, TypeError):
    """A key does not hold a JSON document, or a path leads to a different JSON type.

    Attributes:
        key: The whole Redis key, prefix included.
        redis_type: What `TYPE` answers for it, such as `"string"`; `"ReJSON-RL"` for a document.
        path: The JSONPath of the value in the document; empty if the key itself is meant.
        json_type: What `JSON.TYPE` answers for the value, such as `"integer"`.
    """

    def __init__(
        self,
        message: str,
        *,
        key: str = "",
        redis_type: str = "",
        path: str = "",
        json_type: str = "",
    ) -> None:
        super().__init__(message)
        self.key = key
        self.redis_type = redis_type
        self.path = path
        self.json_type = json_type


class PathNotFoundError(RapyerError, LookupError):
    """The document has nothing at the path, or nothing that the path could lead through.

    Attributes:
        key: The whole Redis key, prefix included.
        path: The JSONPath.
    """

    def __init__(self, message: str, *, key: str = "", path: str = "") -> None:
        super().__init__(message)
        self.key = key
        self.path = path


class ExpressionError(RapyerError, TypeError):
    """A condition or calculation that makes no sense or could never hold; raised when built."""


class InvalidPathError(RapyerError, ValueError):
    """A text that does not name a place in the documents of a model.

    Attributes:
        path: The text.
        position: The index in it of the first part that leads nowhere.
    """

    def __init__(self, message: str, *, path: str = "", position: int = 0) -> None:
        super().__init__(message)
        self.path = path
        self.position = position


class UnaddressableKeyError(RapyerError, ValueError):
    """A dict key that no path can lead to, because RedisJSON cannot spell it.

    Attributes:
        key: The key.
    """

    def __init__(self, message: str, *, key: str = "") -> None:
        super().__init__(message)
        self.key = key


class NumberOverflowError(RapyerError, OverflowError):
    """A number would leave the range that the server holds exactly; it was not changed.

    Attributes:
        key: The whole Redis key, prefix included.
        path: The JSONPath of the number.
    """

    def __init__(self, message: str, *, key: str = "", path: str = "") -> None:
        super().__init__(message)
        self.key = key
        self.path = path


class DetachedValueError(RapyerError, TypeError):
    """An operation of a Redis type was called on a value that is not part of a known document."""


class CorruptDocumentError(RapyerError, ValueError):
    """A stored document does not validate against its model.

    If pydantic refused the document, its `ValidationError` is the cause (`__cause__`).

    Attributes:
        key: The whole Redis key, prefix included.
        raw: The document as the server sent it, JSON in UTF-8.
    """

    def __init__(self, message: str, *, key: str = "", raw: bytes = b"") -> None:
        super().__init__(message)
        self.key = key
        self.raw = raw


class ConflictError(RapyerError, RuntimeError):
    """Somebody else has written the document since the instance was loaded or saved.

    If the document is gone, it is a `DocumentGoneError`.

    Attributes:
        key: The whole Redis key, prefix included.
        expected: The version of the instance; None for a new one, which expects no document.
        actual: The stored version; None if there is no document.
    """

    def __init__(
        self,
        message: str,
        *,
        key: str = "",
        expected: int | None = None,
        actual: int | None = None,
    ) -> None:
        super().__init__(message)
        self.key = key
        self.expected = expected
        self.actual = actual


class DocumentGoneError(ConflictError, KeyNotFoundError):
    """The document that an instance has a version of no longer exists."""


class LockError(RapyerError, RuntimeError):
    """A lock cannot be acquired as requested.

    Attributes:
        key: The whole Redis key of the document; empty where it does not matter.
        name: The name of the lock.
    """

    def __init__(self, message: str, *, key: str = "", name: str = "") -> None:
        super().__init__(message)
        self.key = key
        self.name = name


class LockTimeoutError(LockError, TimeoutError):
    """Another holder kept a lock for longer than the caller was willing to wait."""


class LockLostError(LockError):
    """A lock was lost while its block ran; nothing was written."""


class ChangesNotTrackedError(RapyerError, RuntimeError):
    """The loaded or saved state of an instance is unknown: it is new, or the state is not kept."""


class UnstorableValueError(RapyerError, ValueError):
    """A value cannot be written as JSON, or the server could not hold it exactly.

    Attributes:
        path: Where it is in the document, such as `address.lines[0]`; empty if unknown.
        value: The value itself.
    """

    def __init__(self, message: str, *, path: str = "", value: Any = None) -> None:
        super().__init__(message)
        self.path = path
        self.value = value


class NotConnectedError(RapyerError, RuntimeError):
    """Redis was needed before rapyer was told where it is."""


class UnsupportedServerError(RapyerError, RuntimeError):
    """The server lacks what rapyer needs, such as the RedisJSON module."""


class OutcomeUnknownError(RapyerError):
    """A write was sent and its reply was lost: it may or may not have been applied.

    The error raised is also a `redis.exceptions.ConnectionError` or `TimeoutError`, like the error
    it stands for, which is its cause. rapyer never repeats a write.
    """


class UnexpectedReplyError(RapyerError, RuntimeError):
    """The server, or a proxy in front of it, gave a reply that it never should.

    Attributes:
        reply: The reply as received.
    """

    def __init__(self, message: str, *, reply: object = None) -> None:
        super().__init__(message)
        self.reply = reply
