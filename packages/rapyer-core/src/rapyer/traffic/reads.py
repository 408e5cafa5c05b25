"""Reading single values of documents."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from redis.exceptions import ResponseError

from rapyer.errors import PathNotFoundError
from rapyer.traffic.channel import Channel
from rapyer.traffic.coalescing import BATCH
from rapyer.traffic.groups import for_groups
from rapyer.traffic.policies import Policies
from rapyer.traffic.replies import unexpected_reply, wrong_redis_type
from rapyer.traffic.scripts import Operation

READ_VALUES = Operation(
    "read_values",
    """
    local replies = {}
    for place, key in ipairs(KEYS) do
        replies[place] = false
        if check(key, 'read') then
            local reply = redis.pcall('JSON.GET', key, unpack(arg))
            replies[place] = reply
            if type(reply) == 'string' then touched(key, 'read') end
        end
    end
    return replies
    """,
    writes=False,
)


async def read_values(
    channel: Channel, keys: Sequence[str], paths: Sequence[str], policies: Policies = ()
) -> list[bytes | None]:
    """Read what is at some paths in some documents: `JSON.GET key path ...` for each.

    One round trip for every 500 keys.

    Returns:
        The reply for each key: for one path, the array of its matches; for several, an object of
        such arrays by path, in any order; None if there is no document.

    Raises:
        WrongTypeError: A key holds another Redis type.
        redis.exceptions.ResponseError: The server refuses a command.
    """
    found: list[bytes | None] = []
    for first in range(0, len(keys), BATCH):
        batch = keys[first : first + BATCH]
        if policies:
            replies = await for_groups(
                channel, batch, partial(_by_script, channel, policies, paths)
            )
        else:
            replies = await channel.execute_many([("JSON.GET", key, *paths) for key in batch])
        for key, reply in zip(batch, replies, strict=True):
            if isinstance(reply, ResponseError):
                await _refuse(channel, key, reply)
            elif reply is None or isinstance(reply, bytes):
                found.append(reply)
            else:
                raise unexpected_reply("JSON.GET", reply)
    return found


async def _by_script(
    channel: Channel, policies: Policies, paths: Sequence[str], keys: Sequence[str]
) -> Sequence[object]:
    replies: Sequence[object] = await channel.run(READ_VALUES, policies, keys, paths)
    return replies


async def _refuse(channel: Channel, key: str, error: ResponseError) -> None:
    wrong = wrong_redis_type(key, await channel.execute("TYPE", key))
    raise wrong or error from error


async def read_around(
    channel: Channel, paths: Sequence[str], around: Sequence[tuple[str, Sequence[str]]]
) -> list[tuple[bytes | None, list[str | None]]]:
    """Read again what is at some paths and, at the same moment, what is on the way there.

    Used for documents that lack something, to say what. One round trip for every 500 documents,
    each of which is a transaction.

    Args:
        channel: The connections.
        paths: The paths.
        around: For each document its key, and the paths of what is on the way.

    Returns:
        For each document the reply as from `read_values`, and the JSON type at each path on the
        way, None for nothing.
    """
    found: list[tuple[bytes | None, list[str | None]]] = []
    for first in range(0, len(around), BATCH):
        transactions = [
            [("JSON.GET", key, *paths), *(("JSON.TYPE", key, path) for path in on_the_way)]
            for key, on_the_way in around[first : first + BATCH]
        ]
        for reply, *types in await channel.execute_transactions(transactions, writes=False):
            found.append(
                (reply, [kind[0].decode() if kind and kind[0] else None for kind in types])
            )
    return found


def nothing_there(key: str, path: str) -> PathNotFoundError:
    """Make the error for a path that leads to nothing in a document."""
    return PathNotFoundError(
        f"the document at {key!r} has no value at {path}, or a parent of it is null. Give default= "
        "to return a default for a missing value.",
        key=key,
        path=path,
    )
