"""Run a program: what is sent for which documents, and what becomes of the reply."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

from pydantic import ValidationError
from rapyer.base import channel_of, mark_deleted, mark_stored
from rapyer.errors import CorruptDocumentError
from rapyer.guards import is_list
from rapyer.owners import document_at
from rapyer.plugin import AccessPolicy
from rapyer.traffic.explain import explain_failure
from rapyer.traffic.replies import no_document, unexpected_reply
from rapyer.writing import InstanceWrite
from redis.crc import key_slot
from redis.exceptions import ResponseError

from rapyer_pipeline.errors import PipelineError
from rapyer_pipeline.failures import failure_of
from rapyer_pipeline.interpreter import RUN
from rapyer_pipeline.outcome import length_of, require_path, take_over

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rapyer.base import BaseRedisModel
    from rapyer.keys import KeyLike
    from rapyer.traffic.channel import Channel
    from rapyer.traffic.policies import Policies, ScriptArgument

    from rapyer_pipeline.program import Program
    from rapyer_pipeline.recorder import Recorder
    from rapyer_pipeline.spots import Spot


class Target:
    """A document that a program is about.

    Args:
        model: Its model.
        instance: Its instance; None if it is identified by its key.
        key: The key, if there is no instance.
        creates: Whether a missing document is created from the values of the instance.
    """

    __slots__ = ("_creates", "_key", "instance", "model")

    def __init__(
        self, model: type[BaseRedisModel], instance: BaseRedisModel | None = None,
        key: KeyLike | None = None, *, creates: bool = False,
    ) -> None:  # fmt: skip
        self.model = model
        self.instance = instance
        self._key = key
        self._creates = creates

    def located(self) -> Located:
        """Find its key and its server, as they are now."""
        return Located(self, self._key, creates=self._creates)


class Located:
    """A target with everything that a call needs.

    Attributes:
        channel: The connections to its server.
        key: The whole Redis key.
        policies: What else happens to the key.
        document: The text of the document to create if there is none; else empty.
    """

    __slots__ = ("_instance", "_write", "channel", "document", "key", "policies")

    channel: Channel
    policies: Policies

    def __init__(self, target: Target, key: KeyLike | None, *, creates: bool) -> None:
        self._instance = target.instance
        self._write: InstanceWrite | None = None
        self.document = b""
        if target.instance is None:
            found: Any = key
            self.channel, self.key, self.policies = document_at(target.model, found)
            return
        self._write = write = InstanceWrite(target.instance)
        self.channel, self.key, self.policies = channel_of(target.model), write.key, write.policies
        if creates:
            self.document = write.text()

    def take_over(self, spots: Sequence[Spot], reply: Sequence[Any]) -> None:
        """Update the instance, if there is one, with what the document has now."""
        verdict, is_new, parts = reply
        instance, write = self._instance, self._write
        if instance is None or write is None:
            return
        if verdict == b"deleted":
            mark_deleted(instance, write.key)
            return
        if is_new:
            mark_stored(instance, write.key)
        try:
            take_over(instance, [spot.shape for spot in spots], parts)
        finally:
            if verdict == b"written" and write.version is not None:
                write.version.done()


async def run_program(program: Program, targets: Sequence[Target], *, ignores: bool) -> None:
    """Run a program on its documents, in one call.

    Args:
        program: The program.
        targets: The documents, in the order in which the program knows them.
        ignores: Whether to do nothing, without an error, if one is missing.
    """
    recorder = program.recorder
    located = [target.located() for target in targets]
    spots, lengths = _touched(program, targets)
    keys = [str(one.key) for one in located]
    arguments: list[ScriptArgument] = [program.text(lengths), *(one.document for one in located)]
    arguments += recorder.constants
    channel = await _channel_of(located)
    try:
        reply: Any = await channel.run(RUN, _policies_of(located), keys, arguments)
    except ResponseError as exc:
        await _explain(channel, keys, exc)
    if not is_list(reply) or not isinstance(reply[0], bytes):
        raise unexpected_reply("pipeline", reply)
    if reply[0] == b"failed":
        raise failure_of(recorder, ", ".join(keys), reply)
    if reply[0] == b"missing":
        if ignores:
            return
        place: int = reply[1]
        raise no_document(keys[place - 1])
    _give_back(recorder, located, spots, reply)


def _give_back(
    recorder: Recorder, located: Sequence[Located], spots: Sequence[Sequence[Spot]], reply: Any
) -> None:
    """Pass what a program that has run returns to instances and results.

    Raises:
        CorruptDocumentError: Part of it is not a value of the model; everything else was passed on.
    """
    broken: ValidationError | None = None
    for one, its_spots, its_reply in zip(located, spots, reply[3], strict=True):
        try:
            one.take_over(its_spots, its_reply)
        except ValidationError as exc:
            broken = exc
    for result, text in zip(recorder.results, reply[2], strict=False):
        try:
            result.fill_(text)
        except ValidationError as exc:
            broken = exc
    if broken is not None:
        named = ", ".join(str(one.key) for one in located)
        raise CorruptDocumentError(
            f"the program on {named!r} ran, and its changes were written, but a value that it "
            f"returned is not valid for the model: {broken}",
            key=named,
        ) from broken


def _touched(
    program: Program, targets: Sequence[Target]
) -> tuple[list[list[Spot]], dict[Spot, int]]:
    """Return the requested fields of each document, and the lengths of the known lists.

    Raises:
        UnaddressableKeyError: No path leads to a field: it could not be taken over afterwards.
    """
    spots: list[list[Spot]] = [[] for _ in targets]
    lengths: dict[Spot, int] = {}
    for spot, how in program.recorder.touched.items():
        number = -int(spot.above)
        spots[number].append(spot)
        instance = targets[number].instance
        if instance is None:
            continue
        require_path(spot.shape)
        if how == "a":
            lengths[spot] = length_of(instance, spot.shape)
    return spots, lengths


async def _explain(channel: Channel, keys: Sequence[str], error: ResponseError) -> NoReturn:
    """Raise what an error of the server means for one of the keys."""
    for key in keys[:-1]:
        if await channel.execute("TYPE", key) not in (b"ReJSON-RL", b"none"):
            await explain_failure(channel, key, "$", error)
    await explain_failure(channel, keys[-1], "$", error)


async def _channel_of(located: Sequence[Located]) -> Channel:
    """Return the connections to the one server that holds all documents."""
    channel = located[0].channel
    if len(located) > 1:
        if any(one.channel is not channel for one in located):
            raise PipelineError(
                "the documents of a transaction are on several servers. Give models of one server."
            )
        server = channel.server or await channel.introduce()
        if server.is_cluster and len({key_slot(str(one.key).encode()) for one in located}) > 1:
            raise PipelineError(
                "the documents of a transaction are in several slots of the cluster. Give their "
                "models one `hash_tag` in `class Config`, or their primary keys the same "
                "part in braces: {a}1 and {a}2."
            )
        if len({one.key for one in located}) < len(located):
            raise PipelineError("two documents of a transaction are the same. Give each once.")
    return channel


def _policies_of(located: Sequence[Located]) -> Policies:
    """Return the policies of all documents, each restricted to its own key."""
    if len(located) == 1:
        return located[0].policies
    return tuple(
        [
            _for_key(policy, str(one.key), number)
            for number, one in enumerate(located)
            for policy in one.policies
        ]
    )


def _for_key(policy: AccessPolicy, key: str, number: int) -> AccessPolicy:
    """Restrict a policy to one of the keys of a call."""
    place = policy.arity + 1
    return replace(
        policy,
        name=f"{policy.name} of document {number}",
        check=policy.check and f"if key ~= arg[{place}] then return true end\n{policy.check}",
        apply=policy.apply and f"if key ~= arg[{place}] then return end\n{policy.apply}",
        arity=place,
        arguments=lambda: (*policy.arguments(), key),
    )
