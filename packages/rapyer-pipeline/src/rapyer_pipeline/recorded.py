"""Stand-ins for what only the server knows, and what Python may not ask of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from rapyer.errors import ExpressionError

if TYPE_CHECKING:
    from rapyer_pipeline.errors import RecordingError
    from rapyer_pipeline.recorder import Moment, Recorder

#: The slots of what is `Timed`.
TIMED = ("_code", "_is_kept", "_label", "_moment", "recorder_")


class Recorded:
    """A stand-in for something that only the server knows.

    Anything that Python would have to decide during recording is refused, with a remedy. Names end
    with an underscore where they could clash with those of fields.
    """

    __slots__ = ()

    if TYPE_CHECKING:
        recorder_: Recorder

    def refuse_(self, message: str) -> RecordingError:
        """Make the error for what is written; messages end without a period."""
        return self.recorder_.error(message)

    def __bool__(self) -> NoReturn:
        raise self.refuse_(
            f"whether {self!r} holds is known only on the server. Write "
            "`(condition).if_true(lambda: ...)` or `with p.when(condition):`, and & | ~ for "
            "and, or, not; `(a < x) & (x < b)` for `a < x < b`"
        )

    def __len__(self) -> NoReturn:
        raise self.refuse_(f"the length of {self!r} is known only on the server. Write length(...)")

    def __contains__(self, item: object) -> NoReturn:
        raise self.refuse_(f"`in` is evaluated immediately. Write {self!r}.contains({item!r})")

    def __str__(self) -> NoReturn:
        raise self.refuse_(
            f"{self!r} has no string value while the program is recorded. Join strings with +: "
            "p.first + ' ' + p.last"
        )

    def __format__(self, spec: str) -> NoReturn:
        raise self.refuse_(
            f"{self!r} has no string value while the program is recorded, so it cannot be used "
            "in an f-string. Join strings with +: p.first + ' ' + p.last"
        )

    def __int__(self) -> NoReturn:
        raise self.refuse_(
            f"{self!r} is a number only on the server. Use it in calculations as it is"
        )

    __float__ = __index__ = __complex__ = __int__

    def __iter__(self) -> NoReturn:
        raise self.refuse_(f"{self!r} cannot be iterated over")

    def __hash__(self) -> NoReturn:
        raise self.refuse_(
            f"{self!r} cannot be a key of a Python dict or an element of a Python set: its value "
            "is known only on the server. A dict of the document accepts it: p.counts[p.name]"
        )

    def __pow__(self, *others: object) -> NoReturn:
        raise self.refuse_(
            f"{self!r} does not support this operation in a pipeline. It supports + - * / // and "
            "%, and comparisons"
        )

    __rpow__ = __abs__ = __pos__ = __round__ = __divmod__ = __rdivmod__ = __pow__
    __lshift__ = __rshift__ = __xor__ = __matmul__ = __rlshift__ = __rrshift__ = __rxor__ = __pow__
    __trunc__ = __floor__ = __ceil__ = __pow__

    def __copy__(self, *others: object) -> NoReturn:
        raise self.refuse_(f"{self!r} cannot be copied. Assign it: p.field = {self!r}")

    __deepcopy__ = __reduce_ex__ = __copy__

    def __reversed__(self) -> NoReturn:
        raise self.refuse_(f"{self!r} cannot be iterated over in reverse. A list has .reverse()")


class Timed(Recorded):
    """Something whose value is that of the moment at which it was read."""

    if TYPE_CHECKING:
        _code: str
        _is_kept: bool
        _label: Any
        _moment: Moment
    else:
        __slots__ = ()  # besides the slots of a node, which classes derived from both have

    def use_(self, recorder: Recorder) -> str:
        """Return the expression for the value, as it was when it was read.

        Raises:
            RecordingError: It belongs to another pipeline, or to a block that has ended.
        """
        if self.recorder_ is not recorder:
            raise recorder.error(f"{self!r} is a value from another pipeline")
        if recorder.broken:
            raise recorder.error(recorder.broken)
        if self._is_kept or self._moment is recorder.now:
            return self._code
        return self.keep_(recorder)

    def keep_(self, recorder: Recorder) -> str:
        """Store the value in a register at the moment it was read, and give its expression."""
        register = recorder.register()
        recorder.keep(self._moment, f'["let",0,{register},{self._code}]', self)
        self._code, self._is_kept = f'["let",{register}]', True
        return self._code

    def use_after_(self, recorder: Recorder, decision: object) -> str:
        """Return the expression for a further branch of the decision that was recorded last.

        What was read after the decision is read in that branch: no other branch has run then.
        """
        block, place, seen = self._moment
        is_behind = block.items[-1:] == [decision] and block.place(place, seen) == len(block.items)
        if is_behind and self.recorder_ is recorder and not (self._is_kept or recorder.broken):
            return self._code
        return self.use_(recorder)

    def keep_as_(self, code: str) -> None:
        """Let the value be that of an expression at any time."""
        self._code, self._is_kept = code, True

    @property
    def is_operation_(self) -> bool:
        """Whether it is made of two other values."""
        return isinstance(self._label, tuple)

    def __repr__(self) -> str:
        return shown(self._label)


class saying_where:  # noqa: N801 - it is used as a function
    """Adds to core's errors about a statement the line of that statement."""

    __slots__ = ("_recorder",)

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        if isinstance(error, ExpressionError):
            raise self._recorder.error(str(error)) from error


def shown(label: Any) -> str:
    """Return the Python source that something is made of.

    Args:
        label: A text, a callable that returns one, or an operation: left, operator, right.
    """
    if isinstance(label, str):
        return label
    if isinstance(label, tuple):
        parts: tuple[Any, str, Any] = label  # pyright: ignore[reportUnknownVariableType] - anything
        left, operator, right = parts
        return f"{_inner(left)} {operator} {_inner(right)}"
    return str(label())


def _inner(part: object) -> str:
    is_operation = isinstance(part, Timed) and part.is_operation_
    return f"({part!r})" if is_operation else repr(part)
