"""Conditions, loops, aborting, missing documents, versions."""

from __future__ import annotations

import asyncio
import copy
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from rapyer import ConflictError, KeyNotFoundError, WrongTypeError
from rapyer_pipeline import PipelineAborted, RecordingError, TooManyStepsError, length

from tests.pipeline.models import Address, Color, Counted, Everything, Item, Part, run


def _conditions(p: Any) -> list[tuple[Any, bool]]:
    """Conditions on a new `Everything`, and whether they hold."""
    return [
        (p.number > 6, True),
        (p.number >= 7.5, False),
        (p.number < 7.5, True),
        (p.ratio == 1.5, True),
        (p.ratio > 1, True),
        (p.ratio < 2**60, True),
        (p.number != 7, False),
        (p.number == p.other + 4, True),
        (p.number < p.ratio, False),
        (p.number.in_([1, 7]), True),
        (p.number.in_([]), False),
        (p.number.between(7, 9), True),
        (p.maybe == None, True),  # noqa: E711 - what is asked of the server
        (p.maybe.is_none(), True),
        (p.maybe > 3, False),
        (~(p.maybe > 3), True),
        (p.maybe != 3, True),
        (p.maybe + 1 > 0, False),
        (p.maybe.in_([None, 3]), True),
        (p.name.startswith("A") & p.name.endswith("a"), True),
        (p.name.contains("d") | (p.number > 100), True),
        (p.name > "Abc", True),
        (p.name == "ada", False),
        (p.color == Color.RED, True),
        (p.color != Color.BLUE, True),
        (p.flag | (p.number == 7), True),
        (p.flag & (p.number == 7), False),
        (~p.flag, True),
        (p.flag == False, True),  # noqa: E712 - as above
        (p.tags.contains("b"), True),
        (p.tags.contains("c"), False),
        (p.numbers.contains(2), True),
        (p.numbers == [3, 1, 2], True),
        (p.numbers == [1, 2, 3], False),
        (p.roles.contains("guest"), True),
        (p.counts.contains("a"), True),
        (p.counts.contains("z"), False),
        (p.counts["z"] == None, True),  # noqa: E711 - as above
        (p.counts["z"] > 1, False),
        (p.counts["b"] == 2, True),
        (p.numbers[7] == 1, False),
        (p.numbers[-1] == 2, True),
        (p.second.city == "London", False),
        (p.second.is_none(), True),
        (p.address.is_none(), False),
        (p.address.city == "London", True),
        (p.items.any(Item.price > 3), True),
        (p.items.any((Item.price > 3) & (Item.qty == 2)), False),
        (p.items.price > 3, True),
        (p.items.any(Item.parts.any(Part.name == "p")), True),
        (p.items.any(Item.parts.any(Part.weight > 5)), False),
        (p.items.any(~(Item.name == "item 0") & Item.labels.is_none()), False),
        (p.items[0].name == "item 0", True),
        (length(p.items) == 4, True),
        (length(p.name) == 3, True),
        (length(p.counts) > length(p.tags), False),
        (p.mixed == 5, True),
        (p.mixed == "5", False),
        (p.seen < p.seen, False),
        (p.span == p.span, True),
        (p.born == p.seen, False),
        (p.born < p.seen, False),
        (p.born - p.seen > timedelta(0), False),
        (~(p.born - p.seen > timedelta(0)), True),
        (p.day > Everything().day, False),
        (Everything.number > 6, True),
        (p.address == Address(), True),
        (p.raw == b"\x00\xff", True),
        (p.cost == Decimal("1.1"), True),
        (p.cost == Decimal("1.1000001"), False),
        (p.cost < 2, True),
        (p.cost >= Decimal("1.100"), True),
        (p.cost.in_([1, Decimal("11E-1")]), True),
    ]


async def test_conditions_hold_as_they_do_in_python(server):
    stored = await Everything().save()
    wrong: list[str] = []
    async with stored.pipeline() as p:
        count = len(_conditions(p))
    for number in range(count):
        async with Everything.pipeline_for(stored.key) as p:
            condition, expected = _conditions(p)[number]
            shown = repr(condition)
            with p.when(condition):
                p.title = "holds"
            with p.otherwise():
                p.title = "does not"
        found = (await Everything.get(stored.key)).title == "holds"
        if found is not expected:
            wrong.append(shown)
    assert wrong == []


