"""What a program returns: elements that it has removed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

from rapyer_pipeline.errors import RecordingError
from rapyer_pipeline.operands import Operand
from rapyer_pipeline.recorder import Recorder

if TYPE_CHECKING:
    from rapyer_pipeline.shapes import Shape

_UNKNOWN: Any = object()


class Result(Operand):
    """The result of a statement: a value in the program, and in Python after the block.

    Attributes:
        number_: Its number in the reply.
        register_: The register in which it is stored.
    """

    __slots__ = ("_read", "_value", "number_", "register_")

    number_: int
    register_: int
    _read: Callable[[bytes], Any]
    _value: Any

    @classmethod
    def of_shape_(cls, recorder: Recorder, shape: Shape, label: Any) -> Self:
        """Make the result of the statement being recorded, which returns a value of a shape."""
        result = cls._make(recorder, shape.kind, label, shape.values.codec.load)
        result.shape_ = shape
        result.calculates_ = shape.calculates
        return result

    @classmethod
    def of_item_(cls, recorder: Recorder, shape: Shape, label: Any) -> Self:
        """Make the result of a statement that returns a key and its value."""
        result = cls._make(recorder, "j", label, shape.read_item)
        result.keep_as_("")
        return result

    @classmethod
    def _make(cls, recorder: Recorder, kind: str, label: Any, read: Callable[[bytes], Any]) -> Self:
        register = recorder.register()
        result = object.__new__(cls)
        result.recorder_, result.kind_, result.shape_ = recorder, kind, None
        result.calculates_, result._label, result._moment = False, label, recorder.now
        result.keep_as_(f'["let",{register}]')
        recorder.results.append(result)
        result.number_, result.register_ = len(recorder.results), register
        result._read, result._value = read, _UNKNOWN
        return result

    def fill_(self, text: bytes | None) -> None:
        """Take over what the server sent."""
        if text is not None:  # a default that is given to `pop` may be None
            self._value = None if text == b"null" else self._read(text)

    def use_(self, recorder: Recorder) -> str:
        """Return the expression for the value; see `Timed.use_`."""
        if not self._code:
            raise self.refuse_(
                f"{self!r} is a key and its value, which no statement accepts. Read its .value "
                "after the block"
            )
        return super().use_(recorder)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise self.refuse_(
            f"{self!r} has no {name!r} in the block: a removed value has no parts there. Read "
            "the part before the value is removed, such as p.items[-1].price"
        )

    def __getitem__(self, item: Any) -> Any:
        raise self.refuse_(
            f"{self!r}[{item!r}]: a removed value has no parts in the block. Read the part "
            "before the value is removed, such as p.items[-1][0]"
        )

    @property
    def value(self) -> Any:
        """What the statement returned; in a loop, what it returned the last time.

        Raises:
            RecordingError: The block has not ended, or the statement was not reached.
        """
        if self._value is _UNKNOWN:
            raise RecordingError(
                f"{self!r} has no value: the block of the pipeline has not ended, it was rolled "
                "back, or the statement was not reached."
            )
        return self._value
