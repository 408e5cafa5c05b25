"""Run the scripts for many keys, and parse their replies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeGuard

from rapyer.base import BaseRedisModel, channel_of, policies_of, read_policies_of
from rapyer.errors import UnexpectedReplyError
from rapyer.traffic.channel import Argument, Channel
from rapyer.traffic.groups import run_many
from rapyer.traffic.policies import Policies
from rapyer.traffic.scripts import Operation

from rapyer_bulk.scripts import in_slot


class Destination(NamedTuple):
    """Where chunks are sent.

    Attributes:
        channel: The connections to the server.
        policies: What else happens to each key.
    """

    channel: Channel
    policies: Policies

    @classmethod
    def of(cls, model: type[BaseRedisModel]) -> Destination:
        """Return the destination of the documents of a model.

        Raises:
            NotConnectedError: rapyer was not told where Redis is.
        """
        return cls(channel_of(model), policies_of(model))

    @classmethod
    def to_read(cls, model: type[BaseRedisModel]) -> Destination:
        """Return the destination for reading the documents of a model; see `of`."""
        return cls(channel_of(model), read_policies_of(model))


class Reply(NamedTuple):
    """The reply of a script for many keys.

    Attributes:
        codes: One byte per key: what became of it.
        refusals: Why some keys were refused, by their positions.
        server: Identifies the process that answered; empty if the user may not ask.
    """

    codes: bytes
    refusals: dict[int, str]
    server: bytes


async def run_for_keys(
    destination: Destination, operation: Operation, keys: Sequence[str], *arguments: Argument
) -> Reply:
    """Run one of the scripts for many keys. One round trip."""
    channel, policies = destination
    reply: object = await channel.run(operation, policies, keys, arguments)
    return _read(operation, len(keys), reply)


def _read(operation: Operation, number: int, reply: object) -> Reply:
    if not _is_answer(reply, number):
        raise UnexpectedReplyError(
            f"unexpected reply from the script {operation.name}: {reply!r}. Check what sits "
            "between the application and the server.",
            reply=reply,
        )
    codes, refusals, server = reply
    texts = (text.decode("utf-8", "replace") for text in refusals[1::2])
    places = (int(place) - 1 for place in refusals[::2])
    return Reply(codes, dict(zip(places, texts, strict=True)), server)


async def run_for_slots(
    destination: Destination,
    operation: Operation,
    calls: Sequence[tuple[Sequence[str], Sequence[Argument]]],
) -> list[Reply | Exception]:
    """Run one of the scripts for keys in several slots of a cluster, all at once.

    Args:
        destination: Where the keys are.
        operation: The script.
        calls: For each slot, its keys and the arguments.

    Returns:
        For each slot, the reply of the script, or the error raised instead.
    """
    channel: Any = destination.channel
    found = await run_many(channel, in_slot(operation), destination.policies, calls)
    answers: list[Reply | Exception] = []
    for (keys, _), reply in zip(calls, found, strict=True):
        try:
            known = isinstance(reply, Exception)
            answers.append(reply if known else _read(operation, len(keys), reply))
        except UnexpectedReplyError as exc:
            answers.append(exc)
    return answers


def _is_answer(reply: object, number: int) -> TypeGuard[tuple[bytes, list[Any], bytes]]:
    answer: Any = reply
    return isinstance(reply, list) and len(answer) == 3 and len(answer[0]) == number
