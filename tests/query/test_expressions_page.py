"""Every row of docs/expressions.md, asked of Redis: what holds there is found, and nothing else."""

from __future__ import annotations

import pytest
from pages import Page
from rapyer.testing import use_plugins

PAGE = "docs/expressions.md"  # tests/core/test_expressions.py is about all of it
with use_plugins(installed=True):  # in a registry of their own
    NAMESPACE = Page(PAGE).run()
ROWS = [[cell.strip("`") for cell in row] for row in Page(PAGE).rows("| condition |")]


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
