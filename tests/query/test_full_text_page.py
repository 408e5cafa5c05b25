"""docs/fulltext.md: its example runs, and says what it prints."""

from __future__ import annotations

from pages import Page

PAGE = Page("docs/fulltext.md")


async def test_the_example_says_what_it_prints(page, capsys):
    article = page["Article"]
    await article(
        id=1, title="Redis", body="Redis is a database", notes="no cache", author="Ada"
    ).save()
    await article(id=2, title="Cache me", body="not a cache, Redis", author="Ada").save()
    await article(id=3, title="Cache", body="a cache is not", author="Bob").save()
    await page["ask"]()
    PAGE.check_printed(capsys.readouterr().out)
