"""The server settings that affect answers."""

from __future__ import annotations

from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

from rapyer.guards import is_list
from rapyer.traffic.channel import Channel
from redis.exceptions import ResponseError

#: The server looks for parts of texts in at most this many texts, and does not report the others.
EXPANSIONS: Final = "MAXEXPANSIONS"
MOST_EXPANSIONS: Final = 2**31 - 1
#: Sent along with a query that looks for parts of texts: the setting may change at any time.
ASK_EXPANSIONS: Final = ("FT.CONFIG", "GET", EXPANSIONS)
_DEFAULT_MIN_PREFIX: Final = 2


class Limits(NamedTuple):
    """How the server is configured.

    Attributes:
        min_prefix: The shortest part of a text that it looks for, in bytes.
        expands_all: Whether it looks at all texts that contain it.
    """

    min_prefix: int = _DEFAULT_MIN_PREFIX
    expands_all: bool = True


_limits: WeakKeyDictionary[Channel, Limits] = WeakKeyDictionary()


async def limits_of(channel: Channel) -> Limits:
    """Return how the server is configured.

    If it looks only at a part of the texts (200 by default), it is told to look at all of them,
    once for each connection to it. The setting applies to the whole server, and is lost when it
    restarts; if the user may not change it, Python looks at the texts.
    """
    known = _limits.get(channel)
    if known is None:
        given = (await channel.introduce()).limits
        expands_all = _number(given.get(EXPANSIONS)) >= MOST_EXPANSIONS
        if not expands_all and EXPANSIONS in given:
            expands_all = await _raise_expansions(channel)
        min_prefix = _number(given.get("MINPREFIX")) or _DEFAULT_MIN_PREFIX
        known = _limits[channel] = Limits(min_prefix, expands_all)
    return known


def distrust_expansions(channel: Channel) -> None:
    """Take note that the server looks only at a part of the texts."""
    _limits[channel] = _limits.get(channel, Limits())._replace(expands_all=False)


def expands_all(reply: object) -> bool:
    """Return whether the reply to `ASK_EXPANSIONS` is that the server looks at all texts."""
    pairs: Any = reply if is_list(reply) else []  # an error if the user may not ask
    return any(_number(pair[1].decode()) >= MOST_EXPANSIONS for pair in pairs)


def _number(text: str | None) -> int:
    """Convert a setting to a number; 0 for none, and a large number for unlimited."""
    if text is None:
        return 0
    if text in ("unlimited", "-1"):
        return MOST_EXPANSIONS
    return int(text) if text.isdigit() else 0


async def _raise_expansions(channel: Channel) -> bool:
    try:
        await channel.execute("FT.CONFIG", "SET", EXPANSIONS, MOST_EXPANSIONS)
    except ResponseError:  # the user may not change it: then Python checks what is found
        return False
    return True
