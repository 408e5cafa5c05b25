"""docs/places.md: its example runs, and says what it prints."""

from __future__ import annotations

from pages import Page

PAGE = Page("docs/places.md")


async def test_the_example_says_what_it_prints(page, capsys):
    city = page["City"]
    await city(id=1, name="Paris", location=(2.3522, 48.8566)).save()
    await city(id=2, name="Versailles", location="2.1266,48.8049").save()
    await city(id=3, name="Oslo", location={"lon": 10.75, "lat": 59.91}).save()
    await page["ask"]()
    PAGE.check_printed(capsys.readouterr().out)
