"""Finding out, after an operation on a value inside a document failed, what it ran into."""

from __future__ import annotations

from typing import NoReturn

from redis.exceptions import ResponseError

from rapyer.errors import PathNotFoundError, WrongTypeError
from rapyer.traffic.channel import Channel
from rapyer.traffic.replies import no_document, wrong_redis_type


async def explain_failure(
    channel: Channel, key: str, path: str, error: Exception, *, of_type: bool = False
) -> NoReturn:
    """Ask what is at the key and path, and raise what that means; otherwise raise `error`.

    Args:
        channel: The connections.
        key: The whole Redis key.
        path: The JSONPath.
        error: What the server said, or an error about a reply that it should never give.
        of_type: Whether the operation works only on values of some JSON types.
    """
    if isinstance(error, ResponseError) and type(error) is not ResponseError:
        raise error  # no memory, no permission, a replica, ...: not related to the key
    kind, types = await channel.execute_many([("TYPE", key), ("JSON.TYPE", key, path)])
    if kind == b"none":
        raise no_document(key) from error
    wrong = wrong_redis_type(key, kind)
    if wrong is not None:
        raise wrong from error
    if types == []:
        raise PathNotFoundError(
            f"the document at {key!r} has no value at {path}, or a parent of it is null. Set the "
            "missing value first.",
            key=key,
            path=path,
        ) from error
    if of_type and isinstance(types, list) and isinstance(types[0], bytes):
        name = types[0].decode()
        raise WrongTypeError(
            f"the value at {path} of {key!r} is of the JSON type {name}, which this operation does "
            "not support. Correct the document.",
            key=key,
            redis_type="ReJSON-RL",
            path=path,
            json_type=name,
        ) from error
    raise error
