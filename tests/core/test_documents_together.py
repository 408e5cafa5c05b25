"""Documents that are dumped, or loaded, together are what each of them is by itself."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import create_model
from random_models import kinds
from rapyer import (
    AtomicRedisModel,
    CorruptDocumentError,
    Field,
    Key,
    UnstorableValueError,
    Version,
)
from rapyer.loading import all_loaded, loaded
from rapyer.testing import use_plugins
from rapyer.types.document import DocumentCodec
from rapyer.types.text import hide_nul
from rapyer.types.values import MAX_LEVELS
from rapyer.writing import DocumentWrites

#: What no document may hold, or not at that place.
SPOILT = [
    math.nan, math.inf, -math.inf, 2**70, "\ud800", "text", None, [1], {"a": math.inf}, 5e-324,
    0.1 + 0.2, "NaN", "Infinity", "\x00", "\\", "é", 10**18, [[[]]], object(),
]  # fmt: skip


def alone(codec, instance):
    """The dump of one instance, or why it has none; with what the server itself would refuse."""
    try:
        text = codec.text(instance, checked=True)
        document, corrections = codec.spell(instance, text)
    except UnstorableValueError as exc:
        return str(exc)
    is_refused = b"Infinity" in text or text.count(b"[") + text.count(b"{") > MAX_LEVELS
    fault = codec.fault_of(instance) if is_refused else None
    return (text, document, corrections) if fault is None else str(fault)


def together(codec, instances):
    texts, documents, corrections, failures = codec.dump_many(instances)
    return [
        str(failures[place])
        if place in failures
        else (texts[place], documents[place], corrections.get(place, ()))
        for place in range(len(instances))
    ]


@settings(max_examples=200)
@given(st.data())
def test_instances_of_random_models(data):
    fields = data.draw(st.lists(kinds, min_size=1, max_size=4))
    with use_plugins() as host:
        names = {f"f{n}": (kind[0], ...) for n, kind in enumerate(fields)}
        model = create_model("Together", __base__=host.AtomicRedisModel, **names)
        codec = DocumentCodec(model, host.field_types)
    values = st.fixed_dictionaries({f"f{n}": kind[1] for n, kind in enumerate(fields)})
    instances = [model(**one) for one in data.draw(st.lists(values, min_size=1, max_size=6))]
    for instance in instances:
        if data.draw(st.booleans()):
            name = data.draw(st.sampled_from([*names]))
            instance.__dict__[name] = data.draw(st.sampled_from(SPOILT))
    assert together(codec, instances) == [alone(codec, instance) for instance in instances]


class Loose(AtomicRedisModel):
    id: Key[str] = "1"
    value: Any = None
    ratio: float = 0.5

    class Config:
        prefix = "together:loose"


@pytest.mark.parametrize("place", [0, 3, 5])
@pytest.mark.parametrize("value", SPOILT, ids=repr)
def test_one_that_is_spoilt_leaves_the_others_as_they_are(place, value):
    codec, instances = Loose.__rapyer_codec__, [Loose(value=n, ratio=n / 4) for n in range(6)]
    instances[place].value = value
    assert together(codec, instances) == [alone(codec, instance) for instance in instances]
    instances[place].ratio = value
    assert together(codec, instances) == [alone(codec, instance) for instance in instances]


def test_one_with_too_many_levels_for_the_server_is_found():
    instances = [Loose(value=[n] * 200) for n in range(3)]
    for _ in range(140):
        instances[1].value = [instances[1].value]
    _, _, _, failures = Loose.__rapyer_codec__.dump_many(instances)
    assert failures.keys() == {1}
    assert "level" in str(failures[1])


def test_the_documents_of_versioned_instances_have_their_next_version():
    class Count(AtomicRedisModel):
        id: Key[str]
        revision: Version = Field(default=0)

        class Config:
            prefix = "together:count"

    counts = [Count(id=str(n)) for n in range(3)]
    counts[1].__dict__["revision"] = "x"
    counts[2].__dict__["revision"] = 7
    writes = DocumentWrites([Count.key_of(str(n)) for n in range(3)], counts)
    assert writes.dumps.failures.keys() == {1}
    assert b'"revision":1' in writes.dumps.documents[0]
    assert b'"revision":8' in writes.dumps.documents[2]
    assert writes.expected == ["-", "", "7"]
    assert [count.revision for count in counts] == [0, "x", 7]
    writes.done([0])
    assert [count.revision for count in counts] == [1, "x", 7]


async def test_infinity_beside_a_number_that_is_spelled_anew_is_told(server):
    class Reading(AtomicRedisModel):
        low: float
        high: float

        class Config:
            prefix = "together:reading"

    reading = Reading(low=1.3062963908703817e-11, high=1.0)
    reading.high = math.inf
    with pytest.raises(UnstorableValueError, match=r"Reading\.high"):
        await reading.save()


def documents_of(instances):
    """What is stored for each instance, at a key of its own."""
    codec = type(instances[0]).__rapyer_codec__
    return [one.key for one in instances], [codec.text(one, checked=True) for one in instances]


@settings(max_examples=100)
@given(st.data())
def test_instances_that_are_loaded_together_are_those_that_are_loaded_one_by_one(data):
    fields = data.draw(st.lists(kinds, min_size=1, max_size=4))
    with use_plugins() as host:
        names = {f"f{n}": (kind[0], ...) for n, kind in enumerate(fields)}
        model = create_model("Loaded", __base__=host.AtomicRedisModel, **names)
        values = st.fixed_dictionaries({f"f{n}": kind[1] for n, kind in enumerate(fields)})
        instances = [model(**one) for one in data.draw(st.lists(values, min_size=1, max_size=6))]
        keys, texts = documents_of(instances)
        raws = [hide_nul(text) for text in texts]
        together = all_loaded(model, keys, raws)
        apart = [*map(loaded, [model] * len(keys), keys, raws)]
        assert [repr(one) for one in together] == [repr(one) for one in apart]
        assert [one.key for one in together] == keys


@pytest.mark.parametrize("size", [1, 200_000])
def test_documents_of_any_size_are_loaded_together(size):
    keys, raws = documents_of([Loose(id=str(n), value="x" * size + str(n)) for n in range(5)])
    found = all_loaded(Loose, keys, raws)
    assert [one.value[size:] for one in found] == [*"01234"]
    assert [one.key for one in found] == keys


@pytest.mark.parametrize(
    ("place", "raw", "said"),
    [
        (1, b'{"id":"1","ratio":"x"}', "is not a valid Loose"),
        (3, b"null", "is not a valid Loose"),
        (2, b'{"id":"7"}', "says that it belongs at 'together:loose:7'"),
    ],
)
def test_the_first_document_that_is_corrupt_is_told(place, raw, said):
    keys, raws = documents_of([Loose(id=str(n)) for n in range(5)])
    raws[place], raws[4] = raw, b"[]"
    with pytest.raises(CorruptDocumentError, match=said) as found:
        all_loaded(Loose, keys, raws)
    assert found.value.key == keys[place]
    assert found.value.raw == raw


class Branch(AtomicRedisModel):
    id: Key[str]
    below: list[Branch] = []

    class Config:
        prefix = "together:branch"


def test_models_that_hold_themselves_are_loaded_together():
    trees = [Branch(id=str(n), below=[Branch(id="x", below=[Branch(id="y")])]) for n in range(3)]
    keys, raws = documents_of(trees)
    assert all_loaded(Branch, keys, raws) == trees
