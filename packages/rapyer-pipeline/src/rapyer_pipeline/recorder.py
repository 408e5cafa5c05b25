"""What records a program: its statements, its constants, and what is read too late."""

from __future__ import annotations

import json
import sys
from asyncio import current_task
from collections.abc import Callable
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from rapyer_pipeline.errors import RecordingError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rapyer.expr import Condition

    from rapyer_pipeline.branches import Branches
    from rapyer_pipeline.containers import Container
    from rapyer_pipeline.document import PipelineDocument
    from rapyer_pipeline.predicates import TracedCondition
    from rapyer_pipeline.results import Result
    from rapyer_pipeline.spots import Spot

#: The packages through which what a user writes comes here.
_OURS: Final = frozenset({__package__, "rapyer.expr"})
#: `sys._getframe`, which `logging` finds lines by as well: `inspect.currentframe` is slower.
frame_at: Final[Callable[[int], FrameType]] = vars(sys)["_getframe"]


#: How deeply blocks may be nested: the server reads JSON of 1000 levels.
_DEEPEST: Final = 100


class Block:
    """Statements that are recorded one after the other; some are put between them later.

    Attributes:
        items: The statements, as parts of a program.
        inserted: Where some were put between them, in that order.
    """

    __slots__ = ("inserted", "items")

    def __init__(self) -> None:
        self.items: list[Any] = []
        self.inserted: list[int] = []

    def insert(self, place: int, seen: int, text: str) -> None:
        """Put a statement where one would have stood that was recorded at an earlier time.

        Args:
            place: How many statements there were then.
            seen: How many had been put between them then.
            text: The statement.
        """
        place = self.place(place, seen)
        self.items.insert(place, text)
        self.inserted.append(place)

    def place(self, place: int, seen: int) -> int:
        """Give where a place of an earlier time is now; see `insert`."""
        for other in self.inserted[seen:]:
            if other <= place:
                place += 1
        return place

    def __str__(self) -> str:
        return f"[{','.join(map(str, self.items))}]"


#: A time in the recording of a program: what was recorded into, how many statements it had, and how
#: many had been put between them later. Each is another object, by which it is told from others.
Moment: TypeAlias = "tuple[Block, int, int]"


class Vocabulary(NamedTuple):
    """What programs are written in, which knows the recorder.

    Attributes:
        compile: Gives the expression of a condition of core.
        branches: What is done where a condition holds: made of recorder and condition.
        containers: What a program has for a container, by its role.
    """

    compile: Callable[[Recorder, Condition], str]
    branches: Callable[[Recorder, TracedCondition], Branches]
    containers: Mapping[str, type[Container]]


