"""docs/ttl.md: its examples run, and what it names exists."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import rapyer
import rapyer_ttl
from rapyer import AtomicRedisModel
from rapyer.testing import check_plugin, check_plugin_with_server
from rapyer_ttl import plugin as ttl_plugin
from rapyer_ttl.options import GRACE, INTERVAL, ON_ACCESS, ON_WRITE, TTL

PAGE = (Path(__file__).parents[2] / "docs/ttl.md").read_text()
EXAMPLES = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


async def test_the_examples_run(server, redis):
    names: dict[str, Any] = {"__name__": "ttl_page"}
    code = "\n".join(EXAMPLES).replace(
        "class Config:\n", 'class Config:\n        prefix = "ttl-page"\n'
    )
    exec(compile(code, "ttl.md", "exec", dont_inherit=True), names)
    session = await names["Session"](token="1", user="Ada").save()
    assert await names["greet"]("1") == "Hello Ada, for 1800 s"
    assert await names["expired_sessions"]() == []
    await redis.pexpire(session.key, 300_000)
    assert await names["expired_sessions"]() == [session]
    assert await names["recover"]("1") == session
    assert 1790 < await session.get_ttl() <= 1800
    assert await names["recover"]("1") == session


def test_what_the_page_names_exists():
    for option in (TTL, ON_ACCESS, ON_WRITE, INTERVAL, GRACE):
        assert f"`{option.name}" in PAGE
    for name in re.findall(r"`(\w+Error)`", PAGE):
        assert hasattr(rapyer, name) or hasattr(rapyer_ttl, name)
    for name in re.findall(r"await session\.(\w+)\(", PAGE):
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
