"""docs/fulltext.md: its example runs, and says what it prints."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from rapyer import init_rapyer
from rapyer.testing import use_plugins

PAGE = (Path(__file__).parents[2] / "docs/fulltext.md").read_text()
(EXAMPLE,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture
async def page(redis_url, redis):
    """The names of the page, in a registry of models of their own."""
    namespace: dict[str, Any] = {"__name__": "fulltext_page"}
    with use_plugins(installed=True):
        exec(compile(EXAMPLE, "fulltext.md", "exec", dont_inherit=True), namespace)
        async with init_rapyer(redis_url):
            yield namespace


async def test_the_example_says_what_it_prints(page, capsys):
    article = page["Article"]
    await article(
        id=1, title="Redis", body="Redis is a database", notes="no cache", author="Ada"
    ).save()
    await article(id=2, title="Cache me", body="not a cache, Redis", author="Ada").save()
    await article(id=3, title="Cache", body="a cache is not", author="Bob").save()
    await page["ask"]()
    said = re.findall(r"# (\[.*|\d.*)$", EXAMPLE, re.MULTILINE)
    assert capsys.readouterr().out.splitlines() == said
