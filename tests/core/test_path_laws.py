"""Laws of paths, on random models, documents and paths: hypothesis looks for what breaks them."""

from __future__ import annotations

import copy
import json
from typing import Annotated, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field, create_model
from random_models import MISSING, cases, has_no_spelling, kinds, path_of, reach
from rapyer import PathNotFoundError, UnaddressableKeyError
from rapyer.testing import use_plugins


@given(cases())
@settings(max_examples=150)
async def test_reading_by_a_path_is_navigating_the_loaded_model(server, case):
    model, instance, steps, _ = case
    await instance.save()
    path, expected = path_of(model, steps), reach(instance, steps)
    if has_no_spelling(steps):
        with pytest.raises(UnaddressableKeyError):
            await path.get("1")
    elif expected is MISSING:
        with pytest.raises(PathNotFoundError):
            await path.get("1")
        assert await path.get("1", default=7) == 7
    else:
        value = await path.get("1")
        assert value == expected
        assert type(value) is type(expected)
        assert await model.extract("1", path, path) == (expected, expected)


@given(st.data())
@settings(max_examples=60)
async def test_reading_by_a_path_into_a_union_is_navigating_the_loaded_model(server, data):
    members = []
    for tag in ("one", "other"):
        fields = data.draw(st.dictionaries(st.sampled_from("abc"), kinds, min_size=1))
        names = {name: (kind[0], ...) for name, kind in fields.items()}
        model = create_model(f"Part{tag}", tag=(Literal[tag], tag), **names)
        values = {name: kind[1] for name, kind in fields.items()}
        members.append((model, st.builds(model, **values)))
    union = Annotated[members[0][0] | members[1][0], Field(discriminator="tag")]
    with use_plugins() as host:
        model = create_model(
            "Root", __base__=host.AtomicRedisModel, part=(union, ...), parts=(list[union], ...)
        )
    part = data.draw(members[0][1] | members[1][1])
    instance = model(part=part, parts=[part])
    instance.pk = "1"
    await instance.save()
    for name in ("tag", *{n for member, _ in members for n in member.model_fields}):
        for path in (getattr(model.part, name), getattr(model.parts[-1], name)):
            if name in type(part).model_fields:
                assert await path.get("1") == getattr(part, name)
            else:
                assert await path.get("1", default=MISSING) is MISSING


@given(cases(), st.data())
@settings(max_examples=150)
async def test_writing_by_a_path_changes_that_and_nothing_else(redis, server, case, data):
    model, instance, steps, kind = case
    await instance.save()
    path, value = path_of(model, steps), data.draw(kind[1])
    before = await redis.execute_command("JSON.GET", "root:1")
    *way, (step, name) = steps
    expected = copy.deepcopy(instance)
    parent = reach(expected, way)
    can_be_written = parent is not MISSING and parent is not None
    if can_be_written and step == "field":
        setattr(parent, name, value)
    elif can_be_written and step == "key":
        parent[name] = value
    elif can_be_written:
        can_be_written = -len(parent) <= name < len(parent)
        if can_be_written:
            parent[name] = value
    if has_no_spelling(steps):
        with pytest.raises(UnaddressableKeyError):
            await path.set("1", value)
    elif not can_be_written:
        with pytest.raises(PathNotFoundError):
            await path.set("1", value)
    else:
        await path.set("1", value)
        assert await model.get("1") == expected
        return
    assert await redis.execute_command("JSON.GET", "root:1") == before


@given(cases())
@settings(max_examples=100)
def test_a_path_is_found_again_by_its_repr(case):
    model, _, steps, _ = case
    path = path_of(model, steps)
    assert path_of(model, steps) is path
    text = repr(path).removeprefix("Root.")
    assert model.path(text) is path
    assert json.dumps(text)
