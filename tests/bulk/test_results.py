"""`BulkResult`: counts, and what became of each key."""

from __future__ import annotations

import sys
import tracemalloc

import pytest
from bulk_models import User, users
from hypothesis import given
from hypothesis import strategies as st
from rapyer_bulk import BulkResult
from rapyer_bulk.results import CODES, KeyOutcome, Part


@given(st.lists(st.lists(st.tuples(st.text(), st.sampled_from([*CODES])), max_size=5), max_size=5))
def test_a_result_is_the_sequence_of_what_became_of_the_keys(chunks):
    parts, expected = [], []
    for chunk in chunks:
        part = Part([key for key, _ in chunk])
        for place, (key, outcome) in enumerate(chunk):
            part.codes[place] = CODES[outcome]
            error = None
            if outcome in ("failed", "unknown"):
                error = ValueError(key)
                part.fail(place, error, outcome)
            expected.append(KeyOutcome(key, outcome, error))
        parts.append(part)
    result = BulkResult(parts)
    assert list(result) == expected
    assert len(result) == len(expected)
    assert [result[place] for place in range(-len(expected), len(expected))] == expected * 2
    assert result[1:3] == expected[1:3]
    assert sum(result.counts.values()) == len(expected)
    for outcome in CODES:
        own = [entry.key for entry in expected if entry.outcome == outcome]
        assert result.keys_of(outcome) == own
        assert result.count_of(outcome) == getattr(result, outcome) == len(own)
    assert {key: result.of(key) for key, _, _ in expected} == {one.key: one for one in expected}
    assert result.errors.keys() == {one.key for one in expected if one.error is not None}


def test_what_is_not_there_is_an_error():
    result = BulkResult([Part(["a"])])
    with pytest.raises(IndexError):
        result[1]
    with pytest.raises(IndexError):
        result[-2]
    with pytest.raises(KeyError):
        result.of("b")


def test_a_hundred_thousand_keys_take_some_50_bytes_each():
    keys = [f"bulk:user:{number:032d}" for number in range(100_000)]
    tracemalloc.start()
    try:
        parts = [Part(keys[first : first + 1000]) for first in range(0, len(keys), 1000)]
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(parts) == 100
    assert size / len(keys) < 60


async def test_a_result_holds_no_instance(server):
    created = users(10)
    created[3].age = "old"
    before = [sys.getrefcount(user) for user in created]
    result = await User.bulk_insert(created, raise_on_error=False)
    assert [sys.getrefcount(user) for user in created] == before
    assert result.failed == 1
