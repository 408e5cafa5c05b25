"""URLs of Redis: parsing them, and showing them without their secrets."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, TypeVar
from urllib.parse import SplitResult, urlsplit

from redis.asyncio.connection import parse_url

#: A host with or without a port.
_HOST: Final = r"(?:[\w.-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?"
#: The path of a socket, or hosts and a database, or the service of sentinels. Nothing else of a URL
#: is shown, because it may be a part of a password that was not quoted.
_PLACE: Final = re.compile(
    rf"/.*|{_HOST}(?:,{_HOST})*(?:/[0-9]*)?|{_HOST}(?:,{_HOST})*/(?P<service>[\w.-]+)(?:/[0-9]*)?",
    re.DOTALL,
)
_DATABASE: Final = re.compile(r"/?(?:[0-9]+/?)?")
#: How those redis-py errors begin that reveal nothing of the URL; others quote parts of it.
_HARMLESS: Final = ("Redis URL must specify", "Invalid value for")

T = TypeVar("T")


def settings_of(url: str) -> dict[str, Any]:
    """Return the contents of a URL as arguments of a redis-py connection pool.

    Raises:
        ValueError: It is not a Redis URL; the message is a clause with the remedy, and shows no
            part of the URL.
    """
    settings = {**_parsed(parse_url, url)}
    # redis-py reads a name as database 0, and "/1/2" as 12; the path of a socket is not a database
    if "path" not in settings and not _DATABASE.fullmatch(parts_of(url).path):
        raise ValueError(
            "names a database that is not a number. Give one such as 'redis://localhost:6379/0', "
            "quote a password with urllib.parse.quote(password, safe=''), and name a socket as "
            "'unix:///path'"
        )
    return settings


def parts_of(url: str) -> SplitResult:
    """Split a URL, and make sure that its port is a number; see `settings_of` for errors."""

    def parse(url: str) -> SplitResult:
        parts = urlsplit(url)
        _ = parts.port  # checked on access
        return parts

    return _parsed(parse, url)


def _parsed(parse: Callable[[str], T], url: str) -> T:
    try:
        return parse(url)
    except ValueError as exc:
        reason = f" ({exc})" if str(exc).startswith(_HARMLESS) else ""
    raise ValueError(
        f"is not a Redis URL{reason}. Give one such as 'redis://user:password@host:6379/0', and "
        "quote its parts with urllib.parse.quote(password, safe='')"
    )


def without_secrets(where: object) -> object:
    """Return what Redis was named by in a form that can be shown: a URL without user and password.

    If a password seems to have been put into a URL unquoted, only its scheme is shown. For anything
    other than text, only its type is shown, because its repr may contain anything.
    """
    if where is None or isinstance(where, (bool, int, float)):
        return where
    if not isinstance(where, str):
        return type(where)
    scheme, separator, rest = where.partition("://")
    if not separator:
        scheme, rest = "", where
    head, *tail = re.split("[?#]", rest, maxsplit=1)
    place = _PLACE.fullmatch(head.rpartition("@")[2])
    is_cut = any("@" in part for part in tail)
    is_of_sentinels = scheme.endswith("+sentinel")
    if place is None or is_cut or (place["service"] and not is_of_sentinels):
        return f"{scheme}{separator}..."
    return f"{scheme}{separator}{place[0]}"
