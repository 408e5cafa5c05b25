"""Every operation by itself: what the server does is what Python does to the instance."""

from __future__ import annotations

import copy
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from rapyer_pipeline import ProgramFailedError, length

from tests.pipeline.models import Address, Color, Everything, Item, Part, Rank, run

# Each is carried out twice: on the `p` of a pipeline, and on a plain instance.


def _delete(container: Any, key: Any) -> None:
    del container[key]


def _number(p: Any) -> None:
    p.number += 10
    p.number -= 2
    p.number *= 3
    p.number //= 2
    p.number %= 7


def _float(p: Any) -> None:
    p.ratio += 0.1
    p.ratio -= 2
    p.ratio *= 3.3
    p.ratio /= 7
    p.ratio //= 0.03
    p.ratio %= 2.5


def _exact(p: Any) -> None:
    p.number = 2**53 - 1
    p.number += 2
    p.number *= 1000
    p.other = 2**63 - 1
    p.other -= p.number


def _texts(p: Any) -> None:
    p.name += " Lovelace"
    p.name *= 2
    p.title = p.title + ". " + p.name
    p.nick = 2 * p.title
    p.raw += b"\x01\x02"


def _hostile(p: Any) -> None:
    p.name += '\0\ufdd0\ufdd1"\\/\n\x7f\x1f é 😀'
    p.title = p.name + "\0"
    p.tags.append(p.name)
    p.counts["\0\ufdd0 q"] = 3
    p.counts["\0\ufdd0 q"] += 4


def _times(p: Any) -> None:
    p.born += timedelta(days=400, microseconds=7)
    p.seen -= timedelta(hours=1)
    p.day += timedelta(days=2, hours=23)
    p.day -= timedelta(days=800)
    p.span += timedelta(seconds=1)
    p.span = p.span * 3 - timedelta(days=1)
    p.span //= 7
    p.span %= timedelta(minutes=7)


def _distances(p: Any) -> None:
    p.span = p.born - datetime.fromisoformat("1999-01-01T00:00:00+00:00")
    p.ratio = p.span / timedelta(hours=1)
    p.number = p.span // timedelta(days=1)
    p.day = date(1, 1, 1)
    p.seen = p.seen + p.span


def _values(p: Any) -> None:
    p.number = p.other * p.other + 1
    p.ratio = p.number / 4
    p.share = p.number
    p.ratio = -p.ratio
    p.maybe = p.number - p.other
    p.flag = True
    p.color = Color.BLUE
    p.rank = Rank.HIGH
    p.kind = "b"
    p.uid = UUID(int=9)
    p.cost = Decimal("3.30")
    p.mixed = "text"
    p.anything = {"a": [1, None]}
    p.pair = (2, "y")
    p.big = 2**80
    p.nick = None
    p.born = p.born


def _late(p: Any) -> None:
    before = p.number
    p.number = 100
    p.other = before
    both = p.number + p.other
    p.number = 0
    p.other = both
    items = p.items[1]
    p.items.insert(0, Item(name="new"))
    items.qty = 77


def _lists(p: Any) -> None:
    p.numbers.append(5)
    p.numbers.extend([6, 7])
    p.numbers += [8]
    p.numbers.insert(1, 50)
    p.numbers.insert(-1, 60)
    p.numbers.insert(100, 70)
    p.numbers.remove(1)
    p.numbers.pop()
    p.numbers.pop(0)
    p.numbers[0] = 9
    p.numbers[-1] += 1
    del p.numbers[1]
    p.tags[1] = p.tags[0] + "!"


def _orders(p: Any) -> None:
    p.numbers.sort()
    p.numbers.append(0)
    p.numbers.reverse()
    p.floats.sort(reverse=True)
    p.tags.reverse()
    p.tags.sort()
    p.items.reverse()
    p.items[0].qty = 40


def _windows(p: Any) -> None:
    p.tags.append("c")
    p.tags.pop(0)
    p.tags.pop()
    p.tags.append("d")
    p.tags[0] = "z"
    p.numbers.pop()
    p.numbers.pop()
    p.numbers.pop()
    p.numbers.append(1)


