"""Defects of queries: results that are cut, conditions that are lost, values that become syntax."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from pydantic import BaseModel
from rapyer import AtomicRedisModel, CorruptDocumentError, ExpressionError, Field, Key
from rapyer.testing import record_commands

pytestmark = pytest.mark.usefixtures("server")


class User(AtomicRedisModel):
    id: Key[int]
    name: str = ""
    nick: str | None = None
    age: int = Field(default=0, ge=0)
    active: bool = True
    tags: list[str] = []

    class Config:
        prefix = "defects:queries"


class View(BaseModel):
    name: str
    tags: list[str]


async def ids(*conditions: Any) -> list[int]:
    return sorted(user.id for user in await User.find(*conditions).to_list())


async def save_names(*names: str) -> None:
    """Save a user for each name, numbered from 0."""
    await User.bulk_insert(User(id=n, name=name) for n, name in enumerate(names))


async def test_results_are_not_cut_at_ten():
    await save_names(*"abcdefghijklmnopqrstuvwxyz")
    assert await ids() == list(range(26))
    assert len(await User.find().sort(User.name).to_list()) == 26
    assert len(await User.find().keys()) == await User.find(User.age == 0).count() == 26


async def test_results_are_not_cut_by_the_size_of_a_page():
    await save_names(*map(str, range(2500)))
    assert await ids(User.age == 0) == list(range(2500))
    assert sorted([user.id async for user in User.find()]) == list(range(2500))


async def test_not_is_about_the_whole_of_its_parentheses():
    """`~(a & b)` was compiled to `~a & b`."""
    cases = list(itertools.product([10, 20], [True, False]))
    await User.bulk_insert(
        User(id=n, age=age, active=active) for n, (age, active) in enumerate(cases)
    )
    expected = [n for n, (age, active) in enumerate(cases) if not (age > 15 and active)]
    both = (User.age > 15) & (User.active == True)  # noqa: E712 - a condition
    assert await ids(~both) == expected


def test_and_does_not_drop_a_condition():
    """Python's `and` gives one of two conditions, and nobody notices that the other is gone."""
    with pytest.raises(TypeError, match="Write & for `and`"):
        User.find((User.age > 3) and (User.name == "x"))


def test_a_chained_comparison_does_not_drop_a_condition():
    """`1 < x < 5` is `1 < x and x < 5`, of which Python keeps the second half."""
    with pytest.raises(TypeError, match="a < x < b"):
        User.find(1 < User.age < 5)


async def test_an_empty_text_is_found():
    await save_names("", "a", "")
    assert await ids(User.name == "") == [0, 2]
    assert await ids(User.name != "") == [1]


async def test_none_is_found():
    for n, nick in enumerate([None, "", "x"]):
        await User(id=n, nick=nick).save()
    assert await ids(User.nick == None) == [0]  # noqa: E711 - a condition
    assert await ids(User.nick != None) == [1, 2]  # noqa: E711 - a condition


async def test_a_prefix_of_one_character_finds_what_starts_with_it():
    await save_names("ada", "bob", "a", "éa", "")
    assert await ids(User.name.startswith("a")) == [0, 2]
    assert await ids(User.name.startswith("é")) == [3]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: User.age.startswith("1"), "for strings"),
        (lambda: User.age.contains(1), "for strings"),
        (lambda: User.active < True, "no order"),
        (lambda: User.tags < ["a"], "no order"),
        (lambda: User.name > 3, "could never hold"),
        (lambda: User.age == "3", "could never hold"),
    ],
)
def test_an_operator_that_a_type_does_not_have_is_an_error_and_no_empty_clause(wrong, message):
    """An empty clause finds everything, or is an error of the server's grammar."""
    with pytest.raises(ExpressionError, match=message):
        User.find(wrong())


HOSTILE = [
    "*", "@age:[0 100]", "a | b", ")) | (@age:[0 100]", "{x}", "-x", "$p0", "%x%", 'say "x"',
    "it's", "a\\", "\\*", "w'*'", "x*", "a:b", "a-b", "a.b,c", "\n", "=> {$weight: 2}",
]  # fmt: skip


async def test_a_value_is_never_read_as_syntax():
    """Values that were spliced into the text of a query found what others were not to see."""
    await save_names(*HOSTILE)
    for n, name in enumerate(HOSTILE):
        assert await ids(User.name == name) == [n]
        assert (await User.find(User.name == name).explain()).query == "@name:{$p0}"
    assert await ids(User.name.in_(HOSTILE[:3])) == [0, 1, 2]
    assert await ids(User.name.startswith("@age")) == [1]


async def test_equality_of_texts_is_about_the_value_and_not_its_words():
    await save_names("red apple", "apple red", "Red Apple", "red", "a red apple", "red  apple")
    assert await ids(User.name == "red apple") == [0]
    assert await ids(User.name != "red") == [0, 1, 2, 4, 5]


async def test_a_projection_takes_no_further_command_for_each_row(redis_url):
    await User.bulk_insert(User(id=n, name=f"n{n}", tags=["x", "y"]) for n in range(300))
    assert await User.find().count() == 300
    async with record_commands(redis_url) as sent:
        views = await User.find().project(View).to_list()
    assert {len(view.tags) for view in views} == {2}
    assert len(views) == 300
    assert len([command for command in sent if not command.in_script]) == 1


async def test_a_corrupt_document_is_not_passed_over_in_silence(put):
    await save_names("a", "b")
    await put("defects:queries:1", "$.age", -5)
    with pytest.raises(CorruptDocumentError, match="defects:queries:1"):
        await User.find().to_list()
    assert len(await User.find().on_corrupt("skip").to_list()) == 1
