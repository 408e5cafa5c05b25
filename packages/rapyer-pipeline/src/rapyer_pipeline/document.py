"""The `p` of a pipeline, which stands for the document while a program is recorded."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, NoReturn

from rapyer_pipeline.branches import otherwise, otherwise_when, when
from rapyer_pipeline.containers import Container, assign, reach
from rapyer_pipeline.operands import Operand
from rapyer_pipeline.predicates import condition_of
from rapyer_pipeline.recorder import Recorder, error_here, frame_at, quote
from rapyer_pipeline.shapes import Shapes
from rapyer_pipeline.spots import Spot

if TYPE_CHECKING:
    from rapyer.base import BaseRedisModel

    from rapyer_pipeline.program import Program

METHODS = frozenset(
    {"when", "otherwise_when", "otherwise", "require", "abort", "delete", "explain"}
)


class FieldOfDocument:
    """A field of a document as an attribute, which is faster to look up than through `__getattr__`.

    Args:
        name: The name of the field.
    """

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, p: PipelineDocument, owner: object) -> Any:
        return p.field_(self._name)


class PipelineDocument:
    """A document whose statements are recorded: `p.score += 10`.

    Its values are never loaded: reading a field returns an object that stands for the value on the
    server. Use brackets for a field that is named like a method: `p["require"]`. Nothing is sent
    before the block ends.

    Args:
        program: The program that is recorded.
        model: The model of the document.
        label: What the document is called in messages.
    """

    __slots__ = ("_base", "_label", "_program", "_recorder", "_spots", "model_")

    _base: int
    _label: str
    _program: Program
    _recorder: Recorder
    _spots: dict[str, Spot]
    model_: type[BaseRedisModel]

    def __init__(self, program: Program, model: type[BaseRedisModel], label: str = "p") -> None:
        put = object.__setattr__
        recorder = program.recorder
        base = -len(recorder.documents)
        recorder.documents.append(self)
        put(self, "_recorder", recorder)
        put(self, "_program", program)
        put(self, "_base", base)
        put(self, "_label", label)
        put(self, "_spots", Shapes.of(model).spots_of(base, label))
        put(self, "model_", model)

    # -- fields -----------------------------------------------------------------------------------

    def field_(self, name: str) -> Any:
        """Return the value of a field."""
        recorder: Recorder = self._recorder
        if recorder.broken:
            raise recorder.error(recorder.broken)
        spot = self._spots.get(name)
        return reach(recorder, self._spot(name) if spot is None else spot)

    def _spot(self, name: str) -> Spot:
        model = self.model_
        shape = Shapes.of(model).field(name)
        if shape is None:
            if callable(getattr(model, name, None)):
                raise self._recorder.error(
                    f"{name!r} is a method of {model.__name__}, and {self._label} is not an "
                    "instance: what is done to it is recorded, and runs when the block ends. "
                    f"Change its fields, such as `{self._label}.field += 1`, or call the method "
                    "on the instance before or after the block"
                )
            known = ", ".join(model.__pydantic_fields__)
            raise self._recorder.error(
                f"{model.__name__} has no field {name!r}. Its fields are {known}"
            )
        label = f"{self._label}.{name}"
        spot = self._spots[name] = Spot(shape, str(self._base), shape.step, label=label)
        return spot

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_"):
                raise AttributeError(name)
            return self.field_(name)

        def __setattr__(self, name: str, value: Any) -> None:
            if name in METHODS:
                raise self._recorder.error(
                    f"{name!r} is a method of the pipeline. Write p[{name!r}] for the field"
                )
            recorder, spot = self._recorder, self._spots.get(name)
            if spot is None:
                spot = self._spot(name)
            frame = frame_at(1)
            if frame.f_globals.get("__package__") != __package__:
                recorder.frame = frame  # nearly always the frame of the statement
            assign(recorder, spot, value)
            recorder.frame = None

    else:

        def __getattr__(self, name: str) -> Any: ...
        def __setattr__(self, name: str, value: Any) -> None: ...

    def __getitem__(self, name: str) -> Any:
        return self.field_(name)

    def __setitem__(self, name: str, value: Any) -> None:
        assign(self._recorder, self._spots.get(name) or self._spot(name), value)

    def __iter__(self) -> NoReturn:
        raise self._recorder.error("a document cannot be iterated over. Name a field")

    def __contains__(self, name: object) -> NoReturn:
        raise self._recorder.error(
            f"`in` is evaluated immediately. Write p.<field>.contains({name!r})"
        )

    def __len__(self) -> NoReturn:
        raise self._recorder.error("a document has no length. Name a field: length(p.tags)")

    def __copy__(self, *others: object) -> NoReturn:
        raise self._recorder.error(f"{self!r} cannot be copied: it stands for the document")

    __deepcopy__ = __reduce_ex__ = __copy__

    def __delattr__(self, name: str) -> None:
        raise self._recorder.error(f"the field {name!r} cannot be deleted. Assign another value")

    def __bool__(self) -> NoReturn:
        raise self._recorder.error("whether the document exists is known only on the server")

    def __repr__(self) -> str:
        return f"<{self._label} of a pipeline of {self.model_.__name__}>"

    # -- what decides -----------------------------------------------------------------------------

    def when(self, condition: Any) -> AbstractContextManager[None]:
        """Run a block if a condition holds: `with p.when(p.age > 17): ...`.

        Args:
            condition: A condition on `p`, or on paths of the model.

        Raises:
            RecordingError: It is not a condition.
        """
        return when(self._recorder, condition)

    def otherwise_when(self, condition: Any) -> AbstractContextManager[None]:
        """Run a block if no condition of the preceding blocks held, and this one does.

        Raises:
            RecordingError: It does not follow the block of a `when`, or `condition` is not one.
        """
        return otherwise_when(self._recorder, condition)

    def otherwise(self) -> AbstractContextManager[None]:
        """Run a block if no condition of the preceding blocks held.

        Raises:
            RecordingError: It does not follow the block of a `when`.
        """
        return otherwise(self._recorder)

    def require(self, condition: Any, message: str = "") -> None:
        """Abort unless a condition holds: nothing is written, and `PipelineAborted` is raised.

        Args:
            condition: The condition.
            message: The reason reported by the error.

        Raises:
            RecordingError: The condition is not a condition, or the message is not a text.
        """
        recorder: Recorder = self._recorder
        found = condition_of(recorder, condition)
        reason = _reason(recorder, message) or f"{found!r} does not hold"
        self._require(found.use_(recorder), reason)

    def abort(self, message: str) -> None:
        """Abort: write nothing, and raise `PipelineAborted` with `message`. For use in conditions.

        Raises:
            RecordingError: The message is not a text.
        """
        recorder: Recorder = self._recorder
        self._require('["or"]', _reason(recorder, message))

    def _require(self, code: str, reason: str) -> None:
        recorder: Recorder = self._recorder
        number = recorder.begin()
        recorder.constant(reason, "s")
        recorder.add(f'["require",{number},{code},{len(recorder.constants)}]')

    def delete(self) -> None:
        """Delete the document; other changes of the program to it are not written."""
        recorder: Recorder = self._recorder
        recorder.add(f'["delete",{recorder.begin()},{1 - self._base}]', moves=True)

    def explain(self) -> str:
        """Return the program recorded so far in readable form. Nothing is sent."""
        program: Program = self._program
        text: str = program.explain(is_one=self._label == "p")
        return text


def _reason(recorder: Recorder, message: object) -> str:
    if not isinstance(message, str):
        raise recorder.error(f"{message!r} is not a reason. Give a str that is known in Python")
    return message


def length(value: Any) -> Operand:
    """Return the number of elements, entries or characters of something in a pipeline.

    Args:
        value: A list, set, dict, text or bytes of a `p`.

    Raises:
        RecordingError: It has no length.
    """
    if isinstance(value, Container) and value.shape_.role in ("list", "set", "dict"):
        recorder = value.recorder_
        wanted = quote("object" if value.shape_.role == "dict" else "list")
        reference = value.reference_(recorder)
        code = f'["len",[{reference}],{wanted}]'
        return Operand.of_(recorder, "i", code, lambda: f"length({value!r})")
    if isinstance(value, Operand) and value.kind_ in "sy" and value.calculates_:
        code = f'["{value.kind_}len",{value.use_(value.recorder_)}]'
        return Operand.of_(value.recorder_, "i", code, lambda: f"length({value!r})")
    if isinstance(value, Operand | Container):
        raise value.recorder_.error(f"{value!r} has no length")
    raise error_here(f"length({value!r}) works only on values of a pipeline. Write len(...)")
