"""`python -m rapyer` on a cluster: each node is looked at, and a key where it is."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import pytest
from rapyer.__main__ import main
from redis.cluster import RedisCluster


@pytest.fixture
def findings(nodes, capsys) -> list[dict[str, Any]]:
    assert main(["doctor", "--redis", nodes.cluster_url, "--json"]) == 0
    return json.loads(capsys.readouterr().out)["findings"]


def test_every_node_is_looked_at_and_what_all_have_is_told_once(nodes, findings):
    urls = [urlsplit(server.url) for server in nodes.primaries]
    places = {f"{url.hostname}:{url.port}" for url in urls}
    for check in ("memory", "persistence", "limits"):
        told = [one["text"] for one in findings if one["check"] == check]
        assert {place for place in places for text in told if place in text} == places
    (limits,) = [one for one in findings if one["check"] == "limits"]
    assert limits["text"].startswith("127.0.0.1:")
    assert limits["text"].count("512 MB") == 1


def test_rights_are_asked_for_once(findings):
    assert [one["state"] for one in findings if one["check"] == "rights"] == ["ok"]


def test_a_right_that_one_node_does_not_give_is_told_with_the_node(nodes, capsys):
    *others, lacking = nodes.primaries
    words = ("ACL", "SETUSER", "uneven", "reset", "on", ">x", "~*", "+@all")
    for server in others:
        nodes.ask(server, *words)
    nodes.ask(lacking, *words, "-blpop")
    try:
        url = f"{nodes.cluster_url}?username=uneven&password=x"
        assert main(["doctor", "--redis", url, "--json"]) == 1
    finally:
        for server in nodes.primaries:
            nodes.ask(server, "ACL", "DELUSER", "uneven")
    findings = json.loads(capsys.readouterr().out)["findings"]
    told = {one["state"]: one["text"] for one in findings if one["check"] == "rights"}
    place = urlsplit(lacking.url).netloc
    assert told["fault"] == f"{place}: rapyer-core sends commands that the user may not run: BLPOP"
    assert place not in told["ok"]


@pytest.mark.parametrize("key", ["thing:1", "thing:2", "thing:3", "thing:{a}4"])
def test_a_document_is_shown_from_the_node_that_has_it(nodes, capsys, key):
    for server in nodes.primaries:
        nodes.ask(server, "FLUSHALL")
    with RedisCluster.from_url(nodes.url) as client:
        client.execute_command("JSON.SET", key, "$", '{"id":1}')
    assert main(["inspect", key, "--redis", nodes.cluster_url, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["document"] == {"id": 1}
