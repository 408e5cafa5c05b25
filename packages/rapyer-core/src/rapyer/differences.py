"""What differs between a document as it was loaded or saved, and the instance as it is now.

Both are compared as JSON texts, member by member, so a large document with one changed field is
neither parsed nor loaded as a whole. Where members differ, the comparison descends as far as paths
lead and values have parts of their own.
"""

from __future__ import annotations

import marshal
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from enum import Enum
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json, to_json

from rapyer.errors import ExpressionError, UnaddressableKeyError, UnstorableValueError
from rapyer.expr.steps import Step
from rapyer.guards import is_plain_dict, is_plain_list
from rapyer.locations import Location, Locations
from rapyer.parts import Parts, UnreachableError, elements_of, parts_of

if TYPE_CHECKING:
    from rapyer.base import BaseRedisModel
    from rapyer.types.document import DocumentCodec


class _Missing(Enum):
    MISSING = "MISSING"

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing.MISSING
"""Stands for the value of a missing key in a [`Change`][rapyer.model.changes.Change]."""


class Difference(NamedTuple):
    """A place where a document and an instance differ.

    Attributes:
        steps: The steps that lead there; empty for the document as a whole.
        old: What the document has there, as JSON; MISSING for nothing.
        new: What the instance has there, as JSON; MISSING for nothing.
        value: What the instance has there; MISSING for nothing.
    """

    steps: tuple[Step, ...]
    old: Any
    new: Any
    value: Any


class Comparison(NamedTuple):
    """How a document and an instance compare.

    Attributes:
        differences: Where they differ.
        text: The JSON text of the document once the differences are written, with its Version
            incremented; None if that would not be the text of the instance, for example because the
            document lacks something with a default.
    """

    differences: list[Difference]
    text: bytes | None


def compare(text: bytes, instance: BaseRedisModel) -> Comparison:
    """Find where a document and an instance differ, apart from the Version.

    A missing value with a static default is not a difference, and neither is another text for
    the same value.

    Args:
        text: The JSON text of the document.
        instance: The instance.

    Raises:
        UnstorableValueError: The instance has a value that cannot be dumped.
    """
    model = type(instance)
    codec = model.__rapyer_codec__
    walk = _Walk(model.__rapyer_locations__)
    try:
        parts = parts_of(model.__rapyer_locations__, (), instance, {})
        members = {key: walk.member(codec, instance, key, *parts.part(key)) for key in parts.keys}
        found = list(walk.of_document(text, members, parts, instance))
    except UnreachableError:
        return _compare_whole(text, instance)
    version = model.__rapyer_version__
    if version is not None:
        found = [one for one in found if one.steps[0].value != version.name]
        key = str(model.__rapyer_locations__.behind((Step("field", version.name),)).place.name)
        counted: int = vars(instance)[version.name] + 1
        members[key] = _Member(b"%b:%d" % (to_json(key), counted))
    whole = b"{%b}" % b",".join([member.text for member in members.values()])
    return Comparison(found, None if walk.has_other_text else whole)


def _compare_whole(text: bytes, instance: BaseRedisModel) -> Comparison:
    """Compare a document whose members are not the fields of its model."""
    model, whole = type(instance), type(instance).__rapyer_codec__.text(instance)
    before = model.__rapyer_codec__.read(text)
    version = model.__rapyer_version__
    if version is not None:
        vars(before)[version.name] = vars(instance)[version.name]
    if model.__rapyer_codec__.text(before) == whole:
        return Comparison([], whole)
    return Comparison([Difference((), from_json(text), from_json(whole), instance)], whole)


class _Member(NamedTuple):
    """A member of a document, as text.

    Attributes:
        text: The key and the value: `"name":1`.
        elements: The elements of a list of models; None for any other value.
    """

    text: bytes
    elements: Sequence[bytes] | None = None


class _Middle(NamedTuple):
    """What is left of a JSON object or array after removing the parts that match at both ends.

    Attributes:
        text: The text between them, without the brackets around it.
        first: The number of parts before it.
        last: The number of the first part after it.
    """

    text: bytes
    first: int
    last: int


