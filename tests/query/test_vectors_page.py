"""docs/vectors.md: its example runs, and says what it prints."""

from __future__ import annotations

from pages import Page

PAGE = Page("docs/vectors.md")


async def test_the_example_says_what_it_prints(page, capsys):
    note = page["Note"]
    await note(id=1, author="Ada", embedding=[1, 0]).save()
    await note(id=2, author="Bob", embedding=[0.9, 0.1]).save()
    await note(id=3, author="Ada", embedding=[0, 1]).save()
    await note(id=4, author="Ada", embedding=[-1, 0]).save()
    await page["ask"]()
    PAGE.check_printed(capsys.readouterr().out)
