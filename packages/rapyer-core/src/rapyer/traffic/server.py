"""What the server is and can do, read once when a connection is first needed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

from redis.exceptions import ResponseError

from rapyer.errors import UnsupportedServerError
from rapyer.traffic.replies import is_of_the_moment

#: Sends a command and gives its reply.
Send: TypeAlias = Callable[..., Awaitable[Any]]

_JSON_MODULE = "ReJSON"
_SEARCH_MODULE = "search"


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """The server as it identifies itself.

    Attributes:
        version: Its version, such as `"7.4.1"`.
        modules: The versions of its modules by name, such as `{"ReJSON": 20803}`.
        has_json: Whether it stores JSON documents, without which nothing works.
        has_search: Whether it has indexes.
        is_cluster: Whether it belongs to a cluster.
        limits: The settings of Search by upper-case name, such as `{"MAXEXPANSIONS": "200"}`;
            empty without Search, or if the user may not read them.
    """

    version: str
    modules: Mapping[str, int] = field(default_factory=dict[str, int])
    has_json: bool = False
    has_search: bool = False
    limits: Mapping[str, str] = field(default_factory=dict[str, str])
    is_cluster: bool = False


async def read_server(send: Send, place: str) -> ServerInfo:
    """Ask the server what it is, in two round trips; two more if a proxy hides the modules.

    Args:
        send: Sends a command and gives its reply, text as bytes.
        place: Where the server is, for the error message.

    Raises:
        UnsupportedServerError: The server has no RedisJSON.
        redis.exceptions.ResponseError: The server cannot answer at the moment.
    """
    hello = _mapping(await send("HELLO"))
    modules = {
        str(module["name"]): int(module["ver"])
        for module in map(_mapping, hello.get("modules") or ())
        if "name" in module
    }
    has_json = _JSON_MODULE in modules or await _knows(send, "JSON.SET")
    has_search = _SEARCH_MODULE in modules or await _knows(send, "FT.CREATE")
    version = str(hello.get("version", "of an unknown version"))
    if not has_json:
        raise UnsupportedServerError(
            f"the Redis {version} at {place} has no RedisJSON, which rapyer needs to store "
            "documents. Use Redis 8 or Redis Stack; for development and tests `pip install "
            '"rapyer[embedded]"` provides one.'
        )
    limits = await _limits(send) if has_search else {}
    return ServerInfo(
        version, modules, has_json, has_search, limits, hello.get("mode") == "cluster"
    )


async def _limits(send: Send) -> dict[str, str]:
    """Read all settings of Search at once, because they limit what queries return."""
    try:
        pairs = await send("FT.CONFIG", "GET", "*")
    except ResponseError as exc:
        if is_of_the_moment(exc):  # what is read now is kept
            raise
        return {}  # not allowed, or missing on the server: then nothing is known about them
    return {str(_text(pair[0])).upper(): str(_text(pair[1])) for pair in pairs if len(pair) == 2}


async def _knows(send: Send, command: str) -> bool:
    try:
        reply = await send("COMMAND", "INFO", command)
    except ResponseError as exc:
        if is_of_the_moment(exc):
            raise
        return True  # not allowed to ask: the first command itself will tell
    return bool(reply and reply[0])


def _mapping(reply: Any) -> dict[str, Any]:
    """Turn a reply, which RESP2 sends as a flat list, into a mapping with text keys."""
    flat = cast("Sequence[Any]", reply)
    pairs = zip(flat[::2], flat[1::2], strict=True)
    return {_text(key): _text(value) for key, value in pairs}


def _text(value: Any) -> Any:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
