"""Values for places in documents: named by callers, validated, prepared for writing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, cast, get_args
from uuid import UUID

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError, core_schema

from rapyer.errors import ExpressionError, InvalidKeyError, InvalidPathError
from rapyer.expr.names import resolve_name
from rapyer.expr.paths import Path, is_path, model_of, steps_of
from rapyer.expr.steps import Step
from rapyer.guards import is_mapping
from rapyer.indexed import WHOLE
from rapyer.locations import Location
from rapyer.traffic.updates import Write

if TYPE_CHECKING:
    from rapyer.base import BaseRedisModel
    from rapyer.types.locate import Place

Steps: TypeAlias = tuple[Step, ...]
#: Places by the steps that lead to them; each branch ends with the number of a place.
Branch: TypeAlias = "dict[Step, Branch | int]"

#: Types whose equal values have the same name as a key in JSON.
SPELLED_ALIKE = frozenset({str, int, bool, bytes, UUID, date})

_KNOWN_ERRORS = frozenset(get_args(core_schema.ErrorType))


class Places:
    """The places that a call of `aupdate` names; calls that name the same places share this.

    Args:
        locations: Where they are; none inside another.

    Attributes:
        locations: Where they are.
        tree: The same as a tree.
        guards: The steps to what has rules about them, starting at the document: see `guarded`.
        are_fields: Whether neither dict keys nor indexes lead to them.
        are_independent: Whether a value that is valid on its own is valid where it is, whatever is
            around it.
    """

    __slots__ = ("are_fields", "are_independent", "guards", "locations", "tree")

    def __init__(self, locations: tuple[Location, ...]) -> None:
        self.locations = locations
        self.guards = guarded(locations)
        looking = any(location.looks_around for location in locations)
        steps = [step for location in locations for step in location.steps]
        spelled = any(
            step.kind == "key" and type(step.value) not in SPELLED_ALIKE for step in steps
        )
        self.are_fields = all(step.kind == "field" for step in steps)
        self.are_independent = not (self.guards or looking or spelled)
        self.tree = _tree_of(locations)


def guarded(locations: Iterable[Location]) -> list[Steps]:
    """Return the steps to the outermost values that have rules about what is at some locations."""
    guards = {
        location.steps[: location.guard]: None
        for location in locations
        if location.guard is not None
    }
    return [
        steps for steps in guards if not any(steps[:end] in guards for end in range(len(steps)))
    ]


def places_of(
    model: type[BaseRedisModel], values: Mapping[Any, Any] | None, fields: Mapping[str, Any]
) -> tuple[Places, list[Any]]:
    """Return the places that a call of `aupdate` names, and the values for them as given.

    Args:
        model: The model.
        values: Values by path, or by the text of a path.
        fields: Values by the names of keyword arguments.

    Raises:
        InvalidPathError: A name leads nowhere or is ambiguous, or two of them refer to the same
            place, or one refers to a place inside that of another.
        ExpressionError, InvalidKeyError: As for `location_to_write`.
        TypeError: Nothing was given.
    """
    if values is None:
        values = {}
    elif not is_mapping(cast("object", values)):
        raise TypeError(
            f"aupdate was given {values!r}. Give a mapping of paths, such as "
            f"{{{model.__name__}.<field>: value}}, or fields as keyword arguments."
        )
    # a path is named by its steps: two paths cannot be compared as dict keys are
    named = [(model_of(one), steps_of(one)) if is_path(one) else one for one in values]
    key = (*named, None, *fields)
    locations = model.__rapyer_locations__
    places: Places | None = locations.named.get(key)
    if places is None:
        root = model.__rapyer_root__
        paths = [
            *(one if is_path(one) else locations.resolve(one) for one in values),
            *(resolve_name(root, name) for name in fields),
        ]
        if not paths:
            raise TypeError("nothing to update. Give at least one field.")
        places = Places(tuple([location_to_write(model, path) for path in paths]))
        if places.are_fields:  # there are as many others as there are keys and indexes
            locations.named[key] = places
    return places, [*values.values(), *fields.values()]


def location_to_write(model: type[BaseRedisModel], path: Path[Any]) -> Location:
    """Return where a path leads, if a value may be written there on its own.

    Raises:
        ExpressionError: The path belongs to another model or does not lead to a single place; or
            what is there is frozen, counted by rapyer, or a different field in each model of a
            union.
        InvalidKeyError: The field is the primary key.
    """
    location = model.__rapyer_locations__.at(path)
    refuse_fixed(model, steps_of(path), "it is set")
    if any(place.frozen for place in location.places):
        raise ExpressionError(f"{path!r} is frozen. Save a copy with another value.")
    if any(map(_is_whole, location.places[:-1])):
        raise ExpressionError(
            f"{path!r} is part of a vector, and its numbers cannot be written individually. Set "
            f"the whole {model.__name__}{''.join(map(str, location.steps[:-1]))}."
        )
    if location.rest:
        raise ExpressionError(
            f"{path!r} is a different field in each model of the union. Set the whole "
            f"{model.__name__}{''.join(map(str, location.steps))}."
        )
    return location


def _is_whole(place: Place) -> bool:
    """Return whether a value is written as a whole."""
    schema: Any = place.schema
    while schema["type"] in ("default", "nullable"):
        schema = schema["schema"]
    return WHOLE in (schema.get("metadata") or {})


def refuse_fixed(model: type[BaseRedisModel], steps: Steps, why: str) -> None:
    """Refuse to write what nobody sets in a document.

    Raises:
        InvalidKeyError: The field is the primary key.
        ExpressionError: The field is the Version.
    """
    first, version = steps[0].value, model.__rapyer_version__
    if first == model.__rapyer_identity__.key_field:
        raise InvalidKeyError(
            f"{model.__name__}.{first} is the primary key of the document, which is part of its "
            f"Redis key, and {why}. Save a copy with a different one, and delete this document."
        )
    if version is not None and first == version.name:
        raise ExpressionError(
            f"{model.__name__}.{first} is the Version of the document, and {why}. rapyer counts it "
            "with every write; leave it alone."
        )


def _tree_of(locations: Sequence[Location]) -> Branch:
    """Arrange locations by the steps that lead to them.

    Raises:
        InvalidPathError: Two of them are, or may be, the same place, or one is inside the other,
            so that the order of writing would matter.
    """
    tree: Branch = {}
    for number, location in enumerate(locations):
        branch = tree
        *way, last = location.steps
        for step in way:
            below = branch.setdefault(step, {})
            if isinstance(below, int):
                raise _overlap(locations, below, number)
            branch = below
        if last in branch:
            raise _overlap(locations, _any_of(branch[last]), number)
        branch[last] = number
    _refuse_unclear_indexes(locations, tree)
    return tree


def _refuse_unclear_indexes(locations: Sequence[Location], branch: Branch) -> None:
    """Refuse an index from the start and one from the end, which may be the same element."""
    parts = [below for below in branch.values() if isinstance(below, dict)]
    for part in parts:
        _refuse_unclear_indexes(locations, part)
    from_end = [step for step in branch if step.kind == "index" and step.value < 0]
    from_start = [step for step in branch if step.kind == "index" and step.value >= 0]
    for step in from_end:
        for other in from_start:
            if _may_meet(branch[step], branch[other]):
                raise _overlap(locations, _any_of(branch[other]), _any_of(branch[step]))


def _may_meet(one: Branch | int, other: Branch | int) -> bool:
    """Return whether two branches would share a place if they grew from the same one."""
    if isinstance(one, int) or isinstance(other, int):
        return True
    return any(
        _may_be_same(step, its) and _may_meet(below, others)
        for step, below in one.items()
        for its, others in other.items()
    )


def _may_be_same(step: Step, other: Step) -> bool:
    if step.kind == other.kind == "index":
        index: int = step.value
        other_index: int = other.value
        return index == other_index or (index < 0) != (other_index < 0)
    return step == other


def _any_of(branch: Branch | int) -> int:
    while not isinstance(branch, int):
        branch = next(iter(branch.values()))
    return branch


def _overlap(locations: Sequence[Location], one: int, other: int) -> InvalidPathError:
    own, its = locations[one].text, locations[other].text
    what = (
        f"{own} is named twice"
        if own == its
        else f"{own} and {its} are, or may be, the same place, or one inside the other"
    )
    return InvalidPathError(f"{what}. Give one value for it, or update them separately.", path=its)


def make_write(location: Location, value: Any, *, around: bool = False) -> tuple[Write, bytes]:
    """Make what is sent for a valid value, and its JSON text for readers other than the server.

    Args:
        location: Where it will be.
        value: The value.
        around: Whether what is around it was known, and was read where it has rules about it.

    Raises:
        UnstorableValueError: JSON or the server cannot hold it exactly, or it would not be read
            back as it is.
        UnaddressableKeyError: A key along the path cannot be spelled on the server.
    """
    codec = location.codec
    # a plain scalar that is valid is read back as it is
    is_read = type(value) is location.scalar or (around and location.looks_around)
    text = codec.text(value, checked=not is_read)
    return Write(location.target, codec.spell(value, text), location.place.limit), text


def validated(
    model: type[BaseRedisModel], locations: Iterable[Location], values: Iterable[Any]
) -> list[Any]:
    """Validate each value on its own, as its assignment to the field would.

    Raises:
        pydantic.ValidationError: Some values do not validate; all of those are named.
        ExpressionError: A validator looks at other fields, which are not known.
    """
    valid: list[Any] = []
    refusals: list[Refusal] = []
    for location, value in zip(locations, values, strict=True):
        try:
            valid.append(location.validate(value))
        except ValidationError as exc:
            refusals.append(Refusal(location, exc))
    if refusals:
        raise together(model, refusals) from refusals[0].error
    return valid


def validated_alone(model: type[BaseRedisModel], location: Location, value: Any) -> Any:
    """Validate one value, as `validated` does with several."""
    try:
        return location.validate(value)
    except ValidationError as exc:
        raise together(model, [Refusal(location, exc)]) from exc


class Refusal(NamedTuple):
    """A value that did not validate.

    Attributes:
        location: Where it was to be put; None for the document.
        error: What pydantic says.
        depth: How many of the steps in the error lead to the value itself.
    """

    location: Location | None
    error: ValidationError
    depth: int = 0

    def details(self) -> Iterator[InitErrorDetails]:
        """Return what is wrong, each with the steps that lead there from the model."""
        around = self.location.names if self.location is not None else ()
        for error in self.error.errors(include_url=False):
            kind: str | PydanticCustomError = error["type"]
            if kind not in _KNOWN_ERRORS:  # from a validator of the user
                custom: Any = PydanticCustomError  # declared for literal texts only
                kind = custom(kind, error["msg"])
            loc = (*around, *error["loc"][self.depth :])
            yield InitErrorDetails(
                type=kind, loc=loc, input=error["input"], ctx=error.get("ctx", {})
            )


def together(model: type[BaseRedisModel], refusals: Sequence[Refusal]) -> ValidationError:
    """Combine what is wrong with some values into one error of the model."""
    details = [detail for refusal in refusals for detail in refusal.details()]
    return ValidationError.from_exception_data(model.__name__, details)
