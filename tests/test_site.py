"""docs/index.md, the first page of the site: its example runs."""

from __future__ import annotations

from pages import Page
from rapyer.testing import use_plugins

PAGE = Page("docs/index.md")


async def test_the_example_says_what_it_prints(redis_url, redis, capsys):
    with use_plugins(installed=True):
        await PAGE.run()["main"](redis_url)
    PAGE.check_printed(capsys.readouterr().out)