async def test_datetimes_without_a_distance_have_none_in_conditions_also_later(server):
    one = await Everything().save()

    def program(p: Any) -> None:
        span = p.born - p.seen
        p.number = 1
        (span > timedelta(0)).if_true(lambda: p.number.set(2)).else_(lambda: p.number.set(3))

    await run(one.pipeline(), program)
    assert one.number == 3
    with pytest.raises(TypeError, match="cannot be subtracted"):
        await run(one.pipeline(), lambda p: p.span.set(p.born - p.seen))


async def test_if_elif_else_and_blocks_decide_on_the_first_that_holds(server):
    for number, expected in ((1, "one"), (2, "two"), (3, "many")):
        stored = await Everything(number=number).save()
        async with stored.pipeline() as p:
            (p.number == 1).if_true(lambda: p.name.set("one")).elif_true(
                p.number == 2, lambda: p.name.set("two")
            ).else_([lambda: p.name.set("many")])
            with p.when(p.number == 1):
                p.title = "one"
            with p.otherwise_when(p.number == 2):
                p.title = "two"
            with p.otherwise():
                p.title = "many"
                with p.when(p.name == "many"):
                    p.nick = p.title + p.name
        assert (stored.name, stored.title) == (expected, expected)
        assert stored.nick == ("manymany" if number == 3 else None)


async def test_a_condition_is_that_of_the_time_at_which_it_was_made(server):
    stored = await Everything(number=1).save()
    async with stored.pipeline() as p:
        was_one = p.number == 1
        p.number = 5
        was_one.if_true(lambda: p.name.set("was one"))
        (p.number == 5).if_true(lambda: p.title.set("is five"))
    assert (stored.name, stored.title) == ("was one", "is five")


async def test_loops_visit_each_original_element_once(server):
    stored = await Everything().save()
    expected = copy.deepcopy(stored)
    for item in list(expected.items):
        item.price *= 2
        if item.expired:
            expected.items.remove(item)
        else:
            item.labels[item.name] = "kept"
            for part in item.parts:
                part.weight += item.price
    for number in list(expected.numbers):
        expected.other += number
        if number == 1:
            expected.numbers.remove(1)
    expected.name = "".join(f"{key}" for key in expected.counts)
    for key in expected.counts:
        expected.counts[key] *= 3
    async with stored.pipeline() as p:
        for item in p.items:
            item.price *= 2
            item.expired.if_true(lambda item=item: p.items.remove(item)).else_(
                lambda item=item: _keep(item)
            )
        for number in p.numbers:
            p.other += number
            (number == 1).if_true(lambda number=number: p.numbers.remove(number))
        p.name = ""
        for key, value in p.counts.items():
            p.name += key
            p.counts[key] = value * 3
    assert stored == await Everything.get(stored.key)
    assert stored == expected


def _keep(item: Any) -> None:
    item.labels[item.name] = "kept"
    for part in item.parts:
        part.weight += item.price


async def test_loops_are_bounded(server):
    stored = await Everything(numbers=list(range(50))).save()

    def program(p: Any) -> None:
        for _ in p.numbers:
            p.other += 1

    with pytest.raises(TooManyStepsError, match="max_steps"):
        await run(stored.pipeline(max_steps=40), program)
    assert (await Everything.get(stored.key)).other == 3


async def test_require_and_abort_roll_back(server):
    stored = await Counted(stock=1).save()

    def sell(p: Any) -> None:
        p.stock -= 2
        p.require(p.stock >= 0, "sold out")

    def abort(p: Any) -> None:
        p.tags.append("x")
        (p.stock > 0).if_true(lambda: p.abort("no more"))

    with pytest.raises(PipelineAborted, match="sold out") as caught:
        await run(stored.pipeline(), sell)
    assert caught.value.reason == "sold out"
    with pytest.raises(PipelineAborted, match="no more"):
        await run(stored.pipeline(), abort)
    assert await Counted.get(stored.key) == stored
    assert stored.revision == 1


