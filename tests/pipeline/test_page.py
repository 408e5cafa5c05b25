"""docs/pipeline.md and the README: the examples run, and what they name exists."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta

import pytest
import rapyer
import rapyer_pipeline
from pages import Page
from rapyer import AtomicRedisModel
from rapyer.testing import check_plugin, check_plugin_with_server
from rapyer_pipeline import Pipeline, PipelineAborted, PipelineError, interpreter
from rapyer_pipeline import plugin as pipeline_plugin
from rapyer_pipeline.dicts import TracedDict
from rapyer_pipeline.lists import TracedList, TracedSet

PAGE = Page("docs/pipeline.md")
README = Page("packages/rapyer-pipeline/README.md")


async def test_the_examples_about_values_and_conditions(page):
    user_class, item = page["User"], page["Item"]
    user = await user_class(
        id="1",
        age=17,
        score=4,
        name="Ada",
        counts={"visits": 7},
        inventory=[item(name="x", price=9)],
    ).save()
    await user_class.aupdate_by_key("1", score=25)
    await page["birthday"](user)
    assert (user.age, user.score, user.tags, user.status) == (18, 50, ["older"], "adult")
    assert user == await user_class.get("1")

    assert await page["values"](user) == "older"
    assert user == await user_class.get("1")
    assert (user.credit, user.status, user.score, user.age) == (900.5, "Ada, 1", 1 + 7 + 18, 0)
    assert (user.counts, user.name, user.tags) == ({"visits": 7, "Ada": 9}, "Adaolder", [])
    assert user.until == datetime(2026, 1, 1) + timedelta(hours=18)
    assert user.active

    for score, age, expected in (
        (100, 18, ("gold", ["gold"], 101, "Adaolder")),
        (50, 9, ("silver", [], 52, None)),
        (49, 10, ("none", [], 52, None)),
    ):
        await user_class.aupdate_by_key("1", score=score, age=age, nick=None, tags=[])
        await user.load()
        await page["grade"](user)
        assert user == await user_class.get("1")
        assert (user.status, user.tags, user.score, user.nick) == expected


async def test_the_example_of_a_transaction(page):
    user = await page["User"](id="1", credit=5.0).save()
    order = await page["Order"](id="{shop}:1", price=3.5).save()
    await page["pay"](user, order)
    assert (user.credit, order.paid) == (1.5, True)
    with pytest.raises(PipelineAborted, match="not enough credit"):
        await page["pay"](user, order)
    assert await page["User"].get("1") == user


async def test_the_examples_about_loops_and_endings(page, capsys):
    user_class, item = page["User"], page["Item"]
    old, new = item(name="milk", price=2, expired=True), item(name="salt", price=3)
    user = await user_class(
        id="1", score=1, tags=["a", "b"], counts={"x": 0, "y": 4}, inventory=[old, old, new, old]
    ).save()
    await page["sort_out"](user)
    assert user == await user_class.get("1")
    assert user.inventory == [item(name="salt", price=6)]
    assert user.archive == [old, old, old]
    assert (user.roles, user.counts, user.score) == ({"a", "b"}, {"y": 4}, 5)

    assert await page["buy"]("1", "hat", 5)
    assert not await page["buy"](user.key, "hat", 1)
    assert capsys.readouterr().out == "too poor\n"
    await user.load()
    assert user.inventory[-1] == item(name="hat", price=5)
    await user_class.aupdate_by_key("1", score=9, inventory=[new] * 100)
    assert not await page["buy"]("1", "hat", 1)
    assert (await user_class.get("1")).score == 9

    await page["leave"](user)
    assert user.score == 9
    await user_class.aupdate_by_key("1", score=0)
    await page["leave"](user)
    assert not await user_class.exists("1")


async def test_the_examples_about_errors(page, capsys):
    user = await page["User"](id="1", score=3).save()
    await page["fail"](user)
    printed = capsys.readouterr().out
    lines = [line.strip() for line in PAGE.text.splitlines()]
    assert printed.startswith(f"{PAGE.path}:{1 + lines.index('p.score //= p.age')}: ")
    PAGE.check_printed(printed, PAGE.said[1:])
    assert user == await page["User"].get("1")
    assert user.tags == []

    (said,) = PAGE.blocks("text")
    assert await page["explain"](user) == said.text.rstrip("\n")


async def test_the_example_of_the_readme_runs(redis_url, redis):
    async with README.connected(redis_url) as names:
        inventory = [names["Item"](expired=True), names["Item"]()]
        user = await names["User"](id="1", age=18, inventory=inventory).save()
        await names["play"](user)
        assert (user.score, user.status, user.inventory) == (10, "adult", inventory[1:])
        lamp = await names["Product"](name="lamp", stock=1).save()
        await names["sell"]("lamp")
        with pytest.raises(PipelineAborted, match="sold out"):
            await names["sell"]("lamp")
        assert (await lamp.load()).stock == 0


async def test_the_format_is_as_the_page_says(page, monkeypatch):
    user = await page["User"](id="1", inventory=[]).save()
    async with user.pipeline() as p:
        p.score += 10
        p.tags.append("x")
        p.tags.pop()
        text = json.loads(p._program.text({}))
    assert list(text) == ["v", "d", "s", "r", "b"]
    assert (text["v"], text["s"], text["r"]) == (1, 100_000, 1)
    (of_document,) = text["d"]
    assert list(of_document) == ["p", "u", "o"]
    assert (of_document["p"], of_document["u"]) == (["score"], '$["score"]')
    assert [one[:2] for one in of_document["o"]] == [["score", "s"], ["tags", "c"]]
    assert text["b"][0][0] == "set"


def test_what_the_page_names_exists():
    for name in re.findall(r"`(\w+Error|PipelineAborted)`", PAGE.text):
        known = hasattr(rapyer, name) or hasattr(rapyer_pipeline, name)
        assert (
            known or name in dir(__builtins__) or name in __builtins__ or name == "ValidationError"
        )
    for name in rapyer_pipeline.__all__:
        if isinstance(getattr(rapyer_pipeline, name), type) and name.endswith(("Error", "Aborted")):
            assert f"`{name}`" in PAGE.text
            assert issubclass(getattr(rapyer_pipeline, name), PipelineError)
    for name in ("when", "otherwise", "otherwise_when", "require", "abort", "delete", "explain"):
        assert hasattr(Pipeline, name)
        assert name in PAGE.text
    for name in ("pipeline", "pipeline_for"):
        assert hasattr(AtomicRedisModel, name)


@pytest.mark.parametrize("kind", [TracedList, TracedDict, TracedSet])
def test_the_page_has_every_operation(kind):
    operations = {name for name in dir(kind) if name.islower() and not name.endswith("_")}
    operations = {name for name in operations if not name.startswith("_")}
    inherited = {"set", "in_", "between", "is_none", "asc", "desc"}
    for name in operations - inherited:
        assert re.search(rf"\b{name}\b", PAGE.text), name


def test_the_page_has_every_command_of_the_interpreter():
    library = "".join(interpreter._read(part) for part in (*interpreter.PARTS, "run"))
    commands = set(re.findall(r"'(JSON\.[A-Z]+)'", library))
    assert commands
    for command in commands:
        assert command in PAGE.text


async def test_the_plugin_stands_the_check_for_authors(redis_url, redis):
    check_plugin(pipeline_plugin)
    await check_plugin_with_server(pipeline_plugin, redis_url)
