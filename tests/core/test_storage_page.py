"""docs/storage.md: its document is one of its model, and its table has every type."""

from __future__ import annotations

import json

from pages import Page
from rapyer.types.table import CORE_FIELD_TYPES

PAGE = Page("docs/storage.md")


async def test_the_example_of_a_document_is_one_of_its_model(page, redis):
    (document,) = PAGE.blocks("json")
    User, Role = page["User"], page["Role"]
    await redis.execute_command("JSON.SET", "user:7", "$", document.text)
    user = await User.get(7)
    assert (user.name, user.roles) == ("Ada", {Role.ADMIN, Role.AUTHOR})
    await redis.delete("user:7")
    await user.save()
    stored = json.loads(await redis.execute_command("JSON.GET", "user:7"))
    assert stored == json.loads(document.text)


def test_the_page_has_every_type_with_its_form():
    documented = {row[0].strip("`"): row[-1].strip("`") for row in PAGE.rows("| type |")}
    for _, field_type in CORE_FIELD_TYPES:
        assert documented[field_type.name] == field_type.form
