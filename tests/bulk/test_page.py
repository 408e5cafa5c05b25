"""docs/bulk.md and the README: the examples run, and say what they print."""

from __future__ import annotations

from pages import Page

PAGE = Page("docs/bulk.md")
README = Page("packages/rapyer-bulk/README.md")


async def test_the_examples_print_what_they_say(page, capsys):
    User, Key = page["User"], page["Key"]

    class Order(page["AtomicRedisModel"]):
        number: Key[int]

    users = [User(id=str(n)) for n in (1, 2, 3)]
    await page["insert"](users)
    await page["update"](users)
    assert [user.age for user in await User.bulk_get([*"123"])] == [4, 3, 5]
    await page["delete"](users)
    await page["handle"](users)
    shown = capsys.readouterr().out
    await page["mixed"](User(id="1"), Order(number=7))
    mixed = capsys.readouterr().out
    await page["show"](users)
    PAGE.check_printed(shown + capsys.readouterr().out + mixed)


async def test_the_example_of_the_readme_runs(page, capsys):
    User = page["User"]
    users, keys = [User(id="1"), User(id="2")], ["1", "2"]
    names = README.names(User=User, users=users, keys=keys)
    await README.run_async(names)
    README.check_printed(capsys.readouterr().out)
    assert [(user.age, user.profile.city) for user in names["users"]] == [(3, "London")] * 2
    assert await User.bulk_exists(keys) == [False, False]
