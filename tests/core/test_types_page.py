"""docs/types.md: its example runs, what it names exists. docs/from-rapyer-1.md: names are known."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
import rapyer
from pages import Page
from rapyer import AtomicRedisModel, ModelDefinitionError, RedisDict, RedisList
from rapyer.renamed import RENAMED

PAGE = Page("docs/types.md")
RENAMES = Page("docs/from-rapyer-1.md")
NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


class Account(AtomicRedisModel):
    name: str = ""

    class Config:
        prefix = "types-page:account"


async def test_the_example_runs(page):
    user = await page["User"](id="1", until=NOON).save()
    await page["play"](user)
    assert (user.score, user.log, user.tags, user.counts) == (5, "played;", ["new"], {"visits": 1})
    assert user.until == NOON + timedelta(hours=1)
    assert user.items[0].price == 10
    assert await page["User"].get("1") == user


def test_what_the_page_names_exists():
    for name in re.findall(r"`(\w+Error)`", PAGE.text):
        assert hasattr(rapyer, name) or name in ("IndexError", "KeyError", "ValueError")
    for name in re.findall(r"\bRedis\w+", PAGE.text):
        assert name == "RedisJSON" or hasattr(rapyer, name)
    for row, kind in (("RedisList[T]", RedisList), ("RedisDict[V]", RedisDict)):
        (operations,) = re.findall(
            rf"^\| `{re.escape(row)}` .*\| `([a-z_ ]+)` \|$", PAGE.text, re.MULTILINE
        )
        named = set(operations.split()) | {"aset", "aload"}
        assert named == {name for name in dir(kind) if re.fullmatch("a[a-z_]+", name)} - {"append"}


@pytest.mark.parametrize("name", RENAMED)
def test_a_name_of_rapyer_1_says_what_it_is_now(name):
    for owner in (Account, Account()):
        assert not hasattr(owner, name)
        with pytest.raises(
            AttributeError, match=r"a name from rapyer 1\.x\. It is now .*; see"
        ) as caught:
            getattr(owner, name)
        assert caught.value.name == name
    assert name in RENAMES.text or name.startswith(
        ("redis_dump", "refresh", "key_init", "lock_from", "dupl")
    )


def test_other_names_that_are_not_there_are_errors_as_ever():
    for owner in (Account, Account()):
        with pytest.raises(AttributeError, match="nope"):
            _ = owner.nope  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["Meta", "Settings", "config"])
def test_options_that_nobody_would_read_are_refused(name):
    with pytest.raises(ModelDefinitionError, match=f"`{name}`.*class Config"):
        type(AtomicRedisModel)("Wrong", (AtomicRedisModel,), {
            "__module__": __name__, "__qualname__": "Wrong", name: type(name, (), {"ttl": 5}),
        })  # fmt: skip


def test_a_class_within_a_model_may_have_such_a_name_where_it_is_a_type_of_values():
    class Account(AtomicRedisModel):
        @dataclass
        class Settings:
            dark: bool = False

        settings: Settings = Settings()

        class Config:
            prefix = "types-page:settings"

    assert Account().settings == Account.Settings(dark=False)
