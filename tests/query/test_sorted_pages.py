"""A page of a sorted query, by values that the index keeps: the first rows alone are asked for."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapyer import AtomicRedisModel, Field, Key

NUMBER = 60


class Sorted(AtomicRedisModel):
    id: Key[str]
    number: int = Field(sortable=True)
    ratio: float = Field(sortable=True)
    text: str = Field(sortable=True)
    may_be: int | None = Field(default=None, sortable=True)


@pytest.fixture
async def documents(server):
    draw = random.Random(3)
    made = [
        Sorted(
            id=str(place),
            number=draw.randrange(NUMBER),
            # two of them have the same twelve digits
            ratio=draw.choice([draw.random(), draw.randrange(5), 1 / 3, 1 / 3 + 1e-16]),
            text=draw.choice("abé") * draw.randrange(4),
            may_be=draw.choice([None, draw.randrange(9)]),
        )
        for place in range(NUMBER)
    ]
    await Sorted.bulk_insert(made)
    await Sorted.index.ensure()
    return made


def in_order(documents, name, *, is_reverse):
    def value(one):
        found = getattr(one, name)
        return found.encode() if isinstance(found, str) else found

    by_key = sorted(documents, key=lambda one: one.key)
    some = [one for one in by_key if value(one) is not None]
    rest = [one for one in by_key if value(one) is None]
    return sorted(some, key=value, reverse=is_reverse) + rest


@settings(max_examples=150)
@given(
    name=st.sampled_from(["number", "ratio", "text", "may_be"]),
    is_reverse=st.booleans(),
    skip=st.integers(0, 8),
    limit=st.integers(0, 12),
)
async def test_any_page_is_that_of_plain_python(documents, name, is_reverse, skip, limit):
    query = Sorted.find().sort(f"{'-' if is_reverse else ''}{name}").skip(skip).limit(limit)
    meant = in_order(documents, name, is_reverse=is_reverse)[skip : skip + limit]
    assert [one.pk for one in await query.to_list()] == [one.pk for one in meant]
    assert await query.values(Sorted.id, Sorted.text).to_list() == [
        (one.id, one.text) for one in meant
    ]


async def test_the_keys_of_documents_that_are_not_of_the_page_are_not_read(documents, redis):
    for place in range(3):
        await Sorted(id=f"last{place}", number=1000 + place, ratio=1, text="").save()
    query = Sorted.find().sort("-number").limit(2)
    await query.to_list()
    async with redis.monitor() as monitor:
        assert [one.pk for one in await query.to_list()] == ["last2", "last1"]
        await redis.ping()
        sent = []
        while "PING" not in sent:
            sent.append((await monitor.next_command())["command"])
    (asked,) = [one for one in sent if one.startswith("FT.AGGREGATE")]
    assert "SORTBY 2 @number DESC MAX 3 LIMIT 0 3 LOAD 1 @__key" in asked
