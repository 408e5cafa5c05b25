"""docs/ttl.md and the README: the examples run, and what they name exists."""

from __future__ import annotations

import re

import pytest
import rapyer
import rapyer_ttl
from pages import Page
from rapyer import AtomicRedisModel
from rapyer.testing import check_plugin, check_plugin_with_server
from rapyer_ttl import plugin as ttl_plugin
from rapyer_ttl.options import GRACE, INTERVAL, ON_ACCESS, ON_WRITE, TTL

PAGE = Page("docs/ttl.md")
README = Page("packages/rapyer-ttl/README.md")


async def test_the_examples_run(page, redis):
    session = await page["Session"](token="1", user="Ada").save()
    assert await page["greet"]("1") == "Hello Ada, for 1800 s"
    assert await page["expired_sessions"]() == []
    await redis.pexpire(session.key, 300_000)
    assert await page["expired_sessions"]() == [session]
    assert await page["recover"]("1") == session
    assert 1790 < await session.get_ttl() <= 1800
    assert await page["recover"]("1") == session


async def test_the_example_of_the_readme_runs(redis_url, redis):
    async with README.connected(redis_url) as names:
        session = await names["Session"](token="1").save()
        await names["greet"]("1")
        assert 3650 < await session.get_ttl() <= 3660


def test_what_the_page_names_exists():
    for option in (TTL, ON_ACCESS, ON_WRITE, INTERVAL, GRACE):
        assert f"`{option.name}" in PAGE.text
    for name in re.findall(r"`(\w+Error)`", PAGE.text):
        assert hasattr(rapyer, name) or hasattr(rapyer_ttl, name)
    for name in re.findall(r"await session\.(\w+)\(", PAGE.text):
        assert hasattr(AtomicRedisModel, name)


@pytest.mark.parametrize(
    "config",
    [
        {"ttl": 60},
        {"ttl": "1h", "ttl_postpone_on_access": True, "ttl_refresh_interval": 60},
        {"ttl": 3600, "ttl_postpone_on_write": True, "ttl_grace_period": "1h"},
    ],
)
async def test_the_plugin_stands_the_check_for_authors(redis_url, redis, config):
    check_plugin(ttl_plugin, config)
    await check_plugin_with_server(ttl_plugin, redis_url, config)
