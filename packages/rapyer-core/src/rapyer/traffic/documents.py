"""The named operations on whole documents: one round trip each, and every reply is checked.

Each is a native command if that is exact and the model has no policies, otherwise one script.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Literal, TypeAlias, cast

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoPermissionError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from rapyer.errors import KeyNotFoundError, WrongTypeError
from rapyer.traffic.channel import Channel
from rapyer.traffic.cluster import ClusterChannel
from rapyer.traffic.coalescing import Outcome
from rapyer.traffic.groups import for_groups
from rapyer.traffic.outcome import ELSEWHERE, LOST_REPLY
from rapyer.traffic.policies import Policies, ScriptArgument
from rapyer.traffic.replies import unexpected_reply, wrong_redis_type
from rapyer.traffic.scripts import Operation, arguments_of

#: The text of a document, and what has to be added to numbers in it, as JSONPath and JSON text.
Dump: TypeAlias = tuple[bytes, Sequence[tuple[str, str]]]

#: When a document is written: only if there is none, or only if there is one.
Condition = Literal["absent", "present"]


_FLAGS: dict[str, str] = {"absent": "NX", "present": "XX"}
_ROOT = "$"
_TEXT = "."  # the path for which JSON.GET and JSON.MGET give the text of the document itself

SAVE = Operation(
    "save",
    """
    local is_absent = check(KEYS[1], 'write', true) == 'absent'
    if arg[3] then permit('JSON.NUMINCRBY', KEYS[1], arg[3], arg[4]) end
    if is_absent and arg[2] == 'XX' then return false end
    local flags = {not is_absent and arg[2] ~= '' and arg[2] or nil}
    local reply = redis.call('JSON.SET', KEYS[1], '$', arg[1], unpack(flags))
    if reply then
        for index = 3, #arg, 2 do
            redis.call('JSON.NUMINCRBY', KEYS[1], arg[index], arg[index + 1])
        end
        touched(KEYS[1], 'write')
    end
    return reply
    """,
    writes=True,
)
LOAD = Operation(
    "load",
    """
    if #KEYS == 1 then
        if not check(KEYS[1], 'read') then return {false} end
        local document = redis.pcall('JSON.GET', KEYS[1])
        if type(document) == 'string' then touched(KEYS[1], 'read') end
        return {document}
    end
    local keys, places, replies, size = {}, {}, {}, 0
    for place = 1, #KEYS do
        replies[place] = false
        if check(KEYS[place], 'read') then
            size = size + 1
            keys[size], places[size] = KEYS[place], place
        end
    end
    if size == 0 then return replies end
    keys[size + 1] = '.'
    local documents = redis.call('JSON.MGET', unpack(keys))
    for index = 1, size do
        if documents[index] then
            replies[places[index]] = documents[index]
            touched(keys[index], 'read')
        end
    end
    return replies
    """,
    writes=False,
)
CREATE_OR_LOAD = Operation(
    "get_or_create",
    """
    local flags = {check(KEYS[1], 'write', true) ~= 'absent' and 'NX' or nil}
    if arg[2] then permit('JSON.NUMINCRBY', KEYS[1], arg[2], arg[3]) end
    if redis.call('JSON.SET', KEYS[1], '$', arg[1], unpack(flags)) then
        for index = 2, #arg, 2 do
            redis.call('JSON.NUMINCRBY', KEYS[1], arg[index], arg[index + 1])
        end
        touched(KEYS[1], 'write')
        return {'OK', false}
    end
    if not check(KEYS[1], 'read') then return {false, false} end
    local document = redis.call('JSON.GET', KEYS[1])
    touched(KEYS[1], 'read')
    return {false, document}
    """,
    writes=True,
)
#: RediSearch 2.10 counts a document deleted by `JSON.DEL` among those that an index did not take.
DELETE = Operation(
    "delete",
    """
    check(KEYS[1], 'delete')
    local may = redis.acl_check_cmd('TYPE', KEYS[1]) and redis.acl_check_cmd('UNLINK', KEYS[1])
    local is_known = may and redis.call('TYPE', KEYS[1]).ok == 'ReJSON-RL'
    local deleted = redis.call(is_known and 'UNLINK' or 'JSON.DEL', KEYS[1])
    if deleted > 0 then touched(KEYS[1], 'delete') end
    return deleted
    """,
    writes=True,
)
EXISTS = Operation(
    "exists",
    """
    if not check(KEYS[1], 'read') then return false end
    return redis.call('JSON.TYPE', KEYS[1])
    """,
    writes=False,
)


async def set_document(
    channel: Channel,
    key: str,
    dump: Dump,
    condition: Condition | None = None,
    policies: Policies = (),
) -> bool:
    """Write a whole document: `JSON.SET key $ document [NX | XX]`.

    A script if policies apply, or if a number needs a `JSON.NUMINCRBY` to be exact.

    Returns:
        Whether it was written; False only if `condition` does not hold.

    Raises:
        WrongTypeError: The key holds a different Redis type.
        OutcomeUnknownError: The reply was lost.
        redis.exceptions.ResponseError: The server refuses the document.
    """
    document, corrections = dump
    flag = None if condition is None else _flag(condition)
    try:
        if policies or corrections:
            arguments: list[ScriptArgument] = [document, flag or "", *_flat(corrections)]
            reply = await channel.run(SAVE, policies, (key,), arguments)
        elif flag is None:
            reply = await channel.execute("JSON.SET", key, _ROOT, document, writes=True)
        else:
            reply = await channel.execute("JSON.SET", key, _ROOT, document, flag, writes=True)
    except ResponseError as exc:
        await _refuse_wrong_type(channel, key, exc)
        raise
    if reply == b"OK":
        return True
    if reply is None and condition is not None:
        return False
    raise unexpected_reply("JSON.SET", reply)


def _flat(corrections: Sequence[tuple[str, str]]) -> list[str]:
    return [part for correction in corrections for part in correction]


def _flag(condition: str) -> str:
    flag = _FLAGS.get(condition)
    if flag is None:
        raise ValueError(f"only_if is {condition!r}. Give 'absent' or 'present'.")
    return flag


async def get_document(channel: Channel, key: str, policies: Policies = ()) -> bytes | None:
    """Read a whole document; None when the key is missing.

    Documents requested in the same turn of the event loop are read together: `JSON.GET key` for
    one, `JSON.MGET` for several, at most 500 at a time.

    Raises:
        WrongTypeError: The key holds a different Redis type.
    """
    if not policies:
        return await channel.coalescer((), lambda: partial(_fetch, channel)).get(key)
    # the policies are asked here, for each caller: their arguments may depend on its context
    arguments = tuple(arguments_of(policies))
    kind = (tuple([policy.fragments for policy in policies]), arguments)
    fetch = partial(_fetch_by_script, channel, policies, arguments)
    return await channel.coalescer(kind, lambda: fetch).get(key)


async def get_documents(
    channel: Channel, keys: Sequence[str], policies: Policies = ()
) -> Sequence[Outcome]:
    """Read several documents: `JSON.MGET`. One round trip, up to two more for keys without one.

    Args:
        channel: The connections.
        keys: The keys, 5000 at most.
        policies: What else happens to each of them.

    Returns:
        For each key its document, None if there is none, or an error if it holds another Redis
        type. On a cluster also the error from a node that is gone or refused; it does not affect
        the other keys. See `require_read`.
    """
    if policies:
        return await _fetch_by_script(channel, policies, tuple(arguments_of(policies)), keys)
    if isinstance(channel, ClusterChannel):  # there, a command is about keys of one slot
        replies = await channel.outcomes_of([("JSON.GET", key) for key in keys])
        return await _told_apart(channel, keys, replies)
    return await _told_apart(channel, keys, await channel.execute("JSON.MGET", *keys, _TEXT))


def require_read(outcomes: Sequence[Outcome]) -> None:
    """Make sure that no outcome stands for a document that could not be read.

    Raises:
        redis.exceptions.RedisError: The first error that came instead of a document.
    """
    for outcome in outcomes:
        if isinstance(outcome, Exception) and not isinstance(outcome, WrongTypeError):
            raise outcome


async def _fetch(channel: Channel, keys: Sequence[str]) -> Sequence[Outcome]:
    if len(keys) > 1:
        return await get_documents(channel, keys)
    try:
        reply = await channel.execute("JSON.GET", keys[0])
    except ResponseError as exc:
        await _refuse_wrong_type(channel, keys[0], exc)
        raise
    return [_as_document(reply, "JSON.GET")]


async def _fetch_by_script(
    channel: Channel,
    policies: Policies,
    arguments: Sequence[ScriptArgument],
    keys: Sequence[str],
) -> Sequence[Outcome]:
    async def read(own: Sequence[str]) -> Sequence[object]:
        try:
            return cast(
                "Sequence[object]",
                await channel.run(LOAD, policies, own, of_policies=arguments),
            )
        except (ResponseError, *LOST_REPLY) as exc:
            if not channel.is_cluster:
                raise
            return [exc] * len(own)

    return await _told_apart(channel, keys, await for_groups(channel, keys, read))


async def _told_apart(
    channel: Channel, keys: Sequence[str], replies: Sequence[object]
) -> Sequence[Outcome]:
    """Tell missing keys from those of other types, for both of which `JSON.MGET` gives null."""
    if len(replies) != len(keys):
        raise unexpected_reply("JSON.MGET", replies)
    outcomes: list[Outcome] = [
        reply if isinstance(reply, Exception) else _as_document(reply, "JSON.MGET")
        for reply in replies
    ]
    known = (bytes, *ELSEWHERE, *LOST_REPLY)  # a slot that no node has is waited for only once
    absent = [place for place, outcome in enumerate(outcomes) if not isinstance(outcome, known)]
    if absent and await _are_there(channel, [keys[place] for place in absent]):
        kinds = await channel.execute_many([("TYPE", keys[place]) for place in absent])
        for place, kind in zip(absent, kinds, strict=True):
            outcomes[place] = wrong_redis_type(keys[place], kind) or outcomes[place]
    return outcomes


async def _are_there(channel: Channel, keys: Sequence[str]) -> bool:
    if not channel.is_cluster:
        return bool(await channel.execute("EXISTS", *keys))
    return any(await channel.execute_many([("EXISTS", key) for key in keys]))


def _as_document(reply: object, command: str) -> bytes | None:
    if reply is None or isinstance(reply, bytes):
        return reply
    raise unexpected_reply(command, reply)


async def create_or_get_document(
    channel: Channel, key: str, dump: Dump, policies: Policies = ()
) -> bytes | None:
    """Write a document if there is none, otherwise read the existing one, in one atomic step.

    Returns:
        The document that was there before; None if the new one was written.

    Raises:
        WrongTypeError: The key holds a different Redis type.
        KeyNotFoundError: A policy treats the existing document as missing.
        OutcomeUnknownError: The reply was lost.
        redis.exceptions.ResponseError: The server refuses the document.
    """
    document, corrections = dump
    commands = (("JSON.SET", key, _ROOT, document, "NX"), ("JSON.GET", key))
    try:
        if policies or corrections:
            arguments: list[ScriptArgument] = [document, *_flat(corrections)]
            written, stored = await channel.run(CREATE_OR_LOAD, policies, (key,), arguments)
        else:
            written, stored = await channel.execute_transaction(commands, writes=True)
    except ResponseError as exc:
        await _refuse_wrong_type(channel, key, exc)
        raise
    if written == b"OK":
        return None
    if written is None and isinstance(stored, bytes):
        return stored
    if written is None and stored is None and policies:
        raise KeyNotFoundError(
            f"the document at {key!r} exists, but counts as missing for an access policy. It was "
            "neither read nor replaced.",
            key=key,
        )
    raise unexpected_reply("JSON.SET NX and JSON.GET", [written, stored])


async def delete_document(
    channel: Channel, key: str, policies: Policies = (), *, is_indexed: bool = False
) -> bool:
    """Delete a document, but not keys of other types. Says whether it was there.

    It is `JSON.DEL key`, unless an index may contain the document, or there are policies. It is
    also `JSON.DEL key` for a user who may not run scripts.

    Raises:
        WrongTypeError: The key holds a different Redis type.
        OutcomeUnknownError: The reply was lost.
    """
    try:
        reply = await _deleted(channel, key, policies, is_indexed=is_indexed)
    except ResponseError as exc:
        await _refuse_wrong_type(channel, key, exc)
        raise
    if reply in (0, 1):
        return bool(reply)
    raise unexpected_reply("JSON.DEL", reply)


async def _deleted(channel: Channel, key: str, policies: Policies, *, is_indexed: bool) -> Any:
    if policies or is_indexed:
        try:
            return await channel.run(DELETE, policies, (key,))
        except NoPermissionError:
            if policies:
                raise
    return await channel.execute("JSON.DEL", key, writes=True)


async def document_exists(channel: Channel, key: str, policies: Policies = ()) -> bool:
    """Return whether a document is stored at the key: `JSON.TYPE key`.

    Raises:
        WrongTypeError: The key holds a different Redis type.
    """
    try:
        if policies:
            reply = await channel.run(EXISTS, policies, (key,))
        else:
            reply = await channel.execute("JSON.TYPE", key)
    except ResponseError as exc:
        await _refuse_wrong_type(channel, key, exc)
        raise
    return _as_document(reply, "JSON.TYPE") is not None


async def _refuse_wrong_type(channel: Channel, key: str, error: ResponseError) -> None:
    """Check, after the server refused a command, whether the key holds another type."""
    if isinstance(error, ELSEWHERE):
        return
    try:
        kind = await channel.execute("TYPE", key)
    except (ResponseError, RedisConnectionError, RedisTimeoutError):
        return  # the first refusal is what matters
    wrong_type = wrong_redis_type(key, kind)
    if wrong_type is not None:
        raise wrong_type from error
