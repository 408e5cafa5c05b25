"""docs/indexes.md: its examples run, and what its tables name exists."""

from __future__ import annotations

import re
import shlex
import sys

import pytest
from pages import Page
from rapyer import init_rapyer
from rapyer.__main__ import main
from rapyer.testing import use_plugins
from rapyer_query import DroppedDocumentsWarning

PAGE = Page("docs/indexes.md")
MODEL, _ = PAGE.blocks("python")
(WARNING,) = PAGE.blocks("text")
(COMMANDS,) = PAGE.blocks("console")
CALLS = re.findall(r"^\| `(?:await )?(User\.index\.[^`]+)` \|", PAGE.text, re.MULTILINE)


@pytest.fixture
async def user(redis_url, redis):
    with use_plugins(installed=True):
        names = PAGE.run(only=0)
        async with init_rapyer(redis_url):
            yield names["User"]


@pytest.mark.parametrize("call", CALLS)
async def test_what_can_be_asked_and_told_exists(user, call):
    await user(id="1", name="Ada", age=36).save()
    result = eval(call, {"User": user})
    if not isinstance(result, str):
        await result
    await user.index.ensure()
    assert (await user.index.status()).documents == 1


async def test_the_model_of_the_page_is_indexed_as_it_says(user):
    fields = {field.name: field for field in user.index.fields}
    assert set(fields) == {"id", "name", "age", "counts_visits", "counts_values"}
    assert "SORTABLE" in fields["name"].options
    assert [row.name for row in await user.find().sort("name").to_list()] == []


async def test_the_warning_is_that_of_the_page(user, redis):
    await redis.json().set("user:9", "$", {"id": "9", "name": "x", "age": "old"})
    with pytest.warns(DroppedDocumentsWarning) as caught:
        await user.find().count()
    said = f"{DroppedDocumentsWarning.__name__}: {caught[0].message}"
    assert said == " ".join(WARNING.text.split())


@pytest.mark.usefixtures("localhost")
async def test_connecting_makes_the_indexes(redis):
    with use_plugins(installed=True):
        await PAGE.run_async()
    (index,) = await redis.execute_command("FT._LIST")
    assert index.startswith(b"rapyer:user:")


def test_the_commands_do_what_the_page_says(redis_url, redis, tmp_path, monkeypatch, capsys):
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/models.py").write_text(MODEL.text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("RAPYER_REDIS_URL", redis_url)
    printed: dict[str, str] = {}
    with use_plugins(installed=True):
        for command in COMMANDS.commands:
            words = shlex.split(command.removeprefix("python -m rapyer "))
            status = main(words)
            printed[words[1]] = capsys.readouterr().out
            assert status == (words[1] == "diff"), command  # there is no index at first
    assert "User: there is no index yet" in printed["diff"]
    assert "User: ready" in printed["status"]
    assert "dropped" in printed["drop"]
    assert printed["list"] == "[]\n"
    for name in ("shop.models", "shop"):
        del sys.modules[name]


def test_the_page_was_read():
    assert len(CALLS) == 7