class Recorder:
    """Records the statements of one pipeline.

    A value of a document is a value of the time at which it was asked for. Where it is used later,
    after other statements, it is kept in a register at that time: `now` is another one after each
    statement; `moves` counts those that may put another container in the place of one.

    Args:
        vocabulary: What programs are written in.
        refreshes: Whether the caller wants to know what the documents have afterwards.

    Attributes:
        documents: What stands for the documents.
    """

    def __init__(self, vocabulary: Vocabulary, *, refreshes: bool) -> None:
        self._compile, self._branches, self.containers = vocabulary
        self.refreshes = refreshes
        self.documents: list[PipelineDocument] = []
        self.constants: list[str] = []
        self.lines: list[tuple[CodeType, int]] = []
        self.root = Block()
        self.blocks = [self.root]
        self.now: Moment = (self.root, 0, 0)
        self.moves = 0
        self.registers = 0
        self.results: list[Result] = []
        #: The scalars of documents that are read at once before anything else.
        self.scalars: dict[Spot, None] = {}
        #: The top-level fields that the caller wants to have afterwards, and whether as a scalar
        #: (`"s"`), a container (`"c"`), or a list to which elements were added (`"a"`).
        self.touched: dict[Spot, str] = {}
        #: Loops that are open: what is read of the elements, by register.
        self.columns: dict[str, dict[str, None]] = {}
        #: Registers of elements that conditions are about, innermost last, with their shapes.
        self.scopes: list[tuple[int, Any]] = []
        #: Why nothing more can be recorded.
        self.broken = "the block of the pipeline was not entered: write `async with ... as p:`."
        #: The frame of the statement that begins, where that is known already.
        self.frame: FrameType | None = None
        #: The container that `+=` or `|=` has changed last, which Python then assigns.
        self.augmented: object = None
        #: The block that was made and is not entered yet.
        self.unentered: object = None
        self._owner: object = None

    def open(self) -> None:
        """Begin to record, in the task that runs.

        Raises:
            RecordingError: It was begun before.
        """
        if self._owner is not None or self.lines:
            raise RecordingError("a pipeline has one block. Make another one: x.pipeline().")
        try:
            self._owner = current_task()
        except RuntimeError:  # where only the record is looked at
            self._owner = None
        self.broken = ""

    def close(self) -> None:
        """Let go of what refers to the recorder: there is work for the garbage collector else."""
        self.documents.clear()

    # -- statements -------------------------------------------------------------------------------

    def begin(self) -> int:
        """Begin a statement: give its number.

        Raises:
            RecordingError: The block of the pipeline is over, or a loop was left.
        """
        if self.broken:
            raise self.error(self.broken)
        if self.unentered is not None:
            raise self.error("a block was opened without `with`: write `with p.when(...):`")
        try:
            task = current_task()
        except RuntimeError:  # in another thread, or where only the record is looked at
            task = None
        if task is not self._owner:
            raise self.error("another task uses the pipeline. Record it in the task that opened it")
        frame = self.frame
        if frame is None:
            frame = _caller(3)
        else:
            self.frame = None
        lines = self.lines
        lines.append((frame.f_code, frame.f_lasti))
        return len(lines)

    def add(self, text: Any, *, moves: bool = False) -> None:
        """Record a statement that was begun."""
        block = self.blocks[-1]
        items = block.items
        items.append(text)
        self.now = (block, len(items), len(block.inserted))
        if moves:
            self.moves += 1

    def enter(self, block: Block) -> None:
        """Record into a block within the one that is recorded into.

        Raises:
            RecordingError: There are too many around it for the interpreter.
        """
        if len(self.blocks) > _DEEPEST:
            raise self.error(f"blocks are nested deeper than {_DEEPEST} levels")
        self.blocks.append(block)
        self.now = (block, 0, 0)

    def leave(self) -> None:
        """Record into the block around again; containers may be others than before."""
        self.blocks.pop()
        block = self.blocks[-1]
        self.now = (block, len(block.items), len(block.inserted))
        self.moves += 1

    def compile(self, node: Condition) -> str:
        """Give the expression of a condition of core."""
        return self._compile(self, node)

    def branch(self, condition: TracedCondition, actions: tuple[Any, ...]) -> Any:
        """Record what is done where a condition holds."""
        return self._branches(self, condition).run_(actions)

    def keep(self, moment: Moment, text: str, what: object) -> None:
        """Put a statement that keeps something where it was read.

        Args:
            moment: When that was.
            text: The statement.
            what: What is kept, for messages.

        Raises:
            RecordingError: That was in a block that has ended, or between the branches of a
                decision, where Python has no place for statements.
        """
        block, place, seen = moment
        if block not in self.blocks:
            raise self.error(
                f"{what!r} was read inside of a block or a loop that has ended. Read it again, or "
                "keep it in a field there: p.total += item.price adds up, a name of Python does not"
            )
        if block is not self.blocks[-1] and block.place(place, seen) == len(block.items):
            raise self.error(
                f"{what!r} was read between the branches of a decision. Read it before the first "
                "one, or in the branch"
            )
        block.insert(place, seen, text)

    def register(self) -> int:
        """Give the number of a register that nothing uses yet."""
        self.registers += 1
        return self.registers

    def constant(self, text: str, kind: str) -> str:
        """Give the expression of a constant.

        Args:
            text: What it is, as JSON in its stored form.
            kind: Its kind.
        """
        self.constants.append(text)
        return f'["const",{len(self.constants)},"{kind}"]'

    def touch(self, top: Spot, how: str) -> None:
        """Note that the caller wants to have a top-level field afterwards."""
        if self.refreshes:
            known = self.touched.get(top)
            if known is None or (known == "a" and how == "c"):
                self.touched[top] = how

    def caller(self) -> FrameType:
        """Give the frame of the user's code that runs."""
        return _caller()

    # -- errors -----------------------------------------------------------------------------------

    def error(self, message: str) -> RecordingError:
        """Make the error about what is being recorded."""
        return error_here(message)

    def break_off(self, message: str) -> None:
        """Let every further statement, and the end of the block, fail."""
        if not self.broken:
            self.broken = message
            block, place, seen = self.now
            self.now = (block, place, seen)  # so that everything that is used is looked at

    def where(self, number: int) -> str:
        """Give file and line of a statement."""
        if not 0 < number <= len(self.lines):
            return ""
        code, instruction = self.lines[number - 1]
        lines = {start: line for start, _, line in code.co_lines() if start <= instruction}
        return f"{code.co_filename}:{lines[max(lines)]}"


def _caller(depth: int = 1) -> FrameType:
    """Give the frame of the user's statement that is being recorded."""
    frame = frame_at(depth)
    while frame.f_back is not None:
        names = frame.f_globals
        # the module `copy` asks what it copies
        if names.get("__package__") not in _OURS and names.get("__name__") != "copy":
            break
        frame = frame.f_back
    return frame


def error_here(message: str) -> RecordingError:
    """Make the error about what the user's code that runs has written."""
    frame = _caller()
    where = f"{frame.f_code.co_filename}:{frame.f_lineno}"
    return RecordingError(f"{where}: {message.removesuffix('.')}.", where=where)


def quote(text: str) -> str:
    """Write a text as a part of a program."""
    return json.dumps(text, ensure_ascii=False)
