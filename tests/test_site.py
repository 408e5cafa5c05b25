"""docs/index.md, the first page of the site: its example runs."""

from __future__ import annotations

import re
from pathlib import Path

from pages import Page
from rapyer.testing import use_plugins

PAGE = Page("docs/index.md")
PAGES = [*Path(__file__).parents[1].glob("docs/**/*.md")]
#: A default that type checkers refuse, and pydantic takes: docs/models.md, "Annotations".
REFUSED_DEFAULT = re.compile(
    r"^    \w+: (?:Mapped|MappedOptional)\[.+\] = (?!Field\()", re.MULTILINE
)


async def test_the_example_says_what_it_prints(redis_url, redis, capsys):
    with use_plugins(installed=True):
        await PAGE.run()["main"](redis_url)
    PAGE.check_printed(capsys.readouterr().out)


def test_no_page_shows_a_default_that_type_checkers_refuse():
    assert len(PAGES) > 30
    found = [match for page in PAGES for match in REFUSED_DEFAULT.findall(page.read_text())]
    assert found == []
