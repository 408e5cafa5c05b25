"""docs/places.md: its example runs, and says what it prints."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from rapyer import init_rapyer
from rapyer.testing import use_plugins

PAGE = (Path(__file__).parents[2] / "docs/places.md").read_text()
(EXAMPLE,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture
async def page(redis_url, redis):
    """The names of the page, in a registry of models of their own."""
    namespace: dict[str, Any] = {"__name__": "places_page"}
    with use_plugins(installed=True):
        exec(compile(EXAMPLE, "places.md", "exec", dont_inherit=True), namespace)
        async with init_rapyer(redis_url):
            yield namespace


async def test_the_example_says_what_it_prints(page, capsys):
    city = page["City"]
    await city(id=1, name="Paris", location=(2.3522, 48.8566)).save()
    await city(id=2, name="Versailles", location="2.1266,48.8049").save()
    await city(id=3, name="Oslo", location={"lon": 10.75, "lat": 59.91}).save()
    await page["ask"]()
    said = re.findall(r"# (\[.*|\d.*)$", EXAMPLE, re.MULTILINE)
    assert capsys.readouterr().out.splitlines() == said