def _middle(text: bytes, parts: Sequence[bytes]) -> _Middle:
    """Skip the parts of a JSON object or array whose text equals that of the given parts.

    The position of a part is known only at the ends, so some parts in the middle may be equal too.
    The ends are compared as wholes: looking at each part takes three times as long.
    """
    inner, own = text[1:], b",".join(parts) + text[-1:]
    sizes = [0, *accumulate(map(len, parts))]

    def begin(place: int) -> int:
        """Return where a part begins in the text of all of them."""
        return sizes[place] + place

    number, places = len(parts), range(len(parts) + 1)
    common = _common(inner, own)
    first = bisect_right(places, common, lo=1, key=begin) - 1
    if first == number - 1 and common == begin(number) - 1 and inner[common] == _COMMA:
        first = number  # the last one matches, and more follows it than in the parts
    start = 1 + begin(first)
    # the comma before the last ones matches too, and none of them is counted twice
    alike = len(own) - _common(inner, own, at_end=True)
    least = max(alike + 1, start + len(own) - len(text))
    last = bisect_left(places, least, lo=min(max(first, 1), number), hi=number, key=begin)
    end = len(text) - 1
    if last < number:
        end = max(start, len(text) - (len(own) - begin(last)) - 1)
    return _Middle(text[start:end], first, last)


_COMMA = ord(",")


def _common(one: bytes, other: bytes, *, at_end: bool = False) -> int:
    """Return how many bytes two texts have in common at the beginning, or at the end."""
    least, most = 0, min(len(one), len(other))
    while least < most:
        middle = (least + most + 1) // 2
        if at_end:
            own = slice(len(one) - middle, len(one) - least)
            its = slice(len(other) - middle, len(other) - least)
        else:
            own = its = slice(least, middle)
        if one[own] == other[its]:
            least = middle
        else:
            most = middle - 1
    return least


