"""docs/models.md: its examples run."""

from __future__ import annotations

from uuid import UUID

import pytest
from pages import Page
from rapyer.testing import use_plugins

PAGE = Page("docs/models.md")


async def test_the_example_of_a_model_is_stored_and_read(page):
    User, Address = page["User"], page["Address"]
    user = await User(id=UUID(int=1), name="Ada", address=Address(city="London")).save()
    assert user.key == f"app:user:{UUID(int=1)}"
    assert await User.get(UUID(int=1)) == user


@pytest.mark.usefixtures("localhost")
async def test_the_examples_of_connecting_connect_and_let_go(server, capsys):
    with use_plugins(installed=True):
        names = PAGE.run()
        await names["start_and_stop"]()
        await names["the_same"]()
    assert capsys.readouterr().out == f"{server.version} {server.modules}\n"
