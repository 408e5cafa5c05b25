"""Following paths along steps, and splitting those that lead through each element of a list."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from rapyer.errors import ExpressionError
from rapyer.expr.annotations import element_models
from rapyer.expr.steps import EACH, Step

if TYPE_CHECKING:
    from pydantic import BaseModel

    from rapyer.expr.paths import Path


def follow(model: type[BaseModel], steps: Iterable[Step], kind: type[Path[Any]]) -> Path[Any]:
    """Return the path from a model along steps, resolving each step again.

    Raises:
        ExpressionError: The model has nothing there.
    """
    path: Path[Any] | None = kind.__of__(model, (), model)
    for step in steps:
        if path is None or step.kind == "each":
            continue  # the field that follows leads through each element anyway
        path = path.__field__(step.value) if step.kind == "field" else path.__item__(step.value)
    if path is None:
        raise ExpressionError(f"{model.__name__} has no {''.join(map(str, steps))}.")
    return path


def split_each(path: Path[Any]) -> tuple[Path[Any], Path[Any]] | None:
    """Split a path that leads through each element of a list: up to the list, and from there on.

    Returns:
        None for a path that leads to one value.
    """
    if EACH not in path.__steps__:
        return None
    place = path.__steps__.index(EACH)
    kind = type(path)
    before = follow(path.__model__, path.__steps__[:place], kind)
    first, *_ = behind = path.__steps__[place + 1 :]
    models = [
        model
        for model in element_models(before.__annotation__)
        if first.kind == "field" and first.value in model.__pydantic_fields__
    ]
    if not models:
        raise ExpressionError(f"{before!r} is not a list of models.")
    if len({repr(model.__pydantic_fields__[first.value].annotation) for model in models}) > 1:
        raise ExpressionError(
            f"{path!r} has a different type in each of the models of {before!r}. Write "
            f"{before!r}.any({models[0].__name__}.{first.value} == ...) for one of them."
        )
    return before, follow(models[0], behind, kind)


def refuse_each(*values: Any) -> None:
    """Make sure that values of a calculation each stand for one value in a document.

    Raises:
        ExpressionError: One of them is a path through each element of a list.
    """
    for value in values:
        if EACH in getattr(value, "__steps__", ()):
            raise ExpressionError(
                f"{value!r} stands for the values of all elements of a list, but a single value is "
                "needed here. Give an index, or compare it inside .any(...)."
            )
