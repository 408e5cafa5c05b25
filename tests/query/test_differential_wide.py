"""Queries against plain Python: what they find is what `condition.matches` says of each document.

Documents and conditions are random, over all types; see `wide_conditions`. By default some
hundreds of conditions are asked, by `-m slow` tens of thousands.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, assume, given, note, settings
from hypothesis import strategies as st
from rapyer import ExpressionError, UnstorableValueError
from rapyer.base import channel_of
from rapyer.expr.text import stored_text
from rapyer_query.clauses import NOTHING
from rapyer_query.index import Compiled, ModelIndex
from rapyer_query.settings import Limits, limits_of
from wide_conditions import MODELS, Everything, Rare, a_condition, a_path, absences, an_object

#: Documents by their keys.
Stored = dict[str, Any]
_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example,
         HealthCheck.function_scoped_fixture]  # fmt: skip


# -- documents ------------------------------------------------------------------------------------


async def store(model: Any, rng: random.Random, number: int, redis: Any) -> Stored:
    """Store some documents, many of which lack fields, and load them as anyone would."""
    pipe = redis.pipeline(transaction=False)
    key_field = "id" if "id" in model.model_fields else "pk"
    await redis.delete(*(model.key_of(place) for place in range(number)))
    for place in range(number):
        instance = await save_one(rng, model, place if key_field == "id" else str(place))
        if rng.random() < 0.6:
            for path in absences(rng, instance, 0.3):
                pipe.execute_command("JSON.DEL", instance.key, path)
    await pipe.execute()
    loaded = [await model.get(place) for place in range(number)]
    return {instance.key: instance for instance in loaded}


async def save_one(rng: random.Random, model: Any, key: Any) -> Any:
    """Save a random instance: another one where core refuses it, as a text that is read as UUID."""
    while True:
        instance = an_object(rng, model)
        setattr(instance, "id" if "id" in model.model_fields else "pk", key)
        with suppress(UnstorableValueError):
            return await instance.save()


@pytest_asyncio.fixture
async def stored(server: Any, redis: Any) -> dict[Any, Stored]:
    rng = random.Random(7)
    return {model: await store(model, rng, number, redis) for model, number in _NUMBERS}


_NUMBERS = list(zip(MODELS, [60, 30, 30], strict=True))


def drawn(rng: random.Random, model: Any, depth: int) -> Any:
    """A condition; half of them are about few fields, so that what they join has to do with it."""
    names = [name for name in model.model_fields if name != "pk"]
    among = [rng.choice(names) for _ in range(rng.randrange(1, 5))] if rng.random() < 0.7 else []
    return a_condition(rng, model, depth, among)


def meant(condition: Any, documents: Stored) -> set[str] | None:
    """The keys of the documents that fulfil a condition; None where Python cannot calculate it."""
    try:
        return {key for key, instance in documents.items() if condition.matches(instance)}
    except ArithmeticError:
        return None


def draw_condition(rng: random.Random, model: Any, documents: Stored) -> tuple[Any, set[str]]:
    try:
        condition = drawn(rng, model, rng.choice([0, 1, 2, 3, 4]))
    except ExpressionError:
        condition = None
    assume(condition is not None)
    wanted = meant(condition, documents)
    assume(wanted is not None)
    note(repr(condition))
    return condition, wanted or set()


# -- texts ----------------------------------------------------------------------------------------

_LEAF = re.compile(
    r"ismissing\(@(?P<missing>[a-z][a-z0-9_]*)\)"
    r"|@(?P<number>[a-z][a-z0-9_]*):\[\(?(?:[+-]inf|\$p\d+) \(?(?:[+-]inf|\$p\d+)\]"
    r"|@(?P<tag>[a-z][a-z0-9_]*):\{(?:\*?\$p\d+\*?|\$p\d+(?:\|\$p\d+)+)\}"
)


def positive_end(text: str, start: int, names: set[str]) -> int:
    """Read a text without NOT, and say where it ends."""
    if text.startswith("(", start):
        place = positive_end(text, start + 1, names)
        joint = " | " if text.startswith(" | ", place) else " "
        number = 1
        while text.startswith(joint, place):
            place = positive_end(text, place + len(joint), names)
            number += 1
        assert text.startswith(")", place), text[place:]
        assert number > 1, "parentheses around one"
        return place + 1
    found = _LEAF.match(text, start)
    assert found, text[start:]
    assert {name for name in found.groups() if name} <= names
    return found.end()


def check_text(compiled: Compiled, index: ModelIndex) -> None:
    """Assert that NOT stands at the top alone, and that nothing is in a text but what we make."""
    text = compiled.clause.query
    names = {attribute.name for attribute in index.attributes.all}
    if text not in (NOTHING, "*"):
        place = 0
        while place < len(text):
            if place:
                assert text[place] == " "
                place += 1
            if text.startswith("(-(", place):
                # what is taken away is one text, with or without parentheses of its own
                place = positive_end(text, place + 3, names)
                assert text.startswith("))", place), text[place:]
                place += 2
            else:
                place = positive_end(text, place, names)
    sent = compiled.parameters
    assert {f"${name}" for name in sent[::2]} == set(re.findall(r"\$p\d+", text))


@given(st.randoms(use_true_random=False), st.sampled_from(MODELS), st.integers(0, 4))
@settings(max_examples=100, suppress_health_check=_SLOW)
def test_a_text_has_not_at_its_top_alone_and_nothing_that_a_user_wrote(rng, model, depth):
    try:
        condition = drawn(rng, model, depth)
    except ExpressionError:
        assume(False)
    index = ModelIndex.of(model)
    for limits in (Limits(2, expands_all=True), Limits(2, expands_all=False), Limits(1, True)):
        for each in (condition, ~condition):
            check_text(index.compiled(each, limits), index)


# -- what is found --------------------------------------------------------------------------------


@given(st.randoms(use_true_random=False), st.sampled_from(MODELS))
@settings(max_examples=90, suppress_health_check=_SLOW)
async def test_what_a_query_finds_is_what_python_says_of_each_document(stored, rng, model):
    documents = stored[model]
    condition, wanted = draw_condition(rng, model, documents)
    query = model.find(condition).scan()
    found = await query.to_list()
    assert {one.key for one in found} == wanted
    assert len(found) == len(wanted)
    assert all(one == documents[one.key] for one in found)
    assert await query.count() == len(wanted)
    assert set(await query.keys()) == wanted
    assert await query.exists() == bool(wanted)


@given(st.randoms(use_true_random=False), st.sampled_from(MODELS))
@settings(max_examples=40, suppress_health_check=_SLOW)
async def test_an_order_is_that_of_python_with_none_last_and_keys_behind(stored, rng, model):
    documents = stored[model]
    condition, wanted = draw_condition(rng, model, documents)
    if rng.random() < 0.3:
        condition, wanted = None, set(documents)
    query = model.find(*([] if condition is None else [condition])).scan()
    orders = []
    while len(orders) < rng.randrange(1, 3):
        path, is_reverse = a_path(rng, model), rng.random() < 0.5
        try:
            query = query.sort(path.desc() if is_reverse else path.asc())
        except ExpressionError:
            continue
        orders.append((path, is_reverse))
    note(repr(query))
    rows = sorted(wanted)
    for path, is_reverse in reversed(orders):
        values = {key: read(path, documents[key]) for key in rows}
        some = [key for key in rows if values[key] is not None]
        some.sort(key=lambda key: in_order(values[key]), reverse=is_reverse)
        rows = some + [key for key in rows if values[key] is None]
    skip, limit = rng.choice([0, 0, 1, 3, 100]), rng.choice([None, 0, 1, 5, 30, 200])
    rows = rows[skip:] if limit is None else rows[skip : skip + limit]
    query = query.skip(skip).limit(limit)
    assert [one.key for one in await query.to_list()] == rows
    assert await query.keys() == rows
    assert await query.count() == len(rows)


def read(path: Any, instance: Any) -> Any:
    """The value at a path, as one would read it of an instance; None where there is none."""
    value = instance
    for kind, step, *_ in path.__steps__:
        if value is None:
            return None
        if kind == "field":
            value = value.get(step) if isinstance(value, dict) else getattr(value, step, None)
        elif kind == "key":
            value = value.get(step) if isinstance(value, dict) else None
        else:
            is_there = isinstance(value, list | tuple) and -len(value) <= step < len(value)
            value = value[step] if is_there else None
    return value


def in_order(value: Any) -> Any:
    """A value as it is ordered."""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, str):
        return stored_text(value).encode()
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return (aware - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds(), aware.microsecond
    if isinstance(value, time):
        return value.replace(tzinfo=None)
    return Decimal(value) if isinstance(value, int | float) else value


#: What was once answered wrongly, or not at all.
WRONG_ONCE = [
    Everything.items[-1].tags == [],
    Everything.items[0].counts == [],
    Everything.maybe_text.contains("\x00"),
    Everything.text.endswith("\ufdd1"),
    Everything.exact > Decimal("1.7976931348623157E+308"),
    Everything.exact < Decimal("-1.7976931348623157E+308"),
    Everything.pair.contains(Decimal(1)),
    Everything.pair.contains(True),
    Everything.text_pair.contains(b"ab"),
    Everything.day_pair.contains("a"),
    Everything.maybe_point.y == 1.0,
    Rare.checked.lower == "ab",
    Rare.checked.lower == "AB",
]


@pytest.mark.parametrize("condition", WRONG_ONCE, ids=repr)
async def test_what_was_once_answered_wrongly_is_what_python_says(server, redis, condition):
    model = Rare if "Rare" in repr(condition) else Everything
    documents = await store(model, random.Random(3), 40, redis)
    for each in (condition, ~condition):
        wanted = meant(each, documents)
        assert set(await model.find(each).scan().keys()) == wanted


# -- many of them ---------------------------------------------------------------------------------


async def compare(
    model: Any, redis: Any, rng: random.Random, documents: Stored, number: int
) -> Counter[str]:
    """Hold what the index itself finds against Python, without reading documents."""
    index, seen = ModelIndex.of(model), Counter[str]()
    await index.ensure(channel_of(model))
    known = await limits_of(channel_of(model))
    while seen["conditions"] < number:
        state = rng.getrandbits(64)
        try:
            condition = drawn(random.Random(state), model, rng.randrange(5))
        except ExpressionError:
            continue
        wanted = meant(condition, documents)
        if wanted is None:
            continue
        limits = known._replace(expands_all=known.expands_all and rng.random() < 0.8)
        compiled = index.compiled(condition, limits)
        check_text(compiled, index)
        found = await keys_of(redis, index, compiled)
        seen["conditions"] += 1
        seen["exact"] += compiled.is_exact
        seen["scans"] += compiled.clause.is_all and not compiled.is_exact
        if compiled.is_exact:
            assert found == wanted, condition
        else:
            assert found >= wanted, condition
    return seen


async def keys_of(redis: Any, index: ModelIndex, compiled: Compiled) -> set[str]:
    query, sent = compiled.clause.query, compiled.parameters
    if query == NOTHING:
        return set()
    params = ["PARAMS", len(sent), *sent] if sent else []
    reply = await redis.execute_command(
        "FT.SEARCH", index.name, query, "NOCONTENT", "LIMIT", 0, 10_000, *params,
        "TIMEOUT", 0, "DIALECT", 2,
    )  # fmt: skip
    return {key.decode() for key in reply[1:]}


@given(st.integers(0, 2**32))
@settings(max_examples=5, suppress_health_check=_SLOW)
async def test_what_the_index_finds_is_enough_and_where_it_is_exact_no_more(server, redis, seed):
    rng = random.Random(seed)
    for model, number in zip(MODELS, [8, 8, 8], strict=True):
        documents = await store(model, rng, number, redis)
        await compare(model, redis, rng, documents, 100)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
async def test_tens_of_thousands_of_conditions_are_answered_as_in_python(server, redis, seed):
    rng = random.Random(seed)
    for model, number in zip(MODELS, [300, 200, 200], strict=True):
        documents = await store(model, rng, number, redis)
        await compare(model, redis, rng, documents, 6000 if model is Everything else 2000)
