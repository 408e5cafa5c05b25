"""Every row of docs/expressions.md, asked of Redis: what holds there is found, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from rapyer.testing import use_plugins

PAGE = (Path(__file__).parents[2] / "docs/expressions.md").read_text()
NAMESPACE: dict[str, Any] = {"__name__": "expressions_page_of_queries"}
(MODELS,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
with use_plugins(installed=True):  # in a registry of their own
    exec(compile(MODELS, "expressions.md", "exec", dont_inherit=True), NAMESPACE)
ROWS = [
    [
        cell.strip().strip("`").replace("\\|", "|")
        for cell in re.split(r"(?<!\\)\|", line.strip("|"))
    ]
    for table in re.findall(r"^\| condition \|.*\n\|[-|]+\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    for line in table.splitlines()
]


def test_the_page_was_read():
    assert len(ROWS) > 80


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(("condition", "holds", "fails"), ROWS, ids=[row[0] for row in ROWS])
async def test_what_holds_is_found_and_nothing_else(condition, holds, fails):
    asked = eval(condition, NAMESPACE)
    expected = []
    for values, is_found in ((holds, True), (fails, False)):
        if values:
            user = await eval(f"User({values})", NAMESPACE).save()
            expected += [user.key] * is_found
    query = NAMESPACE["User"].find(asked).scan()
    assert await query.keys() == expected
    assert [user.key for user in await query.to_list()] == expected
    assert await query.count() == len(expected)


@pytest.mark.usefixtures("server")
async def test_each_condition_and_its_negation_find_among_all_instances_those_they_hold_for(redis):
    User = NAMESPACE["User"]
    instances = dict.fromkeys(values for row in ROWS for values in row[1:] if values)
    saved = [await eval(f"User({values})", NAMESPACE).save() for values in instances]
    await redis.json().set("user:lacks-everything", "$", {})
    saved.append(await User.get("lacks-everything"))
    assert len(saved) > 100
    for row in ROWS:
        condition = eval(row[0], NAMESPACE)
        for asked in (condition, ~condition):
            query = User.find(asked).scan()
            expected = sorted(user.key for user in saved if asked.matches(user))
            assert sorted(await query.keys()) == expected, asked
            assert sorted(user.key for user in await query.to_list()) == expected, asked
            assert await query.count() == len(expected), asked
