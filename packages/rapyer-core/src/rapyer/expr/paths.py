"""The way from a model to a value inside its document."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Generic,
    TypeAlias,
    Union,
    get_args,
    get_origin,
)

from pydantic import BaseModel
from typing_extensions import TypeVar

T_co = TypeVar("T_co", covariant=True, default=Any)

#: One step of a path: the name of a field, a key of a dict, or an index of a list.
Step: TypeAlias = str | int


class FieldPath(Generic[T_co]):
    """A place in the documents of a model: `User.age`, `User.address.city`, `User.tags[0]`.

    Paths are made by access to the class of a model. They are immutable, hashable (so that
    `{User.age: 3}` is a dict) and equal when they lead from the same model to the same place.
    """

    __slots__ = ("_annotation", "_model", "_steps")

    def __init__(self, model: type[BaseModel], steps: tuple[Step, ...], annotation: Any) -> None:
        self._model = model
        self._steps = steps
        self._annotation = annotation

    def __repr__(self) -> str:
        text = self._model.__name__
        for step in self._steps:
            is_name = isinstance(step, str) and step.isidentifier()
            text += f".{step}" if is_name else f"[{step!r}]"
        return text

    def __reduce__(self) -> tuple[Any, ...]:
        return FieldPath, (self._model, self._steps, self._annotation)

    def __hash__(self) -> int:
        return hash((self._model, self._steps))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FieldPath):
            # a plain False here would make a comparison that looks like a condition a silent no
            raise TypeError(
                f"{self!r} cannot be compared with {other!r}: it is a path, and this version of "
                "rapyer-core has no conditions on paths yet. Compare the value of an instance."
            )
        return self._model is other._model and self._steps == other._steps

    def __bool__(self) -> bool:
        raise TypeError(
            f"{self!r} has no truth value: it is a path into documents, not the value of one. "
            "Read the attribute of an instance."
        )

    if not TYPE_CHECKING:  # hidden from checkers, so that a misspelled field stays an error there

        def __getattr__(self, name: str) -> FieldPath[Any]:
            if name.startswith("_"):  # copy and pickle ask before there are slots
                raise AttributeError(name)
            for model in _models_in(self._annotation):
                field = model.__pydantic_fields__.get(name)
                if field is not None:
                    return FieldPath(self._model, (*self._steps, name), field.annotation)
            raise AttributeError(f"{self!r} has no field {name!r}", name=name, obj=self)

        def __getitem__(self, step: Step) -> FieldPath[Any]:
            for annotation in _members_of(self._annotation):
                if isinstance(step, str):
                    fields = _fields_of(annotation)
                    if step in fields:
                        return FieldPath(self._model, (*self._steps, step), fields[step].annotation)
                item = _item_of(annotation, step)
                if item is not None:
                    return FieldPath(self._model, (*self._steps, step), item)
            raise TypeError(f"{self!r} is neither a list nor a dict that {step!r} could lead into")

        def __iter__(self) -> None:  # or Python would try the indexes 0, 1, 2, ... without an end
            raise TypeError(f"{self!r} is a path, not a value that could be iterated over")


def _members_of(annotation: Any) -> tuple[Any, ...]:
    """Give the members of a union but None, or the one annotation itself, without wrappers."""
    while True:
        aliased = getattr(annotation, "__value__", None)  # of a `type` statement, or its backport
        if aliased is not None:
            annotation = aliased
        elif get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        else:
            break
    if get_origin(annotation) in (Union, types.UnionType):
        members = (member for member in get_args(annotation) if member is not type(None))
        return tuple(inner for member in members for inner in _members_of(member))
    return (annotation,)


def _fields_of(annotation: Any) -> dict[str, Any]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation.__pydantic_fields__
    return {}


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    """Give the models among the members of an annotation."""
    return [member for member in _members_of(annotation) if _fields_of(member)]


def _item_of(annotation: Any, step: Step) -> Any:
    """Give the annotation of an element, when the step is of the kind that leads to one."""
    origin, arguments = get_origin(annotation) or annotation, get_args(annotation)
    if isinstance(step, int):
        if origin is tuple and arguments and arguments[-1] is not Ellipsis:
            return arguments[step] if -len(arguments) <= step < len(arguments) else None
        is_array = isinstance(origin, type) and issubclass(origin, Sequence) and origin is not str
        return (arguments[0] if arguments else Any) if is_array else None
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return arguments[1] if arguments else Any
    return None
