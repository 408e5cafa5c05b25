"""The operations on whole documents, each one round trip; every reply is looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from rapyer.errors import UnexpectedReplyError, WrongTypeError

if TYPE_CHECKING:
    from rapyer.traffic.channel import Channel

#: When a document is written: only where there is none, or only over one.
Condition = Literal["absent", "present"]

_FLAGS: dict[Condition, str] = {"absent": "NX", "present": "XX"}
_ROOT = "$"
_JSON_TYPE = b"ReJSON-RL"


async def set_document(
    channel: Channel, key: str, document: bytes, condition: Condition | None = None
) -> bool:
    """Write a whole document: `JSON.SET key $ document [NX | XX]`.

    Returns:
        Whether it was written; False only when `condition` does not hold.

    Raises:
        WrongTypeError: The key holds another Redis type.
        redis.exceptions.ResponseError: The server refuses the document.
    """
    flags = () if condition is None else (_FLAGS[condition],)
    reply = await _execute(channel, "JSON.SET", key, _ROOT, document, *flags)
    if reply == b"OK":
        return True
    if reply is None and condition is not None:
        return False
    raise _unexpected("JSON.SET", reply)


async def get_document(channel: Channel, key: str) -> bytes | None:
    """Read a whole document: `JSON.GET key`. None when the key is missing.

    Raises:
        WrongTypeError: The key holds another Redis type.
    """
    reply = await _execute(channel, "JSON.GET", key)
    if reply is None or isinstance(reply, bytes):
        return reply
    raise _unexpected("JSON.GET", reply)


async def create_or_get_document(channel: Channel, key: str, document: bytes) -> bytes | None:
    """Write a document where there is none, else read the one that is there, in one transaction.

    Returns:
        The document that was there before; None when `document` was written.

    Raises:
        WrongTypeError: The key holds another Redis type.
        redis.exceptions.ResponseError: The server refuses the document.
    """
    commands = (("JSON.SET", key, _ROOT, document, "NX"), ("JSON.GET", key))
    try:
        written, stored = await channel.execute_transaction(commands)
    except ResponseError as exc:
        if (wrong_type := await _wrong_type(channel, key)) is not None:
            raise wrong_type from exc
        raise
    if written == b"OK":
        return None
    if written is None and isinstance(stored, bytes):
        return stored
    raise _unexpected("MULTI", [written, stored])


async def delete_document(channel: Channel, key: str) -> bool:
    """Delete a document: `JSON.DEL key`, which spares keys of other types. Says if it was there.

    Raises:
        WrongTypeError: The key holds another Redis type.
    """
    reply = await _execute(channel, "JSON.DEL", key)
    if reply in (0, 1):
        return bool(reply)
    raise _unexpected("JSON.DEL", reply)


async def document_exists(channel: Channel, key: str) -> bool:
    """Say whether a document is stored at the key: `JSON.TYPE key`.

    Raises:
        WrongTypeError: The key holds another Redis type.
    """
    reply = await _execute(channel, "JSON.TYPE", key)
    if reply is None:
        return False
    if isinstance(reply, bytes):
        return True
    raise _unexpected("JSON.TYPE", reply)


async def _execute(channel: Channel, command: str, key: str, *arguments: str | bytes) -> Any:
    try:
        return await channel.execute(command, key, *arguments)
    except ResponseError as exc:
        if (wrong_type := await _wrong_type(channel, key)) is not None:
            raise wrong_type from exc
        raise


async def _wrong_type(channel: Channel, key: str) -> WrongTypeError | None:
    """Ask, after the server refused a command, whether the key holds another type."""
    try:
        kind = await channel.execute("TYPE", key)
    except (ResponseError, RedisConnectionError, RedisTimeoutError):
        return None  # what was refused first is what matters
    if kind in (b"none", _JSON_TYPE):
        return None
    name = kind.decode()
    return WrongTypeError(
        f"the key {key!r} holds a {name}, not a JSON document. "
        "Delete it, or give the model another prefix.",
        key=key,
        redis_type=name,
    )


def _unexpected(command: str, reply: object) -> UnexpectedReplyError:
    return UnexpectedReplyError(
        f"{command} was answered with {reply!r}, which Redis never does. "
        "Look at what stands between the application and the server.",
        reply=reply,
    )
