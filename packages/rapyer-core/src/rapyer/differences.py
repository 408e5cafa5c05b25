"""What differs between a document as it was loaded or saved, and the instance as it is now.

Both are compared as JSON texts, member by member: a large document of which one field was changed
is neither parsed nor loaded as a whole. Where members differ, the way is followed down as far as
paths lead and values have parts of their own.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

from pydantic import BaseModel, RootModel, ValidationError
from pydantic_core import from_json, to_json

from rapyer.errors import ExpressionError, UnaddressableKeyError
from rapyer.expr.steps import Step
from rapyer.guards import is_plain_dict, is_plain_list, is_tuple
from rapyer.locations import Location, Locations

if TYPE_CHECKING:
    from rapyer.base import BaseRedisModel


class _Missing(Enum):
    MISSING = "MISSING"

    def __repr__(self) -> str:
        return "MISSING"


#: Stands for the value of a key that is not there.
MISSING: Final = _Missing.MISSING
Missing: TypeAlias = Literal[_Missing.MISSING]

#: The parts of a value by their keys in JSON: the step that leads to each, and the part.
_Parts: TypeAlias = "Mapping[Any, tuple[Step, Any]]"


class Difference(NamedTuple):
    """A place where a document and an instance differ.

    Attributes:
        steps: The steps that lead there; none for the document as a whole.
        old: What the document has there, in the form of JSON; MISSING for nothing.
        new: What the instance has there, in the form of JSON; MISSING for nothing.
        value: What the instance has there; MISSING for nothing.
    """

    steps: tuple[Step, ...]
    old: Any
    new: Any
    value: Any


class _UnreachableError(Exception):
    """No path leads there, so that what is around it differs as a whole."""


def differences(text: bytes, instance: BaseRedisModel) -> list[Difference]:
    """Find where a document and an instance differ, its Version apart.

    What a document lacks and has a static default is no difference, nor is another text of the same
    value.

    Args:
        text: The JSON text of the document.
        instance: The instance.

    Raises:
        UnstorableValueError: The instance has a value that cannot be dumped.
    """
    model = type(instance)
    codec, version = model.__rapyer_codec__, model.__rapyer_version__
    walk = _Walk(model.__rapyer_locations__)
    try:
        parts = walk.parts_of_document(instance)
        texts = {
            key: codec.member(instance, step.value)
            for key, (step, _) in parts.items()
            if version is None or step.value != version.name
        }
        old, others = _unlike(text, texts)
        new = {key: from_json(b"{%b}" % texts[key])[key] for key in others}
        own = {key: parts[key] for key in others}
        return [
            difference
            for difference in walk.of_members((), old, new, own, instance)
            if version is None or difference.steps[0].value != version.name
        ]
    except _UnreachableError:
        whole = codec.text(instance)
        if text == whole:
            return []
        return [Difference((), from_json(text), from_json(whole), instance)]


def _unlike(text: bytes, texts: Mapping[str, bytes]) -> tuple[dict[str, Any], list[str]]:
    """Find the members of a JSON object that are not, as text, those that are given.

    Members that are alike are skipped from both ends, where their place is known. Only what is
    between them is parsed; some members may be alike there, too.

    Returns:
        The values of those that the object has, and the keys of those that are given.
    """
    keys = list(texts)
    first, last = 0, len(keys)
    start, end = 1, len(text) - 1
    while first < last and text.startswith(texts[keys[first]], start):
        after = start + len(texts[keys[first]])
        if text[after] not in b",}":  # a number goes on
            break
        first, start = first + 1, after + 1
    while last > first and text.endswith(texts[keys[last - 1]], start, end):
        before = end - len(texts[keys[last - 1]])
        if before > start and text[before - 1] not in b",":
            break
        last, end = last - 1, max(before - 1, start)
    return from_json(b"{%b}" % text[start:end]), keys[first:last]


class _Walk:
    """A walk down two documents and the values of one of them.

    Args:
        locations: Where paths lead.
    """

    def __init__(self, locations: Locations) -> None:
        self._locations = locations

    def parts_of_document(self, instance: BaseModel) -> _Parts:
        """Give the members of a document.

        Raises:
            _UnreachableError: It is no object that the fields are members of.
        """
        parts = self._parts((), instance, {})
        if parts is None:
            raise _UnreachableError
        return parts

    def of_members(
        self,
        steps: tuple[Step, ...],
        old: Mapping[Any, Any],
        new: Mapping[Any, Any],
        parts: _Parts,
        value: Any,
    ) -> Iterator[Difference]:
        """Find differences among the members of two objects, or the elements of two arrays."""
        for key, (step, part) in parts.items():
            if key not in old:
                yield from self._as_a_whole((*steps, step), MISSING, new[key], part)
            elif not _same(old[key], new[key]):
                yield from self._of_values((*steps, step), old[key], new[key], part)
        for key in old.keys() - parts.keys():
            yield from self._removed(steps, key, old[key], value)

    def _removed(
        self, steps: tuple[Step, ...], key: str, old: Any, value: Any
    ) -> Iterator[Difference]:
        if is_plain_dict(value):
            step = Step("key", key, key)
        elif isinstance(value, BaseModel) and value.model_config.get("extra") == "allow":
            step = Step("field", key)
        else:
            return  # what the model does not know is not part of the instance
        self._location((*steps, step))
        yield Difference((*steps, step), old, MISSING, MISSING)

    def _of_values(
        self, steps: tuple[Step, ...], old: Any, new: Any, value: Any
    ) -> Iterator[Difference]:
        if is_plain_list(old) and is_plain_list(new) and len(old) == len(new):
            old_parts, new_parts = dict(enumerate(old)), dict(enumerate(new))
        elif is_plain_dict(old) and is_plain_dict(new):
            old_parts, new_parts = old, new
        else:
            yield from self._as_a_whole(steps, old, new, value)
            return
        parts = self._parts(steps, value, new)
        if parts is not None and parts.keys() == new_parts.keys():
            with suppress(_UnreachableError):  # then what is around it differs as a whole
                yield from [*self.of_members(steps, old_parts, new_parts, parts, value)]
                return
        yield from self._as_a_whole(steps, old, new, value)

    def _as_a_whole(
        self, steps: tuple[Step, ...], old: Any, new: Any, value: Any
    ) -> Iterator[Difference]:
        if not _is_read_as(self._location(steps), old, new):
            yield Difference(steps, old, new, value)

    def _location(self, steps: tuple[Step, ...]) -> Location:
        """Give where steps lead, if a value can be written there."""
        try:
            location = self._locations.behind(steps)
            if location.rest:
                raise _UnreachableError
            _ = location.json_path
        except (ExpressionError, UnaddressableKeyError) as exc:
            raise _UnreachableError from exc
        return location

    # -- what values are made of ------------------------------------------------------------------

    def _parts(self, steps: tuple[Step, ...], value: Any, new: Any) -> _Parts | None:
        """Give the parts of a value; None where they are not parts of the JSON as well."""
        if is_plain_list(value) or is_tuple(value):
            return {index: (Step("index", index), part) for index, part in enumerate(value)}
        if is_plain_dict(value):
            # dumped in its own order, which tells the key in JSON for each
            return {
                name: (Step("key", key, name), part)
                for name, (key, part) in zip(new, value.items(), strict=False)
            }
        if isinstance(value, RootModel):
            return None
        if isinstance(value, BaseModel):
            names: Sequence[str] = [
                *type(value).__pydantic_fields__,
                *(value.__pydantic_extra__ or ()),
            ]
            held = {**value.__dict__, **(value.__pydantic_extra__ or {})}
        elif is_dataclass(value):
            names = [field.name for field in fields(value)]
            held = {name: getattr(value, name) for name in names}
        else:
            return None
        parts: dict[str, tuple[Step, Any]] = {}
        for name in names:
            step = Step("field", name)
            try:
                place = self._locations.behind((*steps, step)).place
            except ExpressionError:  # a serializer makes something else of it
                return None
            parts[str(place.name)] = step, held[name]
        return parts


def _same(value: Any, other: Any) -> bool:
    """Say whether two JSON values are the same, types of numbers included; 0.0 is not -0.0."""
    # for values of JSON the format is exact and has, in version 2, one form for each of them
    return marshal.dumps(value, 2) == marshal.dumps(other, 2)


def _is_read_as(location: Location, old: Any, new: Any) -> bool:
    """Say whether what a document has is read as what an instance has."""
    codec, place = location.codec, location.place
    try:
        if old is not MISSING:
            value = codec.read(to_json(old))
        elif place.has_static_default:
            value = location.default(place)
        else:
            return False
        return _same(from_json(codec.text(value)), new)
    except (ValidationError, ExpressionError):
        return False  # it cannot be read by itself