def _cleared(p: Any) -> None:
    p.numbers.clear()
    p.numbers.append(4)
    p.counts.clear()
    p.counts["n"] = 1
    p.roles.clear()
    p.items.clear()


def _nested(p: Any) -> None:
    p.address.city = "Paris"
    p.address.city += "!"
    p.address.zip = 5
    p.address.lines.append("line")
    p.second = Address(city="Rome")
    p.second.city += " (IT)"
    p.items[0].price *= 2
    p.items[-1].parts[0].codes.append(1)
    p.items[1].parts.append(Part(name="second"))
    p.items[1].parts[-1].weight += 0.1
    p.items.append(Item(name="last"))
    p.items[-1].qty += 5
    p.items[2].labels["k"] = "v"
    p.grid[0].append(9)
    p.grid.append([])
    p.grid[-1].append(1)
    p.grid[1] = [8]
    p.boxes["x"].qty += 1
    p.boxes["y"] = Item(name="why")
    p.boxes["y"].labels["a"] = "b"


def _dicts(p: Any) -> None:
    p.counts["a"] += 1
    p.counts["c"] = 5
    p.counts["d e"] = p.counts["a"] * 2
    del p.counts["b"]
    p.counts.update({"f": 6, "a": 10})
    p.counts.pop("c")
    p.counts.pop("missing", 0)
    p.counts.setdefault("g", 7)
    p.counts.setdefault("a", 1)
    p.counts["q\"u'o\\te"] = 1
    p.by_number[2] = "two"
    p.by_number[1] += "!"


def _sets(p: Any) -> None:
    p.roles.add("admin")
    p.roles.add("user")
    p.roles.discard("guest")
    p.roles.discard("nobody")
    p.roles.update({"é", "z", 'q"'})
    p.roles.remove("z")
    p.digits.add(11)
    p.digits.remove(9)


def _copies(p: Any) -> None:
    p.second = p.address
    p.second.city = "Copy"
    p.items.append(p.items[0])
    p.numbers.extend(p.numbers)
    p.grid.append(p.grid[0])
    p.floats.extend(p.floats)


def _constraints(p: Any) -> None:
    p.age += 5
    p.level += 1
    p.even += 2
    p.short += "de"
    p.few.append(3)
    p.few.pop()
    p.few.pop()


def _doubles(p: Any) -> None:
    for value in (0.1 + 0.2, 1 / 3, 1e300, 5e-324, 123456789.123456789, -0.0, 1e22, 2.0**60):
        p.floats.append(value)
        p.floats[-1] *= 1.1
    p.ratio = 0.7 * 1.1
    p.ratio *= 1.1
    p.share = p.ratio * 1e-7


OPERATIONS = [
    _number, _float, _exact, _texts, _hostile, _times, _distances, _values, _late, _lists, _orders,
    _windows, _cleared, _nested, _dicts, _sets, _copies, _constraints, _doubles,
]  # fmt: skip


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.__name__.strip("_"))
async def test_the_server_does_what_python_does(server, operation):
    stored = await Everything().save()
    expected = copy.deepcopy(stored)
    if operation is _copies:  # in Python two names are one object, and a copy is made here
        _expected_copies(expected)
    else:
        operation(expected)
    async with stored.pipeline() as p:
        operation(p)
    found = await Everything.get(stored.key)
    valid = Everything.model_validate(expected.model_dump())
    assert _typed(found.model_dump()) == _typed(valid.model_dump())
    assert found == stored
    await found.save()
    assert await Everything.get(stored.key) == found


