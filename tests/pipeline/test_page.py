"""docs/pipeline.md: its examples run, in their order, and what it names exists."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import rapyer
import rapyer_pipeline
from rapyer import AtomicRedisModel
from rapyer.testing import check_plugin, check_plugin_with_server
from rapyer_pipeline import Pipeline, PipelineAborted, PipelineError, interpreter
from rapyer_pipeline import plugin as pipeline_plugin
from rapyer_pipeline.dicts import TracedDict
from rapyer_pipeline.lists import TracedList, TracedSet

PAGE = (Path(__file__).parents[2] / "docs/pipeline.md").read_text()
EXAMPLES = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
FILE = "pipeline.md"


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    found: dict[str, Any] = {"__name__": "pipeline_page"}
    prefix = '\n    class Config:\n        prefix = "pipeline-page"\n'
    code = "\n".join(EXAMPLES).replace("    archive: list[Item] = []\n", "\\g" + prefix, 1)
    code = code.replace("\\g", "    archive: list[Item] = []\n")
    paid = "    paid: bool = False\n"
    code = code.replace(paid, paid + prefix.replace("-page", "-page-order"), 1)
    exec(compile(code, FILE, "exec", dont_inherit=True), found)
    return found


async def test_the_examples_about_values_and_conditions(server, names):
    user_class, item = names["User"], names["Item"]
    user = await user_class(
        id="1",
        age=17,
        score=4,
        name="Ada",
        counts={"visits": 7},
        inventory=[item(name="x", price=9)],
    ).save()
    await user_class.aupdate_by_key("1", score=25)
    await names["birthday"](user)
    assert (user.age, user.score, user.tags, user.status) == (18, 50, ["older"], "adult")
    assert user == await user_class.get("1")

    assert await names["values"](user) == "older"
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
        await names["grade"](user)
        assert user == await user_class.get("1")
        assert (user.status, user.tags, user.score, user.nick) == expected


async def test_the_example_of_a_transaction(server, names):
    user = await names["User"](id="1", credit=5.0).save()
    order = await names["Order"](id="{shop}:1", price=3.5).save()
    await names["pay"](user, order)
    assert (user.credit, order.paid) == (1.5, True)
    with pytest.raises(PipelineAborted, match="not enough credit"):
        await names["pay"](user, order)
    assert await names["User"].get("1") == user


async def test_the_examples_about_loops_and_endings(server, names, capsys):
    user_class, item = names["User"], names["Item"]
    old, new = item(name="milk", price=2, expired=True), item(name="salt", price=3)
    user = await user_class(
        id="1", score=1, tags=["a", "b"], counts={"x": 0, "y": 4}, inventory=[old, old, new, old]
    ).save()
    await names["sort_out"](user)
    assert user == await user_class.get("1")
    assert user.inventory == [item(name="salt", price=6)]
    assert user.archive == [old, old, old]
    assert (user.roles, user.counts, user.score) == ({"a", "b"}, {"y": 4}, 5)

    assert await names["buy"]("1", "hat", 5)
    assert not await names["buy"](user.key, "hat", 1)
    assert capsys.readouterr().out == "too poor\n"
    await user.load()
    assert user.inventory[-1] == item(name="hat", price=5)
    await user_class.aupdate_by_key("1", score=9, inventory=[new] * 100)
    assert not await names["buy"]("1", "hat", 1)
    assert (await user_class.get("1")).score == 9

    await names["leave"](user)
    assert user.score == 9
    await user_class.aupdate_by_key("1", score=0)
    await names["leave"](user)
    assert not await user_class.exists("1")


async def test_the_examples_about_errors(server, names, capsys):
    user = await names["User"](id="1", score=3).save()
    await names["fail"](user)
    line = 1 + "\n".join(EXAMPLES)[: "\n".join(EXAMPLES).index("p.score //= p.age")].count("\n")
    failed, refused = capsys.readouterr().out.splitlines()
    first = re.match(r"pipeline\.md:(\d+): (division by zero\. )", failed)
    assert first is not None
    assert 0 <= int(first[1]) - line <= 6  # the prefixes that the test puts into the models
    for printed, said in zip(
        (failed, refused), re.findall(r"print\(error\)  # (.*)", PAGE), strict=True
    ):
        for part in said.split("...")[1:]:
            assert part.removeprefix(": `p.score //= p.age`").strip() in printed
    assert user == await names["User"].get("1")
    assert user.tags == []

    (said,) = re.findall(r"^```text\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert await names["explain"](user) == said.rstrip("\n")


async def test_the_format_is_as_the_page_says(server, names, monkeypatch):
    user = await names["User"](id="1", inventory=[]).save()
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
    for name in re.findall(r"`(\w+Error|PipelineAborted)`", PAGE):
        known = hasattr(rapyer, name) or hasattr(rapyer_pipeline, name)
        assert (
            known or name in dir(__builtins__) or name in __builtins__ or name == "ValidationError"
        )
    for name in rapyer_pipeline.__all__:
        if isinstance(getattr(rapyer_pipeline, name), type) and name.endswith(("Error", "Aborted")):
            assert f"`{name}`" in PAGE
            assert issubclass(getattr(rapyer_pipeline, name), PipelineError)
    for name in ("when", "otherwise", "otherwise_when", "require", "abort", "delete", "explain"):
        assert hasattr(Pipeline, name)
        assert name in PAGE
    for name in ("pipeline", "pipeline_for"):
        assert hasattr(AtomicRedisModel, name)


@pytest.mark.parametrize("kind", [TracedList, TracedDict, TracedSet])
def test_the_page_has_every_operation(kind):
    operations = {name for name in dir(kind) if name.islower() and not name.endswith("_")}
    operations = {name for name in operations if not name.startswith("_")}
    inherited = {"set", "in_", "between", "is_none", "asc", "desc"}
    for name in operations - inherited:
        assert re.search(rf"\b{name}\b", PAGE), name


def test_the_page_has_every_command_of_the_interpreter():
    library = "".join(interpreter._read(part) for part in (*interpreter.PARTS, "run"))
    commands = set(re.findall(r"'(JSON\.[A-Z]+)'", library))
    assert commands
    for command in commands:
        assert command in PAGE


async def test_the_plugin_stands_the_check_for_authors(redis_url, redis):
    check_plugin(pipeline_plugin)
    await check_plugin_with_server(pipeline_plugin, redis_url)
