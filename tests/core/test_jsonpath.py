"""Paths as RedisJSON reads them, asked of the server."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rapyer.errors import UnaddressableKeyError
from rapyer.expr.jsonpath import render_path

AWKWARD = [
    "", "a", "a b", "trailing ", "*", "$", "@", "?", "(", ".", "..", ":", ",", "0", "-1", "[0]",
    "[", "]",
    '"', "'", "x.y", "a,b", "\n", "\t", "\x01", "\x7f", "é", "🔑", "\u2028", "\xa0", "a" * 1000,
]  # fmt: skip


@given(st.text().filter(lambda key: "\x00" not in key))
@example("")
async def test_a_path_reads_updates_and_creates_exactly_its_key(redis, key):
    try:
        path = render_path(("m", key))
    except UnaddressableKeyError:
        assert "\\" in key or {'"', "'"} <= set(key) or key.startswith(" ")
        return
    await redis.execute_command("JSON.SET", "k", "$", json.dumps({"m": {key: 1, "other": 5}}))
    expected = 5 if key == "other" else 1
    assert json.loads(await redis.execute_command("JSON.GET", "k", path)) == [expected]
    await redis.execute_command("JSON.NUMINCRBY", "k", path, "1")
    assert json.loads(await redis.execute_command("JSON.GET", "k"))["m"][key] == expected + 1
    await redis.execute_command("JSON.SET", "k", "$", '{"m":{}}')
    await redis.execute_command("JSON.SET", "k", path, "7")
    assert json.loads(await redis.execute_command("JSON.GET", "k")) == {"m": {key: 7}}


@pytest.mark.parametrize("key", AWKWARD)
async def test_keys_that_look_like_syntax_are_just_keys(redis, key):
    await redis.execute_command("JSON.SET", "k", "$", '{"m":{"other":5}}')
    await redis.execute_command("JSON.SET", "k", render_path(("m", key)), "[1,2]")
    document = json.loads(await redis.execute_command("JSON.GET", "k"))
    assert document == {"m": {"other": 5, key: [1, 2]}}
    read = await redis.execute_command("JSON.GET", "k", render_path(("m", key, 1)))
    assert json.loads(read) == [2]


@pytest.mark.parametrize("key", ["\\", "a\\b", "\"'", " ", " a"])
def test_keys_that_no_path_leads_to_are_refused(key):
    with pytest.raises(UnaddressableKeyError, match="no path can address the key") as caught:
        render_path(("m", key))
    assert caught.value.key == key
