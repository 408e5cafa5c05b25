"""docs/index.md, the first page of the site: its example runs."""

from __future__ import annotations

import re
from pathlib import Path

from rapyer.testing import use_plugins

PAGE = (Path(__file__).parents[1] / "docs/index.md").read_text()
(EXAMPLE,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


async def test_the_example_says_what_it_prints(redis_url, redis, capsys):
    namespace = {"__name__": "index_page"}
    with use_plugins(installed=True):
        exec(compile(EXAMPLE, "index.md", "exec", dont_inherit=True), namespace)
        await namespace["main"](redis_url)
    assert capsys.readouterr().out.splitlines() == re.findall(r"print\(.*\)  # (.*)", EXAMPLE)
