"""docs/vectors.md: its example runs, and says what it prints."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from rapyer import init_rapyer
from rapyer.testing import use_plugins

PAGE = (Path(__file__).parents[2] / "docs/vectors.md").read_text()
(EXAMPLE,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture
async def page(redis_url, redis):
    """The names of the page, in a registry of models of their own."""
    namespace: dict[str, Any] = {"__name__": "vectors_page"}
    with use_plugins(installed=True):
        exec(compile(EXAMPLE, "vectors.md", "exec", dont_inherit=True), namespace)
        async with init_rapyer(redis_url):
            yield namespace


async def test_the_example_says_what_it_prints(page, capsys):
    note = page["Note"]
    await note(id=1, author="Ada", embedding=[1, 0]).save()
    await note(id=2, author="Bob", embedding=[0.9, 0.1]).save()
    await note(id=3, author="Ada", embedding=[0, 1]).save()
    await note(id=4, author="Ada", embedding=[-1, 0]).save()
    await page["ask"]()
    said = re.findall(r"# (\[.*|\d.*)$", EXAMPLE, re.MULTILINE)
    assert capsys.readouterr().out.splitlines() == said
