"""Pipelines: blocks that record a program, and run it on the server when they end."""

from __future__ import annotations

import re
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, Self, TypeVar

from rapyer.base import BaseRedisModel

from rapyer_pipeline.branches import Branches
from rapyer_pipeline.conditions import compile_condition
from rapyer_pipeline.containers import Container, Opaque, TracedModel
from rapyer_pipeline.dicts import TracedDict
from rapyer_pipeline.document import METHODS, FieldOfDocument, PipelineDocument
from rapyer_pipeline.errors import RecordingError
from rapyer_pipeline.lists import TracedList, TracedSet
from rapyer_pipeline.program import Program
from rapyer_pipeline.recorder import Recorder, Vocabulary
from rapyer_pipeline.running import Target, run_program
from rapyer_pipeline.shapes import Shapes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rapyer.keys import KeyLike

D = TypeVar("D", bound=PipelineDocument)

#: What to do if there is no document.
Missing = Literal["raise", "ignore", "create"]
#: How many steps the loops of a program may take in total by default.
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

    Nothing is sent inside the block. At its end the program takes one round trip; a program without
    statements takes none.

    Args:
        target: The document.
        missing: What to do if there is none.
        max_steps: How many steps the loops of the program may take in total.
    """

    __slots__ = ("_missing", "_target")

    _missing: Missing
    _target: Target

    def __init__(self, target: Target, *, missing: Missing, max_steps: int) -> None:
        recorder = Recorder(_VOCABULARY, refreshes=target.instance is not None)
        super().__init__(Program(recorder, checked_steps(max_steps)), target.model)
        object.__setattr__(self, "_target", target)
        object.__setattr__(self, "_missing", missing)

    @classmethod
    def of_instance_(cls, instance: BaseRedisModel, missing: Missing, max_steps: int) -> Pipeline:
        """Make the pipeline of an instance.

        Args:
            instance: The instance.
            missing: `"raise"`, `"ignore"` or `"create"`.
            max_steps: How many steps the loops of the program may take in total.

        Raises:
            ValueError: `missing` is none of these, or `max_steps` is less than 1.
        """
        if missing not in ("raise", "ignore", "create"):
            raise ValueError(f"missing is {missing!r}. Give 'raise', 'ignore' or 'create'.")
        model = type(instance)
        target = Target(model, instance, creates=missing == "create")
        return document_class(cls, model)(target, missing=missing, max_steps=max_steps)

    @classmethod
    def by_key_(
        cls, model: type[BaseRedisModel], key: KeyLike, missing: Missing, max_steps: int
    ) -> Pipeline:
        """Make the pipeline of the document at a key.

        Args:
            model: The model.
            key: A primary key, or a whole Redis key.
            missing: `"raise"` or `"ignore"`.
            max_steps: How many steps the loops of the program may take in total.

        Raises:
            ValueError: `missing` is none of these, or `max_steps` is less than 1.
        """
        if missing not in ("raise", "ignore"):
            raise ValueError(
                f"missing is {missing!r}. Give 'raise' or 'ignore'; for an instance, also 'create'."
            )
        made = document_class(cls, model)
        return made(Target(model, key=key), missing=missing, max_steps=max_steps)

    def open_(self) -> Self:
        """Begin recording."""
        self._recorder.open()
        return self

    async def __aenter__(self) -> Self:
        return self.open_()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:  # fmt: skip
        await finish(self._program, [self._target], error, ignores=self._missing == "ignore")


def checked_steps(max_steps: int) -> int:
    """Return the number of steps that loops may take, after checking that it is at least one.

    Raises:
        ValueError: It is not.
    """
    if max_steps < 1:
        raise ValueError(
            f"max_steps is {max_steps!r}. Give the number of steps that loops may take."
        )
    return max_steps


def document_class(base: type[D], model: type[BaseRedisModel]) -> type[D]:
    """Return the class for documents of a model, which has the model's fields as attributes."""
    kept = Shapes.of(model).kept
    made: Any = kept.get(base)
    if made is None:
        fields = {
            name: FieldOfDocument(name)
            for name in model.__pydantic_fields__
            if name not in METHODS and not hasattr(base, name)
        }
        namespace: dict[str, Any] = {"__slots__": (), **fields}
        made = kept[base] = type(base.__name__, (base,), namespace)
    found: type[D] = made
    return found


