"""Values for places in documents: named by their callers, validated, made ready to be written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, cast, get_args

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError, core_schema

from rapyer.baseline import Patch
from rapyer.errors import ExpressionError, InvalidKeyError, InvalidPathError
from rapyer.expr.names import resolve_name
from rapyer.expr.paths import Path, is_path, steps_of
from rapyer.guards import is_mapping
from rapyer.locations import Location
from rapyer.traffic.updates import Target, Write

if TYPE_CHECKING:
    from rapyer.base import BaseRedisModel
    from rapyer.expr.steps import Step

_KNOWN_ERRORS = frozenset(get_args(core_schema.ErrorType))


class Assignment(NamedTuple):
    """A value for a place in a document.

    Attributes:
        location: The place.
        value: The value; a validated one, where it is to be written.
    """

    location: Location
    value: Any

    def ready(self) -> tuple[Write, Patch]:
        """Make what is sent of the value, and what it changes in a document that is remembered.

        Raises:
            UnstorableValueError: JSON or the server cannot hold the value exactly.
        """
        codec = self.location.codec
        text = codec.text(self.value, checked=True)
        write = Write(Target.of(self.location.stored_steps), codec.spell(self.value, text))
        return write, Patch([place.name for place in self.location.places], text)


def location_to_write(model: type[BaseRedisModel], path: Path[Any]) -> Location:
    """Give where a path leads, if a value may be written there by itself.

    Raises:
        ExpressionError: The path is one of another model or leads to no single place; or what
            stands there is frozen, counted by rapyer, or another field in each model of a union.
        InvalidKeyError: It is the primary key.
    """
    location = model.__rapyer_locations__.at(path)
    first, version = steps_of(path)[0].value, model.__rapyer_version__
    if first == model.__rapyer_identity__.key_field:
        raise InvalidKeyError(
            f"{path!r} is the primary key of the document, which stands in its Redis key. Save a "
            "copy with another one, and delete this document."
        )
    if version is not None and first == version.name:
        raise ExpressionError(
            f"{path!r} is the Version of the document. rapyer counts it with every write; leave "
            "it out."
        )
    if any(place.frozen for place in location.places):
        raise ExpressionError(f"{path!r} is frozen. Save a copy with another value.")
    if location.rest:
        raise ExpressionError(
            f"{path!r} is something else in each of the models that may stand there. Set "
            f"{model.__name__}{''.join(map(str, location.steps))} as a whole."
        )
    return location


def assignments_of(
    model: type[BaseRedisModel], values: Mapping[Any, Any] | None, fields: Mapping[str, Any]
) -> list[Assignment]:
    """Give what a call of `aupdate` names, with the values as they were given.

    Args:
        model: The model.
        values: Values by paths, or by their texts.
        fields: Values by the names of keyword arguments.

    Raises:
        InvalidPathError: A name leads nowhere, has two readings, or two of them are about the same
            place, or one about a place within that of another.
        ExpressionError, InvalidKeyError: As `location_to_write` raises them.
        TypeError: Nothing was given.
    """
    if values is not None and not is_mapping(cast("object", values)):
        raise TypeError(
            f"aupdate was given {values!r}. Give a mapping of paths, such as "
            f"{{{model.__name__}.<field>: value}}, or fields as keyword arguments."
        )
    resolve = model.__rapyer_locations__.resolve
    root = model.__rapyer_root__
    named = [
        *(
            (path if is_path(path) else resolve(path), value)
            for path, value in (values or {}).items()
        ),
        *((resolve_name(root, name), value) for name, value in fields.items()),
    ]
    if not named:
        raise TypeError("aupdate was given nothing to update. Give one field or more.")
    assignments = [Assignment(location_to_write(model, path), value) for path, value in named]
    if len(assignments) > 1:
        _refuse_overlaps([assignment.location for assignment in assignments])
    return assignments


def _refuse_overlaps(locations: Sequence[Location]) -> None:
    """Refuse two values for one place: which of them comes first would matter."""
    for number, one in enumerate(locations):
        for other in locations[:number]:
            if all(map(_may_be_same, one.steps, other.steps)):
                raise InvalidPathError(
                    f"{other.text} and {one.text} are, or may be, the same place or one within "
                    "the other. Give one value for it, or update them one after the other.",
                    path=one.text,
                )


def _may_be_same(step: Step, other: Step) -> bool:
    if step.kind == other.kind == "index":
        index: int = step.value
        other_index: int = other.value
        return index == other_index or (index < 0) != (other_index < 0)
    return step == other


def validated(model: type[BaseRedisModel], assignments: Iterable[Assignment]) -> list[Assignment]:
    """Validate each value by itself, as its assignment to the field would.

    Raises:
        pydantic.ValidationError: Values do not validate; all that do not are named.
        ExpressionError: A validator looks at other fields, which are not at hand.
    """
    valid: list[Assignment] = []
    refusals: list[Refusal] = []
    for location, value in assignments:
        try:
            valid.append(Assignment(location, location.validate(value)))
        except ValidationError as exc:
            refusals.append(Refusal(location, exc))
    if refusals:
        raise together(model, refusals) from refusals[0].error
    return valid


class Refusal(NamedTuple):
    """A value that did not validate.

    Attributes:
        location: Where it was to stand; None for the document.
        error: What pydantic says.
        depth: How many of the steps that the error names lead to the value itself.
    """

    location: Location | None
    error: ValidationError
    depth: int = 0

    def details(self) -> Iterator[InitErrorDetails]:
        """Give what is wrong, each with the steps that lead there from the model."""
        places = self.location.places if self.location is not None else ()
        around = [place.name for place in places]
        for error in self.error.errors(include_url=False):
            kind: str | PydanticCustomError = error["type"]
            if kind not in _KNOWN_ERRORS:  # one of a validator of the user
                custom: Any = PydanticCustomError  # declared for texts of the code alone
                kind = custom(kind, error["msg"])
            loc = (*around, *error["loc"][self.depth :])
            yield InitErrorDetails(
                type=kind, loc=loc, input=error["input"], ctx=error.get("ctx", {})
            )


def together(model: type[BaseRedisModel], refusals: Sequence[Refusal]) -> ValidationError:
    """Make one error of the model of what is wrong with some values."""
    details = [detail for refusal in refusals for detail in refusal.details()]
    return ValidationError.from_exception_data(model.__name__, details)