def _typed(value: Any) -> Any:
    """Give a value with the types of all its parts, for which 1 is not 1.0."""
    if isinstance(value, dict):
        return {key: _typed(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value), [_typed(item) for item in value]
    return type(value), repr(value) if isinstance(value, float) else value


def _expected_copies(p: Everything) -> None:
    p.second = copy.deepcopy(p.address)
    p.second.city = "Copy"
    p.items.append(copy.deepcopy(p.items[0]))
    p.numbers.extend(p.numbers)
    p.grid.append(list(p.grid[0]))
    p.floats.extend(p.floats)


FAILURES: list[tuple[Any, type[Exception]]] = [
    (lambda p: p.numbers.pop(3), LookupError),
    (lambda p: p.numbers.pop(-4), LookupError),
    (lambda p: p.numbers.remove(99), LookupError),
    (lambda p: p.counts.pop("missing"), LookupError),
    (lambda p: _delete(p.counts, "missing"), LookupError),
    (lambda p: setattr(p, "number", p.counts["missing"]), LookupError),
    (lambda p: p.roles.remove("nobody"), LookupError),
    (lambda p: setattr(p.second, "city", "x"), LookupError),
    (lambda p: setattr(p.second, "lines", p.second.lines), LookupError),
    (lambda p: p.second.lines.extend([]), LookupError),
    (lambda p: p.second.marks.update({}), LookupError),
    (lambda p: p.second.signs.update(set()), LookupError),
    (lambda p: setattr(p, "number", p.maybe + 1), TypeError),
    (lambda p: setattr(p, "number", p.number // (p.other - 3)), ZeroDivisionError),
    (lambda p: setattr(p, "ratio", p.ratio / (p.other - 3)), ZeroDivisionError),
    (lambda p: setattr(p, "number", p.other * 2**62), OverflowError),
    (lambda p: setattr(p, "ratio", p.ratio * 1e308 * 1e10), OverflowError),
    (lambda p: setattr(p, "number", p.number / 2), ValueError),
    (lambda p: setattr(p, "age", p.age - 21), ValueError),
    (lambda p: setattr(p, "age", p.age + 130), ValueError),
    (lambda p: setattr(p, "level", p.level - 5), ValueError),
    (lambda p: setattr(p, "even", p.even + 1), ValueError),
    (lambda p: setattr(p, "short", p.short * 2), ValueError),
    (lambda p: setattr(p, "short", p.short * 0), ValueError),
    (lambda p: p.few.extend([3, 4]), ValueError),
    (lambda p: p.few.clear(), ValueError),
    (lambda p: setattr(p, "day", p.day + timedelta(days=4_000_000)), OverflowError),
    (lambda p: setattr(p, "born", p.born - timedelta(days=900_000)), OverflowError),
    (lambda p: setattr(p, "span", p.seen - p.born), TypeError),
]


@pytest.mark.parametrize(("operation", "error"), FAILURES)
async def test_what_fails_leaves_nothing_behind(server, redis, operation, error):
    stored = await Everything(floats=[0.1 + 0.2]).save()
    before = await redis.execute_command("JSON.GET", stored.key)
    kept = copy.deepcopy(stored)

    def program(p: Any) -> None:
        p.name = "changed"
        p.tags.append("changed")
        operation(p)

    with pytest.raises(error) as caught:
        await run(stored.pipeline(), program)
    assert isinstance(caught.value, ProgramFailedError)
    assert "nothing was written" in str(caught.value)
    assert caught.value.where.startswith(__file__)
    assert await redis.execute_command("JSON.GET", stored.key) == before
    assert stored == kept


async def test_a_quotient_that_is_whole_is_an_int_and_another_one_names_the_remedy(server):
    stored = await Everything(number=10).save()
    async with stored.pipeline() as p:
        p.number /= 5
    assert stored.number == 2
    assert type((await Everything.get(stored.key)).number) is int

    def program(p: Any) -> None:
        p.number = 5
        p.number /= 2

    with pytest.raises(ValueError, match=r"//"):
        await run(stored.pipeline(), program)
    assert (await Everything.get(stored.key)).number == 2


async def test_results_have_their_values_after_the_block(server):
    stored = await Everything().save()
    async with stored.pipeline() as p:
        tag = p.tags.pop()
        item = p.items.pop(0)
        count = p.counts.pop("a")
        absent = p.counts.pop("absent", None)
        pair = p.counts.popitem()
        box = p.boxes.pop("x")
        kept = p.by_number.setdefault(1, "other")
        p.number = count + 10
        p.name = tag
        p.other = length(p.tags) * 100 + length(p.counts) * 10 + length(p.name)
    assert (tag.value, count.value, absent.value, pair.value) == ("b", 1, None, ("b", 2))
    assert kept.value == "one"
    assert item.value == Item(name="item 0", price=0.25, expired=True, parts=[Part(name="p")])
    assert box.value == Item(name="in x", qty=1)
    assert (stored.number, stored.name, stored.other) == (11, "b", 101)
    assert stored == await Everything.get(stored.key)


async def test_numbers_without_a_spelling_are_exact_beside_elements_that_move(server):
    hard = [0.0] * 400
    for number in range(400):
        hard[number] = (number + 0.37) * 1.1
    items = [Item(name=str(n), price=hard[n], expired=n % 3 == 0) for n in range(400)]
    stored = await Everything(items=items, floats=hard).save()
    expected = copy.deepcopy(stored)
    for item in list(expected.items):
        item.price *= 1.1
        if item.expired:
            expected.items.remove(item)
    expected.floats = [one * 1.1 for one in expected.floats[5:]]
    expected.floats.insert(0, hard[7] * 1.3)
    expected.floats.append(hard[9] * 1.7)
    async with stored.pipeline() as p:
        for item in p.items:
            item.price *= 1.1
            item.expired.if_true(lambda item=item: p.items.remove(item))
        for _ in range(5):
            p.floats.pop(0)
        for place in range(395):
            p.floats[place] *= 1.1
        p.floats.insert(0, hard[7] * 1.3)
        p.floats.append(hard[9] * 1.7)
    found = await Everything.get(stored.key)
    assert found.items == expected.items
    assert found.floats == expected.floats


@pytest.mark.parametrize("step", [1, 2, 3, 7, 10])
async def test_any_elements_are_removed_from_a_long_list(server, step):
    numbers = list(range(1234))
    stored = await Everything(numbers=numbers).save()
    async with stored.pipeline() as p:
        for number in p.numbers:
            (number % step == 0).if_true(lambda number=number: p.numbers.remove(number))
        p.numbers.append(-1)
    assert stored.numbers == [one for one in numbers if one % step] + [-1]
    assert await Everything.get(stored.key) == stored


async def test_get_of_a_dict_gives_a_default(server):
    stored = await Everything(counts={"a": 5}).save()
    async with stored.pipeline() as p:
        p.number = p.counts.get("a", 1) + p.counts.get("z", 10)
        p.maybe = p.counts.get("z")
        p.counts["z"] = p.counts.get("z", 0) + 1
        (p.counts.get("none", 7) == 7).if_true(lambda: p.name.set(p.by_number.get(9, "nobody")))
    assert (stored.number, stored.maybe, stored.counts["z"], stored.name) == (15, None, 1, "nobody")
    assert stored == await Everything.get(stored.key)


async def test_ends_of_lists_and_keys_of_dicts_cost_the_same_however_many_there_are(server):
    size = 3000
    numbers = list(range(size))
    counts = {f"k{number}": number for number in numbers}
    stored = await Everything(numbers=numbers, counts=counts, grid=[[n] for n in numbers]).save()
    async with stored.pipeline() as p:
        for number in p.numbers:
            first = p.numbers.pop(0)
            p.numbers.append(first + number)
            (p.numbers[0] == 5).if_true(lambda: p.tags.append("five"))
        for key in p.counts:
            (p.counts[key] % 2 == 0).if_true(lambda key=key: p.counts.pop(key))
        for part in p.grid:
            p.grid.remove(part)
            p.grid.insert(0, [7])
        p.counts["k0"] = -1
        last = p.counts.popitem()
    assert stored.numbers == [2 * number for number in numbers]
    assert stored.tags == ["a", "b", "five"]
    assert stored.grid == [[7]] * size
    assert stored.counts == {key: value for key, value in counts.items() if value % 2}
    assert last.value == ("k0", -1)
    assert stored == await Everything.get(stored.key)