async def test_a_version_is_compared_and_counted_where_something_is_written(server):
    stored = await Counted(stock=5).save()
    other = await Counted.get(stored.key)
    async with stored.pipeline() as p:
        p.stock -= 1
    assert stored.revision == (await Counted.get(stored.key)).revision == 2
    async with stored.pipeline() as p:
        (p.stock > 100).if_true(lambda: p.tags.append("never"))
    assert stored.revision == (await Counted.get(stored.key)).revision == 2
    with pytest.raises(ConflictError):
        async with other.pipeline() as p:
            p.stock -= 1
    async with Counted.pipeline_for(stored.key) as p:
        p.stock -= 1
    assert (await Counted.get(stored.key)).revision == 3
    assert (await Counted.get(stored.key)).stock == 3


async def test_a_missing_document_is_an_error_ignored_or_made(server, redis):
    new = Everything(number=1)
    with pytest.raises(KeyNotFoundError):
        async with new.pipeline() as p:
            p.number += 1
    async with new.pipeline(missing="ignore") as p:
        p.number += 1
    with pytest.raises(KeyNotFoundError):
        async with Everything.pipeline_for("nothing") as p:
            p.number += 1
    assert await redis.keys("*") == []
    async with new.pipeline(missing="create") as p:
        p.number += 1
        p.tags.append("made")
        for item in p.items:
            item.qty += 1
        del p.counts["a"]
        p.counts["z"] = 1
    assert new == await Everything.get(new.key)
    assert (new.number, new.tags, list(new.counts)) == (2, ["a", "b", "made"], ["b", "z"])
    await redis.set("pipeline-everything:text", "x")
    with pytest.raises(WrongTypeError):
        async with Everything.pipeline_for("text") as p:
            p.number += 1


async def test_a_document_is_deleted(server, redis):
    stored = await Counted(stock=0).save()
    async with stored.pipeline() as p:
        p.tags.append("x")
        (p.stock == 0).if_true(p.delete)
    assert await redis.keys("*") == []
    await stored.save()
    assert (await Counted.get(stored.key)).revision == 1


async def test_a_field_that_a_document_lacks_has_its_default(server, redis):
    stored = Everything()
    key = f"pipeline-everything:{stored.pk}"
    await redis.execute_command("JSON.SET", key, "$", '{"number":5}')
    async with Everything.pipeline_for(key) as p:
        p.number += p.other
        p.name += "!"
    found = await Everything.get(key)
    assert (found.number, found.name) == (8, "Ada!")


async def test_concurrent_programs_sell_exactly_the_stock(server):
    stored = await Counted(stock=57).save()
    sold = 0

    async def buy() -> None:
        nonlocal sold
        async with Counted.pipeline_for(stored.key) as p:
            p.require(p.stock > 0, "sold out")
            p.stock -= 1
        sold += 1

    outcomes = await asyncio.gather(*(buy() for _ in range(200)), return_exceptions=True)
    assert sum(isinstance(one, PipelineAborted) for one in outcomes) == 143
    assert sold == 57
    assert (await Counted.get(stored.key)).stock == 0


async def test_an_unknown_field_is_an_error_where_it_stands(server):
    stored = await Counted().save()
    with pytest.raises(RecordingError, match=r"test_decisions\.py:\d+: Counted has no field"):
        await run(stored.pipeline(), lambda p: setattr(p, "unknown", 1))


async def test_what_grows_by_itself_is_bounded(server):
    def lists(p: Any) -> None:
        for _ in p.tags:
            for _ in p.counts.values():
                for _ in p.items:
                    for _ in p.items:
                        p.numbers.extend(p.numbers)

    def texts(p: Any) -> None:
        for _ in p.items:
            for _ in p.items:
                for _ in p.items:
                    p.name += p.name

    stored = await Everything().save()
    with pytest.raises(TooManyStepsError):
        await run(stored.pipeline(), lists)
    with pytest.raises(OverflowError, match="64 MB"):
        await run(stored.pipeline(), texts)
    assert await Everything.get(stored.key) == stored


async def test_elements_that_are_none_fulfil_no_condition(server):
    stored = await Everything(maybes=[None, Item(price=1.0), None]).save()
    async with stored.pipeline() as p:
        p.maybes.any(~(Item.price > 0)).if_true(lambda: p.name.set("none"))
        p.maybes.any(Item.price > 0).if_true(lambda: p.title.set("some"))
        (~p.maybes.any(~(Item.qty < 1))).if_true(lambda: p.maybes.append(None))
    assert (stored.name, stored.title, len(stored.maybes)) == ("Ada", "some", 4)
    assert stored == await Everything.get(stored.key)
