"""docs/cluster.md: its example runs on a real cluster."""

from __future__ import annotations

import re
from pathlib import Path

from cluster_nodes import url_of
from rapyer.testing import use_plugins

PAGE = (Path(__file__).parents[2] / "docs/cluster.md").read_text()
(EXAMPLE,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


async def test_the_example_says_what_it_prints(nodes, capsys):
    namespace = {"__name__": "cluster_page"}
    with use_plugins(installed=True):
        exec(compile(EXAMPLE, "cluster.md", "exec", dont_inherit=True), namespace)
        await namespace["main"](url_of(nodes))
    said = re.findall(r"print\(.*\)  # (.*)", EXAMPLE)
    assert capsys.readouterr().out.splitlines() == said
