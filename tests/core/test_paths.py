"""What a field is on the class of a model."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Sequence
from typing import Annotated

import pytest
from pydantic import computed_field
from rapyer import (
    AtomicRedisModel,
    EmbeddedModel,
    Field,
    FieldPath,
    InvalidPathError,
    Mapped,
    MappedOptional,
)
from typing_extensions import TypeAliasType


class Street(EmbeddedModel):
    name: Mapped[str]


class Address(EmbeddedModel):
    street: Mapped[Street]
    lines: list[str] = Field(default_factory=list)


Alias = TypeAliasType("Alias", Address | None)


class Villa(AtomicRedisModel):
    number: Mapped[int]
    address: MappedOptional[Address] = Field(default=None)
    rooms: Mapped[list[Address]] = Field(default_factory=list)
    by_name: dict[str, Annotated[Address, "noted"]] = Field(default_factory=dict)
    pair: tuple[int, Address] | None = None
    sequence: Sequence[Address] = ()
    aliased: Alias = None

    @computed_field
    @property
    def label(self) -> str:
        return f"number {self.number}"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (lambda: Villa.number, "Villa.number"),
        (lambda: Villa.address.street.name, "Villa.address.street.name"),
        (lambda: Villa.rooms[0].street, "Villa.rooms[0].street"),
        (lambda: Villa.rooms[-1].lines[2], "Villa.rooms[-1].lines[2]"),
        (lambda: Villa.by_name["a b"].street, "Villa.by_name['a b'].street"),
        (lambda: Villa.pair[1].street, "Villa.pair[1].street"),
        (lambda: Villa.sequence[0].street, "Villa.sequence[0].street"),
        (lambda: Villa.aliased.street.name, "Villa.aliased.street.name"),
        (lambda: Villa.address["lines"], "Villa.address.lines"),
        (lambda: Address.street.name, "Address.street.name"),
    ],
)
def test_a_path_leads_through_models_lists_and_dicts(path, text):
    assert isinstance(path(), FieldPath)
    assert repr(path()) == text
    assert path() is path(), "as keys of a dict they are found by identity"
    assert {path(): 1, path(): 2} == {path(): 2}


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))]
)
def test_a_path_can_be_copied_and_pickled(copied):
    for path in (Villa.address.street.name, Villa.rooms[-1].lines, Villa.by_name["x"].street):
        assert copied(path) is path


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda c: pickle.loads(pickle.dumps(c))]
)
def test_a_condition_can_be_copied_and_pickled_also_after_it_was_evaluated(copied):
    condition = (Villa.number + 1 > 3) & ~Villa.rooms.any(Address.lines.contains("x"))
    villa = Villa(number=3)
    assert condition.matches(villa)
    assert copied(condition) == condition
    assert copied(condition).matches(villa)


def test_what_a_model_has_not_is_no_path():
    with pytest.raises(AttributeError, match="nope"):
        _ = Villa.nope
    with pytest.raises(
        AttributeError, match=r"Villa\.address has no field or .* 'nope': .*Address"
    ):
        _ = Villa.address.nope
    with pytest.raises(TypeError, match="does not exist"):
        _ = Villa.number[0]
    with pytest.raises(TypeError, match="does not exist"):
        _ = Villa.pair[2]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (lambda: Villa.address.steet, "Did you mean 'street'?"),
        (lambda: Villa.rooms.steet, "Did you mean 'street'?"),
        (lambda: Villa.rooms[0].steet, "Did you mean 'street'?"),
        (lambda: Villa.by_name.x, "Write a key of a dict in brackets: ['x']."),
        (lambda: Villa.number.incr, "no field or operation 'incr': it points to int."),
        (lambda: Villa.path("rooms[0].steet"), "no field 'steet'. Did you mean 'street'?"),
        (lambda: Villa.path("nummber"), "Villa has no field 'nummber'. Did you mean 'number'?"),
        (
            lambda: Villa.path("label"),
            "'label'. It is a computed field, which is not stored. Read it on an instance.",
        ),
    ],
)
def test_what_a_path_has_not_says_what_was_meant(written, said):
    with pytest.raises((AttributeError, InvalidPathError)) as caught:
        written()
    assert str(caught.value).endswith(said)


def test_a_path_is_no_value():
    with pytest.raises(TypeError, match="has no truth value"):
        bool(Villa.number)
    with pytest.raises(TypeError, match="not a value that can be iterated over"):
        list(Villa.rooms)
    with pytest.raises(TypeError, match=r"Write \.contains\('x'\)"):
        _ = "x" in Villa.rooms


def test_a_subclass_has_paths_of_its_own():
    class Chalet(Villa):
        pool: bool = False

    assert repr(Chalet.number) == "Chalet.number"
    assert Chalet.number is not Villa.number


def test_paths_are_keys_of_a_dict_whatever_their_indexes():
    # the hashes of -1 and -2 are one in CPython
    by_path = {Villa.rooms[index]: index for index in range(-300, 300)}
    assert [by_path[Villa.rooms[index]] for index in (-2, -1, 0)] == [-2, -1, 0]
