"""A changed copy of an instance, made and checked before anything is sent.

Only what is on the way to a change is copied; the instance itself stays as it is until Redis has
the change.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import is_dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias
from weakref import WeakKeyDictionary

from pydantic import BaseModel, ValidationError
from pydantic_core import SchemaValidator, core_schema

from rapyer._pydantic import build_validator
from rapyer.assignments import Assignment, Refusal, together
from rapyer.errors import PathNotFoundError, UnstorableValueError
from rapyer.expr.steps import Step
from rapyer.guards import is_list, is_mapping, is_tuple
from rapyer.locations import Location
from rapyer.types.codec import complete_schema
from rapyer.types.values import find_difference

if TYPE_CHECKING:
    from rapyer.base import BaseRedisModel

#: The assignments by the steps that lead to them.
_Branch: TypeAlias = "dict[Step, _Branch | Assignment]"
_Steps: TypeAlias = tuple[Step, ...]


class _Placement(NamedTuple):
    """What an instance is changed by, once Redis has the change."""

    around: Any
    step: Step
    value: Any


class Draft:
    """An instance as it will be after some assignments.

    Values are validated as if they were assigned with pydantic's `validate_assignment`, all those
    of one model together. Where a model on the way has validators, what it will be is read as every
    reader of the document will; what they change beside is assigned, too.

    Args:
        instance: The instance; it is not changed.
        assignments: The values as they were given.

    Attributes:
        assignments: What has to be written.

    Raises:
        pydantic.ValidationError: A value, or a model with it, does not validate.
        PathNotFoundError: The instance has nothing, or None, on the way.
        UnstorableValueError: A validator of what is around a value makes something else of it.
    """

    def __init__(self, instance: BaseRedisModel, assignments: Sequence[Assignment]) -> None:
        self._model = type(instance)
        self._locations = self._model.__rapyer_locations__
        self._refusals: list[Refusal] = []
        self._value = self._changed(instance, _tree_of(assignments), ())
        if self._refusals:
            raise together(self._model, self._refusals) from self._refusals[0].error
        locations = [assignment.location for assignment in assignments]
        changed = list(self._changed_by_validators(locations))
        kept = [
            location.steps
            for location in locations
            if not any(location.steps[: len(steps)] == steps for steps in changed)
        ]
        self.assignments = [
            Assignment(self._locations.behind(steps), part_of(self._value, steps))
            for steps in (*kept, *changed)
        ]
        self._placements = [self._placement(instance, steps) for steps in (*kept, *changed)]

    def apply(self) -> None:
        """Change the instance."""
        for around, step, value in self._placements:
            _put(around, step, value)

    # -- making it --------------------------------------------------------------------------------

    def _changed(self, value: Any, branch: _Branch, steps: _Steps) -> Any:
        """Give a copy of what steps lead to, with what a branch assigns there."""
        if isinstance(value, BaseModel):
            return self._changed_model(value, branch, steps)
        changed: Any = list(value) if is_tuple(value) else copy.copy(value)
        for step, below in branch.items():
            if isinstance(below, Assignment):
                if not (is_mapping(value) or _has(value, step)):
                    raise self._nothing_there((*steps, step))
                _put(changed, step, self._validated(below))
            else:
                _put(changed, step, self._changed_part(changed, step, below, steps))
        return tuple(changed) if is_tuple(value) else changed

    def _changed_model(self, model: BaseModel, branch: _Branch, steps: _Steps) -> BaseModel:
        values = {**model.__dict__}
        for step, below in branch.items():
            if not isinstance(below, Assignment):
                values[step.value] = self._changed_part(model, step, below, steps)
        validator = _fields_validator(type(model))
        for step, below in branch.items():
            if isinstance(below, Assignment):
                below.location.check_keys()
                try:
                    # gives the extra fields and the names of those that are set as well
                    found: Any = validator.validate_assignment(values, step.value, below.value)
                    values = found[0]
                except ValidationError as exc:
                    self._refusals.append(Refusal(below.location, exc, depth=1))
        return _copy_with(model, values)

    def _changed_part(self, value: Any, step: Step, branch: _Branch, steps: _Steps) -> Any:
        if not _has(value, step):
            raise self._nothing_there((*steps, step))
        return self._changed(part_of(value, (step,)), branch, (*steps, step))

    def _validated(self, assignment: Assignment) -> Any:
        location, value = assignment
        try:
            return location.validate(value)
        except ValidationError as exc:
            self._refusals.append(Refusal(location, exc))
            return None

    def _nothing_there(self, steps: _Steps) -> PathNotFoundError:
        location = self._locations.behind(steps)
        return PathNotFoundError(
            f"this {self._model.__name__} has nothing at {location.text}, or None on the way there "
            "or an index out of range. Set what is missing first; or load() it again, if the "
            "document has it. Nothing was written.",
            path=location.json_path,
        )

    # -- what validators and rules about what is around say ----------------------------------------

    def _changed_by_validators(self, locations: Iterable[Location]) -> Iterator[_Steps]:
        """Read what has rules about what is in it as its readers will; take over what they see.

        Gives the steps to the fields that are then other ones than those that were assigned.
        """
        for steps in guarded(locations):
            yield from self._changed_by_reading(steps)

    def _changed_by_reading(self, steps: _Steps) -> Iterator[_Steps]:
        value = part_of(self._value, steps)
        location = self._locations.behind(steps) if steps else None
        codec = self._model.__rapyer_codec__ if location is None else location.codec
        try:
            read = codec.read(codec.text(value))
        except ValidationError as exc:
            raise together(self._model, [Refusal(location, exc)]) from exc
        difference = find_difference(value, read)
        if difference is None:
            return
        if not (isinstance(value, BaseModel) and type(read) is type(value)):
            raise UnstorableValueError(
                f"validators make {read!r} of what would stand at {location and location.text}, "
                f"{value!r}. Assign that as a whole.",
                path=difference[0],
                value=value,
            )
        for name in type(value).__pydantic_fields__:
            if find_difference(value.__dict__[name], read.__dict__[name]) is not None:
                vars(value)[name] = vars(read)[name]
                yield (*steps, Step("field", name))

    def _placement(self, instance: BaseRedisModel, steps: _Steps) -> _Placement:
        """Find what of the instance has to be changed: the innermost value that can be."""
        arounds: list[Any] = [instance]
        for step in steps[:-1]:
            arounds.append(part_of(arounds[-1], (step,)))
        while is_tuple(arounds[-1]):
            arounds.pop()
        end = len(arounds)
        return _Placement(arounds[-1], steps[end - 1], part_of(self._value, steps[:end]))


def guarded(locations: Iterable[Location]) -> list[_Steps]:
    """Give the steps to the outermost values that have rules about what is at some locations."""
    guards = {
        location.steps[: location.guard] for location in locations if location.guard is not None
    }
    return [
        steps for steps in guards if not any(steps[:end] in guards for end in range(len(steps)))
    ]


def part_of(value: Any, steps: Iterable[Step]) -> Any:
    """Give the part of a value that steps lead to, which is there."""
    for step in steps:
        if isinstance(value, BaseModel):
            value = value.__dict__[step.value]
        elif is_mapping(value) or is_list(value) or is_tuple(value):
            items: Any = value
            value = items[step.value]
        else:
            value = getattr(value, step.value)
    return value


def _tree_of(assignments: Iterable[Assignment]) -> _Branch:
    root: _Branch = {}
    for assignment in assignments:
        branch: Any = root
        *way, last = assignment.location.steps
        for step in way:
            branch = branch.setdefault(step, {})
        branch[last] = assignment
    return root


def _copy_with(model: BaseModel, values: dict[str, Any]) -> BaseModel:
    """Give a copy of a model with other values, past all that a model does when it is made."""
    changed = type(model).__new__(type(model))
    for attribute in ("__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__"):
        object.__setattr__(changed, attribute, copy.copy(getattr(model, attribute)))
    object.__setattr__(changed, "__dict__", values)
    return changed


def _has(value: Any, step: Step) -> bool:
    """Say whether a value has a part that a step leads to."""
    if isinstance(value, BaseModel):
        return step.value in value.__dict__
    if is_list(value) or is_tuple(value):
        return step.value in range(-len(value), len(value))
    if isinstance(value, dict):
        return step.value in value
    return is_dataclass(value) and hasattr(value, step.value)


def _put(around: Any, step: Step, value: Any) -> None:
    """Set a part of a value that can be changed."""
    if isinstance(around, BaseModel):
        vars(around)[step.value] = value  # past what a frozen model refuses
        around.__pydantic_fields_set__.add(step.value)
    elif isinstance(around, dict):
        around[step.value] = value
    elif is_list(around):
        # one that was made shorter while Redis was asked has no such element to change any more
        if _has(around, step):
            around[step.value] = value
    else:
        object.__setattr__(around, step.value, value)


_fields_validators: WeakKeyDictionary[type[BaseModel], tuple[Any, SchemaValidator]] = (
    WeakKeyDictionary()
)


def _fields_validator(model: type[BaseModel]) -> SchemaValidator:
    """Give what validates single fields of a model, knowing the others, without its own validators.

    `validate_assignment` of the model would ask those after each of several fields, when the others
    have not got their values yet.
    """
    whole: Any = complete_schema(model)
    known = _fields_validators.get(model)
    if known is not None and known[0] is whole:
        return known[1]
    schema: Any = whole
    config: Any = {}
    definitions: dict[str, Any] = {}
    while schema["type"] != "model-fields":
        if schema["type"] == "definitions":
            definitions = {one["ref"]: one for one in schema["definitions"]}
        config = schema.get("config") or config
        is_reference = schema["type"] == "definition-ref"
        schema = definitions[schema["schema_ref"]] if is_reference else schema["schema"]
    if definitions:
        schema = core_schema.definitions_schema(schema, list(definitions.values()))
    validator = build_validator(schema, config)
    _fields_validators[model] = whole, validator
    return validator
