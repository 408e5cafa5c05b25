"""The recorder of a program: its statements, its constants, and values that are used later."""

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

#: The packages that a user's statements pass through on their way here.
_OURS: Final = frozenset({__package__, "rapyer.expr"})
#: `sys._getframe`, which `logging` also uses to find lines: `inspect.currentframe` is slower.
frame_at: Final[Callable[[int], FrameType]] = vars(sys)["_getframe"]


#: How deeply blocks may be nested: the server reads JSON of at most 1000 levels.
_DEEPEST: Final = 100


class Block:
    """Statements that are recorded one after the other; some are inserted between them later.

    Attributes:
        items: The statements, as parts of a program.
        inserted: The positions of insertions, in the order in which they were made.
    """

    __slots__ = ("inserted", "items")

    def __init__(self) -> None:
        self.items: list[Any] = []
        self.inserted: list[int] = []

    def insert(self, place: int, seen: int, text: str) -> None:
        """Insert a statement at the position of an earlier moment.

        Args:
            place: How many statements there were then.
            seen: How many insertions there had been by then.
            text: The statement.
        """
        place = self.place(place, seen)
        self.items.insert(place, text)
        self.inserted.append(place)

    def place(self, place: int, seen: int) -> int:
        """Return the current position for the position of an earlier moment; see `insert`."""
        for other in self.inserted[seen:]:
            if other <= place:
                place += 1
        return place

    def __str__(self) -> str:
        return f"[{','.join(map(str, self.items))}]"


#: A moment in the recording of a program: the block that was recorded into, how many statements it
#: had, and how many had been inserted by then. Each is a distinct object, and is told from others
#: by identity.
Moment: TypeAlias = "tuple[Block, int, int]"


class Vocabulary(NamedTuple):
    """The parts from which programs are written and which depend on the recorder.

    Attributes:
        compile: Returns the expression for a condition of core.
        branches: What to do if a condition holds: made from a recorder and a condition.
        containers: The stand-ins for containers, by role.
    """

    compile: Callable[[Recorder, Condition], str]
    branches: Callable[[Recorder, TracedCondition], Branches]
    containers: Mapping[str, type[Container]]


