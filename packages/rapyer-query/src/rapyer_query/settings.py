"""What the server is set to, as far as answers depend on it.

Each of these settings cuts answers without a word. They can be changed at any time, so that those
that a query depends on are asked for together with it.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

from rapyer.guards import is_list
from rapyer.traffic.channel import Channel
from redis.exceptions import ResponseError

#: The server looks for parts of texts in so many texts at most.
EXPANSIONS: Final = "MAXEXPANSIONS"
#: It puts so many rows in order at most.
SORTED: Final = "MAXAGGREGATERESULTS"
#: It gives so many keys in one answer at most.
FOUND: Final = "MAXSEARCHRESULTS"
#: What stands for no bound.
UNLIMITED: Final = 2**31 - 1
_DEFAULT_MIN_PREFIX: Final = 2


class Limits(NamedTuple):
    """What the server is set to.

    Attributes:
        min_prefix: The shortest part of a text that it looks for, in bytes.
        expands_all: Whether it looks at all texts that have it.
        most_sorted: How many rows it puts in order; 0 where that is not known.
        most_found: How many keys it gives in one answer.
    """

    min_prefix: int = _DEFAULT_MIN_PREFIX
    expands_all: bool = True
    most_sorted: int = UNLIMITED
    most_found: int = UNLIMITED


_limits: WeakKeyDictionary[Channel, Limits] = WeakKeyDictionary()


async def limits_of(channel: Channel) -> Limits:
    """Give what the server is set to.

    Where it looks at a part of the texts only (200 by default), it is told to look at all of them,
    once for each connection to it. That is for the whole server, and lost when it restarts; where
    the user may not do it, texts are looked at in Python.
    """
    known = _limits.get(channel)
    if known is None:
        given = (await channel.introduce()).limits
        expands_all = _number(given.get(EXPANSIONS)) >= UNLIMITED
        if not expands_all and EXPANSIONS in given:
            expands_all = await _raise_expansions(channel)
        known = _limits[channel] = Limits(
            _number(given.get("MINPREFIX")) or _DEFAULT_MIN_PREFIX,
            expands_all,
            _number(given.get(SORTED)),
            _number(given.get(FOUND)) or UNLIMITED,
        )
    return known


def ask_for(name: str) -> tuple[str, str, str]:
    """Give the command that asks for a setting."""
    return "FT.CONFIG", "GET", name


def distrust_expansions(channel: Channel) -> None:
    """Take note that the server looks at a part of the texts only."""
    _limits[channel] = _limits.get(channel, Limits())._replace(expands_all=False)


def is_as_known(channel: Channel, name: str, reply: object) -> bool:
    """Say whether a setting is what a query has been made for; take note of it where it is not."""
    known = _limits.get(channel, Limits())
    number = 0  # where the user may not ask
    pairs: Any = reply if is_list(reply) else []
    for pair in pairs:
        number = _number(pair[1].decode())
    now = known
    if name == EXPANSIONS and number < UNLIMITED:
        now = known._replace(expands_all=False)
    elif name == SORTED and number < known.most_sorted:
        now = known._replace(most_sorted=number)
    _limits[channel] = now
    return now == known


def _number(text: str | None) -> int:
    """Give a setting as a number; 0 for none, and a large one where there is no bound."""
    if text is None:
        return 0
    if text in ("unlimited", "-1"):
        return UNLIMITED
    return int(text) if text.isdigit() else 0


async def _raise_expansions(channel: Channel) -> bool:
    try:
        await channel.execute("FT.CONFIG", "SET", EXPANSIONS, UNLIMITED)
    except ResponseError:  # the user may not: then what is found is looked at in Python
        return False
    return True
