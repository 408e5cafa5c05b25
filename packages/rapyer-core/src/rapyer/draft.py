"""What values an update of an instance gives its places, worked out before anything is sent.

The instance stays as it is until Redis has the change. Where values have to be seen together, by
validators of models or rules of what is around them, that is done on a changed copy, in which only
what is on the way to a change is copied.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import is_dataclass
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

from pydantic import BaseModel, ValidationError
from pydantic_core import SchemaValidator, core_schema

from rapyer._pydantic import build_validator
from rapyer.assignments import Branch, Places, Refusal, Steps, together, validated
from rapyer.errors import PathNotFoundError, UnstorableValueError
from rapyer.expr.steps import Step
from rapyer.guards import is_list, is_mapping, is_tuple
from rapyer.types.codec import complete_schema
from rapyer.types.values import find_difference

if TYPE_CHECKING:
    from rapyer.base import BaseRedisModel
    from rapyer.locations import Location


class UpdatePlan(NamedTuple):
    """What an update writes, and then changes in its instance.

    Attributes:
        parts: The places that are written, and what will stand there.
        placements: What is changed in the instance: a part of it, the step from there, the value.
    """

    parts: Sequence[tuple[Location, Any]]
    placements: Sequence[tuple[Any, Step, Any]]

    def apply(self) -> None:
        """Change the instance."""
        for placement in self.placements:
            _put(*placement)


def plan_update(instance: BaseRedisModel, places: Places, values: Sequence[Any]) -> UpdatePlan:
    """Work out what an update of an instance writes.

    Values are validated as if they were assigned with pydantic's `validate_assignment`, all those
    of one model together. Where a model on the way has validators, what it will be is read as every
    reader of the document will; what they change beside is written, too.

    Args:
        instance: The instance; it is not changed.
        places: The places of the values.
        values: The values as they were given.

    Raises:
        pydantic.ValidationError: A value, or a model with it, does not validate.
        PathNotFoundError: The instance has nothing, or None, on the way.
        UnstorableValueError: A validator of what is around a value makes something else of it.
    """
    if places.are_independent:
        holders = [_holder_of(instance, location) for location in places.locations]
        if not any(map(is_tuple, holders)):
            valid = validated(type(instance), places, values)
            parts = list(zip(places.locations, valid, strict=True))
            lasts = [location.steps[-1] for location in places.locations]
            return UpdatePlan(parts, list(zip(holders, lasts, valid, strict=True)))
    return _Draft(instance, places, values).plan()


def _holder_of(instance: BaseRedisModel, location: Location) -> Any:
    """Give the part of an instance that a value is to be put into."""
    holder: Any = instance
    last = location.steps[-1]
    for step in location.steps[:-1]:
        if not _has(holder, step):
            raise nothing_there(instance, location)
        holder = part_of(holder, (step,))
    if not (is_mapping(holder) or _has(holder, last)):
        raise nothing_there(instance, location)
    return holder


def nothing_there(instance: BaseRedisModel, location: Location) -> PathNotFoundError:
    """Make the error about a place that an instance does not have."""
    return PathNotFoundError(
        f"this {type(instance).__name__} has nothing at {location.text}, or None on the way there "
        "or an index out of range. Set what is missing first; or load() it again, if the document "
        "has it. Nothing was written.",
        path=location.json_path,
    )


class _Holder(NamedTuple):
    """What holds a value that is to be changed, and can be changed itself.

    Attributes:
        value: The value that holds it: a part of the instance, or the instance.
        step: The step from there.
        steps: All steps that lead there from the instance.
    """

    value: Any
    step: Step
    steps: Steps


class _Draft:
    """A changed copy of an instance.

    Args:
        instance: The instance; it is not changed.
        places: The places of the values.
        values: The values as they were given.
    """

    __slots__ = ("_holders", "_instance", "_places", "_refusals", "_value", "_values")

    def __init__(self, instance: BaseRedisModel, places: Places, values: Sequence[Any]) -> None:
        self._instance, self._places, self._values = instance, places, values
        self._refusals: list[Refusal] = []
        self._holders: list[_Holder] = []
        self._value = self._changed(instance, places.tree, ())
        if self._refusals:
            raise together(type(instance), self._refusals) from self._refusals[0].error
        if places.guards:
            self._take_over_what_readers_see()

    def plan(self) -> UpdatePlan:
        """Give what is to be written, and changed in the instance."""
        return UpdatePlan(
            [
                (location, part_of(self._value, location.steps))
                for location in self._places.locations
            ],
            [(value, step, part_of(self._value, steps)) for value, step, steps in self._holders],
        )

    # -- making it --------------------------------------------------------------------------------

    def _changed(
        self, value: Any, branch: Branch, steps: Steps, holder: _Holder | None = None
    ) -> Any:
        """Give a copy of what steps lead to, with what a branch assigns there."""
        if isinstance(value, BaseModel):
            return self._changed_model(value, branch, steps)
        changed: Any = list(value) if is_tuple(value) else copy.copy(value)
        for step, below in branch.items():
            way = (*steps, step)
            if isinstance(below, dict):
                # of the copy: another index may lead to the same element
                _put(changed, step, self._changed_part(changed, step, below, way))
                continue
            if not (is_mapping(value) or _has(value, step)):
                raise nothing_there(
                    self._instance, type(self._instance).__rapyer_locations__.behind(way)
                )
            location = self._places.locations[below]
            try:
                _put(changed, step, location.validate(self._values[below]))
            except ValidationError as exc:
                self._refusals.append(Refusal(location, exc))
            own = _Holder(value, step, way)
            self._holders.append(holder if holder is not None and is_tuple(value) else own)
        return tuple(changed) if is_tuple(value) else changed

    def _changed_model(self, model: BaseModel, branch: Branch, steps: Steps) -> BaseModel:
        values = {**model.__dict__}
        validator: Any = None
        for step, below in branch.items():
            way = (*steps, step)
            if isinstance(below, dict):
                values[step.value] = self._changed_part(model, step, below, way)
                continue
            validator = validator or _fields_validator(type(model))
            location = self._places.locations[below]
            location.check_keys()
            try:
                # it gives the extra fields and the names of those that are set as well
                values, *_ = validator.validate_assignment(values, step.value, self._values[below])
            except ValidationError as exc:
                self._refusals.append(Refusal(location, exc, depth=1))
            self._holders.append(_Holder(model, step, way))
        return _copy_with(model, values)

    def _changed_part(self, value: Any, step: Step, branch: Branch, way: Steps) -> Any:
        if not _has(value, step):
            raise nothing_there(
                self._instance, type(self._instance).__rapyer_locations__.behind(way)
            )
        part = part_of(value, (step,))
        return self._changed(part, branch, way, _Holder(value, step, way))

    # -- what validators and rules about what is around say ----------------------------------------

    def _take_over_what_readers_see(self) -> None:
        """Read what has rules about the values as its readers will; what they see is assigned."""
        changed = [way for steps in self._places.guards for way in self._changed_by_reading(steps)]
        if not changed:
            return
        kept = [
            location
            for location in self._places.locations
            if not any(location.steps[: len(way)] == way for way in changed)
        ]
        self._places = Places(
            (*kept, *map(type(self._instance).__rapyer_locations__.behind, changed))
        )
        self._holders += [
            _Holder(part_of(self._instance, way[:-1]), way[-1], way) for way in changed
        ]

    def _changed_by_reading(self, steps: Steps) -> Iterator[Steps]:
        """Give the steps to the fields that are read as other ones than those in the draft."""
        value = part_of(self._value, steps)
        location = type(self._instance).__rapyer_locations__.behind(steps) if steps else None
        codec = type(self._instance).__rapyer_codec__ if location is None else location.codec
        try:
            read = codec.read(codec.text(value))
        except ValidationError as exc:
            raise together(type(self._instance), [Refusal(location, exc)]) from exc
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


def _copy_with(model: BaseModel, values: dict[str, Any]) -> BaseModel:
    """Give a copy of a model with other values, past all that a model does when it is made."""
    copied: Any = type(model).__new__(type(model))
    set_slot = object.__setattr__
    set_slot(copied, "__dict__", values)
    set_slot(copied, "__pydantic_fields_set__", model.__pydantic_fields_set__)
    set_slot(copied, "__pydantic_extra__", model.__pydantic_extra__)
    set_slot(copied, "__pydantic_private__", model.__pydantic_private__)
    model_copy: BaseModel = copied
    return model_copy


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
