"""docs/updates.md: its examples run, and say what they print."""

from __future__ import annotations

import asyncio

from pages import Page

PAGE = Page("docs/updates.md")


async def test_the_examples_change_what_they_say(page, capsys):
    User = page["User"]
    user = await User(id="1", tags=["x"]).save()
    await page["update"](user)
    both = await asyncio.gather(page["birthday"]("1"), page["birthday"]("1"))
    assert sorted(one.age for one in both) == [39, 40]  # whoever came second has tried again
    await user.load()
    await user.aupdate(name="Ada")
    await page["change"](user)
    PAGE.check_printed(capsys.readouterr().out)
    assert await User.get("1") == user
    await user.aupdate(tags=["x"])
    assert await page["tag"]("1") == "last"
    told = await User.get("1")
    assert told.tags == ["first", "x", "new"]
    assert (told.name[-1], told.meta["visits"]) == ("!", 1)