class _Walk:
    """A descent into two documents and the values of one of them.

    Args:
        locations: Where paths lead.

    Attributes:
        has_other_text: Whether something has different text in the two documents without being a
            difference.
    """

    def __init__(self, locations: Locations) -> None:
        self._locations = locations
        self.has_other_text = False

    def member(
        self, codec: DocumentCodec, instance: BaseModel, key: str, step: Step, value: Any
    ) -> _Member:
        """Dump a member of a document."""
        if is_plain_list(value) and value and isinstance(value[0], BaseModel):
            try:
                location = self._locations.behind((step, Step("index", 0)))
            except ExpressionError:  # a serializer turns the list into something else
                return _Member(codec.member(instance, step.value))
            elements = location.codec.texts(value)
            return _Member(b"%b:[%b]" % (to_json(key), b",".join(elements)), elements)
        return _Member(codec.member(instance, step.value))

    def of_document(
        self, text: bytes, members: Mapping[str, _Member], parts: Parts, instance: BaseModel
    ) -> Iterator[Difference]:
        """Find differences between the text of a document and the members of an instance."""
        middle = _middle(text, [member.text for member in members.values()])
        others = list(members)[middle.first : middle.last]
        if len(others) == 1 and (elements := members[others[0]].elements) is not None:
            head = b"%b:[" % to_json(others[0])
            if middle.text.startswith(head):
                found = self._of_array(
                    middle.text[len(head) - 1 :], elements, parts.part(others[0])
                )
                if found is not None:
                    yield from found
                    return
        new = {key: from_json(b"{%b}" % members[key].text)[key] for key in others}
        old = from_json(b"{%b}" % middle.text)
        yield from self.of_members((), old, new, Parts(others, parts.part), instance)

    def _of_array(
        self, text: bytes, elements: Sequence[bytes], part: tuple[Step, Any]
    ) -> Iterator[Difference] | None:
        """Find differences between the text of an array and the elements of a list of models.

        Gives None if the text is more than an array, or an array of another length.
        """
        middle = _middle(text, elements)
        try:
            old = from_json(b"[%b]" % middle.text)
        except ValueError:
            return None
        indexes = range(middle.first, middle.last)
        if len(old) != len(indexes):
            return None
        step, value = part
        return self.of_members(
            (step,),
            dict(zip(indexes, old, strict=True)),
            {index: from_json(elements[index]) for index in indexes},
            Parts(indexes, elements_of(value)),
            value,
        )

    def of_members(
        self,
        steps: tuple[Step, ...],
        old: Mapping[Any, Any],
        new: Mapping[Any, Any],
        parts: Parts,
        value: Any,
    ) -> Iterator[Difference]:
        """Find differences among the members of two objects, or the elements of two arrays."""
        for key in _unequal(old, new, parts.keys):
            step, part = parts.part(key)
            if key not in old:
                yield from self._as_a_whole((*steps, step), MISSING, new[key], part)
            else:
                yield from self._of_values((*steps, step), old[key], new[key], part)
        for key in old.keys() - parts.keys:
            yield from self._removed(steps, key, old[key], value)

    def _removed(
        self, steps: tuple[Step, ...], key: str, old: Any, value: Any
    ) -> Iterator[Difference]:
        if is_plain_dict(value):
            named = self._location((*steps, Step("key", key, key))).key_named(key)
            step = Step("key", named, key)
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
            if old.keys() != new.keys() and self._may_be_other_model(steps):
                yield from self._as_a_whole(steps, old, new, value)
                return
        else:
            yield from self._as_a_whole(steps, old, new, value)
            return
        with suppress(UnreachableError):  # then it differs as a whole
            parts = parts_of(self._locations, steps, value, new)
            if len(parts.keys) == len(new_parts):
                yield from [*self.of_members(steps, old_parts, new_parts, parts, value)]
                return
        yield from self._as_a_whole(steps, old, new, value)

    def _may_be_other_model(self, steps: tuple[Step, ...]) -> bool:
        return self._location(steps).values.may_be_other_model

    def _as_a_whole(
        self, steps: tuple[Step, ...], old: Any, new: Any, value: Any
    ) -> Iterator[Difference]:
        if _is_read_as(self._location(steps), old, new):
            self.has_other_text = True
        else:
            yield Difference(steps, old, new, value)

    def _location(self, steps: tuple[Step, ...]) -> Location:
        """Return where steps lead, if a value can be written there."""
        try:
            location = self._locations.behind(steps)
            if location.rest:
                raise UnreachableError
            _ = location.json_path
        except (ExpressionError, UnaddressableKeyError) as exc:
            raise UnreachableError from exc
        return location

    # -- what values are made of ------------------------------------------------------------------


def _unequal(old: Mapping[Any, Any], new: Mapping[Any, Any], keys: Collection[Any]) -> list[Any]:
    """Return those of the keys whose values are not the same in two JSON objects."""
    unequal = {key: None for key in keys if key not in old or old[key] != new[key]}
    if len(unequal) == len(keys):
        return list(unequal)
    changed = {key: new[key] if key in unequal else old[key] for key in keys}
    if to_json(changed) == to_json({key: new[key] for key in keys}):
        return list(unequal)
    # Python considers 1, 1.0 and True equal, and 0.0 and -0.0 too
    return [key for key in keys if key not in old or not _same(old[key], new[key])]


def _same(value: Any, other: Any) -> bool:
    """Return whether two JSON values are the same, including number types; 0.0 is not -0.0."""
    # for JSON values this format is exact and, in version 2, has one form for each of them
    return marshal.dumps(value, 2) == marshal.dumps(other, 2)


def _is_read_as(location: Location, old: Any, new: Any) -> bool:
    """Return whether a value of a document is read as a value of an instance."""
    codec, place = location.codec, location.place
    try:
        if old is not MISSING:
            value = location.read(to_json(old))
        elif place.has_static_default:
            value = location.default(place)
        else:
            return False
        return _same(from_json(codec.text(value)), new)
    except (ValidationError, ExpressionError, UnstorableValueError):
        return False  # it cannot be read, or dumped, on its own
