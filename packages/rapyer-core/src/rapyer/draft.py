"""The values that an update of an instance gives its places, worked out before anything is sent.

The instance stays as it is until Redis has the change. If values have to be seen together, because
of validators of models or rules of what is around them, that is done on a changed copy, in which
only what is on the way to a change is copied.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import BaseModel, ValidationError
from pydantic_core import SchemaValidator, core_schema

from rapyer._pydantic import build_validator
from rapyer.assignments import (
    SPELLED_ALIKE,
    Branch,
    Places,
    Refusal,
    Steps,
    refuse_fixed,
    together,
    validated,
)
from rapyer.errors import ExpressionError, PathNotFoundError, UnstorableValueError
from rapyer.expr.steps import Step, key_step
from rapyer.guards import is_list, is_mapping, is_tuple
from rapyer.parts import has_part, part_of, put, set_part
from rapyer.types.codec import complete_schema
from rapyer.types.values import find_difference

if TYPE_CHECKING:
    from rapyer.base import BaseRedisModel
    from rapyer.locations import Location, Locations


class UpdatePlan(NamedTuple):
    """What an update writes, and then changes in its instance.

    Attributes:
        parts: The places that are written, and what will be there.
        placements: What is changed in the instance: a part of it, the steps from there, the value.
            If there is more than one step, they lead through tuples, which are replaced.
    """

    parts: Sequence[tuple[Location, Any]]
    placements: Sequence[tuple[Any, Steps, Any]]

    def apply(self) -> None:
        """Change the instance."""
        for holder, steps, value in self.placements:
            put(holder, steps, value)


def plan_update(instance: BaseRedisModel, places: Places, values: Sequence[Any]) -> UpdatePlan:
    """Work out what an update of an instance writes.

    Values are validated as if they were assigned with pydantic's `validate_assignment`, all values
    of one model together. If a model along the way has validators, its future state is read as
    every reader of the document will read it; what the validators change in addition is written
    too.

    Args:
        instance: The instance; it is not changed.
        places: The places of the values.
        values: The values as given.

    Raises:
        pydantic.ValidationError: A value, or a model with it, does not validate.
        PathNotFoundError: The instance has nothing, or None, along the way.
        UnstorableValueError: A validator of what is around a value turns it into something else.
    """
    if places.are_independent:
        holders = [_holder_of(instance, location) for location in places.locations]
        if not any(map(is_tuple, holders)):
            valid = validated(type(instance), places.locations, values)
            parts = list(zip(places.locations, valid, strict=True))
            lasts = [location.steps[-1:] for location in places.locations]
            return UpdatePlan(parts, list(zip(holders, lasts, valid, strict=True)))
    return _Draft(instance, places, values).plan()


def _holder_of(instance: BaseRedisModel, location: Location) -> Any:
    """Return the part of an instance into which a value is to be put."""
    holder: Any = instance
    last = location.steps[-1]
    if last.kind == "field" and len(location.steps) == 1:
        return holder
    for step in location.steps[:-1]:
        if not has_part(holder, step):
            raise nothing_there(instance, location)
        holder = part_of(holder, (step,))
    if not (is_mapping(holder) or has_part(holder, last)):
        raise nothing_there(instance, location)
    return holder


def nothing_there(instance: BaseRedisModel, location: Location) -> PathNotFoundError:
    """Make the error for a place that an instance does not have."""
    return PathNotFoundError(
        f"this {type(instance).__name__} has no value at {location.text}: it is missing, a parent "
        "is None, or an index is out of range. Set the missing value first, or call load() again "
        "if the document has it. Nothing was written.",
        path=location.json_path,
    )


class _Holder(NamedTuple):
    """What holds a value that is to be changed, and can itself be changed.

    Attributes:
        value: The value that holds it: a part of the instance, or the instance.
        depth: How many steps lead there.
        steps: All steps that lead from the instance to what is changed.
    """

    value: Any
    depth: int
    steps: Steps


class _Draft:
    """A changed copy of an instance.

    Args:
        instance: The instance; it is not changed.
        places: The places of the values.
        values: The values as given.
    """

    __slots__ = ("_holders", "_instance", "_places", "_refusals", "_value", "_values")

    def __init__(self, instance: BaseRedisModel, places: Places, values: Sequence[Any]) -> None:
        self._instance, self._places, self._values = instance, places, values
        self._refusals: list[Refusal] = []
        self._holders: list[_Holder] = []
        self._value = self._changed(instance, places.tree, (), _Holder(instance, 0, ()))
        if self._refusals:
            raise together(type(instance), self._refusals) from self._refusals[0].error
        if places.guards:
            self._take_over_what_readers_see()

    def plan(self) -> UpdatePlan:
        """Return what is to be written, and changed in the instance."""
        return UpdatePlan(
            [
                (location, part_of(self._value, location.steps))
                for location in self._places.locations
            ],
            [
                (value, steps[depth:], part_of(self._value, steps))
                for value, depth, steps in self._holders
            ],
        )

    # -- making it --------------------------------------------------------------------------------

    def _changed(self, value: Any, branch: Branch, steps: Steps, holder: _Holder) -> Any:
        """Return a copy of what steps lead to, with what a branch assigns there."""
        if not is_tuple(value):
            holder = _Holder(value, len(steps), steps)
        if isinstance(value, BaseModel):
            return self._changed_model(value, branch, holder)
        if is_list(value) or is_tuple(value):
            branch = _from_the_start(branch, len(value))
        changed: Any = list(value) if is_tuple(value) else copy.copy(value)
        for step, below in branch.items():
            way = (*steps, step)
            if isinstance(below, dict):
                set_part(changed, step, self._changed_part(value, below, way, holder))
                continue
            if not (is_mapping(value) or has_part(value, step)):
                raise nothing_there(self._instance, self._places.locations[below])
            if is_mapping(changed):
                _refuse_other_spelling(changed, step, self._places.locations[below])
            set_part(changed, step, self._validated(below))
            self._holders.append(holder._replace(steps=way))
        return tuple(changed) if is_tuple(value) else changed

    def _changed_model(self, model: BaseModel, branch: Branch, holder: _Holder) -> BaseModel:
        values = {**model.__dict__}
        leaves: dict[str, int] = {}
        for step, below in branch.items():
            if isinstance(below, int):
                leaves[step.value] = below
                self._holders.append(holder._replace(steps=(*holder.steps, step)))
            else:
                way = (*holder.steps, step)
                values[step.value] = self._changed_part(model, below, way, holder)
        # in the order in which readers validate the fields: a later one sees the new value
        for name in (name for name in type(model).__pydantic_fields__ if name in leaves):
            location, value = self._places.locations[leaves[name]], self._values[leaves[name]]
            location.check_keys()
            try:
                # it also gives the extra fields and the names of those that are set
                validator = fields_validator(self._locations, type(model))
                found: Any = validator.validate_assignment(values, name, value)
                values = found[0]
            except ValidationError as exc:
                self._refusals.append(Refusal(location, exc, depth=1))
        return _copy_with(model, values)

    def _changed_part(self, value: Any, branch: Branch, way: Steps, holder: _Holder) -> Any:
        if not has_part(value, way[-1]):
            raise nothing_there(self._instance, self._locations.behind(way))
        return self._changed(part_of(value, way[-1:]), branch, way, holder)

    def _validated(self, number: int) -> Any:
        location, value = self._places.locations[number], self._values[number]
        try:
            return location.validate(value)
        except ValidationError as exc:
            self._refusals.append(Refusal(location, exc))
            return None

    @property
    def _locations(self) -> Locations:
        return type(self._instance).__rapyer_locations__

    # -- validators, and rules of what is around ---------------------------------------------------

    def _take_over_what_readers_see(self) -> None:
        """Read what has rules about the values, as its readers will; assign what they will see."""
        changed = [way for steps in self._places.guards for way in self._changed_by_reading(steps)]
        if not changed:
            return
        kept = [
            location
            for location in self._places.locations
            if not any(location.steps[: len(way)] == way for way in changed)
        ]
        for way in changed:
            refuse_fixed(type(self._instance), way, "a validator has changed it")
        self._places = Places((*kept, *map(self._locations.behind, changed)))
        self._holders += [
            _Holder(part_of(self._instance, way[:-1]), len(way) - 1, way) for way in changed
        ]

    def _changed_by_reading(self, steps: Steps) -> Iterator[Steps]:
        """Return the steps to the fields that are read differently from those in the draft."""
        value = part_of(self._value, steps)
        location = self._locations.behind(steps) if steps else None
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
                f"validators change the value at {location and location.text} from {value!r} to "
                f"{read!r}. Assign that value as a whole.",
                path=difference[0],
                value=value,
            )
        if value.__pydantic_extra__ != read.__pydantic_extra__:
            raise UnstorableValueError(
                f"validators change the extra fields of {type(value).__name__}, which cannot be "
                "updated individually. Save the whole document.",
                value=read.__pydantic_extra__,
            )
        for name in type(value).__pydantic_fields__:
            if find_difference(value.__dict__[name], read.__dict__[name]) is not None:
                vars(value)[name] = vars(read)[name]
                yield (*steps, Step("field", name))


def _copy_with(model: BaseModel, values: dict[str, Any]) -> BaseModel:
    """Return a copy of a model with other values, bypassing what a model does when it is made."""
    copied: Any = type(model).__new__(type(model))
    set_slot = object.__setattr__
    set_slot(copied, "__dict__", values)
    set_slot(copied, "__pydantic_fields_set__", model.__pydantic_fields_set__)
    set_slot(copied, "__pydantic_extra__", model.__pydantic_extra__)
    set_slot(copied, "__pydantic_private__", model.__pydantic_private__)
    model_copy: BaseModel = copied
    return model_copy


def _from_the_start(branch: Branch, length: int) -> Branch:
    """Count indexes from the start, so that there is one branch for each element."""
    counted: Branch = {}
    for step, below in branch.items():
        index: int = step.value
        from_start = Step("index", index + length) if -length <= index < 0 else step
        other = counted.get(from_start)
        if isinstance(other, dict) and isinstance(below, dict):
            counted[from_start] = _merged(other, below)
        else:
            counted[from_start] = below
    return counted


def _merged(branch: Branch, other: Branch) -> Branch:
    """Merge two branches that have no place in common."""
    merged = {**branch}
    for step, theirs in other.items():
        own, below = merged.get(step), theirs
        if isinstance(own, dict) and isinstance(below, dict):
            below = _merged(own, below)
        merged[step] = below
    return merged


def _refuse_other_spelling(items: Any, step: Step, location: Location) -> None:
    """Refuse a key that equals one in a dict, but has another name in the document."""
    key = step.value
    if type(key) in SPELLED_ALIKE or key not in items:
        return
    own = next(one for one in items if one == key)
    name = key_step(own).stored_key
    if name != step.stored_key:
        raise ExpressionError(
            f"{location.text} is stored as {step.stored_key!r}, but the dict has the key as "
            f"{own!r}, stored as {name!r}. Give the key as the dict has it."
        )


def fields_validator(locations: Locations, model: type[BaseModel]) -> SchemaValidator:
    """Return what validates single fields of a model, seeing the others, without its validators.

    The model's `validate_assignment` would run those after each of several fields, before the
    other fields have their values.
    """
    known = locations.of_fields.get(model)
    if known is not None:
        return known
    schema: Any = complete_schema(model)
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
    validator = locations.of_fields[model] = build_validator(schema, config)
    return validator
