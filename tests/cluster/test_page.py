"""docs/cluster.md: its example runs on a real cluster."""

from __future__ import annotations

from pages import Page
from rapyer.testing import use_plugins

PAGE = Page("docs/cluster.md")


async def test_the_example_says_what_it_prints(nodes, capsys):
    with use_plugins(installed=True):
        await PAGE.run()["main"](nodes.cluster_url)
    PAGE.check_printed(capsys.readouterr().out)