#: What Python says of a value that cannot be awaited: until 3.13, and since 3.14.
_CANNOT_BE_AWAITED: Final = re.compile("'await' expression|can't be awaited")


async def finish(
    program: Program, targets: Sequence[Target], error: BaseException | None, *, ignores: bool
) -> None:
    """End the recording of a program, and run it if recording went well.

    Args:
        program: The program.
        targets: The documents.
        error: The error that ended the block, if any: then nothing is sent.
        ignores: Whether to do nothing, without an error, if a document is missing.

    Raises:
        RecordingError: A loop or a block was left early.
    """
    if isinstance(error, TypeError) and _CANNOT_BE_AWAITED.search(str(error)):
        error.add_note(
            "Nothing can be awaited in the block of a pipeline: what is written there is "
            "recorded, and runs when the block ends. Write p.tags.append(...) without await."
        )
    recorder = program.recorder
    broken, is_open = recorder.broken, len(recorder.blocks) != 1
    recorder.break_off("the block of the pipeline has ended: nothing more is recorded.")
    if error is None and broken:
        raise RecordingError(broken)
    if error is None and recorder.unentered is not None:
        raise recorder.error("a block was opened without `with`: write `with p.when(...):`")
    if error is None and is_open:
        raise RecordingError("a loop or a block of the pipeline was left open.")
    try:
        if error is None and recorder.lines:
            await run_program(program, targets, ignores=ignores)
    finally:
        recorder.close()


class Transaction:
    """The block of a program on several documents, which takes one round trip at its end.

    Args:
        instances: The instances of the documents.
        creates: Whether missing documents are created from the values of the instances.
        max_steps: How many steps the loops of the program may take in total.
    """

    def __init__(
        self, instances: Sequence[BaseRedisModel], *, creates: bool, max_steps: int
    ) -> None:
        recorder = Recorder(_VOCABULARY, refreshes=True)
        self._program = Program(recorder, checked_steps(max_steps))
        self._targets = [Target(type(one), one, creates=creates) for one in instances]
        self._documents = tuple(
            [
                document_class(PipelineDocument, type(one))(self._program, type(one), f"p{number}")
                for number, one in enumerate(instances, 1)
            ]
        )

    async def __aenter__(self) -> tuple[Any, ...]:
        self._program.recorder.open()
        return self._documents

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:  # fmt: skip
        await finish(self._program, self._targets, error, ignores=False)


def transaction(
    *instances: BaseRedisModel, missing: Literal["raise", "create"] = "raise",
    max_steps: int = MAX_STEPS,
) -> Transaction:  # fmt: skip
    """Record a program on the documents of several instances, all or nothing.

        async with transaction(user, order) as (u, o):
            u.require(u.credit >= o.price, "not enough credit")
            u.credit -= o.price
            o.paid = True

    It is one atomic step and one round trip. The policies and Versions of each document apply. On a
    cluster all keys have to be in one slot.

    Args:
        instances: The instances, of any models on one server.
        missing: What to do if a document is missing: `"raise"` raises an error, `"create"` creates
            it from the values of its instance.
        max_steps: How many steps the loops of the program may take in total.

    Returns:
        The block, to be entered with `async with`: it gives a stand-in for each document, in order.

    Raises:
        ValueError: No instances were given, `missing` is none of these, or `max_steps` is less than
            1.
        PipelineError: The documents are on several servers or in several slots, or two are the
            same.
        RapyerError: As for `pipeline` of models.
    """
    if not instances:
        raise ValueError(
            "transaction was given no instances. Give the instances whose documents change."
        )
    if missing not in ("raise", "create"):
        raise ValueError(f"missing is {missing!r}. Give 'raise' or 'create'.")
    return Transaction(instances, creates=missing == "create", max_steps=max_steps)
