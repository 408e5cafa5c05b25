"""docs/indexes.md: its examples run, and what its tables name exists."""

from __future__ import annotations

import re
import shlex
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import pytest
from rapyer import init_rapyer
from rapyer.testing import use_plugins
from rapyer_query import DroppedDocumentsWarning
from rapyer_query.cli import INDEX_COMMAND

PAGE = (Path(__file__).parents[2] / "docs/indexes.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
CALLS = re.findall(r"^\| `(?:await )?(User\.index\.[^`]+)` \|", PAGE, re.MULTILINE)
COMMANDS = re.findall(r"^\$ python -m rapyer index (.*)$", PAGE, re.MULTILINE)


@pytest.fixture
async def user(redis_url, redis):
    names: dict[str, Any] = {"__name__": "indexes_page"}
    with use_plugins(installed=True):
        exec("from rapyer import AtomicRedisModel, Field, Key, Mapped", names)
        exec(compile(BLOCKS[0], "indexes.md", "exec", dont_inherit=True), names)
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
    text = " ".join(PAGE.split())
    assert f"DroppedDocumentsWarning: {caught[0].message}" in text


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_of_the_page_are_understood(command):
    parser = ArgumentParser()
    assert INDEX_COMMAND.add_arguments is not None
    INDEX_COMMAND.add_arguments(parser)
    assert parser.parse_args(shlex.split(command)).action == command.split(" ")[0]


def test_the_page_was_read():
    assert len(BLOCKS) == 2
    assert len(CALLS) == 7
    assert len(COMMANDS) == 6