class Recorder:
    """Records the statements of one pipeline.

    A value of a document is the value at the moment it was read. If it is used after further
    statements, it is stored in a register at that moment: `now` is a new object after each
    statement; `moves` counts the statements that may replace one container by another.

    Args:
        vocabulary: The parts from which programs are written.
        refreshes: Whether the caller wants to know what the documents have afterwards.

    Attributes:
        documents: The stand-ins for the documents.
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
        #: The scalars of documents that are read together before anything else.
        self.scalars: dict[Spot, None] = {}
        #: The top-level fields that the caller wants to have afterwards, each as a scalar (`"s"`),
        #: a container (`"c"`), or a list that was appended to (`"a"`).
        self.touched: dict[Spot, str] = {}
        #: Open loops: what is read from the elements, by register.
        self.columns: dict[str, dict[str, None]] = {}
        #: Registers of the elements that conditions are about, innermost last, with their shapes.
        self.scopes: list[tuple[int, Any]] = []
        #: Why nothing more can be recorded.
        self.broken = "the block of the pipeline was not entered: write `async with ... as p:`."
        #: The frame of the statement that begins, if it is already known.
        self.frame: FrameType | None = None
        #: The container last changed by `+=` or `|=`, which Python then assigns.
        self.augmented: object = None
        #: The block that was made but not yet entered.
        self.unentered: object = None
        self._owner: object = None

    def open(self) -> None:
        """Begin recording, in the current task.

        Raises:
            RecordingError: Recording was begun before.
        """
        if self._owner is not None or self.lines:
            raise RecordingError(
                "a pipeline has only one block. Make another pipeline: x.pipeline()."
            )
        try:
            self._owner = current_task()
        except RuntimeError:  # when the record is only inspected
            self._owner = None
        self.broken = ""

    def close(self) -> None:
        """Drop references to the recorder, which would burden the garbage collector."""
        self.documents.clear()

    # -- statements -------------------------------------------------------------------------------

    def begin(self) -> int:
        """Begin a statement, and return its number.

        Raises:
            RecordingError: The block of the pipeline is over, or a loop was left.
        """
        if self.broken:
            raise self.error(self.broken)
        if self.unentered is not None:
            raise self.error("a block was opened without `with`: write `with p.when(...):`")
        try:
            task = current_task()
        except RuntimeError:  # in another thread, or when the record is only inspected
            task = None
        if task is not self._owner:
            raise self.error(
                "the pipeline is used in another task. Record it in the task that opened it"
            )
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
        """Record into a block nested in the current one.

        Raises:
            RecordingError: The nesting is too deep for the interpreter.
        """
        if len(self.blocks) > _DEEPEST:
            raise self.error(f"blocks are nested deeper than {_DEEPEST} levels")
        self.blocks.append(block)
        self.now = (block, 0, 0)

    def leave(self) -> None:
        """Record into the surrounding block again; containers may have been replaced."""
        self.blocks.pop()
        block = self.blocks[-1]
        self.now = (block, len(block.items), len(block.inserted))
        self.moves += 1

    def compile(self, node: Condition) -> str:
        """Return the expression for a condition of core."""
        return self._compile(self, node)

    def branch(self, condition: TracedCondition, actions: tuple[Any, ...]) -> Any:
        """Record what to do if a condition holds."""
        return self._branches(self, condition).run_(actions)

    def keep(self, moment: Moment, text: str, what: object) -> None:
        """Insert a statement that stores something, at the moment at which it was read.

        Args:
            moment: That moment.
            text: The statement.
            what: What is stored, for messages.

        Raises:
            RecordingError: It was in a block that has ended, or between the branches of a decision,
                where Python has no place for statements.
        """
        block, place, seen = moment
        if block not in self.blocks:
            raise self.error(
                f"{what!r} was read inside a block or a loop that has ended. Read it again, or "
                "store it in a field there: p.total += item.price adds up, a Python variable "
                "does not"
            )
        if block is not self.blocks[-1] and block.place(place, seen) == len(block.items):
            raise self.error(
                f"{what!r} was read between the branches of a decision. Read it before the first "
                "branch, or inside the branch"
            )
        block.insert(place, seen, text)

    def register(self) -> int:
        """Return the number of an unused register."""
        self.registers += 1
        return self.registers

    def constant(self, text: str, kind: str) -> str:
        """Return the expression for a constant.

        Args:
            text: Its value, as JSON in its stored form.
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
        """Return the frame of the user's code that is running."""
        return _caller()

    # -- errors -----------------------------------------------------------------------------------

    def error(self, message: str) -> RecordingError:
        """Make the error for what is being recorded."""
        return error_here(message)

    def break_off(self, message: str) -> None:
        """Make every further statement, and the end of the block, fail."""
        if not self.broken:
            self.broken = message
            block, place, seen = self.now
            self.now = (block, place, seen)  # so that everything that is used is checked

    def where(self, number: int) -> str:
        """Return the file and line of a statement."""
        if not 0 < number <= len(self.lines):
            return ""
        code, instruction = self.lines[number - 1]
        lines = {start: line for start, _, line in code.co_lines() if start <= instruction}
        return f"{code.co_filename}:{lines[max(lines)]}"


def _caller(depth: int = 1) -> FrameType:
    """Return the frame of the user's statement that is being recorded."""
    frame = frame_at(depth)
    while frame.f_back is not None:
        names = frame.f_globals
        # the module `copy` queries what it copies
        if names.get("__package__") not in _OURS and names.get("__name__") != "copy":
            break
        frame = frame.f_back
    return frame


def error_here(message: str) -> RecordingError:
    """Make the error for what the user's running code has written."""
    frame = _caller()
    where = f"{frame.f_code.co_filename}:{frame.f_lineno}"
    return RecordingError(f"{where}: {message.removesuffix('.')}.", where=where)


def quote(text: str) -> str:
    """Write a text as a part of a program."""
    return json.dumps(text, ensure_ascii=False)
