"""Laws of partial updates and of tracked changes, on random models and documents."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import create_model
from random_models import (
    MISSING,
    a_step,
    has_no_spelling,
    kinds,
    path_of,
    reach,
    values_of,
)
from rapyer import InvalidPathError, PathNotFoundError, UnaddressableKeyError
from rapyer.testing import use_plugins


@st.composite
def saved(draw: st.DrawFn, *, tracked: bool = False) -> Any:
    """An instance of a random model."""
    fields = draw(st.lists(kinds, min_size=1, max_size=3))
    with use_plugins() as host:
        names = {f"f{n}": (kind[0], ...) for n, kind in enumerate(fields)}
        base = host.AtomicRedisModel
        if tracked:
            config = type("Config", (), {"track_changes": True, "abstract": True})
            base = type(base)("Tracked", (base,), {"Config": config, "__module__": __name__})
        model = create_model("Root", __base__=base, **names)
    instance = model(**{f"f{n}": draw(kind[1]) for n, kind in enumerate(fields)})
    instance.pk = "1"
    return instance


@st.composite
def a_place(draw: st.DrawFn, instance: Any) -> tuple[list[Any], Any]:
    """Steps that lead from an instance to a place, which may not be there, and a value for it."""
    steps: list[Any] = []
    annotation, value = type(instance), instance
    while (found := draw(a_step(annotation, value))) is not None:
        step, (annotation, _) = found
        steps.append(step)
        value = reach(value, [step], None)
        if draw(st.integers(0, 2)) == 0:
            break
    return steps, draw(values_of(annotation))


def assign(instance: Any, steps: list[Any], value: Any) -> bool:
    """Assign as one would in Python; says whether there is such a place."""
    *way, (kind, name) = steps
    holder = reach(instance, way)
    if holder is MISSING or holder is None:
        return False
    if kind == "field":
        setattr(holder, name, value)
    elif kind == "key" or -len(holder) <= name < len(holder):
        holder[name] = value
    else:
        return False
    return True


@given(st.data())
@settings(max_examples=120)
async def test_updates_end_as_assignments_to_a_plain_model(redis, server, data):
    instance = data.draw(saved())
    model = type(instance)
    await instance.save()
    plain = copy.deepcopy(instance)
    for _ in range(data.draw(st.integers(1, 5))):
        places = data.draw(st.lists(a_place(plain), min_size=1, max_size=3))
        expected = copy.deepcopy(plain)
        is_there = [assign(expected, steps, copy.deepcopy(value)) for steps, value in places]
        update = {path_of(model, steps): value for steps, value in places}
        before = await redis.execute_command("JSON.GET", "root:1")
        by_key = data.draw(st.booleans())
        try:
            if by_key:
                await model.aupdate_by_key("1", update)
                await instance.load()
            else:
                assert await instance.aupdate(update) is instance
        except InvalidPathError:  # one place within another
            assert len(places) > 1
        except UnaddressableKeyError:
            assert any(has_no_spelling(steps) for steps, _ in places)
        except PathNotFoundError:
            assert not all(is_there)
        else:
            plain = expected
            assert instance == plain
            continue
        assert await redis.execute_command("JSON.GET", "root:1") == before
        assert instance == plain
    assert await model.get("1") == plain


def mutate(data: st.DataObject, instance: Any) -> None:
    """Change an instance as a program does: assign, add, take out, append, insert."""
    steps, value = data.draw(a_place(instance))
    assign(instance, steps, value)
    for end in range(1, len(steps)):
        part = reach(instance, steps[:end])
        if isinstance(part, dict) and part and data.draw(st.booleans()):
            part.pop(data.draw(st.sampled_from(sorted(part))))
        elif isinstance(part, list) and part and data.draw(st.booleans()):
            part.insert(data.draw(st.integers(0, len(part))), copy.deepcopy(part[0]))
        elif isinstance(part, list) and part and data.draw(st.booleans()):
            part.pop(data.draw(st.integers(0, len(part) - 1)))


@given(st.data())
@settings(max_examples=120)
async def test_saved_changes_are_what_save_would_have_written(redis, server, data):
    instance = data.draw(saved(tracked=True))
    model = type(instance)
    await instance.save()
    if data.draw(st.booleans()):
        instance = await model.get("1")
    assert instance.changes() == {}
    for _ in range(data.draw(st.integers(1, 3))):
        for _ in range(data.draw(st.integers(1, 4))):
            mutate(data, instance)
        stored = await model.get("1")
        changes = instance.changes()
        assert bool(changes) is not same_json(stored, instance)
        for text, change in changes.items():
            assert repr(change.old) != repr(change.new), text
        await instance.save_changes()
        assert instance.changes() == {}
        assert await model.get("1") == instance
        partial = json.loads(await redis.execute_command("JSON.GET", "root:1"))
        await instance.save()
        assert json.loads(await redis.execute_command("JSON.GET", "root:1")) == partial


def same_json(one: Any, other: Any) -> bool:
    """Whether two instances have the same JSON, types of numbers included; keys in any order."""
    texts = [
        json.dumps(json.loads(instance.model_dump_json()), sort_keys=True)
        for instance in (one, other)
    ]
    return texts[0] == texts[1]


@given(st.data())
@settings(max_examples=60)
async def test_a_rollback_restores_what_was_loaded_or_saved(server, data):
    instance = data.draw(saved(tracked=True))
    await instance.save()
    if data.draw(st.booleans()):
        steps, value = data.draw(a_place(instance))
        with_path = path_of(type(instance), steps)
        if not has_no_spelling(steps):
            try:
                await instance.aupdate({with_path: value})
            except PathNotFoundError:
                assert reach(instance, steps[:-1], None) is None or steps[-1][0] == "index"
    before = copy.deepcopy(instance)
    for _ in range(3):
        mutate(data, instance)
    instance.rollback()
    assert instance == before
    assert instance.changes() == {}
    assert await type(instance).get("1") == instance


@pytest.mark.slow
@given(st.data())
@settings(max_examples=3000)
async def test_updates_and_saved_changes_at_length(redis, server, data):
    await test_updates_end_as_assignments_to_a_plain_model.hypothesis.inner_test(
        redis, server, data
    )
    await test_saved_changes_are_what_save_would_have_written.hypothesis.inner_test(
        redis, server, data
    )
