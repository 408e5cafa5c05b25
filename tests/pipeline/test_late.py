"""What is asked for at one time and used at another: it is what Python would have."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from rapyer import AtomicRedisModel, Field
from rapyer.errors import UnaddressableKeyError
from rapyer_pipeline import RecordingError, length

from tests.pipeline.models import Address, Everything, Item, Part, run


class Named(AtomicRedisModel):
    """Fields that are called what programs are written with, or what no path leads to."""

    BODY: list[int] = Field(default_factory=lambda: [1, 2])
    COLUMNS: dict[str, int] = Field(default_factory=lambda: {"BODY": 3})
    total: int = 0
    spaced: int = Field(default=0, alias=" spaced")


def _at_an_index(p: Any) -> None:
    item = p.items[p.other]
    p.other -= 2
    item.price = 99.0
    p.share = item.qty + 0.5
    p.items[p.other].qty = 40


def _at_a_key(p: Any) -> None:
    p.name = "x"
    box = p.boxes[p.name]
    p.name = "absent"
    box.qty += 1
    box.parts.append(Part(name="added"))


def _in_a_list(p: Any) -> None:
    p.other = 0
    one = p.grid[p.other]
    p.other += 1
    one.append(5)
    p.grid[p.other] = one
    p.grid[p.other] = p.grid[p.other]


def _put_back(p: Any) -> None:
    address, tags, row = p.address, p.tags, p.grid[0]
    p.address, p.tags = Address(city="other"), ["other"]
    p.grid.insert(0, [])
    tags += ["more"]
    p.address, p.tags, p.grid[0] = address, tags, row


def _added_to(p: Any) -> None:
    p.tags += ["x"]
    p.tags += ["y"]
    p.roles |= {"a", "b"}
    p.counts |= {"a": 5, "n": 6}
    p.boxes["x"].parts += [Part(name="k")]
    p.items[1].parts[0].codes += [1, 2]
    p.other = 0
    p.grid[p.other] += [1]
    p.grid[p.grid[0][-1]] += [7]
    p.grid[-1] += p.grid[0]
    p.tags += p.tags


OPERATIONS = [_at_an_index, _at_a_key, _in_a_list, _put_back, _added_to]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.__name__.strip("_"))
async def test_parts_are_those_of_the_time_when_they_were_asked_for(server, operation):
    stored = await Everything().save()
    expected = copy.deepcopy(stored)
    operation(expected)
    expected = await Everything.model_validate(expected.model_dump()).save()  # as copies
    await run(stored.pipeline(), operation)
    found = await Everything.get(stored.key)
    assert found.model_dump() == expected.model_dump()
    assert stored == found


async def test_conditions_made_between_branches_are_those_of_the_branches(server):
    stored = await Everything(tags=[]).save()
    async with stored.pipeline() as p:
        for number in p.numbers:
            branches = (number == 1).if_true(lambda: p.tags.append("one"))
            is_two, is_seven = number == 2, p.number == 7
            branches.elif_true(is_two, lambda: p.tags.append("two")).elif_true(
                is_seven, lambda: p.tags.append("seven")
            )
            with p.when(number == 1):
                p.number += 1
            is_eight, is_nine = p.number == 8, p.number == 9
            with p.otherwise_when(is_eight):
                p.tags.append("eight")
            with p.otherwise_when(is_nine):
                p.tags.append("never")
    assert stored.tags == ["seven", "one", "two", "eight"]


def _value_between(p: Any) -> None:
    branches = (p.number == 1).if_true(lambda: p.tags.append("one"))
    before = p.number
    branches.elif_true(p.number == 7, lambda: p.other.set(before))


def _part_between(p: Any) -> None:
    with p.when(p.number == 1):
        p.number = 2
    row = p.grid[0]
    with p.otherwise():
        p.grid.insert(0, [])
        row.append(1)


@pytest.mark.parametrize("program", [_value_between, _part_between])
async def test_values_read_between_branches_are_refused_in_them(server, program):
    stored = await Everything().save()
    with pytest.raises(RecordingError, match="between the branches"):
        await run(stored.pipeline(), program)


async def test_a_loop_removes_its_element_and_by_value_one_that_was_replaced(server):
    stored = await Everything(tags=["a", "b", "a"]).save()
    async with stored.pipeline() as p:
        for tag in p.tags:
            p.tags[0] = "z"
            with p.when(p.number == 7):
                p.number = 0
                p.tags.remove(tag)
        for item in p.items:
            with p.when(item.qty == 1):
                p.items.append(item)
                p.items[1] = Item(name="new")
                p.items.remove(item)
                p.number = length(p.items)
    assert stored.tags == ["z", "a"]
    assert [item.name for item in stored.items] == ["item 0", "new", "item 2", "item 3"]
    assert stored.number == 4


async def test_a_pair_is_no_value_of_the_program(server):
    stored = await Everything().save()
    with pytest.raises(RecordingError, match="after the block"):
        async with stored.pipeline() as p:
            p.anything = p.counts.popitem()
    with pytest.raises(RecordingError, match="after the block"):
        async with stored.pipeline() as p:
            p.require(p.counts.popitem() == None)  # noqa: E711 - what is asked of the server


async def test_long_calculations_are_kept_on_the_way(server):
    stored = await Everything(number=1, other=0).save()
    async with stored.pipeline() as p:
        doubled, counted, condition = p.number, p.other, p.number == 0
        for number in range(60):
            doubled = doubled + doubled
            condition = condition | (p.number == number)
        for _ in range(1500):
            counted = counted + 1
            condition = condition & (p.number == 1)
        p.number, p.other, p.flag = doubled, counted, condition
    assert (stored.number, stored.other, stored.flag) == (2**60, 1500, True)


async def test_fields_are_called_anything(server):
    stored = await Named().save()
    async with stored.pipeline() as p:
        for one in p.BODY:
            p.total += one
            for key, other in p.COLUMNS.items():
                p.total += other * length(key)
    assert stored.total == 3 + 2 * 12


async def test_a_field_that_no_path_leads_to_is_refused_before_anything_is_written(server):
    stored = await Named().save()

    def program(p: Any) -> None:
        p.total = 9
        p.spaced = 5

    with pytest.raises(UnaddressableKeyError):
        await run(stored.pipeline(), program)
    assert (await Named.get(stored.key)).total == 0
