"""Delete and update what a query finds.

The condition is checked again at the time of writing: the script queries the index itself, or, if
the index is coarser than the condition, makes sure that a document is still the one that Python
looked at. Documents that somebody else has changed in between are looked at again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, cast

from rapyer.base import BaseRedisModel, policies_of
from rapyer.errors import ConflictError, OutcomeUnknownError, UnexpectedReplyError
from rapyer.guards import is_list
from rapyer.keys import RedisKey
from rapyer.traffic.channel import Argument
from rapyer.traffic.groups import each_of
from rapyer.traffic.outcome import LOST_REPLY, outcome_of_part
from rapyer.traffic.policies import Policies
from rapyer.traffic.scripts import Operation
from rapyer.traffic.updates import Update
from rapyer.traffic.versions import ANY, version_policy
from rapyer.writing import update_by_key, version_path_of
from redis.exceptions import ResponseError

from rapyer_query.counting import keys as keys_of
from rapyer_query.counting import keys_of_index
from rapyer_query.pages import NO_ORDER, read_page
from rapyer_query.results import Results
from rapyer_query.scripts import DELETE, UPDATE
from rapyer_query.session import (
    DoubtError,
    IndexGoneError,
    LimitsChangedError,
    Session,
    repeated,
)
from rapyer_query.shapes import ModelShape
from rapyer_query.shards import is_on_nodes, shards_of
from rapyer_query.spec import Spec

#: Documents in one script, during which the server does nothing else.
CHUNK: Final = 2000
#: How often a document is looked at again that others write all the time.
_MOST_TURNS: Final = 20


@dataclass(frozen=True, slots=True)
class _Change:
    """What happens to each document.

    Attributes:
        operation: The script.
        policies: What else happens to each key.
        arguments: The arguments of the script after the keys.
        update: The values; None if documents are deleted.
        done: How many documents each script has changed so far.
    """

    operation: Operation
    policies: Policies
    arguments: Sequence[Argument] = ()
    update: Update | None = None
    done: list[int] = field(default_factory=list[int])


async def delete(spec: Spec) -> int:
    """Delete the documents; see `Query.delete`."""
    return await _changed(spec, _Change(DELETE, policies_of(spec.model)))


async def update(spec: Spec, values: Mapping[Any, Any] | None, fields: Mapping[str, Any]) -> int:
    """Set fields of the documents; see `Query.update`."""
    made = Update(update_by_key(spec.model, values, fields))
    policies = _policies_to_write(spec.model)
    return await _changed(spec, _Change(UPDATE, policies, made.arguments, made))


def _policies_to_write(model: type[BaseRedisModel]) -> Policies:
    path = version_path_of(model)
    policies = policies_of(model)
    return (*policies, version_policy(path, ANY)) if path else policies


async def _changed(spec: Spec, change: _Change) -> int:
    try:
        return await _changed_in_steps(spec, change)
    except LOST_REPLY as exc:
        done = sum(change.done)
        if done and not isinstance(exc, OutcomeUnknownError):
            raise outcome_of_part(exc, f"{done} documents were changed") from exc
        raise


async def _changed_in_steps(spec: Spec, change: _Change) -> int:
    spec = replace(spec, shape=ModelShape(), touches=False)
    if is_on_nodes(spec):
        return await _of_nodes(spec, change)

    async def body(session: Session) -> int | None:
        if session.is_empty:
            return 0
        # a script cannot pass on a query with thousands of operands
        if not (session.is_exact and session.is_short):
            return None
        if not spec.is_windowed and spec.timeout is None:
            at_once = await _at_once(session, change)
            if at_once is not None:
                return at_once
        keys = await keys_of_index(session)
        return None if keys is None else await _in_chunks(session, change, keys)

    done = await repeated(spec, body)
    return await _of_looked_at(spec, change) if done is None else done


# -- where the index is exact ---------------------------------------------------------------------


async def _at_once(session: Session, change: _Change) -> int | None:
    """Change all documents in one step; None, without any changes, if there are too many."""
    search = session.ask.keys(CHUNK)
    reply = await _run(session, change, [CHUNK, len(search), *search], ())
    return None if reply[0] == b"many" else _done(change, reply)


async def _in_chunks(session: Session, change: _Change, keys: Sequence[RedisKey]) -> int:
    """Change the documents at some keys that still match the condition when it is their turn."""
    number = 0
    rest, size = keys, CHUNK
    while rest:
        chunk = rest[:size]
        # without a timeout: this is about all of the known keys
        search = replace(session.ask, timeout=0).keys(len(chunk), chunk)
        try:
            reply = await _run(session, change, [len(chunk), len(search), *search], chunk[:1])
        except (IndexGoneError, LimitsChangedError):
            if not number:
                raise  # nothing was written: everything is asked once more
            return number + await _by_looking(session, change, rest)
        if reply[0] == b"many":  # the server names fewer in one answer than there are
            size = len(chunk) // 2
            if not size:
                raise _unexpected(change, reply)
        else:
            number += _done(change, reply)
            rest = rest[len(chunk) :]
    return number


# -- where Python checks the documents ------------------------------------------------------------


async def _of_looked_at(spec: Spec, change: _Change) -> int:
    """Change the documents that were looked at, unless somebody has changed them since."""
    found = await keys_of(spec)
    session = await Session.open(replace(spec, scans=True, timeout=None))
    return await _by_looking(session, change, found)


async def _of_nodes(spec: Spec, change: _Change) -> int:
    """Change documents of a cluster, where an atomic step is limited to one slot."""
    found = await keys_of(spec)
    if not found:
        return 0
    session = await Session.open(replace(spec, timeout=None, shard=(await shards_of(spec))[0]))
    numbers: list[int] = []

    async def change_group(places: Sequence[int]) -> None:
        numbers.append(await _by_looking(session, change, [found[place] for place in places]))

    await each_of(session.documents.groups_of(found), change_group)
    return sum(numbers)


async def _by_looking(session: Session, change: _Change, keys: Sequence[RedisKey]) -> int:
    number = 0
    for first in range(0, len(keys), CHUNK):
        number += await _unchanged(session, change, keys[first : first + CHUNK])
    return number


async def _unchanged(session: Session, change: _Change, keys: Sequence[str]) -> int:
    """Look at documents, and change those that match the condition and are still the same."""
    results, number = Results(session, NO_ORDER), 0
    for _ in range(_MOST_TURNS):
        page = await read_page(session, [key.encode() for key in keys])
        read = dict(zip(page.keys, page.parts, strict=True))
        meant, _ = results.matching(page)
        if not meant:
            return number
        digests = [_digest(read[key][0]) for key in meant]
        named = [key.decode() for key in meant]
        reply = await _run(session, change, [0, 0, *digests], named)
        number += _done(change, reply)
        keys = [key.decode() for key in reply[2]]
        if not keys:
            return number
    raise ConflictError(
        f"{len(keys)} documents, {keys[0]!r} among them, were written by others each time they "
        f"were read, {_MOST_TURNS} times in a row; {number} others of this chunk were changed. "
        "Repeat the call.",
        key=keys[0],
    )


def _digest(document: bytes) -> bytes:
    return hashlib.sha1(document, usedforsecurity=False).hexdigest().encode()


# -- the scripts ----------------------------------------------------------------------------------


async def _run(
    session: Session, change: _Change, selection: Sequence[Argument], keys: Sequence[str]
) -> Any:
    arguments = [*selection, *change.arguments]
    try:
        reply: Any = await session.run(change.operation, change.policies, arguments, keys)
    except DoubtError:  # the server does not name that many: nothing was changed
        return [b"many", len(keys), []]
    if not is_list(reply) or reply[0] not in (b"done", b"many", b"refused"):
        raise _unexpected(change, cast("object", reply))
    return reply


def _unexpected(change: _Change, reply: object) -> UnexpectedReplyError:
    return UnexpectedReplyError(
        f"unexpected reply from the script {change.operation.name}: {reply!r}. Check what sits "
        "between the application and the server.",
        reply=reply,
    )


def _done(change: _Change, reply: Any) -> int:
    """Return the number of documents that were changed.

    Raises:
        PathNotFoundError, UnstorableValueError: A document has no place for a value.
    """
    if reply[0] == b"refused" and change.update is not None:
        key, text = reply[1].decode(), reply[2].decode("utf-8", "replace")
        refusal = change.update.refusal(key, text)
        raise refusal or ResponseError(f"the update of {key!r} was refused: {text}")
    change.done.append(int(reply[1]))
    return int(reply[1])
