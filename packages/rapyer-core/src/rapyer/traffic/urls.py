"""URLs of Redis: taken apart, and shown without their secrets."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, TypeVar
from urllib.parse import SplitResult, urlsplit

from redis.asyncio.connection import parse_url

#: A host with or without a port.
_HOST: Final = r"(?:[\w.-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?"
#: The path of a socket, or hosts and a database, or the service of sentinels: nothing else is
#: shown of a URL, for it may be a part of a password that nobody has quoted.
_PLACE: Final = re.compile(
    rf"/.*|{_HOST}(?:,{_HOST})*(?:/[0-9]*)?|{_HOST}(?:,{_HOST})*/(?P<service>[\w.-]+)(?:/[0-9]*)?",
    re.DOTALL,
)
_DATABASE: Final = re.compile(r"/?(?:[0-9]+/?)?")
#: How errors of redis-py begin that say nothing of the URL itself; others quote parts of it.
_HARMLESS: Final = ("Redis URL must specify", "Invalid value for")

T = TypeVar("T")


def settings_of(url: str) -> dict[str, Any]:
    """Give what a URL says as arguments of a connection pool of redis-py.

    Raises:
        ValueError: It is no URL of Redis; the message is a clause with the remedy, and shows no
            part of the URL.
    """
    settings = {**_parsed(parse_url, url)}
    # redis-py takes database 0 for a name, and 12 for "/1/2"; the path of a socket is no database
    if "path" not in settings and not _DATABASE.fullmatch(parts_of(url).path):
        raise ValueError(
            "names a database that is no number. Give one such as 'redis://localhost:6379/0', "
            "quote a password by urllib.parse.quote(password, safe=''), and name a socket as "
            "'unix:///path'"
        )
    return settings


def parts_of(url: str) -> SplitResult:
    """Take a URL apart, and make sure that its port is a number; see `settings_of` for errors."""

    def parse(url: str) -> SplitResult:
        parts = urlsplit(url)
        _ = parts.port  # which is looked at when it is asked for
        return parts

    return _parsed(parse, url)


def _parsed(parse: Callable[[str], T], url: str) -> T:
    try:
        return parse(url)
    except ValueError as exc:
        reason = f" ({exc})" if str(exc).startswith(_HARMLESS) else ""
    raise ValueError(
        f"is no URL of Redis{reason}. Give one such as 'redis://user:password@host:6379/0', and "
        "quote what stands in it by urllib.parse.quote(password, safe='')"
    )


def without_secrets(where: object) -> object:
    """Give what Redis was named by in a form that can be shown: a URL without user and password.

    Where a password seems to have been put into a URL unquoted, nothing but its scheme is shown;
    of what is no text its type, for how others show themselves is not known.
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
