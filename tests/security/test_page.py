"""docs/security.md: its example runs, its user is enough, and every test that it names is there."""

from __future__ import annotations

import ast
import logging
import re
from pathlib import Path

import pytest
from pages import Page
from rapyer import CorruptDocumentError, InvalidKeyError, UnstorableValueError, init_rapyer

HERE = Path(__file__).parent
PAGE = Page("docs/security.md")
(USER,) = PAGE.blocks("text")


async def test_the_example_bounds_passes_over_and_hides_as_the_page_says(page, redis, caplog):
    Comment = page["Comment"]
    await Comment(id="1", author="ann", text="hello").save()
    await redis.execute_command(
        "JSON.SET", "comment:2", "$", '{"id":"3","author":"ann","text":"private-letter"}'
    )
    caplog.set_level(logging.WARNING)
    assert [one.id for one in await page["show"]("ann")] == ["1"]
    assert "comment:2" in caplog.text
    await redis.execute_command("JSON.SET", "comment:4", "$", '{"id":"4","text":["private"]}')
    with pytest.raises(CorruptDocumentError) as caught:
        await page["read"]("4")
    assert "private" not in str(caught.value)
    with pytest.raises(UnstorableValueError):
        await Comment.tags.extend("1", ["x"] * 51)
    with pytest.raises(InvalidKeyError):  # it was given a primary key, not a key
        await page["read"]("comment:1")
    assert (await page["read"]("1")).text == "hello"


async def test_the_user_of_the_page_can_do_what_core_does(page, redis_url, redis):
    Comment = page["Comment"]
    await redis.execute_command(*USER.text.split())
    separator = "&" if "?" in redis_url else "?"
    try:
        async with init_rapyer(f"{redis_url}{separator}username=comments&password=a-long-password"):
            comment = await Comment(id="1", text="x").save()
            await comment.aupdate(author="ann")
            await Comment.tags.append("1", "new")
            async with Comment.lock_by_key("1") as locked:
                locked.text = "y"
            assert await Comment.get("1") == Comment(id="1", text="y", author="ann", tags=["new"])
            assert await comment.delete()
    finally:
        await redis.execute_command("ACL", "DELUSER", "comments")


def test_every_test_that_the_page_names_is_there_and_all_guarantees_name_one():
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", PAGE.text)
    assert len(named) > 25
    for module, name in named:
        tree = ast.parse((HERE / module).read_text())
        found = [node for node in ast.walk(tree) if getattr(node, "name", None) == name]
        assert len(found) == 1, (module, name)
    guarantees = PAGE.rows("| guarantee | test |")
    assert len(guarantees) > 20
    for row in guarantees:
        assert "::test_" in row[1], row


def test_the_pages_that_it_links_are_there():
    for link in re.findall(r"\]\(([\w-]+\.md)", PAGE.text):
        assert (HERE.parents[1] / "docs" / link).exists()
