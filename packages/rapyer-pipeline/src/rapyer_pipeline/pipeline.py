"""Pipelines: a block in which a program is recorded, and at whose end it runs on the server."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, Self

from rapyer.base import BaseRedisModel, channel_of, mark_deleted, mark_stored
from rapyer.guards import is_list
from rapyer.owners import document_at
from rapyer.traffic.explain import explain_failure
from rapyer.traffic.policies import ScriptArgument
from rapyer.traffic.replies import no_document, unexpected_reply
from rapyer.writing import InstanceWrite
from redis.exceptions import ResponseError

from rapyer_pipeline.branches import Branches
from rapyer_pipeline.conditions import compile_condition
from rapyer_pipeline.containers import Container, Opaque, TracedModel
from rapyer_pipeline.dicts import TracedDict
from rapyer_pipeline.document import METHODS, FieldOfDocument, PipelineDocument
from rapyer_pipeline.errors import RecordingError
from rapyer_pipeline.failures import failure_of
from rapyer_pipeline.interpreter import RUN
from rapyer_pipeline.lists import TracedList, TracedSet
from rapyer_pipeline.outcome import lengths_of, take_over
from rapyer_pipeline.program import Program
from rapyer_pipeline.recorder import Recorder, Vocabulary
from rapyer_pipeline.shapes import Shapes

if TYPE_CHECKING:
    from rapyer.keys import KeyLike

#: What is done where there is no document.
Missing = Literal["raise", "ignore", "create"]
#: How many steps the loops of a program may take together, unless it is said.
MAX_STEPS: Final = 100_000


_CONTAINERS: Final[dict[str, type[Container]]] = {
    "list": TracedList,
    "set": TracedSet,
    "dict": TracedDict,
    "model": TracedModel,
    "opaque": Opaque,
}
_VOCABULARY: Final = Vocabulary(compile_condition, Branches, _CONTAINERS)


class Pipeline(PipelineDocument):
    """The block of a pipeline, and the `p` in it.

    Args:
        model: The model of the document.
        missing: What is done where there is no document.
        max_steps: How many steps the loops of the program may take together.
        instance: The instance that has the document; None where it is named by its key.
        key: The key of the document, where there is no instance.
    """

    __slots__ = ("_instance", "_key", "_missing", "_model")

    def __init__(
        self, model: type[BaseRedisModel], *, missing: Missing, max_steps: int,
        instance: BaseRedisModel | None = None, key: KeyLike | None = None,
    ) -> None:  # fmt: skip
        if max_steps < 1:
            raise ValueError(f"max_steps is {max_steps!r}. Give how many steps loops may take.")
        if missing not in ("raise", "ignore", "create") or (
            missing == "create" and key is not None
        ):
            raise ValueError(
                f"missing is {missing!r}. Give 'raise' or 'ignore'; of an instance also 'create'."
            )
        recorder = Recorder(model, _VOCABULARY, refreshes=instance is not None)
        super().__init__(recorder, Program(recorder, max_steps))
        put = object.__setattr__
        put(self, "_instance", instance)
        put(self, "_model", model)
        put(self, "_missing", missing)
        put(self, "_key", key)
        recorder.document = self

    @classmethod
    def of(cls, model: type[BaseRedisModel]) -> type[Pipeline]:
        """Give the class of the pipelines of a model, which has its fields as attributes."""
        kept = Shapes.of(model).kept
        made: type[Pipeline] | None = kept.get(cls)
        if made is None:
            fields = {
                name: FieldOfDocument(name)
                for name in model.__pydantic_fields__
                if name not in METHODS and not hasattr(cls, name)
            }
            namespace: dict[str, Any] = {"__slots__": (), **fields}
            made = type(cls.__name__, (cls,), namespace)
            kept[cls] = made
        return made

    def open_(self) -> Self:
        """Begin to record."""
        self._recorder.open()
        return self

    async def __aenter__(self) -> Self:
        return self.open_()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:  # fmt: skip
        recorder = self._recorder
        broken = recorder.broken
        open_blocks = len(recorder.blocks) != 1
        recorder.break_off("the block of the pipeline is over: nothing more is recorded.")
        if error is None and broken:
            raise RecordingError(broken)
        if error is None and recorder.unentered is not None:
            raise recorder.error("a block was opened without `with`: write `with p.when(...):`")
        if error is None and open_blocks:
            raise RecordingError("a loop or a block of the pipeline was left open.")
        try:
            if error is None and recorder.lines:
                await self._run()
        finally:
            recorder.close()

    async def _run(self) -> None:
        instance, recorder, model = self._instance, self._recorder, self._model
        document, write, lengths = b"", None, {}
        if instance is None:
            channel, key, policies = document_at(model, self._key)
        else:
            write = InstanceWrite(instance)
            channel, key, policies = channel_of(model), write.key, write.policies
            lengths = lengths_of(instance, recorder.touched)
            if self._missing == "create":
                document = write.text()
        text = self._program.text(lengths)
        arguments: list[ScriptArgument] = [text, document, *recorder.constants]
        try:
            reply: Any = await channel.run(RUN, policies, (key,), arguments)
        except ResponseError as exc:
            await explain_failure(channel, key, "$", exc)
        if not is_list(reply) or not isinstance(reply[0], bytes):
            raise unexpected_reply("pipeline", reply)
        if reply[0] == b"failed":
            raise failure_of(recorder, key, reply)
        if reply[0] == b"missing":
            if self._missing == "ignore":
                return
            raise no_document(key)
        self._take_over(reply, write, key)

    def _take_over(self, reply: list[Any], write: InstanceWrite | None, key: Any) -> None:
        verdict, is_new, _, parts, results = reply
        recorder, instance = self._recorder, self._instance
        for result, text in zip(recorder.results, results, strict=False):
            result.fill_(text)
        if instance is None or write is None:
            return
        if verdict == b"deleted":
            mark_deleted(instance, key)
            return
        if is_new:
            mark_stored(instance, key)
        take_over(instance, list(recorder.touched), parts)
        if verdict == b"written" and write.version is not None:
            write.version.done()
